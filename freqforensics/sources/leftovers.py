"""Files in folders of images that are not images, or not readable ones: counted by kind, from their names."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.util import find_spec
from pathlib import PurePath
from typing import Final

from freqforensics.images import SUFFIXES

HEIC_SUFFIXES: Final = frozenset({".heic", ".heif", ".hif", ".heics", ".heifs"})

_QUIET: Final = frozenset({"manifest.json", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
_HEIC: Final = "HEIC"
_TEXT: Final = "text file"
_OTHER: Final = "other file"
_KINDS: Final[dict[str, tuple[str, ...]]] = {
    _HEIC: tuple(sorted(HEIC_SUFFIXES)),
    "RAW": (".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw",
            ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    "video": (".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
              ".webm", ".wmv"),
    "PDF": (".pdf",),
    "archive": (".7z", ".bz2", ".gz", ".lmdb", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".xz", ".zip", ".zst"),
    _TEXT: (".csv", ".htm", ".html", ".ini", ".json", ".jsonl", ".log", ".md", ".rst", ".srt", ".tex", ".toml", ".tsv",
            ".txt", ".xml", ".yaml", ".yml"),
}  # fmt: skip
_KIND_OF: Final = {suffix: kind for kind, suffixes in _KINDS.items() for suffix in suffixes}
_NO_PLURAL: Final = frozenset({_HEIC, "RAW"})


@cache
def reads_heic() -> bool:
    """Whether the extra ``heic`` is installed."""
    return find_spec("pillow_heif") is not None


def is_image_name(name: str) -> bool:
    """Whether a file is taken for an image by its name's ending."""
    suffix = PurePath(name).suffix.lower()
    return reads_heic() if suffix in HEIC_SUFFIXES else suffix in SUFFIXES


class Leftovers:
    """Counts files by kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, name: str) -> None:
        """Count a file by its name; files that systems and this package leave in folders are passed over."""
        if name.lower() in _QUIET or name.startswith("."):
            return
        kind = _KIND_OF.get(PurePath(name).suffix.lower(), _OTHER)
        self._counts[kind] += 1
        self._first[kind] = min(name, self._first.get(kind, name))

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __str__(self) -> str:
        """Such as "3 HEIC (pip install 'freqforensics[heic]'), 2 videos, 4 other files (first notes.xyz)"."""
        return ", ".join(self._counted(kind) for kind in (*_KINDS, _OTHER) if self._counts[kind])

    def _counted(self, kind: str) -> str:
        count = self._counts[kind]
        words = f"{count} {kind}{'' if count == 1 or kind in _NO_PLURAL else 's'}"
        if kind == _HEIC:
            return f"{words} (pip install 'freqforensics[heic]')"
        if kind in (_TEXT, _OTHER):
            name = self._first[kind] if self._first[kind].isprintable() else repr(self._first[kind])
            return f"{words} ({'' if count == 1 else 'first '}{name})"
        return words
