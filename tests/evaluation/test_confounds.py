"""Planted confounds are found, and none where there is none."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import encoded, picture, write
from PIL import Image

from freqforensics.cli import main
from freqforensics.evaluation import confounds
from freqforensics.evaluation.confounds import audit_facts, find_duplicates, matched_records, serious_confounds
from freqforensics.images import ImageReadError, reading as reading_module
from freqforensics.sources import facts as facts_module
from freqforensics.sources.facts import read_facts
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.sources import index_images
from freqforensics.studies import audit as audit_module
from freqforensics.studies.audit import audit_study, reencode, write_matched

COUNT = 24


def tree(root: Path, *, real=None, fake=None, sides=("0_real", "1_fake"), count=COUNT, seed=0) -> Path:
    """A generator whose sides are written by two functions from (rng, index) to (bytes, suffix)."""
    rng = np.random.default_rng(seed)
    for side, make in zip(sides, (real, fake), strict=True):
        (root / "gan" / side).mkdir(parents=True)
        for index in range(count):
            data, suffix = (make or png)(rng, index)
            (root / "gan" / side / f"{index:03d}{suffix}").write_bytes(data)
    return root


def png(rng, index, shape=(72, 80)):
    return encoded(picture(rng, *shape), "PNG"), ".png"


def facts_of(root):
    return [read_facts(record) for record in index_images(root)]


def verdicts(root, **options):
    (group,) = audit_facts(facts_of(root), **options).groups
    return {one.name: one.verdict for one in group.confounds}, group


@pytest.mark.long
def test_two_halves_of_one_folder_do_not_differ(tmp_path):
    shapes = [(72, 80), (80, 72), (96, 72), (72, 72)]

    def mixed(rng, index):
        image = picture(rng, *shapes[rng.integers(4)])
        if rng.random() < 0.5:
            return encoded(image, "JPEG", quality=int(rng.integers(60, 96))), ".jpg"
        return encoded(image, "PNG"), ".png"

    found, group = verdicts(tree(tmp_path, real=mixed, fake=mixed, count=60))
    assert set(found.values()) == {"none"}
    assert group.verdict == "none"
    assert group.auc_low < 0.5 < group.auc_high or abs(group.auc - 0.5) < 0.15
    assert serious_confounds(index_images(tmp_path)) == []


@pytest.mark.long
def test_a_format_is_found(tmp_path):
    root = tree(tmp_path, real=lambda rng, i: (encoded(picture(rng, 72, 80), "JPEG", quality=90), ".jpg"))
    found, group = verdicts(root)
    assert found["format"] == found["chroma subsampling"] == "serious"
    assert "size" not in found
    assert group.auc > 0.99
    # However well they are told apart: that of so few files is no certainty.
    assert 0.8 < group.auc_low < 0.9 < group.auc_high
    (line,) = serious_confounds(index_images(root))
    assert "gan: real and fake files differ in" in line
    assert "format (JPEG 100% / PNG 100%)" in line


@pytest.mark.long
def test_a_size_is_found(tmp_path):
    found, group = verdicts(tree(tmp_path, fake=lambda rng, i: png(rng, i, (96, 96))))
    assert found["size"] == found["pixels"] == found["aspect"] == "serious"
    assert "format" not in found
    assert next(one for one in group.confounds if one.name == "size").real == "80x72 100%"


@pytest.mark.long
def test_a_quality_is_found_and_a_slight_difference_is_mild(tmp_path):
    def jpeg(low, high):
        return lambda rng, i: (encoded(picture(rng, 72, 80), "JPEG", quality=int(rng.integers(low, high))), ".jpg")

    found, _ = verdicts(tree(tmp_path / "a", real=jpeg(90, 96), fake=jpeg(70, 76)))
    assert found["JPEG quality"] == "serious"
    assert "format" not in found
    found, group = verdicts(tree(tmp_path / "b", real=jpeg(60, 91), fake=jpeg(69, 100), count=80))
    assert found["JPEG quality"] == "mild"
    delta = next(one.effect for one in group.confounds if one.name == "JPEG quality")
    qualities = {
        side: [f.quality for f in facts_of(tmp_path / "b") if f.record.label == side] for side in ("real", "fake")
    }
    above = np.mean(np.sign(np.subtract.outer(qualities["fake"], qualities["real"])))
    assert delta == pytest.approx(abs(above))


@pytest.mark.long
def test_profiles_grey_and_depth_are_found(tmp_path):
    def odd(rng, index):
        grey = Image.fromarray(picture(rng, 72, 80)[..., 0].astype(np.uint16) * 257)
        return encoded(grey, "PNG", icc_profile=b"x" * 200), ".png"

    found, _ = verdicts(tree(tmp_path, fake=odd))
    assert found["bit depth"] == found["grey"] == found["colour profile"] == "serious"


@pytest.mark.long
def test_an_effect_of_kinds_is_the_variation_distance(tmp_path):
    def sometimes(share):
        return lambda rng, i: (png(rng, i) if i >= share * COUNT else
                               (encoded(picture(rng, 72, 80), "JPEG", quality=95), ".jpg"))  # fmt: skip

    found, group = verdicts(tree(tmp_path, real=sometimes(0.25), fake=sometimes(0.75)))
    assert next(one.effect for one in group.confounds if one.name == "format") == pytest.approx(0.5)
    assert found["format"] == "serious"


def test_duplicates_are_found_across_sides_and_splits(tmp_path):
    rng = np.random.default_rng(1)
    images = [picture(rng, 96, 96) for _ in range(6)]
    records = []
    for index, (split, label) in enumerate([("train", "real"), ("val", "real"), ("train", "fake")] * 2):
        path = tmp_path / f"{index}.png"
        path.write_bytes(encoded(images[index], "PNG"))
        records.append(ImageRecord(path, label, "gan", None, split))
    (tmp_path / "1.png").write_bytes((tmp_path / "0.png").read_bytes())
    softer = cv2.GaussianBlur(images[3], (0, 0), 0.6)
    (tmp_path / "5.jpg").write_bytes(encoded(softer, "JPEG", quality=80))
    records[5] = ImageRecord(tmp_path / "5.jpg", "fake", "gan", None, "train")
    pairs = find_duplicates([read_facts(record) for record in records])
    exact, near = pairs
    assert (exact.kind, Path(exact.first).name, Path(exact.second).name) == ("exact", "0.png", "1.png")
    assert exact.across == ("splits",)
    assert (near.kind, Path(near.first).name, Path(near.second).name) == ("near", "3.png", "5.jpg")
    assert near.across == ("labels",)


def test_a_file_that_generators_share_is_no_duplicate_of_itself(tmp_path):
    path, again = (write(tmp_path / name, picture(np.random.default_rng(2))) for name in ("a.png", "b.png"))
    records = [ImageRecord(path, "real", "g"), ImageRecord(path, "real", "h"), ImageRecord(again, "real", "g")]
    pairs = find_duplicates([read_facts(record) for record in records])
    assert [(pair.first, pair.second, pair.kind) for pair in pairs] == [(str(path), str(again), "exact")]


def test_flat_images_are_no_duplicates_of_each_other(tmp_path):
    records = []
    for index in range(4):
        path = tmp_path / f"{index}.png"
        path.write_bytes(encoded(np.full((72, 72, 3), 100 + index, np.uint8), "PNG"))
        records.append(ImageRecord(path, "real", "gan"))
    assert find_duplicates([read_facts(record) for record in records]) == []


def test_a_matched_subset_has_no_confound(tmp_path):
    def real(rng, index):
        if index % 2:
            return encoded(picture(rng, 72, 80), "JPEG", quality=90), ".jpg"
        return png(rng, index, (72, 80) if index % 4 else (96, 96))

    root = tree(tmp_path / "in", real=real, count=60)
    facts = facts_of(root)
    chosen = matched_records(facts)
    kept = [one for one in facts if one.record in set(chosen)]
    assert sum(one.record.label == "real" for one in kept) == sum(one.record.label == "fake" for one in kept) == 15
    assert {(one.format, one.width, one.height) for one in kept} == {("PNG", 80, 72)}
    (group,) = audit_facts(kept, forest=False).groups
    assert group.verdict == "none"
    written = write_matched(facts, tmp_path / "m.csv")
    assert {record.path.resolve() for record in index_images(tmp_path / "m.csv")} == {
        record.path.resolve() for record in written
    }
    other = tree(tmp_path / "other", fake=lambda rng, i: png(rng, i, (96, 96)))
    with pytest.raises(ValueError, match="re-encode both sides alike"):
        write_matched(facts_of(other), tmp_path / "n.csv")


def test_both_sides_are_written_alike(tmp_path):
    root = tree(
        tmp_path / "in", real=lambda rng, i: (encoded(picture(rng, 72, 80), "JPEG", quality=70), ".jpg"),
        fake=lambda rng, i: png(rng, i, (96, 96) if i else (40, 40)),
    )  # fmt: skip
    count, failures = reencode(index_images(root), tmp_path / "out", crop=64, quality=90)
    assert count == 2 * COUNT - 1
    ((path, reason),) = failures
    assert path.endswith("000.png")
    assert "smaller than 64x64" in reason
    found, group = verdicts(tmp_path / "out", forest=False)
    assert not {"format", "size", "JPEG quality", "chroma subsampling"} & set(found)
    assert (group.real, group.fake) == (COUNT, COUNT - 1)
    reencode(index_images(root), tmp_path / "png", crop=64)
    assert {one.format for one in facts_of(tmp_path / "png")} == {"PNG"}


@pytest.mark.long
def test_resampling_of_one_side_is_serious(tmp_path):
    def crop(rng, scale):
        return cv2.resize(picture(rng, 160, 160), None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)[:160, :160]

    root = tree(tmp_path, real=lambda rng, i: (encoded(crop(rng, 1.0), "PNG"), ".png"),
                fake=lambda rng, i: (encoded(crop(rng, 1.25), "PNG"), ".png"))  # fmt: skip
    study = audit_study([root])
    study.save(tmp_path / "out")
    (group,) = study.audit.groups
    assert list(group.resampled) == ["fake"]
    assert group.resampled["fake"] == pytest.approx(0.2, abs=0.01)
    assert group.verdict == "serious"
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["groups"][0]["verdict"] == "serious"
    with (tmp_path / "out" / "audit.csv").open() as file:
        assert {row["generator"] for row in csv.DictReader(file)} <= {"gan"}
    assert (tmp_path / "out" / "audit.png").stat().st_size > 5000


@pytest.mark.long
def test_audited_files_are_decoded_once_but_where_a_damaged_one_moves_the_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(audit_module, "TRACED", 5)
    root = tree(tmp_path, real=lambda rng, i: png(rng, i, (130, 140)), fake=lambda rng, i: png(rng, i, (130, 140)),
                count=12)  # fmt: skip
    damaged = sorted((root / "gan" / "1_fake").iterdir())[2]
    damaged.write_bytes(damaged.read_bytes()[:-30])
    decoded = Counter()
    decode_image = facts_module.decode_image

    def counted(data, *, name, **options):
        decoded[Path(name).name, Path(name).parent.name] += 1
        return decode_image(data, name=name, **options)

    for module in (facts_module, reading_module):
        monkeypatch.setattr(module, "decode_image", counted)
    study = audit_study([root])
    assert [Path(path).name for path, _ in study.skipped] == ["002.png"]
    # Of twelve files 0, 2, 4, 6 and 8 are looked at, of the eleven that are left 0, 3, 5, 7 and 9.
    again = {key for key, count in decoded.items() if count > 1}
    assert again == {(f"{index:03d}.png", "1_fake") for index in (3, 5, 7, 9)}
    assert len(decoded) == 23
    (group,) = study.audit.groups
    assert (group.real, group.fake, group.resampled) == (12, 11, {})


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "x.png").write_bytes(encoded(picture(np.random.default_rng(0)), "PNG")[:-30])
    with pytest.raises(ImageReadError):
        read_facts(ImageRecord(tmp_path / "x.png", "real", "gan"))


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["freqforensics", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code, capsys.readouterr()


@pytest.mark.long
def test_the_command(tmp_path, monkeypatch, capsys):
    root = tree(tmp_path / "in", fake=lambda rng, i: png(rng, i, (96, 96) if i % 2 else (72, 80)))
    code, printed = run(monkeypatch, capsys, "audit", root, "--json", "--match", tmp_path / "m.csv")
    assert not code
    (group,) = json.loads(printed.out)["groups"]
    assert group["verdict"] == "serious"
    code, printed = run(monkeypatch, capsys, "audit", tmp_path / "m.csv")
    assert not code
    assert "none" in printed.out
    (root / "gan" / "1_fake" / "000.png").write_bytes(b"no image")
    code, printed = run(monkeypatch, capsys, "audit", root, "--out", tmp_path / "out")
    assert code == 1
    assert "skipped: " in printed.err
    for arguments, words in (
        (["--reencode", tmp_path / "r"], "go together"),
        (["--match", tmp_path / "m.csv"], "--overwrite must be set"),
    ):
        code, printed = run(monkeypatch, capsys, "audit", root, *arguments)
        assert code == 2
        assert words in printed.err


@pytest.mark.long
def test_a_serious_difference_is_said_by_spectrum(tmp_path, monkeypatch, capsys):
    root = tree(tmp_path / "in", fake=lambda rng, i: png(rng, i, (96, 96)))
    code, printed = run(monkeypatch, capsys, "spectrum", root, "--out", tmp_path / "out", "--crop", "64")
    assert not code
    assert "note: gan: real and fake files differ in" in printed.err


@pytest.mark.parametrize("at_once", [1, 700, 1 << 17])
def test_permutations_are_counted_as_one_by_one(monkeypatch, at_once):
    """By definition: the variation distance of kinds, and Cliff's delta of all pairs."""
    monkeypatch.setattr(confounds, "_AT_ONCE", at_once)
    monkeypatch.setattr(confounds, "PERMUTATIONS", 99)
    rng = np.random.default_rng(8)
    labels = np.repeat([False, True], [24, 13])
    kinds, values = rng.integers(0, 5, 37), rng.integers(0, 9, 37) / 7 + labels * 0.3

    def variation(fakes):
        shares = [[np.mean(kinds[side] == kind) for kind in range(5)] for side in (~fakes, fakes)]
        return np.abs(np.subtract(*shares)).sum() / 2

    def delta(fakes):
        return abs(np.mean(np.sign(np.subtract.outer(values[fakes], values[~fakes]))))

    for measure, fast in (
        (variation, partial(confounds._variation, kinds)),
        (delta, partial(confounds._delta, confounds._ranks(values))),
    ):
        draws = np.random.default_rng(1)
        effect = measure(labels)
        beyond = sum(measure(draws.permutation(labels)) >= effect - 1e-9 for _ in range(99))
        assert 0 < beyond < 99
        found = confounds._permuted(fast, labels, np.random.default_rng(1), 0.0)
        assert found == (pytest.approx(effect, rel=1e-12), (1 + beyond) / 100)
        assert confounds._permuted(fast, labels, draws, 0.99) == (pytest.approx(effect, rel=1e-12), 1.0)
