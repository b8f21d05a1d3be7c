"""Score maps of frequencies against lattices that are known: python figures/inspect/localisation.py PHOTOGRAPHS.

The first photographs of the folder are halved, and the middle 128 pixels go through the miniatures of twelve families.
Writes localisation.csv, one row for each image and method, and localisation.png. Rows that are there stay as they are.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from freqforensics.attribution import fourier_map, integrate_path, lattice_lines
from freqforensics.attribution.localisation import (
    cam_spectrum,
    lattice_localisation,
    lime_by_frequency,
    occlusion_by_frequency,
)
from freqforensics.detector.calibrated import open_detector
from freqforensics.detector.inference import folded
from freqforensics.generators import load_miniature, predicted_lattice
from freqforensics.images import read_image

FAMILIES = ("progan", "stylegan", "biggan", "cyclegan", "stargan", "gaugan",
            "crn", "san", "stylegan2", "dcgan", "pix2pix", "ldm_vae")  # fmt: skip
IMAGES = 2
SIDE = 128
DRAWS = 8
METHODS = {"path": "integrated path", "lime": "LIME", "occlusion": "occlusion", "cam": "Grad-CAM"}
HERE = Path(__file__).parent
TABLE = HERE / "localisation.csv"


def photographs(folder: Path) -> list[np.ndarray]:
    """The middle of the first photographs, halved."""
    crops = []
    for path in sorted(folder.iterdir())[:IMAGES]:
        image = cv2.resize(read_image(path), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        row, column = ((length - SIDE) // 2 for length in image.shape[:2])
        crops.append(np.ascontiguousarray(image[row : row + SIDE, column : column + SIDE]))
    return crops


def maps(image: np.ndarray, detector: Any) -> Iterator[tuple[str, np.ndarray, int]]:
    """Maps by method, with the number of forward passes; a backward one counts as two."""
    path = integrate_path(image, detector, rng=np.random.default_rng(0))
    yield "path", fourier_map(path, tile=32), 3 * DRAWS * path.steps + 1 + DRAWS
    yield "lime", lime_by_frequency(image, detector, samples=513), 513
    yield "occlusion", occlusion_by_frequency(image, detector), 514
    yield "cam", cam_spectrum(image, detector), 3


def main(folder: Path) -> None:
    """Write the rows that are missing, and the figure."""
    rows: list[dict[str, Any]] = []
    if TABLE.is_file():
        with TABLE.open(newline="") as file:
            rows += csv.DictReader(file)
    done = {(row["family"], row["image"]) for row in rows}
    detector = folded(open_detector("everyday").detector).parts["coherence"]
    for number, photograph in enumerate(photographs(folder)):
        for family in FAMILIES:
            if (family, str(number)) in done:
                continue
            (image,) = load_miniature(family).model.regenerate([photograph])
            lattice = lattice_lines(predicted_lattice(family).factor)
            logits = [round(float(logit), 2) for logit in detector.logits([photograph, image])]
            for method, plane, passes in maps(image, detector):
                scores = lattice_localisation(plane, lattice)
                rows.append(
                    {
                        "family": family,
                        "image": number,
                        "photograph_logit": logits[0],
                        "logit": logits[1],
                        "method": method,
                        "forwards": passes,
                        "hit": int(scores.hit),
                        "mass": round(scores.mass, 4),
                        "rank": round(scores.rank, 4),
                        "area": round(scores.area, 4),
                    }
                )
            with TABLE.open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    draw(rows)


def draw(rows: list[dict[str, Any]]) -> None:
    """Draw the means over images, and those of the families."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.4), sharey=True, layout="constrained")
    names = ("hit", "mass", "rank")
    for ax, measure, name in zip(axes, ("hit", "mass", "rank"), names, strict=True):
        for place, method in enumerate(METHODS):
            own = [row for row in rows if row["method"] == method]
            means = [
                np.mean([float(row[measure]) for row in own if row["family"] == family])
                for family in FAMILIES
                if any(row["family"] == family for row in own)
            ]
            ax.barh(place, np.mean(means), color="#0072B2", alpha=0.6)
            shift = np.linspace(-0.25, 0.25, len(means))
            ax.plot(means, place + shift, ".", color="black", markersize=3)
        ax.axvline(np.mean([float(row["area"]) for row in rows]), color="#D55E00", linewidth=1)
        ax.set(xlim=(0, 1.02), title=name)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(METHODS)), list(METHODS.values()))
    axes[0].invert_yaxis()
    fig.savefig(HERE / "localisation.png", dpi=160, metadata={"Software": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
