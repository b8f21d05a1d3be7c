from __future__ import annotations

import copy
import os
import pickle
import random
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from trees import touch

from freqforensics.sources import leftovers
from freqforensics.sources.records import ImageRecord, by_generator
from freqforensics.sources.sources import FolderWarning, index_images, index_sources


def rows(records: list[ImageRecord], root: Path) -> list[tuple]:
    return [(r.path.relative_to(root).as_posix(), r.label, r.generator, r.category, r.split) for r in records]


def test_root_of_generators(tmp_path):
    touch(tmp_path, "biggan/0_real/b.png", "biggan/1_fake/a.PNG", "crn/0_real/x.jpg", "crn/1_fake/y.webp")
    assert rows(index_images(tmp_path), tmp_path) == [
        ("biggan/1_fake/a.PNG", "fake", "biggan", None, None),
        ("biggan/0_real/b.png", "real", "biggan", None, None),
        ("crn/1_fake/y.webp", "fake", "crn", None, None),
        ("crn/0_real/x.jpg", "real", "crn", None, None),
    ]


def test_one_generator_and_one_side_of_it(tmp_path):
    touch(tmp_path, "san/0_real/a.png", "san/1_fake/b.png")
    both = index_images(tmp_path / "san")
    assert {(r.generator, r.label) for r in both} == {("san", "real"), ("san", "fake")}
    assert rows(index_images(tmp_path / "san" / "1_fake"), tmp_path) == [
        ("san/1_fake/b.png", "fake", "san", None, None)
    ]


def test_multi_class_generators_in_a_root(tmp_path):
    touch(tmp_path, "progan/cat/0_real/a.png", "progan/dog/1_fake/b.png", "biggan/0_real/c.png")
    assert rows(index_images(tmp_path), tmp_path) == [
        ("biggan/0_real/c.png", "real", "biggan", None, None),
        ("progan/cat/0_real/a.png", "real", "progan", "cat", None),
        ("progan/dog/1_fake/b.png", "fake", "progan", "dog", None),
    ]


@pytest.mark.parametrize("name", ["progan", "StyleGAN2", "cyclegan"])
def test_multi_class_generator_itself_by_its_known_name(tmp_path, name):
    root = touch(tmp_path / name, "cat/0_real/a.png", "dog/1_fake/b.png")
    assert {(r.generator, r.category) for r in index_images(root)} == {(name, "cat"), (name, "dog")}


def test_a_given_name_makes_folders_categories(tmp_path):
    root = touch(tmp_path / "mine", "cat/0_real/a.png", "dog/1_fake/b.png")
    assert {r.generator for r in index_images(root)} == {"cat", "dog"}
    assert {(r.generator, r.category) for r in index_images(root, generator="g")} == {("g", "cat"), ("g", "dog")}
    plain = touch(tmp_path / "plain", "cat/a.png", "b.png")
    assert {(r.generator, r.category) for r in index_images(plain, generator="g")} == {("g", "cat"), ("g", None)}


def test_train_and_val_roots(tmp_path):
    root = touch(tmp_path / "set", "train/cat/0_real/a.png", "train/cat/1_fake/b.png", "val/dog/1_fake/c.png")
    expected = {("real", "set", "cat", "train"), ("fake", "set", "cat", "train"), ("fake", "set", "dog", "val")}
    assert {(r.label, r.generator, r.category, r.split) for r in index_images(root)} == expected
    inside = index_images(root / "train")
    assert {(r.generator, r.category, r.split) for r in inside} == {("set", "cat", "train")}
    flat = touch(tmp_path / "flat", "train/0_real/a.png", "test/1_fake/b.png")
    assert {(r.generator, r.category, r.split) for r in index_images(flat)} == {
        ("flat", None, "train"),
        ("flat", None, "test"),
    }


