"""Fingerprints that share what was planted are alike, and others are not."""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
from pictures import picture, write

from freqforensics.cli import main
from freqforensics.fingerprints.fingerprint import Fingerprint, clusters, shared_map, similarity
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, combine
from freqforensics.studies.compare import compare_study

pytestmark = pytest.mark.usefixtures("bare_pdf")

SPEC = SpectrumSpec(size=64, residual="none")
ROWS, COLUMNS = np.indices((64, 64))


def wave(fx, fy, phase=0.0, amplitude=1.0):
    return amplitude * np.cos(2 * np.pi * (fx * COLUMNS + fy * ROWS) + phase)


def parts(rng, trace=0.0, *, count=10, images=10, colour=1.0):
    made = []
    for _ in range(count):
        accumulator = SpectrumAccumulator(SPEC)
        accumulator.update([128 + colour * rng.normal(0, 3, (64, 64)) + trace for _ in range(images)])
        made.append(accumulator.result())
    return tuple(made)


QUARTER = wave(0.25, 0.25) + wave(0.5, 0.0, amplitude=0.7) + wave(0.25, 0.5)
EIGHTH = wave(0.125, 0.375) + wave(0.375, 0.125) + wave(0.125, 0.5)


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    return [
        Fingerprint("a1", parts(rng, QUARTER)),
        Fingerprint("a2", parts(rng, QUARTER)),
        Fingerprint("b1", parts(rng, EIGHTH)),
        Fingerprint("b2", parts(rng, EIGHTH)),
        Fingerprint("none", parts(rng)),
    ]


@pytest.mark.parametrize("measure", ["coherent", "peaks", "lattice"])
def test_what_is_shared_is_alike_and_nothing_else(sets, measure):
    found = similarity(sets, measure, permutations=49)
    same = np.zeros((5, 5), bool)
    same[0, 1] = same[1, 0] = same[2, 3] = same[3, 2] = True
    others = ~same & ~np.eye(5, dtype=bool)
    assert found.values[same].min() > 0.6
    assert found.values[others].max() < 0.35
    assert found.p_value[same].max() <= 0.1  # three lines leave few ways to exchange them
    assert (found.low <= found.values + 1e-12).all()
    assert (found.values <= found.high + 1e-12).all()
    np.testing.assert_array_equal(found.values, found.values.T)
    assert (np.diag(found.values) == 1).all()


def test_phases_count_for_the_coherent_measure_alone():
    rng = np.random.default_rng(1)
    one, other = (Fingerprint(name, parts(rng, sign * QUARTER)) for name, sign in (("plus", 1), ("minus", -1)))
    assert similarity([one, other], "coherent", permutations=9).values[0, 1] < -0.9
    assert similarity([one, other], "peaks", permutations=9).values[0, 1] > 0.7


def test_log_powers_are_compared_without_their_radial_means(sets):
    rng = np.random.default_rng(2)
    horizontal = [Fingerprint(name, parts(rng, 0, images=20)) for name in ("h1", "h2", "plain")]
    accumulators = []
    for one in horizontal[:2]:
        made = []
        for _ in range(10):
            accumulator = SpectrumAccumulator(SPEC)
            noise = rng.normal(0, 3, (20, 64, 64))
            noise = noise + np.roll(noise, 1, axis=2)  # anisotropic: smooth along x
            accumulator.update(list(128 + noise))
            made.append(accumulator.result())
        accumulators.append(replace(one, fake=tuple(made)))
    found = similarity([*accumulators, horizontal[2]], "log_power", permutations=19)
    assert found.values[0, 1] > 0.9
    assert abs(found.values[0, 2]) < 0.1
    assert found.p_value[0, 1] < 1e-6
    assert found.p_value[0, 2] > 0.05
    # Of one part nobody knows how it varies.
    whole = [Fingerprint(one.name, (combine(one.fake),)) for one in accumulators]
    assert similarity(whole, "log_power", permutations=1).p_value[0, 1] == 1


def test_what_the_real_side_has_is_no_fingerprint():
    rng = np.random.default_rng(3)
    with_real = [Fingerprint(name, parts(rng, QUARTER), parts(rng, QUARTER)) for name in "ab"]
    without = [Fingerprint(one.name, one.fake) for one in with_real]
    assert similarity(without, permutations=9).values[0, 1] > 0.9
    assert abs(similarity(with_real, permutations=9).values[0, 1]) < 0.3


def test_p_values_of_unrelated_sets_are_not_small():
    rng = np.random.default_rng(4)
    sets = [Fingerprint(str(index), parts(rng, wave(index / 16, 0.25 + index / 32))) for index in range(1, 7)]
    found = similarity(sets, permutations=49)
    p = found.p_value[np.triu_indices(6, 1)]
    assert (p < 0.05).mean() < 0.2


