"""Damaged files are refused or read right; `make fuzz` reads many more of them."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest

pytest.importorskip("resource", reason="limits of processes are set as POSIX has them")
import mutations

from freqforensics.images import ImageReadError

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


# Readers with each fault; the processes that read find them here by name.


def crashing(path, **options):
    os.kill(os.getpid(), signal.SIGSEGV)


def looping(path, **options):
    while True:
        pass


def greedy(path, **options):
    return np.ones(4 * mutations.MEMORY, np.uint8)


def talking(path, **options):
    os.write(2, b"libpng error: of no use to anyone\n")
    raise ImageReadError(str(path), "refused")


def lenient(path, **options):
    return np.zeros((96, 120, 3), np.uint8)


def restless(path, **options):
    return np.random.default_rng().integers(0, 255, (96, 120, 3), dtype=np.uint8)


@pytest.mark.long
@pytest.mark.parametrize(
    ("reader", "outcome", "detail"),
    [
        (crashing, "crash", "exit code -11"),
        (looping, "hang", "more than 1 seconds"),
        pytest.param(
            greedy,
            "raised",
            "MemoryError",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds to the limit on memory"),
        ),
        (talking, "chatter", "libpng error: of no use to anyone"),
        (lenient, "wrong", "100% of the pixels differ; Pillow: "),
        (restless, "wrong", "another picture at the second reading"),
    ],
)
def test_each_fault_of_a_reader_is_noticed(reader, outcome, detail):
    verdicts = mutations.read_cases([0, 1], read=reader, seconds=1)
    assert [verdict.outcome for verdict in verdicts] == [outcome] * 2
    assert all(detail in verdict.detail for verdict in verdicts)


@pytest.mark.long
def test_damaged_files_are_refused_or_read_right():
    verdicts = mutations.read_cases(range(COUNT), workers=WORKERS)
    bad = [str(verdict) for verdict in verdicts if verdict.outcome in mutations.BAD]
    assert not bad, f"{len(bad)} of {COUNT}:\n" + "\n".join(bad)
    refused = sum(verdict.outcome == "refused" for verdict in verdicts)
    assert refused > COUNT / 4  # the damage does damage