def test_a_test_root_holds_generators(tmp_path):
    """The layout of the published test set, from the folder `test`, from above it, and by a relative path."""
    root = touch(
        tmp_path / "ForenSynths",
        "test/biggan/0_real/a.png",
        "test/san/1_fake/b.png",
        "test/progan/cat/0_real/c.png",
        "test/progan/dog/1_fake/d.png",
        "train/cat/0_real/e.png",
    )
    expected = {
        ("biggan", "real", None, "test"),
        ("san", "fake", None, "test"),
        ("progan", "real", "cat", "test"),
        ("progan", "fake", "dog", "test"),
    }
    for source in (root / "test", Path(os.path.relpath(root / "test"))):
        assert {(r.generator, r.label, r.category, r.split) for r in index_images(source)} == expected
    whole = {(r.generator, r.label, r.category, r.split) for r in index_images(root)}
    assert whole == expected | {("ForenSynths", "real", "cat", "train")}


def test_plain_folders_have_unknown_labels(tmp_path):
    touch(tmp_path, "holiday/a.jpg", "holiday/sub/deep/b.jpg", "work/c.jpg")
    assert rows(index_images(tmp_path), tmp_path) == [
        ("holiday/a.jpg", "unknown", "holiday", None, None),
        ("holiday/sub/deep/b.jpg", "unknown", "holiday", "sub/deep", None),
        ("work/c.jpg", "unknown", "work", None, None),
    ]
    assert {r.generator for r in index_images(tmp_path / "holiday")} == {"holiday", "sub"}


def test_order_does_not_depend_on_the_file_system(tmp_path, monkeypatch):
    names = [f"g{i % 3}/{('0_real', '1_fake')[i % 2]}/{i:03d}.png" for i in range(60)]
    expected = index_images(touch(tmp_path, *names))
    original = os.scandir

    class Shuffled:
        def __init__(self, path):
            self.entries = list(original(path))
            random.Random(1).shuffle(self.entries)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(os, "scandir", Shuffled)
    assert index_images(tmp_path) == expected


def test_strays_are_named_and_never_become_classes(tmp_path):
    touch(
        tmp_path,
        "biggan/0_real/a.png",
        "biggan/0_real/Thumbs.db",
        "biggan/0_real/.hidden.png",
        "biggan/cover.png",
        "biggan/notes/readme.png",
        "loose.png",
        "README.md",
        "thumbnails/t.png",
        ".cache/0_real/x.png",
        "__pycache__/x.pyc",
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "crn" / "0_real").mkdir(parents=True)
    notes: list[str] = []
    records = index_images(tmp_path, on_note=notes.append)
    assert rows(records, tmp_path) == [("biggan/0_real/a.png", "real", "biggan", None, None)]
    text = "\n".join(notes)
    for named in (
        "cover.png",
        "notes",
        "loose.png",
        "1 text file (README.md), 1 other file (x.pyc)",
        "thumbnails",
        "__pycache__",
        "empty is empty",
        "crn/0_real holds no image",
    ):
        assert named in text
    assert "hidden" not in text
    assert "Thumbs" not in text
    with pytest.warns(FolderWarning):
        index_images(tmp_path)


def test_loops_of_links_end(tmp_path):
    touch(tmp_path, "g/0_real/a.png")
    (tmp_path / "g" / "0_real" / "again").symlink_to(tmp_path / "g")
    (tmp_path / "g" / "0_real" / "self").symlink_to("self")
    (tmp_path / "g" / "0_real" / "gone.png").symlink_to("nowhere.png")
    notes: list[str] = []
    assert len(index_images(tmp_path, on_note=notes.append)) == 1
    assert sum("links back to a folder above it" in note for note in notes) == 1
    assert (
        sum("a broken link or special file" in note for note in notes) == 2
    )  # the link to itself and the dangling one


@pytest.mark.parametrize("above", [".", "..", "/"])
def test_a_link_to_a_folder_above_the_source_is_not_followed(tmp_path, above):
    source = touch(tmp_path / "data" / "set", "g/0_real/a.png", "g/1_fake/b.png")
    target = Path("/") if above == "/" else (source / above).resolve()
    for place in (source / "up", source / "g" / "0_real" / "up"):
        place.symlink_to(target)
    notes: list[str] = []
    assert len(index_images(source, on_note=notes.append)) == 2
    assert sum("up links back to a folder above it: left out" in note for note in notes) == 2
    plain = touch(tmp_path / "data" / "plain", "x/a.png")
    (plain / "up").symlink_to(tmp_path / "data")
    assert len(index_images(plain, on_note=notes.append)) == 1


