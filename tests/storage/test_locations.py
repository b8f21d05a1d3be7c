"""Texts of locations: what they name, and that they stay as they are."""

from __future__ import annotations

import pickle
from pathlib import Path, PurePosixPath

import pytest

from freqforensics.storage.locations import Location, as_path, is_location, ordering_name, split_location
from freqforensics.storage.protocol import StorageError
from freqforensics.storage.shards import expanded, gathered

TEXTS = (
    ("d/x.zip::a/b.png", "d/x.zip", "a/b.png"),
    ("d/x.ZIP::b.png", "d/x.ZIP", "b.png"),
    (r"C:\d\x.zip::a/b.png", r"C:\d\x.zip", "a/b.png"),
    ("s3://bucket/x.tar::a//b.png", "s3://bucket/x.tar", "a//b.png"),
    ("https://h/x.zip?a=1::b.png", "https://h/x.zip?a=1", "b.png"),
    ("shards/{000..099}.tar::k.jpg", "shards/{000..099}.tar", "k.jpg"),
    ("s3://bucket//a/b.png", "s3://bucket//a/b.png", None),
    ("x.parquet::0012", "x.parquet", "0012"),
)


@pytest.mark.parametrize(("text", "container", "member"), TEXTS)
def test_texts_are_split_and_kept(text, container, member):
    assert is_location(text)
    assert split_location(text) == (container, member)
    path = as_path(text)
    assert (str(path), path) == (text, Location(text))
    assert pickle.loads(pickle.dumps(path)) == path


@pytest.mark.parametrize(
    "text", ["a/b.png", "a::b.png", "x.zip", "C:/a.png", r"C:\a\b.png", "s3:/b/x.png", "a.zip/b::c"]
)
def test_other_texts_are_paths(text):
    assert not is_location(text)
    assert isinstance(as_path(text), Path)


@pytest.mark.parametrize("text", ["d/x.zip::t/a/b.c.png", "s3://bucket/t/a/b.c.png"])
def test_names_are_those_of_a_path(text):
    path, plain = as_path(text), PurePosixPath("t/a/b.c.png")
    assert (path.name, path.stem, path.suffix) == (plain.name, plain.stem, plain.suffix)
    assert (path.parent.name, path.parents[1].name) == ("a", "t")
    assert path.parent / "b.c.png" == path
    root = path.parents[1]
    assert path.relative_to(root) == PurePosixPath("a/b.c.png")
    assert path.is_relative_to(root)
    assert not path.is_relative_to(root / "b")
    with pytest.raises(ValueError, match="not below"):
        path.relative_to(root / "b")


def test_whole_archives_have_names():
    assert (Location("d/x.zip::").name, Location("d/x.zip::").parent) == ("x", Path("d"))
    assert Location("d/shards/{0..9}.tar::").name == "shards"
    assert Location("s3://bucket").name == "bucket"
    assert Location("s3://bucket").parent == Location("s3://bucket")
    assert Location("https://h/set.zip?download=1::").name == "set"
    assert Location("https://h/a.png?size=1").suffix == ".png"
    assert Location("s3://b/d/x.zip::a").parts == ("b", "d", "x", "a")


def test_links_to_archives_are_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert Location(f"{tmp_path}/link/x.zip::a.png").resolve() == Location(f"{tmp_path.resolve()}/real/x.zip::a.png")
    assert str(Location("s3://b/a.png").resolve()) == "s3://b/a.png"


def test_locations_sort_beside_paths():
    assert min(Location("b.zip::a"), Path("a.png")) == Path("a.png")
    assert sorted([Path("c.png"), Location("b.zip::a")])[0] == Location("b.zip::a")


def test_images_are_ordered_by_their_names_in_archives():
    assert ordering_name("2.tar::a.png") < ordering_name("1.tar::b.png")
    assert ordering_name("1.parquet::09") < ordering_name("2.parquet::01")  # rows have no order across files


def test_braces():
    assert expanded("a/{08..11}.tar") == ["a/08.tar", "a/09.tar", "a/10.tar", "a/11.tar"]
    assert expanded("{3..1}{x,y}") == ["3x", "3y", "2x", "2y", "1x", "1y"]
    assert expanded("a{b}.tar") == ["a{b}.tar"]
    for pattern in ("{0..99999999999}.tar", "{0..999}{0..999}.tar"):
        with pytest.raises(StorageError, match="more than 10000 shards"):
            expanded(pattern)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["t-00000-of-00003.parquet", "t-00002-of-00003.parquet"], "t-{00000,00002}-of-00003.parquet"),
        (["1.tar", "2.tar", "3.tar"], "{1..3}.tar"),
        (["1.tar"], None),
        (["a1b1.tar", "a2b2.tar"], None),
        (["v1/cats.tar", "v1/dogs.tar"], None),
    ],
)
def test_numbered_files_are_gathered(names, pattern):
    assert gathered(names) == pattern
    assert pattern is None or expanded(pattern) == names
