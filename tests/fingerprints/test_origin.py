"""Sets drawn from known generators are named, others are unknown; curves, influence and groups against theory."""

from __future__ import annotations

import csv
import json
import shutil
import sys

import numpy as np
import pytest
from pictures import picture, write, write_tree

from freqforensics.cli import main
from freqforensics.fingerprints.fingerprint import Fingerprint, Similarity
from freqforensics.fingerprints.grouping import group
from freqforensics.fingerprints.origin import KnownGenerators
from freqforensics.fingerprints.stability import influence, learning_curve
from freqforensics.generators.photos import index_photos, read_photos
from freqforensics.generators.registry import FAMILIES, operator_of
from freqforensics.generators.storage import load_miniature
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, combine
from freqforensics.spectra.terms import image_terms
from freqforensics.studies.compare import compare_study

pytestmark = pytest.mark.usefixtures("bare_pdf")

SPEC = SpectrumSpec(size=32, residual="none")
ROWS, COLUMNS = np.indices((32, 32))


def wave(fx, fy, amplitude=1.0):
    return amplitude * np.cos(2 * np.pi * (fx * COLUMNS + fy * ROWS))


def noise(rng, count, *, blur=0.0):
    made = rng.normal(0, 3, (count, 32, 32))
    return made + blur * np.roll(made, 1, axis=2)


def spectrum(images):
    accumulator = SpectrumAccumulator(SPEC)
    accumulator.update(list(128 + np.asarray(images)))
    return accumulator.result()


def fingerprint(rng, name, *, blur=0.0, trace=0.0, parts=20, images=5):
    return Fingerprint(name, tuple(spectrum(noise(rng, images, blur=blur) + trace) for _ in range(parts)))


def find_origin(asked, known, **options):
    return KnownGenerators(known, **options).find(asked)


BLURS = {"a": 0.0, "b": 0.15, "c": 0.3, "d": 0.5}


@pytest.mark.long
def test_a_set_is_named_and_one_of_no_known_generator_is_not():
    rng = np.random.default_rng(0)
    known = [fingerprint(rng, name, blur=blur) for name, blur in BLURS.items()]
    named = unknown = 0
    for repeat in range(10):
        for name, blur in BLURS.items():
            found = find_origin(fingerprint(rng, name, blur=blur, parts=4), known, draws=99, seed=repeat)
            named += found.name == name
            assert found.candidates[0].distance == min(one.distance for one in found.candidates)
        unknown += find_origin(fingerprint(rng, "x", blur=-0.4, parts=4), known, draws=99, seed=repeat).name is None
    assert named >= 34  # one in twenty is ruled out by construction
    assert unknown == 10


@pytest.mark.long
def test_p_values_of_a_generators_own_sets_are_those_of_chance():
    rng = np.random.default_rng(1)
    p_values = []
    for repeat in range(60):
        known = [fingerprint(rng, "a", parts=20)]
        asked = fingerprint(rng, "a", parts=4)
        p_values.append(find_origin(asked, known, draws=59, content_shift=0, seed=repeat).p_value)
    assert 0.35 < np.mean(p_values) < 0.65
    assert np.mean(np.array(p_values) <= 0.05) < 0.17


def test_one_image_is_a_set():
    rng = np.random.default_rng(2)
    known = [fingerprint(rng, name, blur=blur, parts=40, images=1) for name, blur in (("a", 0.0), ("d", 0.8))]
    found = [find_origin(fingerprint(rng, "?", blur=0.8, parts=1, images=1), known, draws=39).name for _ in range(20)]
    assert found.count("d") >= 16
    assert "a" not in found


def test_real_images_are_taken_off_where_all_have_them():
    rng = np.random.default_rng(3)

    def made(name, content, blur):
        parts = []
        for _ in range(20):
            real = noise(rng, 5, blur=content)
            fake = real + wave(0.25, 0.25, blur)
            parts.append((spectrum(fake), spectrum(real)))
        return Fingerprint(name, *(tuple(side) for side in zip(*parts, strict=True)))

    known = [made("strong", 0.0, 3.0), made("weak", 0.0, 1.0)]
    # Other content, the same generator.
    asked = made("?", 0.5, 3.0)
    found = find_origin(asked, known)
    assert found.content_matched
    assert found.candidates[0].name == "strong"
    bare = find_origin(Fingerprint("?", asked.fake), known)
    assert not bare.content_matched
    assert bare.name is None