def test_links_list_no_file_twice(tmp_path):
    touch(tmp_path, "b/1.png", "b/2.png")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "3.png").symlink_to(tmp_path / "b" / "1.png")
    with pytest.warns(FolderWarning, match=r"files of .* that links list twice, kept once: 4, first .*a/1\.png"):
        records = index_images(tmp_path)
    assert rows(records, tmp_path) == [
        ("b/1.png", "unknown", "b", None, None),
        ("b/2.png", "unknown", "b", None, None),
    ]


def test_real_images_may_be_shared_by_generators_but_not_by_sides(tmp_path):
    touch(tmp_path, "shared/r.png", "set/g/1_fake/a.png", "set/h/1_fake/b.png")
    for generator in ("g", "h"):
        (tmp_path / "set" / generator / "0_real").symlink_to(tmp_path / "shared")
    groups = by_generator(index_images(tmp_path / "set"))
    assert {key: len(group) for key, group in groups.items()} == dict.fromkeys(
        [("g", "real"), ("g", "fake"), ("h", "real"), ("h", "fake")], 1
    )
    (tmp_path / "set" / "h" / "1_fake" / "again.png").symlink_to(tmp_path / "shared" / "r.png")
    with pytest.raises(
        ValueError, match=r"set lists .*r\.png as (real|fake) and as (real|fake) \(.*again\.png\)|again"
    ):
        index_images(tmp_path / "set")


def test_linked_folders_are_followed(tmp_path):
    touch(tmp_path / "store", "a.png")
    (tmp_path / "set" / "g").mkdir(parents=True)
    (tmp_path / "set" / "g" / "1_fake").symlink_to(tmp_path / "store")
    assert [(r.generator, r.label) for r in index_images(tmp_path / "set")] == [("g", "fake")]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    touch(tmp_path, "g/0_real/a.png", "h/0_real/b.png")
    original = os.scandir

    def refusing(path):
        if Path(path).name == "h":
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "scandir", refusing)
    notes: list[str] = []
    assert {r.generator for r in index_images(tmp_path, on_note=notes.append)} == {"g"}
    assert any("h cannot be listed (permission denied)" in note for note in notes)


def test_the_same_name_with_two_suffixes_is_named(tmp_path):
    touch(tmp_path, "g/a.png", "g/a.jpg")
    with pytest.warns(FolderWarning, match="names with more than one suffix .*: 1, first"):
        assert len(index_images(tmp_path)) == 2


@pytest.mark.parametrize("make", [lambda p: None, lambda p: touch(p, "a.txt", "b/c.txt"), lambda p: (p / "e").mkdir()])
def test_a_source_without_images_shows_the_layouts(tmp_path, make):
    make(tmp_path)
    with pytest.raises(ValueError, match=r"(?s)no image in .*0_real,1_fake.*table\.csv"):
        index_images(tmp_path, on_note=lambda note: None)


def test_no_folder_and_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        index_images(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"a\.pdf is not an image by its suffix '\.pdf', and no \.csv, \.tsv or \.txt"):
        index_images(touch(tmp_path, "a.pdf") / "a.pdf")


def test_a_linked_source_keeps_its_own_name(tmp_path):
    touch(tmp_path / "store" / "abc123", "0_real/a.png")
    (tmp_path / "mygan").symlink_to(tmp_path / "store" / "abc123")
    assert {r.generator for r in index_images(tmp_path / "mygan")} == {"mygan"}


def test_results_of_this_package_are_no_images(tmp_path):
    touch(tmp_path, "g/a.png", "res/fingerprints.png", "other/b.png")
    (tmp_path / "res" / "manifest.json").write_text('{"freqforensics": "0.1.0"}')
    (tmp_path / "other" / "manifest.json").write_text('{"name": "something else"}')
    notes: list[str] = []
    assert {r.generator for r in index_images(tmp_path, on_note=notes.append)} == {"g", "other"}
    assert any("res holds results of freqforensics" in note for note in notes)


