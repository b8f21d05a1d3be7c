"""Redo the tests of the explanations of 20 flagged images: python figures/inspect/flagged.py DATA.

DATA holds nine generators in the layout of ForenSynths. The images are those of flagged.csv, taken whole. The columns
of deletion, insertion and notches are written anew, with the logit and the gap; the others stay as they are.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from freqforensics.attribution import fourier_deletion, fourier_map, integrate_path, lattice_lines, notch, ranked_lines
from freqforensics.detector.calibrated import open_detector
from freqforensics.detector.inference import folded
from freqforensics.images import read_image
from freqforensics.inspection.test import MOST_P

TABLE = Path(__file__).with_name("flagged.csv")


def main(data: Path) -> None:
    """Write the table anew."""
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    detector = folded(open_detector("miniature-resnet50").detector)
    lines = lattice_lines(32)
    for number, row in enumerate(rows):
        image = read_image(data / row["generator"] / "1_fake" / row["image"])
        path = integrate_path(image, detector, most_steps=64, rng=np.random.default_rng(0))
        order = ranked_lines(fourier_map(path, tile=32))
        deletion = fourier_deletion(image, detector, order, rng=np.random.default_rng(0))
        top = notch(image, detector, order[:8], rng=np.random.default_rng(0))
        rng = np.random.default_rng([1, number])
        chance = [lines[index] for index in rng.permutation(len(lines))[: len(order)]]
        random = fourier_deletion(image, detector, chance, controls=9, rng=rng)
        passed = [name for name in row["passed"].split() if name != "frequencies"]
        if "path" in passed and deletion.gain > 0 and deletion.p_value <= MOST_P:
            passed.insert(1, "frequencies")
        row |= {
            "logit": path.logit,
            "gap": path.gap,
            "deletion_gain": deletion.gain,
            "deletion_p": deletion.p_value,
            "insertion_gain": deletion.insertion_gain,
            "top8_change": top.change,
            "top8_z": top.z,
            "top8_p": top.p_value,
            "passed": " ".join(passed),
            "random_gain": random.gain,
            "random_p": random.p_value,
        }
        row |= {name: round(value, 3) for name, value in row.items() if isinstance(value, float)}
        print(*row.values(), flush=True)
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