def test_what_cannot_be_asked():
    rng = np.random.default_rng(4)
    one = fingerprint(rng, "a")
    with pytest.raises(ValueError, match="known must"):
        find_origin(one, [])
    with pytest.raises(ValueError, match="needs 8 parts, got 3"):
        find_origin(one, [fingerprint(rng, "few", parts=3)])
    with pytest.raises(ValueError, match=r"content_shift must .*got -1"):
        find_origin(one, [one], content_shift=-1)
    with pytest.raises(ValueError, match="at least 19, got 5"):
        find_origin(one, [one], draws=5)
    other = SpectrumAccumulator(SpectrumSpec(size=48, residual="none"))
    other.update(list(rng.normal(0, 1, (3, 48, 48))))
    with pytest.raises(ValueError, match="one spec"):
        find_origin(Fingerprint("big", (other.result(),)), [one])


def test_a_curve_grows_as_theory_says():
    rng = np.random.default_rng(5)
    amplitude, images = 0.6, 200
    one = fingerprint(rng, "line", trace=wave(0.25, 0.125, amplitude), parts=images, images=1)
    curve = learning_curve(one)
    # |F|^2 of the wave is (a H W / 2)^2, that of the noise sigma^2 H W: r is the wave's share.
    wave_power, noise_power = (amplitude * 32 * 32 / 2) ** 2, 9 * 32 * 32
    r = wave_power / (wave_power + noise_power)
    assert curve.frequencies == ((0.25, 0.125),) * 2
    assert curve.images[-1] == images // 2
    assert curve.snr[0] == pytest.approx(1.0)  # one image is always in step with itself
    assert curve.snr[-1] == pytest.approx(1 + (images / 2 - 1) * r, rel=0.15)
    assert curve.needed == pytest.approx(1 + (curve.threshold - 1) / r, rel=0.25)
    for count, low, value, high in zip(curve.images, curve.low, curve.snr, curve.high, strict=True):
        assert low <= value <= high
        assert value == pytest.approx(1 + (count - 1) * r, rel=0.3)


def test_of_noise_no_number_is_enough():
    needed = [learning_curve(fingerprint(np.random.default_rng(seed), "none"), draws=1).needed for seed in range(40)]
    assert sum(one is not None for one in needed) <= 6  # five in a hundred by construction
    with pytest.raises(ValueError, match="four parts at least, got 3"):
        learning_curve(fingerprint(np.random.default_rng(0), "few", parts=3))


def test_an_image_that_weighs_too_much_is_found():
    rng = np.random.default_rng(6)
    images = noise(rng, 40) + wave(0.25, 0.5, 2.0)
    images[7] = -wave(0.25, 0.5, 10.0) + wave(0.375, 0.5, 40.0)
    found = influence(Fingerprint("one", tuple(spectrum(image[None]) for image in images)))
    others = np.arange(40) != 7
    assert found.share[7] > 10 > 2 > found.share[others].max()
    assert found.coherence[7] > 1.3 > 1.1 > found.coherence[others].max()
    assert found.share.mean() == pytest.approx(1.0)
    even = influence(fingerprint(rng, "line", trace=wave(0.25, 0.5, 2.0), parts=40, images=1))
    assert 0.9 < even.coherence.min() <= even.coherence.max() < 1.1


def test_leaving_one_out_is_averaging_the_others():
    rng = np.random.default_rng(7)
    images = noise(rng, 12) + wave(0.25, 0.25, 2.0)
    found = influence(Fingerprint("one", tuple(spectrum(image[None]) for image in images)))
    whole, less = spectrum(images), spectrum(images[1:])
    assert found.coherence[0] == pytest.approx(less.coherence[8, 8] / whole.coherence[8, 8])


def test_sums_of_parts_are_the_whole():
    rng = np.random.default_rng(8)
    images = noise(rng, 9)
    added = combine([spectrum(images[:4]), spectrum(images[4:])])
    whole = spectrum(images)
    assert added.images == 9
    np.testing.assert_allclose(added.coherent, whole.coherent)
    np.testing.assert_allclose(added.log_power, whole.log_power)
    with pytest.raises(ValueError, match="empty"):
        combine([])