def test_names_of_generators_can_be_printed(tmp_path):
    touch(tmp_path, "two\nlines/a.png")
    odd = os.fsencode(tmp_path) + b"/bytes\xff"
    Path(os.fsdecode(odd)).mkdir()
    Path(os.fsdecode(odd), "a.png").write_bytes(b"")
    assert [r.generator for r in index_images(tmp_path)] == [r"bytes\udcff", r"two\nlines"]
    assert all(r.path.exists() for r in index_images(tmp_path))


# --- names of sides -------------------------------------------------------------------------------------------------


def labels(records: list[ImageRecord]) -> dict[str, str]:
    return {r.path.parent.name: r.label for r in records}


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        ("ai", "nature"),
        ("AI", "Nature"),
        ("FAKE", "REAL"),
        ("fake", "real"),
        ("Synthetic", "authentic"),
        ("1_fake", "0_real"),
        ("1_FAKE", "0_REAL"),
        ("0_fake", "1_real"),
        ("Tp", "Au"),
    ],
)
def test_pairs_of_folder_names_are_labels_in_any_case(tmp_path, fake, real):
    touch(tmp_path, f"set/gen/{fake}/a.png", f"set/gen/{real}/b.png", f"set/gen/{real}/sub/c.png")
    expected = [
        (f"gen/{fake}/a.png", "fake", "gen", None, None),
        (f"gen/{real}/b.png", "real", "gen", None, None),
        (f"gen/{real}/sub/c.png", "real", "gen", "sub", None),
    ]
    assert sorted(rows(index_images(tmp_path / "set"), tmp_path / "set")) == sorted(expected)
    assert {r.generator for r in index_images(tmp_path / "set" / "gen")} == {"gen"}
    for side, label in ((fake, "fake"), (real, "real")):
        (sides,) = {(r.label, r.generator) for r in index_images(tmp_path / "set" / "gen" / side)}
        assert sides == (label, "gen")


def test_the_layout_of_genimage(tmp_path):
    names = [
        f"{generator}/{split}/{side}/0.png"
        for generator in ("Midjourney", "biggan")
        for split in ("train", "val")
        for side in ("ai", "nature")
    ]
    records = index_images(touch(tmp_path / "set", *names))
    assert {(r.generator, r.split, r.label, r.category) for r in records} == {
        (generator, split, label, None)
        for generator in ("Midjourney", "biggan")
        for split in ("train", "val")
        for label in ("real", "fake")
    }
    one = index_images(tmp_path / "set" / "biggan" / "train")
    assert {(r.generator, r.split, r.label) for r in one} == {
        ("biggan", "train", "real"),
        ("biggan", "train", "fake"),
    }


def test_the_layout_of_cifake(tmp_path):
    root = touch(tmp_path / "cifake", "test/FAKE/0.jpg", "test/REAL/0.jpg", "train/FAKE/1.jpg", "train/REAL/1.jpg")
    assert {(r.generator, r.label, r.split) for r in index_images(root)} == {
        ("cifake", label, split) for label in ("real", "fake") for split in ("train", "test")
    }
    assert {(r.generator, r.label, r.split) for r in index_images(root / "test" / "FAKE")} == {
        ("cifake", "fake", "test")
    }


def test_trains_are_a_class_of_progan(tmp_path):
    touch(tmp_path, "progan/train/0_real/a.png", "biggan/val/0_real/b.png", "biggan/train/0_real/c.png")
    assert {(r.generator, r.category, r.split) for r in index_images(tmp_path)} == {
        ("progan", "train", None),
        ("biggan", None, "val"),
        ("biggan", None, "train"),
    }


def test_words_of_two_conventions_are_taken_with_a_note(tmp_path):
    touch(tmp_path, "real/a.png", "ai/b.png")
    notes: list[str] = []
    assert labels(index_images(tmp_path, on_note=notes.append)) == {"real": "real", "ai": "fake"}
    assert any("different conventions: 'ai' as fake, 'real' as real" in note for note in notes)


