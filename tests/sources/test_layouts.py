"""Layouts of published sets of images, and words for their sides: each is understood, or asked about."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from trees import touch

from freqforensics.sources.model_names import is_model_name
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.shared import SharedReal, real_sides
from freqforensics.sources.sides import label_of_word, tell_sides
from freqforensics.sources.sources import index_images

PAIRS = [
    ("0_real", "1_fake"),
    ("real", "fake"),
    ("nature", "ai"),
    ("authentic", "synthetic"),
    ("authentic", "generated"),
    ("Au", "Tp"),
]
CASES = [str.lower, str.upper, str.title]
SPLITS = ("train", "val", "test")


def told(records: list[ImageRecord]) -> set[tuple[str, str, str | None, str | None]]:
    return {(r.generator, r.label, r.category, r.split) for r in records}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("real", "fake"), PAIRS)
def test_words_in_any_case_with_splits_anywhere(tmp_path, real, fake, case):
    """Train, val and test above the generator, between generator and side, below the side, or none."""
    real, fake = case(real), case(fake)
    sides = {real: "real", fake: "fake"}
    for generators in (("biggan", "midjourney"), ("one",)):
        root = tmp_path / generators[0]
        forms = {
            "above": "{split}/{generator}/{side}/{number}.png",
            "between": "{generator}/{split}/{side}/{number}.png",
            "below": "{generator}/{side}/{split}/{number}.png",
        }
        for place, form in forms.items():
            if place == "above" and generators == ("one",):
                continue  # "one" could be a class of ForenSynths
            names = [
                form.format(split=case(split), generator=generator, side=side, number=number)
                for split, generator, side, number in itertools.product(SPLITS, generators, sides, range(2))
            ]
            records = index_images(touch(root / place, *names))
            assert len(records) == len(names)
            assert told(records) == {
                (generator, label, None, split)
                for generator, label, split in itertools.product(generators, ("real", "fake"), SPLITS)
            }
            for record in records:
                assert sides[next(part for part in record.path.parts if part in sides)] == record.label


def test_classes_of_forensynths_below_train_stay_classes(tmp_path):
    root = touch(
        tmp_path / "set", *(f"train/{name}/{side}/0.png" for name in ("cat", "dog") for side in ("0_real", "1_fake"))
    )
    assert told(index_images(root)) == {
        ("set", label, name, "train") for name in ("cat", "dog") for label in ("real", "fake")
    }


def test_three_words_of_one_convention(tmp_path):
    root = touch(tmp_path / "gen", "authentic/0.png", "synthetic/1.png", "generated/2.png")
    assert {(r.path.parent.name, r.label, r.generator) for r in index_images(root)} == {
        ("authentic", "real", "gen"),
        ("synthetic", "fake", "gen"),
        ("generated", "fake", "gen"),
    }


@pytest.mark.parametrize("words", [("real", "nature", "ai"), ("REAL", "Fake", "ai"), ("0_real", "1_fake", "tp")])
def test_more_than_two_words_of_several_conventions_are_asked_about(tmp_path, words):
    root = touch(tmp_path / "set", *(f"g/{word}/0.png" for word in words))
    with pytest.raises(ValueError, match=r"^labels must say what ") as refused:
        index_images(root)
    assert all(repr(word) in str(refused.value) for word in words)
    assert all(f"={word}" in str(refused.value) for word in words)
    answers = {word: label_of_word(word) for word in words[:-1]}
    assert {r.label for r in index_images(root, labels={**answers, words[-1]: "fake"})} == {"real", "fake"}


@pytest.mark.parametrize("words", [("real", "ai"), ("Nature", "FAKE"), ("real", "generated")])
def test_two_words_of_two_conventions_are_taken_with_a_note(tmp_path, words):
    notes: list[str] = []
    root = touch(tmp_path / "set", *(f"g/{word}/0.png" for word in words))
    records = index_images(root, on_note=notes.append)
    assert {(r.path.parent.name, r.label) for r in records} == {(words[0], "real"), (words[1], "fake")}
    assert any("folder names of different conventions" in note for note in notes)


# --- published sets -------------------------------------------------------------------------------------------------


def test_genimage(tmp_path):
    """Its folders as they are unpacked (Zhu et al., NeurIPS 2023)."""
    inner = {"BigGAN": "imagenet_ai_0419_biggan", "Midjourney": "imagenet_midjourney"}
    names = [
        f"{generator}/{inner[generator]}/{split}/{side}/{number}.PNG"
        for generator, split, side, number in itertools.product(inner, ("train", "val"), ("ai", "nature"), range(2))
    ]
    root = touch(tmp_path / "GenImage", *names)
    assert told(index_images(root)) == {
        (generator, label, inner[generator], split)
        for generator, label, split in itertools.product(inner, ("real", "fake"), ("train", "val"))
    }
    tiny = index_images(root / "BigGAN")
    assert {(r.generator, r.label, r.split) for r in tiny} == {
        ("imagenet_ai_0419_biggan", label, split) for label in ("real", "fake") for split in ("train", "val")
    }


BEDROOM_MODELS = ("adm", "ddpm", "if", "ldm", "dalle2", "sdv1_new2", "diff-projectedgan", "vqdiffusion")


def diffusion_forensics(root: Path) -> Path:
    names = []
    for split, data_set, models in (
        ("train", "lsun_bedroom", ("adm", "iddpm", "pndm", "stylegan")),
        ("train", "imagenet", ("adm",)),
        (
            "test",
            "lsun_bedroom",
            ("adm", "ddpm", "if", "ldm", "dalle2", "sdv1_new2", "diff-projectedgan", "vqdiffusion"),
        ),
        ("test", "celebahq", ("sdv2", "midjourney", "dalle2", "if")),
    ):
        inner = "n01440764/" if data_set == "imagenet" else ""
        names += [f"{split}/{data_set}/{side}/{inner}{number}.png" for side in ("real", *models) for number in range(3)]
    return touch(root, *names)


def test_diffusion_forensics(tmp_path):
    """Generators by their names, beside one real side (Wang et al., ICCV 2023)."""
    root = diffusion_forensics(tmp_path / "dire")
    notes: list[str] = []
    records = index_images(root, on_note=notes.append)
    bedrooms = [r for r in records if r.category == "lsun_bedroom" and r.split == "test"]
    assert {r.generator for r in bedrooms} == set(BEDROOM_MODELS)
    for record in records:
        assert (record.label == "real") == ("real" in record.path.parts)
        assert record.label == "real" or record.generator in record.path.parts
        assert record.split in record.path.parts
        assert record.category in ("lsun_bedroom", "celebahq", "imagenet")
    assert len([r for r in bedrooms if r.label == "real"]) == 8 * 3
    shared = [note for note in notes if isinstance(note, SharedReal)]
    assert f"real side shared by 8 generators: {root}/test/lsun_bedroom/real, 3 images" in shared
    assert f"real side shared by 1 generator: {root}/train/imagenet/real, 3 images" in shared
    assert len(shared) == len(notes) == 4
    entry = real_sides(notes)["real_sides"][0]
    assert set(entry) == {"path", "images", "generators"}
    # One source named by the user is one generator, whose real images are listed once.
    one = index_images(root / "test" / "celebahq", generator="all")
    assert [r.label for r in one].count("real") == 3
    assert {r.generator for r in one} == {"all"}
    side = index_images(root / "test" / "celebahq" / "real")
    assert {(r.label, r.generator) for r in side} == {("real", "celebahq")}


def test_a_real_side_beside_generators_with_sides_of_their_own_is_none_of_theirs(tmp_path):
    """Their real images must not become fake ones."""
    root = touch(tmp_path / "set", "biggan/0_real/a.png", "biggan/1_fake/b.png", "real/c.png")
    notes: list[str] = []
    assert told(index_images(root, on_note=notes.append)) == {
        ("biggan", "real", None, None),
        ("biggan", "fake", None, None),
    }
    assert any("real has neither 0_real nor 1_fake" in note for note in notes)


def test_a_folder_beside_generators_that_may_be_none_is_asked_about(tmp_path):
    root = touch(tmp_path / "set", "adm/a.png", "real/b.png", "cats/c.png")
    with pytest.raises(ValueError, match=r"^labels must say what 'cats' is, e\.g\. fake=cats, or unknown=cats"):
        index_images(root)
    notes: list[str] = []
    assert told(index_images(root, labels={"cats": "unknown"}, on_note=notes.append)) == {
        ("adm", "real", None, None),
        ("adm", "fake", None, None),
    }
    assert any("cats lies beside adm and real: left out" in note for note in notes)
    assert {r.generator for r in index_images(root, labels={"CATS": "fake"}, on_note=notes.append)} == {"adm", "cats"}


def artifact(root: Path) -> Path:
    for generator, targets in {"coco": (0, 0), "big_gan": (6, 6), "cycle_gan": (0, 1)}.items():
        touch(root, *(f"{generator}/images/img{number}.jpg" for number in range(3)))
        rows = [f"img{n}.jpg,images/img{n}.jpg,{target},horse" for n, target in enumerate(targets)]
        table = root / generator / "metadata.csv"
        table.write_text("\n".join(["filename,image_path,target,category", *rows, ""]), encoding="utf-8")
    return root


def test_artifact(tmp_path):
    """A table in the folder of each generator (Rahman et al., ICIP 2023)."""
    root = artifact(tmp_path / "artifact")
    notes: list[str] = []
    records = index_images(root, on_note=notes.append)
    assert [(r.path.relative_to(root).as_posix(), r.label, r.generator, r.category) for r in records] == [
        ("big_gan/images/img0.jpg", "fake", "big_gan", "horse"),
        ("big_gan/images/img1.jpg", "fake", "big_gan", "horse"),
        ("coco/images/img0.jpg", "real", "coco", "horse"),
        ("coco/images/img1.jpg", "real", "coco", "horse"),
        ("cycle_gan/images/img1.jpg", "fake", "cycle_gan", "horse"),
        ("cycle_gan/images/img0.jpg", "real", "cycle_gan", "horse"),
    ]
    assert sum("metadata.csv does not list, left out: 1" in note for note in notes) == 3
    for source in (root / "cycle_gan", root / "cycle_gan" / "metadata.csv"):
        alone = index_images(source, on_note=notes.append)
        assert {(r.label, r.generator) for r in alone} == {("real", "cycle_gan"), ("fake", "cycle_gan")}


def test_metadata_of_another_kind_is_a_text_file(tmp_path):
    root = touch(tmp_path / "set", "a/0.png")
    (root / "a" / "metadata.csv").write_text("file,caption\n0.png,a cat\n", encoding="utf-8")
    notes: list[str] = []
    assert told(index_images(root, on_note=notes.append)) == {("a", "unknown", None, None)}
    assert notes == [f"left out of {root}: 1 text file (metadata.csv)"]


def test_a_target_that_is_no_number_is_named(tmp_path):
    root = artifact(tmp_path / "artifact")
    table = root / "coco" / "metadata.csv"
    table.write_text("filename,image_path,target,category\na.jpg,a.jpg,real?,x\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"metadata\.csv line 2: target 'real\?' is not a number"):
        index_images(root / "coco")


# --- words ----------------------------------------------------------------------------------------------------------


def test_tables_understand_the_words_of_folders(tmp_path):
    words = ["nature", "AI", "0_real", "1_fake", "Au", "generated", "real", "", "unknown"]
    lines = [f"{number}.png,{word},g" for number, word in enumerate(words)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,label,generator", *lines]), encoding="utf-8")
    by_number = sorted(index_images(table), key=lambda record: record.path.name)
    assert [r.label for r in by_number] == [
        "real",
        "fake",
        "real",
        "fake",
        "real",
        "fake",
        "real",
        "unknown",
        "unknown",
    ]


@pytest.mark.parametrize(("word", "answer"), [("0", "fake"), ("photo", "real"), ("1", "unknown")])
def test_other_words_of_tables_need_labels(tmp_path, word, answer):
    table = tmp_path / "t.csv"
    table.write_text(f"path,label,generator\na.png,{word},g\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"t\.csv line 2: label '{word}' is not real, fake, unknown: labels must say"):
        index_images(table)
    assert [r.label for r in index_images(table, labels={word: answer})] == [answer]


def test_labels_come_before_what_is_understood(tmp_path):
    root = touch(tmp_path / "set", "g/nature/0.png", "g/ai/1.png")
    swapped = index_images(root, labels={"Nature": "fake", "AI": "real"})
    assert {(r.path.parent.name, r.label) for r in swapped} == {("nature", "fake"), ("ai", "real")}
    assert {r.label for r in index_images(root, labels={"nature": "unknown", "ai": "unknown"})} == {"unknown"}


@pytest.mark.parametrize(
    ("labels", "message"),
    [({"a": "photo"}, "labels must map words to real, fake or unknown, got 'photo' for 'a'"),
     ({"a": "real", "A": "fake"}, "labels must give 'a' one meaning, got real and fake")],
)  # fmt: skip
def test_labels_that_are_none(tmp_path, labels, message):
    with pytest.raises(ValueError, match=message):
        index_images(touch(tmp_path, "a/0.png"), labels=labels)


def test_label_of_word():
    words = {"photos": "real", "1": "fake", "ai": "unknown"}
    for word, alone, with_words in [
        (" Nature ", "real", "real"), ("1-FAKE", "fake", "fake"), ("0_fake", "fake", "fake"), ("TP", "fake", "fake"),
        ("unknown", "unknown", "unknown"), ("photos", None, "real"), ("1", None, "fake"), ("ai", "fake", "unknown"),
        ("", None, None), ("diffusion", None, None),
    ]:  # fmt: skip
        assert label_of_word(word) == alone
        assert label_of_word(word, words) == with_words


def test_names_of_generators():
    names = "adm ADM if ldm sd15 sdxl DALL-E dalle2 stylegan_official projectedgan vqdiffusion Stable_Diffusion_v1.5"
    others = "cats organ bedroom real 0_real photos if_only sdcard human slogan"
    assert all(map(is_model_name, names.split()))
    assert not any(map(is_model_name, others.split()))
    assert tell_sides(["real", "gan", "diffusion"]).labels == {}  # words, no names
