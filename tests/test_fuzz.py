"""Damaged files are refused or read right; `make fuzz` reads many more of them."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("resource", reason="limits of processes are set as POSIX has them")
import mutations

COUNT = int(os.environ.get("FREQFORENSICS_FUZZ", "500"))
WORKERS = int(os.environ.get("FREQFORENSICS_FUZZ_WORKERS", "1"))


@pytest.mark.parametrize("name", list(mutations.originals()))
def test_undamaged_files_give_their_picture(name):
    original = mutations.originals()[name]
    image = mutations.decoded(original)
    assert image.shape == original.pixels.shape
    if original.lossless:
        np.testing.assert_array_equal(image, original.pixels)
    else:
        assert np.abs(image.astype(float) - original.pixels).mean() < 6
    wanted = {".jpg": {"Pillow", "simplejpeg"}, ".tif": {"Pillow", "tifffile"}}.get(original.suffix, {"Pillow"})
    assert set(mutations.readers_of(name)) == wanted


def test_the_cases_are_always_the_same_and_all_kinds_occur():
    cases = [mutations.make_case(number) for number in range(500)]
    assert cases[137] == mutations.make_case(137)
    assert {(case.original, case.kind) for case in cases} == {
        (name, kind) for name in mutations.originals() for kind in mutations.KINDS
    }
    assert all(case.data != mutations.originals()[case.original].data for case in cases)


def test_damaged_files_are_refused_or_read_right():
    verdicts = mutations.read_cases(range(COUNT), workers=WORKERS)
    bad = [str(verdict) for verdict in verdicts if verdict.outcome in mutations.BAD]
    assert not bad, f"{len(bad)} of {COUNT}:\n" + "\n".join(bad)
    refused = sum(verdict.outcome == "refused" for verdict in verdicts)
    assert refused > COUNT / 4  # the damage does damage
