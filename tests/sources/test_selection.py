"""Single files, lists, standard input, sources given as one string, and real sides that generators share."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
from trees import touch

from freqforensics.sources import listing
from freqforensics.sources.records import by_generator
from freqforensics.sources.selection import Sources, as_paths, as_sources
from freqforensics.sources.shared import SharedReal, real_sides
from freqforensics.sources.sources import as_files, as_records, index_images, index_sources


def counts(records) -> dict[tuple[str, str], int]:
    return {key: len(group) for key, group in by_generator(records).items()}


# --- one source -----------------------------------------------------------------------------------------------------


def test_a_string_is_one_source(tmp_path):
    touch(tmp_path / "set", "g/0_real/a.png", "g/1_fake/b.png")
    for source in (str(tmp_path / "set"), tmp_path / "set", [tmp_path / "set"], Sources(tmp_path / "set")):
        assert counts(index_sources(source)) == {("g", "real"): 1, ("g", "fake"): 1}
        assert counts(as_records(source)) == {("g", "real"): 1, ("g", "fake"): 1}
    assert as_paths("abc") == ("abc",)
    assert as_sources(Path("abc")) == Sources(["abc"]) or as_sources(Path("abc")).paths == (Path("abc"),)
    records = index_sources(str(tmp_path / "set"))
    assert as_records(records) is records
    assert as_files(records) is records
    assert as_files(str(tmp_path / "set")) == records
    with pytest.raises(TypeError, match="got both"):
        as_records([records[0], "set"])


def test_sources_are_a_sequence_of_paths():
    sources = Sources(["a", "b"], labels={"Photos": "real"}, real="c")
    assert (list(sources), len(sources), sources[1], sources[:1]) == (["a", "b"], 2, "b", ("a",))
    assert (sources.labels, sources.real) == ({"photos": "real"}, ("c",))
    assert sources.alike("d") == Sources("d", labels={"photos": "real"})
    assert list(sources.alike(None)) == []
    with pytest.raises(ValueError, match="labels must map words to real, fake or unknown, got 'true' for 'a'"):
        Sources("a", labels={"a": "true"})


# --- files and lists ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("holiday/a.png", ("holiday", "unknown", None, None)),
        ("biggan/0_real/a.png", ("biggan", "real", None, None)),
        ("biggan/1_fake/cat/deep/a.png", ("biggan", "fake", "cat/deep", None)),
        ("Midjourney/val/ai/a.png", ("Midjourney", "fake", None, "val")),
        ("gen/FAKE/test/a.png", ("gen", "fake", None, "test")),
        ("real/holiday/a.png", ("holiday", "unknown", None, None)),
    ],
)
def test_a_file_is_labelled_by_its_folders(tmp_path, name, expected):
    touch(tmp_path, name, "biggan/0_real/b.png", "Midjourney/val/nature/b.png", "gen/REAL/test/b.png", "other/c.png")
    (record,) = index_images(tmp_path / name)
    assert (record.generator, record.label, record.category, record.split) == expected
    assert record.path == tmp_path / name
    (named,) = index_sources([f"mine={tmp_path / name}"])
    assert (named.generator, named.label) == ("mine", expected[1])


def test_files_of_one_folder_are_one_group(tmp_path):
    touch(tmp_path, "a/x/1.png", "a/x/2.png", "b/x/3.png", "g/0_real/4.png", "g/1_fake/5.png")
    notes: list[str] = []
    files = [tmp_path / name for name in ("a/x/1.png", "a/x/2.png", "g/0_real/4.png", "g/1_fake/5.png")]
    assert counts(index_sources(files, on_note=notes.append)) == {
        ("g", "real"): 1,
        ("g", "fake"): 1,
        ("x", "unknown"): 2,
    }
    assert notes == []
    apart = index_sources([*files, tmp_path / "b/x/3.png"], on_note=notes.append)
    assert {r.generator for r in apart} == {"x", "b/x", "g"}
    assert len(notes) == 1
    assert "two sources have a generator 'x'" in notes[0]
    notes.clear()
    both = index_sources([tmp_path / "a" / "x", *files], on_note=notes.append)
    assert counts(both)["x", "unknown"] == 2
    assert ["kept once: 2" in note for note in notes] == [True]


def test_a_list_of_files(tmp_path, monkeypatch):
    touch(tmp_path, "set/g/0_real/a b.png", "set/g/1_fake/b.JPG", "other/c.webp")
    text = f"\ufeff# a comment\nset/g/0_real/a b.png\r\n\n  set/g/1_fake/b.JPG\n{tmp_path / 'other' / 'c.webp'}\n"
    (tmp_path / "list.txt").write_text(text, encoding="utf-8", newline="")
    expected = {("g", "real"): 1, ("g", "fake"): 1, ("other", "unknown"): 1}
    assert counts(index_sources(tmp_path / "list.txt")) == expected
    monkeypatch.chdir(tmp_path / "set")
    assert counts(index_sources(["../list.txt"])) == expected
    assert counts(index_sources(["all=../list.txt"])) == {("all", "real"): 1, ("all", "fake"): 1, ("all", "unknown"): 1}


def test_doubtful_words_are_asked_about_in_lists_too(tmp_path):
    touch(tmp_path, "set/photos/a.png", "set/diffusion/b.png")
    (tmp_path / "list.txt").write_text("set/photos/a.png\nset/diffusion/b.png\n", encoding="utf-8")
    for source in (tmp_path / "list.txt", f"mine={tmp_path / 'list.txt'}"):
        with pytest.raises(ValueError, match=r"^labels must say what 'photos' and 'diffusion' are"):
            index_sources(source)
        records = index_sources(Sources(source, labels={"photos": "real", "diffusion": "fake"}))
        assert sorted((r.path.parent.name, r.label) for r in records) == [("diffusion", "fake"), ("photos", "real")]
        assert len({r.generator for r in records}) == 1


def test_words_that_nothing_is_called_are_told_of_once(tmp_path):
    touch(tmp_path, "set/photos/a.png", "set/diffusion/b.png", "others/snaps/c.png", "others/d.png")
    (tmp_path / "table.csv").write_text("path,label,generator\nset/photos/a.png,7,g\n", encoding="utf-8")
    words = {"Photos": "real", "diffusion": "fake", "snaps": "real", "gone": "unknown", "7": "real"}
    expected = {
        ("set",): "'snaps' or 'gone' or '7'",
        ("set", "table.csv"): "'snaps' or 'gone'",
        ("set", "set/photos"): "'snaps' or 'gone' or '7'",
    }
    for names, unmatched in expected.items():
        notes: list[str] = []
        sources = Sources([tmp_path / name for name in names], labels=words)
        for _ in range(2):
            index_sources(sources, on_note=notes.append)
        told = f"labels: no folder and no label in a table is called {unmatched}"
        assert [note for note in notes if note.startswith("labels")] == [told] * 2
    # Real images that are shared count, and other sources with the same labels are not told of again.
    notes = []
    shared = Sources(
        tmp_path / "set/diffusion", labels={"diffusion": "fake", "snaps": "real"}, real=tmp_path / "others"
    )
    index_sources(shared, on_note=notes.append)
    index_sources(shared.alike(tmp_path / "others"), on_note=notes.append)
    assert [note for note in notes if note.startswith("labels")] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# x\na.png\ngone.png\n", r"^.*list\.txt line 3: no such file: .*gone\.png$"),
        ("a.png\n\nnotes.pdf\n", r"^.*list\.txt line 3: notes\.pdf is not an image by its suffix '\.pdf'$"),
        ("folder\n", r"^.*list\.txt line 1: a folder, no file: .*folder$"),
        ("# nothing\n", r"^no image in .*list\.txt$"),
        ("phone.heic\n", r"^.*list\.txt line 1: phone\.heic is HEIC, .*freqforensics\[heic\]"),
    ],
)
def test_bad_lists(tmp_path, monkeypatch, text, message):
    monkeypatch.setattr(listing, "is_image_name", lambda name: name.endswith(".png"))
    touch(tmp_path, "a.png", "notes.pdf", "phone.heic", "folder/b.png")
    (tmp_path / "list.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        index_sources([tmp_path / "list.txt"])


@pytest.mark.parametrize("separator", ["\n", "\0"])
def test_a_list_on_standard_input_is_read_once(tmp_path, monkeypatch, separator):
    monkeypatch.chdir(touch(tmp_path, "g/0_real/a.png", "g/1_fake/b.png"))
    data = separator.join(["g/0_real/a.png", "g/1_fake/b.png", ""]).encode()
    stream = io.TextIOWrapper(io.BytesIO(data))
    monkeypatch.setattr("sys.stdin", stream)
    for _ in range(2):  # what is checked first is there again
        assert counts(index_sources("-")) == {("g", "real"): 1, ("g", "fake"): 1}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"gone.png\n")))
    with pytest.raises(ValueError, match=r"^standard input line 1: no such file: gone\.png$"):
        index_images("-")


def test_names_with_line_feeds_are_separated_by_nul(tmp_path, monkeypatch):
    monkeypatch.chdir(touch(tmp_path, "g/a\nb.png", "g/#c.png"))
    monkeypatch.setattr("sys.stdin", SimpleStream(b"g/a\nb.png\0g/#c.png\0"))
    assert sorted(os.fspath(r.path) for r in index_sources("-")) == ["g/#c.png", "g/a\nb.png"]


class SimpleStream:
    """Standard input that gives bytes once."""

    def __init__(self, data: bytes) -> None:
        self.buffer = SimpleNamespace(read=io.BytesIO(data).read)


# --- shared real sides ----------------------------------------------------------------------------------------------


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """Three generators: two without a real side."""
    touch(tmp_path, "photos/1.png", "photos/2.jpg", "photos/sub/3.png", "more/0_real/4.png", "more/1_fake/5.png")
    return touch(tmp_path / "set", "adm/1_fake/a.png", "ldm/1_fake/b.png", "gan/0_real/c.png", "gan/1_fake/d.png")


def test_a_real_source_is_the_real_side_of_all_generators_without_one(tmp_path, fakes):
    notes: list[str] = []
    records = index_sources(Sources(fakes, real=[tmp_path / "photos", tmp_path / "more"]), on_note=notes.append)
    assert counts(records) == {
        ("adm", "real"): 4,
        ("adm", "fake"): 1,
        ("gan", "real"): 1,
        ("gan", "fake"): 1,
        ("ldm", "real"): 4,
        ("ldm", "fake"): 1,
    }
    assert f"real side shared by 2 generators: {tmp_path / 'photos'}, 3 images" in notes
    assert not any("more than one suffix" in note for note in notes)
    assert f"real side shared by 2 generators: {tmp_path / 'more'}, 1 image" in notes
    assert f"images of {tmp_path / 'more'} that are labelled fake, left out of the shared real side: 1" in notes
    sides = real_sides(notes)["real_sides"]
    assert sides[0] == {"path": str(tmp_path / "photos"), "images": 3, "generators": ["adm", "ldm"]}
    assert len(sides) == 2
    assert records == sorted(records, key=lambda r: (r.generator, r.category or "", r.label, str(r.path)))


def test_a_shared_real_side_by_a_table(tmp_path, fakes):
    """A table names an image once for each generator."""
    both = ["photos/1.png,real,adm", "photos/1.png,real,ldm", "photos/1.png,real,ldm", "photos/1.png,,x"]
    (tmp_path / "both.csv").write_text("\n".join(["path,label,generator", *both, "photos/2.jpg,real,adm"]))
    told: list[str] = []
    assert counts(index_sources(tmp_path / "both.csv", on_note=told.append)) == {("adm", "real"): 2, ("ldm", "real"): 1}
    assert f"real side shared by 2 generators: {tmp_path / 'both.csv'}, 1 image" in told
    assert any("that repeat a path, kept once: 2, first" in note for note in told)
    table = tmp_path / "t.csv"
    rows = ["photos/1.png,real,adm", "set/adm/1_fake/a.png,fake,adm", "set/ldm/1_fake/b.png,fake,ldm"]
    table.write_text("\n".join(["path,label,generator", *rows]), encoding="utf-8")
    notes: list[str] = []
    records = index_sources(Sources(table, real=tmp_path / "photos"), on_note=notes.append)
    assert counts(records)["adm", "real"] == 1
    assert counts(records)["ldm", "real"] == 3


def test_what_cannot_be_shared(tmp_path, fakes):
    with pytest.raises(
        ValueError, match=r"^real must go with .* got none; labels must say .* e\.g\. fake=photos,fake=sub"
    ):
        index_sources(Sources(tmp_path / "photos", real=tmp_path / "more"), on_note=lambda _: None)
    with pytest.raises(ValueError, match=r"^real must go with generated images that have no real side, got none$"):
        index_sources(Sources(fakes / "gan", real=tmp_path / "more"))
    with pytest.raises(ValueError, match=r"^real must hold real images, got none in .*1_fake$"):
        index_sources(Sources(fakes / "adm", real=tmp_path / "more" / "1_fake"), on_note=lambda _: None)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "x.png").symlink_to(fakes / "adm" / "1_fake" / "a.png")
    with pytest.raises(ValueError, match=r"linked, with .*, lists .*a\.png as fake and as real \(.*x\.png\)"):
        index_sources(Sources(fakes, real=tmp_path / "linked"))


def test_folders_named_as_generators_get_labels_and_a_real_side(tmp_path):
    touch(tmp_path, "set/adm/a.png", "set/mine/b.png", "photos/1.png")
    sources = [tmp_path / "set" / "adm", tmp_path / "set" / "mine"]
    for paths in (tmp_path / "set", sources):
        records = index_sources(
            Sources(paths, labels={"adm": "fake", "Mine": "fake"}, real=tmp_path / "photos"), on_note=lambda _: None
        )
        assert counts(records) == {
            ("adm", "real"): 1,
            ("adm", "fake"): 1,
            ("mine", "real"): 1,
            ("mine", "fake"): 1,
        }


def test_the_note_travels():
    note = SharedReal("photos", 1, ["adm"])
    assert note == "real side shared by 1 generator: photos, 1 image"
    again = pickle.loads(pickle.dumps(note))
    assert (again, again.path, again.images, again.generators) == (note, "photos", 1, ("adm",))
    assert real_sides(["something else"]) == {}