def test_one_side_alone(tmp_path):
    touch(tmp_path, "a/fake/1.png", "b/nature/1.png", "b/holiday/2.png", "c/real/1.png", "c/cats/2.png")
    notes: list[str] = []
    assert labels(index_images(tmp_path / "a", on_note=notes.append)) == {"fake": "fake"}
    assert "a folder without its other side: 'fake' as fake" in notes[0]
    for place, folder in (("b", "nature"), ("c", "real")):
        notes.clear()
        assert set(labels(index_images(tmp_path / place, on_note=notes.append)).values()) == {"unknown"}
        assert any(f"the folder '{folder}' has no other side beside it: label unknown" in note for note in notes)


@pytest.mark.parametrize(("fake", "real"), [("generated", "original"), ("gan", "real"), ("ai", "Photos")])
@pytest.mark.parametrize("name", [None, "mine"])
def test_doubtful_words_are_asked_about(tmp_path, fake, real, name):
    """Never one group of both; the answer that the message suggests works as it stands."""
    root = touch(tmp_path / "set", *(f"deep/down/{side}/{k}.png" for side in (fake, real) for k in range(3)))
    for source in (root, root / "deep", root / "deep" / "down"):
        with pytest.raises(ValueError, match=f"^labels must say what '{real}' and '{fake}' are, e.g. ") as refused:
            index_images(source, generator=name)
        answer = re.search(r"e\.g\. (\S+)", str(refused.value))[1]
        assert answer == f"real={real},fake={fake}"
        answers = {word.upper(): label for label, word in (pair.split("=") for pair in answer.split(","))}
        records = index_images(source, generator=name, labels=answers)
        assert labels(records) == {fake: "fake", real: "real"}
        assert len({record.generator for record in records}) == 1
        apart = index_images(source, generator=name, labels=dict.fromkeys([real, fake], "unknown"))
        assert {record.label for record in apart} == {"unknown"}


def test_pairs_lie_at_any_depth(tmp_path):
    touch(tmp_path / "set", "g/a/b/c/d/real/1.png", "g/a/b/c/d/fake/1.png")
    assert {(r.label, r.generator, r.category) for r in index_images(tmp_path / "set")} == {
        ("real", "g", "a/b/c/d"),
        ("fake", "g", "a/b/c/d"),
    }


# --- files that are no images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("readable", [False, True])
def test_files_left_out_are_counted_by_kind_in_one_line(tmp_path, monkeypatch, readable):
    monkeypatch.setattr(leftovers, "reads_heic", lambda: readable)
    names = ["a.png", "x/b.png", "IMG_1.HEIC", "x/IMG_2.heic", "x/IMG_3.heif", "clip.MOV"]
    names += [
        "x/clip.mp4",
        "paper.pdf",
        "x/set.zip",
        "shot.dng",
        "shot.CR2",
        "notes.txt",
        "x/labels.csv",
        "strange.xyz",
        "noending",
    ]
    quiet = ["Thumbs.db", "x/thumbs.db", "desktop.ini", ".DS_Store", ".hidden.txt", "x/manifest.json", "x/._IMG_1.HEIC"]
    notes: list[str] = []
    records = index_images(touch(tmp_path / "photos", *names, *quiet), on_note=notes.append)
    heic = [] if readable else ["3 HEIC (pip install 'freqforensics[heic]')"]
    rest = ["2 RAW", "2 videos", "1 PDF", "1 archive"]
    rest += ["2 text files (first labels.csv)", "2 other files (first noending)"]
    assert notes == [f"left out of {tmp_path / 'photos'}: {', '.join(heic + rest)}"]
    assert len(records) == (5 if readable else 2)


def test_a_folder_of_heic_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "reads_heic", lambda: False)
    with pytest.raises(ValueError, match=r"no image in .*phone \(2 HEIC \(pip install 'freqforensics\[heic\]'\)\)\n"):
        index_images(touch(tmp_path / "phone", "1.heic", "2.HEIC"))


# --- tables ---------------------------------------------------------------------------------------------------------