def alike(values, names):
    values = np.array(values, float)
    return Similarity("peaks", tuple(names), values, values, values, np.ones_like(values))


def test_groups_that_are_alike():
    rng = np.random.default_rng(9)
    names = [f"{kind}{index}" for kind in "abc" for index in range(4)]
    groups = {name: name[0] for name in names}
    values = rng.uniform(0, 0.3, (12, 12))
    values = (values + values.T) / 2
    same = np.array([[a[0] == b[0] for a in names] for b in names])
    found = group(alike(values + 0.4 * same, names), groups, permutations=999)
    assert found.p_value == pytest.approx(0.001)
    assert found.within - found.across == pytest.approx(0.4, abs=0.05)
    assert found.right == 12
    assert found.confusion() == {kind: {kind: 4} for kind in "abc"}
    p_values = []
    for _ in range(30):
        plain = rng.uniform(0, 1, (12, 12))
        p_values.append(group(alike((plain + plain.T) / 2, names), groups, permutations=199).p_value)
    assert np.mean(np.array(p_values) <= 0.05) < 0.2
    # Two sides: rows are compared with columns alone.
    across = group(
        alike(values + 0.4 * same, names), groups, among=[n for n in names if n[1] in "01"], permutations=999
    )
    assert len(across.nearest) == 6
    assert {other for _, _, other, _ in across.nearest} <= {n for n in names if n[1] in "01"}
    with pytest.raises(ValueError, match="two or more"):
        group(alike(values, names), dict.fromkeys(names, "one"))


