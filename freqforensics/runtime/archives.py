"""Arrays in untrusted files: read whole, plain and within a bound, or refused with the content of the file."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LIMIT: Final = 1 << 28
"""Default limit on the unpacked size of the arrays of a file: 256 MiB."""
MOST_MEMBERS: Final = 64
"""Largest number of arrays in a file."""
_LONGEST_HEADER: Final = 10_000
_HEAD: Final = 512

_MAGIC: Final = (
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was not fetched (git lfs pull)"),
    (b"\x93NUMPY", "a single numpy array"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF"),
    (b"GGUF", "a GGUF model"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"Rar!", "a RAR archive"),
)
_PAGES: Final = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<body", b"<!--")


def foreign_content(head: bytes) -> str:
    """Name the content of a file without arrays by its first bytes; empty if unknown.

    >>> foreign_content(b""), foreign_content(b"<!DOCTYPE html><html>")
    ('empty', 'a web page (HTML), as a download gives that asks for a login')
    """
    if not head:
        return "empty"
    if not any(head):
        return "nothing but zero bytes at its beginning, like an interrupted download"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        return "a web page (HTML), as a download gives that asks for a login"
    if head[257:262] == b"ustar":
        return "a tar archive"
    return "text" if all(byte in b"\t\r\n" or byte >= 32 for byte in head) and head.isascii() else ""


def read_head(path: str | Path) -> bytes:
    """Give the first bytes of a file, as `foreign_content` takes them."""
    with Path(path).open("rb") as file:
        return file.read(_HEAD)


def read_npz(path: str | Path, names: Collection[str], *, limit: int = LIMIT) -> dict[str, NDArray[Any]]:
    """Read arrays of an npz file.

    The headers of the arrays are checked before anything is unpacked: an archive of 1 MB may hold 1 GB. Nothing is
    unpickled.

    Parameters
    ----------
    path : str or Path
        The file.
    names : collection of str
        Names of the arrays to read; a missing one is an error, others are ignored.
    limit : int
        Largest size of these arrays together, bytes.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ValueError
        The file is not an npz, not whole, lacks an array, holds Python objects, or exceeds `limit`. The message names
        the path.
    OSError
        It cannot be opened.
    """
    with Path(path).open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0)
        try:
            with zipfile.ZipFile(file) as archive:
                return _arrays(archive, names, limit)
        except Exception as error:  # a damaged archive makes zipfile, zlib and numpy raise any error
            what = "" if head.startswith(b"PK") else foreign_content(head)
            raise ValueError(f"{path} is not an npz file: it is {what}" if what else f"{path}: {error}") from error


def read_facts(text: NDArray[Any]) -> dict[str, Any]:
    """Give the JSON object that is stored as an array beside others: one string, or its bytes.

    Raises
    ------
    ValueError
        It holds something else.
    """
    if text.dtype == np.uint8 and text.ndim == 1:
        facts = json.loads(text.tobytes())
    elif text.dtype.kind == "U" and text.ndim == 0:
        facts = json.loads(str(text))
    else:
        raise ValueError(f"its facts are an array of {text.dtype} {text.shape}")
    if not isinstance(facts, dict):
        raise ValueError("its facts are not a JSON object")
    return facts


def check_array(name: str, array: NDArray[Any], shape: tuple[int | None, ...], *, kind: str = "f") -> None:
    """Raise ValueError unless an array has a shape (None: any length), a kind of type, and finite values only."""
    if array.dtype.kind != kind:
        raise ValueError(f"{name} is of {array.dtype}")
    if array.ndim != len(shape) or any(want not in (None, side) for want, side in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"{name} has shape {array.shape}, not ({wanted})")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite everywhere")


def check_count(facts: Mapping[str, Any], name: str, *, least: int = 0) -> int:
    """Give a count among facts; ValueError unless it is a whole number of at least `least`."""
    value = facts[name]
    if type(value) is not int or value < least:
        raise ValueError(f"{name} is {value!r}, not an integer of at least {least}")
    return value


def _arrays(archive: zipfile.ZipFile, names: Collection[str], limit: int) -> dict[str, NDArray[Any]]:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise ValueError(f"it has {len(members)} members, over {MOST_MEMBERS}")
    wanted: dict[str, zipfile.ZipInfo] = {}
    for name in names:
        matches = [member for member in members if member.filename == f"{name}.npy"]
        if len(matches) != 1:
            raise ValueError(f"it has {len(matches) or 'no'} array{'s' if matches else ''} called {name}")
        wanted[name] = matches[0]
    size = sum(member.file_size for member in wanted.values())
    if size > limit:
        raise ValueError(f"its arrays would take {size} bytes unpacked, over the limit of {limit}")
    return {name: _array(archive, member) for name, member in wanted.items()}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call,unused-ignore]
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(stream, max_header_size=_LONGEST_HEADER)  # type: ignore[no-untyped-call,unused-ignore]
        elif version == (2, 0):
            header = np.lib.format.read_array_header_2_0(stream, max_header_size=_LONGEST_HEADER)  # type: ignore[no-untyped-call,unused-ignore]
        else:
            raise ValueError(f"{name} is in version {version} of numpy's format")
        shape, fortran, dtype = header
        if dtype.hasobject or dtype.fields is not None or dtype.subdtype is not None:
            raise ValueError(f"{name} is not an array of plain numbers or text: refused")
        size = math.prod(shape) * dtype.itemsize
        if any(side < 0 for side in shape) or size != member.file_size - stream.tell():
            raise ValueError(f"{name} of shape {shape} would take {size} bytes, and the file says otherwise")
        data = stream.read(size)
        if len(data) != size or stream.read(1):  # to the end, where its checksum is compared
            raise ValueError(f"{name} is not whole")
    return np.ndarray(shape, dtype, buffer=bytearray(data), order="F" if fortran else "C")