def test_tables(tmp_path):
    (tmp_path / "t.tsv").write_text(
        "\ufeffpath\tlabel\tgenerator\tcategory\tsplit\nx/b.png\tfake\tbiggan\tcat\ttest\nx/0_real/a.png\tREAL\t\t\t\n",
        encoding="utf-8",
    )
    assert rows(index_images(tmp_path / "t.tsv"), tmp_path) == [
        ("x/b.png", "fake", "biggan", "cat", "test"),
        ("x/0_real/a.png", "real", "x", None, None),
    ]
    (tmp_path / "t.csv").write_text('path,label,generator\n"a, b.png",,g\n', encoding="utf-8")
    assert rows(index_images(tmp_path / "t.csv"), tmp_path) == [("a, b.png", "unknown", "g", None, None)]


def test_repeated_rows_are_kept_once(tmp_path):
    (tmp_path / "t.csv").write_text(
        "path,label,generator\nb.png,fake,g\na.png,real,g\n./a.png,,h\na.png,real,g\n", encoding="utf-8"
    )
    with pytest.warns(FolderWarning, match=r"rows of .* that repeat a path, kept once: 2, first .*a\.png"):
        records = index_images(tmp_path / "t.csv")
    assert [(r.path.name, r.label, r.generator) for r in records] == [("b.png", "fake", "g"), ("a.png", "real", "g")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"file,label\n", "lacks the column path, generator"),
        (b"path,label,generator\na.png,maybe,g\n", "line 2: label 'maybe'"),
        (b"path,label,generator\n,real,g\n", "line 2: no path"),
        (b"path,label,generator\n\xff\xfe,real,g\n", "UTF-8"),
        (b"path,label,generator\n", "no image in"),
    ],
)
def test_bad_tables(tmp_path, text, message):
    (tmp_path / "t.csv").write_bytes(text)
    with pytest.raises(ValueError, match=message):
        index_images(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "again",
    ["x/a.png,fake,g", "./x//a.png,fake,h", "x/../x/a.png,fake,g", "link/a.png,fake,g", "x/a.png,,g\nx/a.png,fake,g"],
)
def test_a_path_that_is_real_and_fake_is_an_error(tmp_path, again):
    touch(tmp_path, "x/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    (tmp_path / "t.csv").write_text(f"path,label,generator\nx/a.png,real,g\n{again}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"t\.csv lists .*a\.png as (real and as fake|fake and as real)"):
        index_images(tmp_path / "t.csv")


def test_paths_of_a_table_are_spelt_as_pathlib_does(tmp_path, monkeypatch):
    cells = [
        "a.png",
        "x/a.png",
        "./b.png",
        "x//c.png",
        "../d.png",
        "x/./e.png",
        "/abs/f.png",
        "x/.g.png",
        "..h.png",
        "k/",
    ]
    for parent in (tmp_path, Path()):
        monkeypatch.chdir(tmp_path)
        (parent / "t.csv").write_text(
            "path,label,generator\n" + "".join(f"{cell},real,g\n" for cell in cells), encoding="utf-8"
        )
        records = index_images(parent / "t.csv")
        assert {str(record.path) for record in records} == {str(parent / cell) for cell in cells}