def test_operators_of_generators():
    assert {operator_of(name) for name in FAMILIES} == {"nearest", "bilinear", "transposed", "shuffle", "alias-free"}
    assert operator_of("stable_diffusion") == operator_of("ldm_vae") == "nearest"
    assert operator_of("nobody") is None


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("origin"), np.random.default_rng(10)
    columns = 10 * (np.arange(64) % 4 == 0)[None, :, None]
    points = 14 * (np.indices((64, 64)) % 2 == 0).all(0)[..., None]
    traces = {"dcgan": points, "progan": columns, "biggan": columns, "cyclegan": points}
    for side in ("known", "asked"):
        for name in traces:
            if side == "asked" and name in ("biggan", "cyclegan"):
                continue
            write_tree(root / side, rng, (name,), count=40, shape=(64, 64), traces=traces, paired=True)
    return root


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["freqforensics", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0, capsys.readouterr()


@pytest.mark.long
def test_from_sources_to_origins(tree, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    code, shown = run(monkeypatch, capsys, "origin", tree / "asked", "--known", tree / "known", "--out", out,
                      "--permutations", 9, "--by-operator", "--json")  # fmt: skip
    assert code == 0
    told = json.loads(shown.out)
    nearest = {one["set"]: one["candidates"][0]["name"] for one in told["origins"]}
    assert nearest["dcgan"] in ("dcgan", "cyclegan")
    assert nearest["progan"] in ("progan", "biggan")
    assert all(one["content_matched"] for one in told["origins"])
    assert np.shape(told["similarities"]["peaks"]) == (2, 4)
    assert told["groupings"]["peaks"]["right"] == 2
    with (out / "origins.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 8
    for name in ("origins.png", "origins.pdf", "similarity-lattice.csv", "origins.json", "manifest.json"):
        assert (out / name).stat().st_size > 100
    code, shown = run(monkeypatch, capsys, "origin", tree / "asked", "--known", tree / "known", "--permutations", 1)
    assert code == 0
    assert "nearest" in shown.out
    code, shown = run(monkeypatch, capsys, "origin", tree / "asked", "--known", tree / "known", "--limit", 5)
    assert (code, shown.err.count("\n")) == (2, 1)
    assert "sources hold no generator's set that is large enough" in shown.err


@pytest.mark.long
def test_one_generator_of_two_sources_is_two_sets(tree):
    found = compare_study([tree / "known", tree / "asked"], permutations=1, bootstrap=1, groups=operator_of).comparison
    names = [one.fingerprint.name for one in found.sets]
    assert names == ["asked/dcgan", "asked/progan", "biggan", "cyclegan", "dcgan", "progan"]
    assert found.groupings["lattice"].right == 6
    assert found.groupings["lattice"].p_value == pytest.approx(0.1, abs=0.02)  # one of ten ways to halve six


@pytest.mark.long
def test_groups_from_a_table(tree, tmp_path, monkeypatch, capsys):
    table = tmp_path / "groups.csv"
    table.write_text("dcgan,comb\ncyclegan,comb\nprogan,grid\nbiggan,grid\n")
    short = ["compare", tree / "known", "--permutations", 1, "--bootstrap", 2, "--groups", table]
    code, shown = run(monkeypatch, capsys, *short)
    assert code == 0
    assert "nearest is of the same group for 4 of 4" in shown.out
    code, shown = run(monkeypatch, capsys, *short, "--by-operator")
    assert (code, shown.err.count("\n")) == (2, 1)
    table.write_text("dcgan\n")
    code, shown = run(monkeypatch, capsys, *short)
    assert (code, shown.err.count("\n")) == (2, 1)


@pytest.mark.long
def test_photographs_are_no_generators(data):
    """Half of three generators' images are known; photographs, whatever stands beside them, are none of theirs."""
    spec = SpectrumSpec(size=64, crop="tiles")

    def terms(*place, most=None):
        return [term.spectrum for term in image_terms(sorted(data.joinpath(*place).glob("*"))[:most], spec=spec)]

    sides = {name: [terms(name, side) for side in ("1_fake", "0_real")] for name in ("biggan", "cyclegan", "dcgan")}
    generators = KnownGenerators([Fingerprint(name, fake[::2], real[::2]) for name, (fake, real) in sides.items()],
                                 draws=99)  # fmt: skip
    for name, (fake, real) in sides.items():
        assert generators.find(Fingerprint("the other half", fake[1::2], real[1::2])).name == name
        assert generators.find(Fingerprint("real", real[1::2], real[::2])).name is None
    photographs = terms("photos", "0_real", most=200)
    for start in range(0, 200, 100):
        one, other = photographs[start : start + 50], photographs[start + 50 : start + 100]
        assert generators.find(Fingerprint("photographs", one, other)).name is None


def test_real_images_are_a_candidate_and_are_named_as_none():
    rng = np.random.default_rng(13)

    def made(name, trace):
        return Fingerprint(
            name,
            tuple(spectrum(noise(rng, 1) * rng.uniform(0.7, 1.4) + trace) for _ in range(60)),
            tuple(spectrum(noise(rng, 1) * rng.uniform(0.7, 1.4)) for _ in range(50)),
        )

    known = [made("line", wave(0.25, 0.25, 2.0)), made("other", wave(0.125, 0.5, 2.0))]
    generators = KnownGenerators(known, draws=59)
    found = generators.find(made("photographs", 0.0))
    assert found.name is None
    assert found.candidates[0].name == "real images"
    assert generators.find(made("line again", wave(0.25, 0.25, 2.0))).name == "line"
    # However many real images there are.
    few = made("line again", wave(0.25, 0.25, 2.0))
    assert generators.find(Fingerprint("few", few.fake, few.real[:12])).name == "line"


@pytest.mark.long
def test_one_damaged_file_and_a_source_given_twice(tree, tmp_path, monkeypatch, capsys):
    shutil.copytree(tree / "known", tmp_path / "known")
    (tmp_path / "known" / "dcgan" / "1_fake" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write(tmp_path / "known" / "progan" / "1_fake" / "5.png", picture(np.random.default_rng(0), 40, 40))
    known = tmp_path / "known"
    code, shown = run(monkeypatch, capsys, "origin", tree / "asked", "--known", known, "--permutations", 1, "--json")
    assert code == 1
    assert "3.png" in shown.err
    assert "progan: 1 images are smaller than 64x64 pixels, left out" in shown.err
    assert all(one["content_matched"] for one in json.loads(shown.out)["origins"])
    found = compare_study([known, known], permutations=1, bootstrap=1)
    assert [one.fingerprint.images for one in found.comparison.sets] == [40, 40, 39, 39]
    assert any("that an earlier source lists too, kept once" in note for note in found.notes)
    assert [reason for path, reason in found.skipped if path.endswith("3.png")]


@pytest.mark.long
def test_what_may_mislead_is_said(tree, tmp_path):
    for name in ("dcgan", "biggan"):
        shutil.copytree(tree / "known" / name / "1_fake", tmp_path / "in" / name / "1_fake")
        shutil.copytree(tree / "known" / "dcgan" / "0_real", tmp_path / "in" / name / "0_real")
    found = compare_study([tmp_path / "in"], permutations=1, bootstrap=1)
    assert any("the same real images beside them" in note for note in found.notes)
    shutil.rmtree(tmp_path / "in" / "biggan" / "0_real")
    found = compare_study([tmp_path / "in"], permutations=1, bootstrap=1)
    assert any("some set has no real images beside it" in note for note in found.notes)
    assert not any("the same real images" in note for note in found.notes)
    with pytest.raises(ValueError, match="size must be a multiple of 16"):
        compare_study([tmp_path / "in"], spec=SpectrumSpec(size=40))


@pytest.mark.long
def test_flat_images_and_names_with_dollars(tmp_path):
    rng = np.random.default_rng(14)
    for name in ("flat", "a $x_{$ b"):
        for index in range(20):
            image = np.full((64, 64, 3), 90 + index, np.uint8) if name == "flat" else picture(rng, 64, 64)
            write(tmp_path / "in" / name / "1_fake" / f"{index}.png", image)
    study = compare_study([tmp_path / "in"], permutations=1, bootstrap=1)
    study.save(tmp_path / "out")
    found = study.comparison
    assert [one.fingerprint.name for one in found.sets] == ["a $x_{$ b", "flat"]
    assert (found.sets[1].influence.coherence == 1).all()
    assert (tmp_path / "out" / "similarity.png").is_file()


@pytest.fixture(scope="module")
def miniatures(data):
    """Spectra of fake sides by family, and of the real side that all have: some will be known, some asked about."""
    families = ["progan", "biggan", "cyclegan", "stargan", "dcgan", "san", "deepfake", "stylegan2"]
    spec = SpectrumSpec(size=64, crop="tiles")
    photos = read_photos(index_photos([data / "photos"])[:160]).images  # of 160 x 240 pixels, or upright
    corners = [[(side - 160) // 2 // 16 * 16 for side in photo.shape[:2]] for photo in photos]
    seen = [photo[top : top + 160, left : left + 160] for photo, (top, left) in zip(photos, corners, strict=True)]

    def spectra(images):
        """Of 128 x 128 pixels from the middle, that no border of what a miniature saw comes near."""
        return [SpectrumAccumulator(spec).update([image[16:144, 16:144]]).result() for image in images]

    def regenerated(name):
        model = load_miniature(name).model.eval()
        return [fake for start in range(0, len(seen), 8) for fake in model.regenerate(seen[start : start + 8])]

    return {name: spectra(regenerated(name)) for name in families}, spectra(seen)


@pytest.mark.slow
def test_sets_of_miniatures_are_named_and_those_of_others_are_not(miniatures):
    """Wanted: 90 % the right family or one of the same operator, 80 % unknown where the family is left out."""
    fakes, reals = miniatures
    order = np.random.default_rng(0).permutation(160)

    def chosen(name, places):
        return Fingerprint(name, tuple(fakes[name][i] for i in places), tuple(reals[i] for i in places))

    right = unknown = asked = 0
    for fold in range(4):
        held = order[40 * fold : 40 * fold + 40]
        known = KnownGenerators([chosen(name, np.setdiff1d(order, held)) for name in fakes], draws=99, seed=fold)
        for name in fakes:
            found = known.find(chosen(name, held))
            asked += 1
            right += found.name is not None and operator_of(found.name) == operator_of(name)
            # The nearest of the others is what would be named if its family were not known.
            others = next(one for one in found.candidates if one.name != name)
            unknown += others.p_value <= 0.05
    assert asked == 32
    assert right >= 0.9 * asked
    assert unknown >= 0.8 * asked
