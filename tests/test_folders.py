from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from freqforensics.images import FolderWarning, ImageRecord, by_generator, index_images, index_sources


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")  # indexing opens no image
    return root


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
        "Thumbs.db",
        "cover.png",
        "notes",
        "loose.png",
        "README.md",
        "thumbnails",
        "__pycache__",
        "empty is empty",
        "crn/0_real holds no image",
    ):
        assert named in text
    assert "hidden" not in text
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
    with pytest.raises(FileNotFoundError, match="no such folder"):
        index_images(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="not a folder or a"):
        index_images(touch(tmp_path, "a.png") / "a.png")


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
    (tmp_path / "t.csv").write_text("path,label,generator\na.png,real,g\na.png,fake,g\n", encoding="utf-8")
    with pytest.warns(FolderWarning, match=r"rows of .* that repeat a path, kept once: 1"):
        records = index_images(tmp_path / "t.csv")
    assert [r.label for r in records] == ["real"]


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


def test_groups_are_ordered(tmp_path):
    touch(tmp_path, "b/1_fake/1.png", "b/0_real/1.png", "a/1_fake/1.png")
    assert list(by_generator(index_images(tmp_path))) == [("a", "fake"), ("b", "real"), ("b", "fake")]
