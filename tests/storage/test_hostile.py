"""Archives that are damaged, or made to do harm: one line each, in bounded time and memory."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from archives import write_parquet, write_tar, write_zip
from pictures import encoded, picture

from freqforensics.images import ImageReadError, read_file, read_image
from freqforensics.sources import index_images
from freqforensics.storage import StorageError, open_storage, protocol, zips


@pytest.fixture
def files(rng) -> dict[str, bytes]:
    return {f"a/{index}.png": encoded(picture(rng), "PNG") for index in range(3)}


def notes_of(path: Path) -> tuple[int, list[str]]:
    notes: list[str] = []
    return len(index_images(path, on_note=notes.append)), notes


def test_a_zip_with_members_that_cannot_be_used(tmp_path, files):
    path = write_zip(tmp_path / "x.zip", files)
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("/etc/a.png", "a/../../b.png", "C:/c.png", "d/" * 70 + "d.png"):
            archive.writestr(name, b"data")
        link = zipfile.ZipInfo("a/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a/packed.png", b"x" * 5000, zipfile.ZIP_BZIP2)
        archive.writestr("a/inner.zip", b"PK")
        archive.writestr("?", b"x")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a/0.png", files["a/1.png"])
    data = bytearray(path.read_bytes())
    place = data.rfind(b"a/2.png")
    data[place - 38] |= 1  # flags in the directory: encrypted
    place = data.rfind(b"?")
    data[place - 18 : place - 16] = bytes(2)  # a name of no length in the directory
    data[place - 16] = 1
    path.write_bytes(data)
    count, notes = notes_of(path)
    assert count == 2
    assert notes[0] == (
        f"{path}: left out 9 members (absolute names: 2, compressed by other methods than deflate: 1, encrypted: 1, "
        "links: 1, names with ..: 1, no names: 1, repeated names: 1, too long names: 1)"
    )
    assert "1 archive" in notes[1]
    assert read_file(f"{path}::a/0.png") == files["a/1.png"]  # the last of a name, as when it is unpacked
    with pytest.raises(ImageReadError, match=r"x\.zip::\.\./b\.png: no such member"):
        read_file(f"{path}::../b.png")


def test_a_tar_with_members_that_cannot_be_used(tmp_path, files):
    path = write_tar(tmp_path / "x.tar", files)
    with tarfile.open(path, "a") as archive:
        for name, kind in (("l.png", tarfile.SYMTYPE), ("h.png", tarfile.LNKTYPE), ("d.png", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        for name in ("/b.png", "../c.png"):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
    count, notes = notes_of(path)
    assert count == 3
    assert notes == [f"{path}: left out 5 members (absolute names: 1, links: 2, names with ..: 1, special files: 1)"]


def test_bombs_are_not_inflated(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"a.png": bytes(50 << 20)}, zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    assert len(whole) < 100_000

    def declared(size: int) -> Path:
        bad = tmp_path / f"{size}.zip"
        bad.write_bytes(whole.replace(struct.pack("<L", 50 << 20), struct.pack("<L", size)))
        return bad

    with pytest.raises(ImageReadError, match="damaged in the archive"):
        read_file(f"{declared(1000)}::a.png")
    with pytest.raises(ImageReadError, match="more than deflate can give"):
        read_file(f"{declared(1 << 30)}::a.png")
    with pytest.raises(ImageReadError, match="too many for an image of 10000 pixels"):
        read_file(f"{declared(100 << 20)}::a.png", max_pixels=10_000)


def test_a_zip_with_too_many_members_is_told_from_its_end(tmp_path, files, monkeypatch):
    path = write_zip(tmp_path / "x.zip", files)
    monkeypatch.setattr(protocol, "MOST_MEMBERS", 2)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # its directory is not parsed
    with pytest.raises(StorageError, match="3 members are over the limit of 2"):
        open_storage(str(path))
    data = bytearray(path.read_bytes())
    data[-22 + 8 : -22 + 12] = struct.pack("<HH", 1, 1)  # the count lies
    path.write_bytes(data)
    monkeypatch.setattr(zips, "MOST_MEMBERS", 2)
    with pytest.raises(StorageError, match="3 members are over the limit of 2"):
        open_storage(str(path))


def test_a_tar_with_too_many_members(tmp_path, files, monkeypatch):
    path = write_tar(tmp_path / "x.tar", files)
    monkeypatch.setattr(protocol, "MOST_MEMBERS", 2)
    with pytest.raises(StorageError, match="3 members are over the limit of 2"):
        open_storage(str(path))


@pytest.mark.parametrize("kind", ["zip", "tar", "parquet"])
@pytest.mark.parametrize("share", [0, 0.5, 0.97])
def test_archives_that_end_early_are_one_line(tmp_path, files, kind, share):
    path = {"zip": write_zip, "tar": write_tar, "parquet": write_parquet}[kind](tmp_path / f"x.{kind}", files)
    data = path.read_bytes()
    end = data.rindex(files["a/2.png"][-100:]) if kind == "tar" else len(data)
    path.write_bytes(data[: int(share * end)])
    with pytest.raises(ValueError, match=rf"x\.{kind}: .*(not a|early|damaged|no image in)") as caught:
        index_images(path)
    if share:
        assert "\n" not in str(caught.value)


def test_damage_inside_an_archive_is_of_one_member(tmp_path, files):
    path = write_zip(tmp_path / "x.zip", files)
    data = bytearray(path.read_bytes())
    data[data.index(files["a/1.png"]) + 500] ^= 255
    path.write_bytes(data)
    assert read_image(f"{path}::a/0.png").shape == (96, 120, 3)
    with pytest.raises(ImageReadError, match=r"x\.zip::a/1\.png: damaged in the archive"):
        read_image(f"{path}::a/1.png")


def test_a_header_of_a_tar_is_not_taken_into_memory_whatever_its_length(tmp_path):
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 3 << 30
    path = tmp_path / "x.tar"
    path.write_bytes(header.tobuf(tarfile.USTAR_FORMAT) + bytes(4096))
    with pytest.raises(StorageError, match=r"a damaged one .*bytes"):
        open_storage(str(path))


def test_compressed_and_unknown_archives(tmp_path, files):
    for name in ("x.tar.gz", "x.tgz", "x.tar.zst"):
        path = tmp_path / name
        path.write_bytes(b"data")
        with pytest.raises(ValueError, match="a compressed tar has no random access: decompress it"):
            index_images(path)
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w:gz"):
        pass
    with pytest.raises(ValueError, match=r"x\.tar: not a tar archive"):
        index_images(path)


def test_row_groups_are_bounded(tmp_path, files, monkeypatch):
    path = write_parquet(tmp_path / "x.parquet", files)
    monkeypatch.setattr("freqforensics.storage.parquet.LARGEST_GROUP", 1000)
    with pytest.raises(StorageError, match=r"a row group of \d+ bytes is over the limit of 1000"):
        open_storage(str(path))


def test_a_file_that_changes_is_read_again(tmp_path, files):
    path = write_zip(tmp_path / "x.zip", files)
    assert len(list(open_storage(str(path)).list())) == 3
    write_zip(path, {"b.png": b"other"})
    assert read_file(f"{path}::b.png") == b"other"


@pytest.mark.parametrize("kind", ["zip", "tar", "parquet"])
def test_random_damage_is_one_line_or_skipped(tmp_path, files, kind):
    """Whatever bytes change, indexing and reading end with an error of ours, or with images."""
    path = {"zip": write_zip, "tar": write_tar, "parquet": write_parquet}[kind](
        tmp_path / f"x.{kind}", {name: data[:300] for name, data in files.items()}
    )
    whole = path.read_bytes()
    chance = random.Random(18)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 2, 5, 20))):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
        path.write_bytes(data)
        try:
            records = index_images(path, on_note=lambda _: None)
        except (ValueError, OSError):
            refused += 1
            continue
        for record in records:
            with contextlib.suppress(ImageReadError):
                read_file(record.path)
    assert 0 < refused < 150
