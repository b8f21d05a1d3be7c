"""What the page takes: sizes, numbers and names of files, checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from freqforensics.images import MAX_PIXELS, SUFFIXES, read_header

_LONGEST_NAME: Final = 150


class RefusedError(ValueError):
    """A request that is refused; the message is one line for the page.

    Parameters
    ----------
    reason : str
    status : int
        Status of the HTTP response.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """Sizes and numbers of what is stored at one time.

    Parameters
    ----------
    file_bytes : int
        Bytes of one file.
    total_bytes : int
        Bytes of all files together.
    jobs : int
        Entries in the list, waiting or finished.
    pixels : int
        Width times height of one image; checked before it is decoded.
    """

    file_bytes: int = 128 << 20
    total_bytes: int = 1 << 30
    jobs: int = 100
    pixels: int = MAX_PIXELS

    def check_file(self, size: int) -> None:
        """Raise RefusedError if a file is too large; `size` is in bytes."""
        if size > self.file_bytes:
            raise RefusedError(f"The file is larger than {megabytes(self.file_bytes)}.", 413)

    def check_room(self, *, jobs: int, total: int) -> None:
        """Raise RefusedError if the list would have too many entries, or hold too many bytes."""
        if jobs > self.jobs:
            raise RefusedError(f"The list is full: {self.jobs} entries. Remove some first.", 413)
        if total > self.total_bytes:
            raise RefusedError(f"All files together exceed {megabytes(self.total_bytes)}. Remove some first.", 413)

    def check_pixels(self, data: bytes) -> None:
        """Raise RefusedError if a file's header announces no pixels or too many.

        Formats whose size only their decoder can tell are held to the limit of `read_image` by that decoder.
        """
        if not data:
            raise RefusedError("The file is empty.")
        header = read_header(data)
        if header.width is None or header.height is None:
            return
        if header.width * header.height > self.pixels:
            size = f"{header.width} × {header.height}"
            raise RefusedError(f"The picture has {size} pixels, more than {self.pixels // 1_000_000} million.", 413)


def megabytes(size: int) -> str:
    """Write a number of bytes as "128 MB" or "1 GB", in powers of 1024."""
    return f"{size >> 30} GB" if size >= 1 << 30 else f"{size >> 20} MB"


def plain_name(name: str) -> str:
    r"""Give the last part of a name for people: unprintable characters replaced, the middle of a long one left out.

    >>> plain_name("../../etc/pass\u202ewd\n.png"), plain_name("C:\\photos\\cat.jpg"), plain_name("/")
    ('pass�wd�.png', 'cat.jpg', 'picture')
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    label = printable(last).strip()
    if len(label) > _LONGEST_NAME:
        label = f"{label[: _LONGEST_NAME - 30]}…{label[-29:]}"
    return label or "picture"


def printable(text: str) -> str:
    r"""Replace what is not printable: line breaks, controls, what turns the direction of text, halves of characters.

    >>> printable("a\nb\u202ec")
    'a�b�c'
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def plain_suffix(name: str) -> str:
    """Give the suffix that a stored file may have: one of an image format, or none.

    >>> plain_suffix("a/b.JPG"), plain_suffix("x.png/../y.exe")
    ('.jpg', '')
    """
    dot, suffix = name.rpartition(".")[1:]
    ending = f"{dot}{suffix}".lower()
    return ending if ending in SUFFIXES else ""
