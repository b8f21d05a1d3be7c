"""The p-value of `origin`: sets of a known generator, and of an unknown one."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import SIDE, image_set

from freqforensics.fingerprints.origin import KnownGenerators

TILTS = np.random.default_rng(0).normal(size=(2, SIDE, SIDE // 2 + 1))


@pytest.mark.long
def test_origin(simulations, record):
    """Content is not moved, as sets are drawn evenly here: with it the test rules a set's own generator out less."""
    count = simulations(40, 400)
    p_values: dict[str, list[float]] = {"known": [], "unknown": []}
    for index in range(count):
        rng = np.random.default_rng([7, index])
        known = KnownGenerators([image_set(rng, "known", tilt=TILTS[0])], draws=59, content_shift=0, seed=index)
        for (name, found), tilt in zip(p_values.items(), TILTS, strict=True):
            candidates = known.find(image_set(rng, name, tilt=tilt, count=10, parts=10)).candidates
            found.append(next(one.p_value for one in candidates if one.name == "known"))
    setting = "10 images, 20 of the known generator, each beside real ones"
    record.at_most("origin, p <= 0.05", setting, 0.05, sum(p <= 0.05 for p in p_values["known"]), count)
    record.at_least("origin, power at 0.05", setting, 0.8, sum(p <= 0.05 for p in p_values["unknown"]), count)