@pytest.mark.long
def test_intervals_cover_what_such_sets_give_on_the_whole():
    rng = np.random.default_rng(5)
    found = [
        similarity([Fingerprint(name, parts(rng, 0.35 * QUARTER)) for name in "ab"], "log_power", permutations=1)
        for _ in range(20)
    ]
    middle = np.mean([one.values[0, 1] for one in found])
    inside = sum(one.low[0, 1] <= middle <= one.high[0, 1] for one in found)
    assert inside >= 16
    assert np.mean([one.high[0, 1] - one.low[0, 1] for one in found]) < 0.5


def test_clusters_have_support(sets):
    found = clusters(sets, resamples=40)
    by_members = {cluster.members: cluster for cluster in found}
    assert by_members["a1", "a2"].support > 0.9
    assert by_members["b1", "b2"].support > 0.9
    # What is like nothing is in no cluster: a tree would join it somewhere.
    assert all(cluster.height < 1 and "none" not in cluster.members for cluster in found)


def test_a_line_that_is_its_own_mirror_image_has_one_bit():
    rng = np.random.default_rng(11)
    p = []
    for _ in range(6):
        one, other = (Fingerprint(name, parts(rng, 2 * wave(0.5, 0.5), count=4)) for name in "ab")
        p.append(similarity([one, other], permutations=99).p_value[0, 1])
    assert min(p) > 0.3  # the signs agree by chance in one of two


def test_conjugate_bins_turn_together():
    rng = np.random.default_rng(12)
    lines = [Fingerprint(name, parts(rng, wave(0.0, 0.25, phase, amplitude=2.0), count=4)) for name, phase in
             zip("abcdefgh", rng.uniform(0, 2 * np.pi, 8), strict=True)]  # fmt: skip
    p = similarity(lines, permutations=99).p_value[np.triu_indices(8, 1)]
    # Of one line the phase's difference alone counts: as alike by chance as its share of the circle.
    assert 0.3 < np.mean(p) < 0.7


def test_shared_lines_are_counted(sets):
    counted = shared_map(sets)
    assert counted.shape == (64, 64)
    assert counted[32 + 16, 32 + 16] == counted[32 - 16, 32 - 16] == 2
    assert counted[32 + 24, 32 + 8] == 2
    assert counted.max() == 2
    assert counted[32, 32] == 0  # content is left out


def test_bad_sets_are_named(sets):
    with pytest.raises(ValueError, match="two or more, got 1"):
        similarity(sets[:1])
    with pytest.raises(ValueError, match="got 'shape'"):
        similarity(sets, "shape")
    with pytest.raises(ValueError, match="every part needs images"):
        Fingerprint("x", ())
    rng = np.random.default_rng(6)
    accumulator = SpectrumAccumulator(SpectrumSpec(size=32))
    accumulator.update([rng.normal(0, 1, (32, 32))])
    with pytest.raises(ValueError, match="one spec"):
        similarity([sets[0], Fingerprint("small", (accumulator.result(),))])


@pytest.mark.long
def test_from_sources_to_a_folder(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(7)
    for name, trace in (("one", 12), ("two", 12), ("three", 0)):
        for index in range(24):
            image = picture(rng, 64, 64).astype(np.int16)
            write(tmp_path / "in" / name / "0_real" / f"{index}.png", image.astype(np.uint8))
            image[::2, ::2] += trace
            write(tmp_path / "in" / name / "1_fake" / f"{index}.png", np.clip(image, 0, 255).astype(np.uint8))
    study = compare_study([tmp_path / "in"], spec=SpectrumSpec(size=64), permutations=19, bootstrap=5)
    study.save(tmp_path / "out")
    found = study.comparison
    names = found.similarities["coherent"].names
    assert names == ("one", "three", "two")
    values = found.similarities["coherent"].values
    assert values[0, 2] > 0.8 > values[0, 1]
    for name in ("similarity.png", "shared.png", "similarity-coherent.csv", "comparison.json", "manifest.json"):
        assert (tmp_path / "out" / name).stat().st_size > 100
    command = ["freqforensics", "compare", str(tmp_path / "in"), "--crop", "64", "--permutations", "9", "--json"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert [one["images"] for one in json.loads(capsys.readouterr().out)["sets"]] == [24, 24, 24]
    monkeypatch.setattr(sys, "argv", ["freqforensics", "compare", str(tmp_path / "in" / "one"), "--crop", "64"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "two generators or more" in capsys.readouterr().err


def test_what_follows_from_the_parts_does_not_travel(sets):
    fingerprint = replace(sets[0])
    before = pickle.dumps(fingerprint)
    assert fingerprint.stacked[0].counts.sum() == fingerprint.images
    assert len(pickle.dumps(fingerprint)) == len(before)
    assert pickle.loads(before).stacked[0].f.tobytes() == fingerprint.stacked[0].f.tobytes()
