"""The calibrated rate, and the audit's tests of real against fake files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from freqforensics.detector.calibration import Calibration
from freqforensics.evaluation.confounds import audit_facts
from freqforensics.regions.kinds import ImageKind
from freqforensics.sources.facts import FileFacts
from freqforensics.sources.records import ImageRecord
from freqforensics.spectra import population


@pytest.mark.parametrize("level", [0.05, 0.01])
def test_calibrated_rate(rng, simulations, record, level):
    """A photograph like those of its kind, by split conformal prediction."""
    count, photographs = simulations(200, 5000), 150
    kind, found = ImageKind(), 0
    for _ in range(count):
        logits = rng.standard_t(3, photographs + 1).astype(np.float32)
        names = ("as-is",) * photographs
        calibration = Calibration(logits[1:], (kind,) * photographs, names, names, "w")
        found += calibration.rate(float(logits[0]), kind).rate <= level
    record.at_most("calibrated rate", f"rate <= {level:g}, {photographs} photographs", level, found, count)


def facts(rng, images, shift):
    """Files of one format in three sizes; fakes compress better by `shift` standard deviations."""
    made = []
    for index in range(2 * images):
        label = "fake" if index >= images else "real"
        side = int(rng.choice([64, 96, 128]))
        bits = np.exp(0.3 * rng.normal() - 0.3 * shift * (label == "fake"))
        record = ImageRecord(Path(f"{label}/{index}.jpg"), label, "gan")
        quality = int(rng.integers(60, 96))
        made.append(
            FileFacts(
                record, f"{index:064x}", "JPEG", side, side, int(200 * side**2 * bits), quality, "4:2:0", 8, False,
                False, -1,
            )
        )  # fmt: skip
    return made


@pytest.mark.parametrize(("images", "shift"), [(24, 0.0), (24, 1.5)])
@pytest.mark.long
def test_audit_confounds(rng, simulations, record, images, shift):
    count = simulations(15, 200)
    found = named = 0
    for seed in range(count):
        (group,) = audit_facts(facts(rng, images, shift), seed=seed, forest=False).groups
        found += any(one.p_value <= 0.05 for one in group.confounds)
        named += any(one.name == "bytes per pixel" and one.verdict != "none" for one in group.confounds)
    if shift:
        setting = f"{images} + {images} files, bytes per pixel lower by {shift:g} deviations"
        record.at_least("audit, difference named", setting, 0.9, named, count)
    else:
        record.at_most("audit, p-value", f"any p <= 0.05, {images} + {images} files alike", 0.05, found, count)


@pytest.mark.long
@pytest.mark.parametrize(("images", "shift"), [(12, 0.0), (24, 0.0), (24, 1.0)])
def test_audit_auc(rng, simulations, record, images, shift):
    """What is planted is told by the mean AUC; where nothing is, by 1/2."""
    count = simulations(8, 120)
    groups = [audit_facts(facts(rng, images, shift), seed=seed).groups[0] for seed in range(count)]
    truth = float(np.mean([group.auc for group in groups])) if shift else 0.5
    hits = sum(group.auc_low <= truth <= group.auc_high for group in groups)
    setting = f"{images} + {images} files, difference {shift:g}"
    record.at_least("audit, 95 % interval of the forest's AUC", setting, 0.95, hits, count)


def test_nearest_generator(rng, simulations, record):
    """An image that is like the photographs which the null is of; the best of three generators is named."""
    count, photographs = simulations(60, 1000), 99
    lattices = rng.normal(size=(3, 3, 32, 32))

    def image():
        return rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)

    zero, one = np.zeros((3, 32, 32)), np.ones((3, 32, 32))
    empty = np.zeros((0, 1))
    # Likeness of photographs, as `measure_population` has it; each simulation draws its own from many.
    planes = [population._coherence(image()) for _ in range(count + 3 * photographs)]
    pool = np.stack([population._likeness(plane, lattices) for plane in planes])
    found = 0
    for _ in range(count):
        chosen = pool[rng.choice(len(pool), photographs, replace=False)]
        known = population.Population(photographs, empty, empty, zero, one, ("a", "b", "c"), lattices, chosen)
        found += known.nearest(image()).p_value <= 0.05
    record.at_most("nearest generator of one image, p-value", "p <= 0.05, three generators", 0.05, found, count)