@pytest.mark.long
def test_a_large_table_takes_little_time_and_memory(tmp_path):
    """At 100,000 rows; a million took 6 s of processor time and 245 MB, of which 52 MB were there before."""
    code = """
import resource, sys, time
from freqforensics.sources import index_images

def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)

index_images(sys.argv[1])
before = used()
records = index_images(sys.argv[2])
after = used()
print(len(records), after[0] - before[0], after[1] - before[1])
"""
    pytest.importorskip("resource")
    for name, rows in (("one.csv", 1), ("many.csv", 100_000)):
        lines = [
            f"g{i % 20}/{i % 2}/{i * 7919 % rows:07d}.png,{('real', 'fake')[i % 2]},g{i % 20},c,test\n"
            for i in range(rows)
        ]
        (tmp_path / name).write_text("path,label,generator,category,split\n" + "".join(lines), encoding="utf-8")
    command = [sys.executable, "-c", code, str(tmp_path / "one.csv"), str(tmp_path / "many.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, seconds, memory = map(float, done.stdout.split())
    assert count == 100_000
    assert seconds < 2
    assert memory < 30e6


def test_records_keep_paths_as_paths():
    record = ImageRecord(Path("a") / "b.png", "real", "g")
    assert record.path == Path("a/b.png")
    assert isinstance(record.path, Path)
    assert record == ImageRecord(Path("a/./b.png"), "real", "g")
    assert hash(record) == hash(ImageRecord(Path("a/./b.png"), "real", "g"))
    assert pickle.loads(pickle.dumps(record)) == record == copy.deepcopy(record)
    assert replace(record, path=Path("c.png"), split="val") == ImageRecord(Path("c.png"), "real", "g", None, "val")
    assert repr(record).startswith("ImageRecord(path=PosixPath('a/b.png'), label='real', generator='g'")
    with pytest.raises(FrozenInstanceError):
        record.path = Path("d.png")


# --- several sources ------------------------------------------------------------------------------------------------


def test_sources_named_and_merged(tmp_path):
    a = touch(tmp_path / "a", "biggan/0_real/1.png")
    b = touch(tmp_path / "b", "2.png")
    records = index_sources([a, f"mine={b}"])
    assert [(r.generator, r.label) for r in records] == [("biggan", "real"), ("mine", "unknown")]


def test_equal_names_of_different_sources_stay_apart(tmp_path):
    a = touch(tmp_path / "a", "progan/0_real/1.png")
    b = touch(tmp_path / "b", "progan/0_real/1.png")
    notes: list[str] = []
    records = index_sources([a, b / "progan"], on_note=notes.append)
    assert [r.generator for r in records] == ["b/progan", "progan"]
    assert "two sources have a generator 'progan'" in notes[0]


def test_a_source_given_twice_counts_once(tmp_path):
    a = touch(tmp_path / "a", "progan/0_real/1.png")
    with pytest.warns(FolderWarning, match=r"files of .* that an earlier source lists too, kept once: 1"):
        assert len(index_sources([a, a])) == 1


def test_files_listed_twice_are_seen_through_links_and_dots(tmp_path):
    a = touch(tmp_path / "a", "progan/0_real/1.png")
    (tmp_path / "link").symlink_to(a)
    for again in (tmp_path / "a" / ".." / "a", tmp_path / "link"):
        with pytest.warns(FolderWarning, match="kept once: 1"):
            assert len(index_sources([a, again])) == 1


def test_sources_that_contradict_each_other_are_an_error(tmp_path):
    touch(tmp_path, "g/0_real/a.png", "g/1_fake/b.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "g" / "0_real" / "a.png")
    for cell in ("g/0_real/a.png", "link.png"):
        (tmp_path / "t.csv").write_text(f"path,label,generator\n{cell},fake,other\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"t\.csv, with an earlier source, lists .*a\.png as real and as fake"):
            index_sources([tmp_path / "g", tmp_path / "t.csv"], on_note=lambda note: None)
    (tmp_path / "t.csv").write_text("path,label,generator\ng/0_real/a.png,,other\n", encoding="utf-8")
    with pytest.warns(FolderWarning, match="kept once: 1"):
        records = index_sources([tmp_path / "g", tmp_path / "t.csv"])
    assert [r.label for r in records] == ["fake", "real"]


def test_groups_are_ordered(tmp_path):
    touch(tmp_path, "b/1_fake/1.png", "b/0_real/1.png", "a/1_fake/1.png")
    assert list(by_generator(index_images(tmp_path))) == [("a", "fake"), ("b", "real"), ("b", "fake")]


def test_a_cell_quoted_for_a_spreadsheet_is_what_it_was(tmp_path):
    (tmp_path / "=x.png").touch()
    (tmp_path / "table.csv").write_text("path,label,generator\n'=x.png,fake,'-gan\n")
    (record,) = index_images(tmp_path / "table.csv")
    assert (record.path, record.generator) == (tmp_path / "=x.png", "-gan")
