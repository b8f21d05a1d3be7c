"""What to index: sources, what words in them mean, and real images that generators share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from freqforensics.sources.records import Label
from freqforensics.sources.sides import Words, checked_labels
from freqforensics.storage.locations import as_path, is_address

SourcesLike = str | Path | Sequence[str | Path]
"""One source, several, or `Sources`."""


@dataclass(frozen=True)
class Sources(Sequence[str | Path]):
    """Sources of images, with labels and shared real images; a sequence of their paths.

    Parameters
    ----------
    paths : str, Path or sequence of these
        Folders, tables, image files and lists of files, as for `index_sources`.
    labels : mapping of str to {"real", "fake", "unknown"}
        What words mean, in any case: names of folders, cells of the column label. ``"unknown"`` says of a word that it
        is no label.
    real : str, Path or sequence of these
        Sources of real images, which become the real side of every generator that has generated images and no real
        ones. Images labelled fake in them are left out.

    Raises
    ------
    ValueError
        `labels` maps a word to something else, or to two labels.

    Examples
    --------
    >>> sources = Sources("GenImage", labels={"photos": "real", "diffusion": "fake"})
    >>> list(sources), sources.labels
    (['GenImage'], {'photos': 'real', 'diffusion': 'fake'})
    """

    paths: tuple[str | Path, ...]
    labels: Mapping[str, Label] = field(default_factory=dict)
    real: tuple[str | Path, ...] = ()

    def __init__(
        self, paths: SourcesLike, *, labels: Mapping[str, Label] | None = None, real: SourcesLike = ()
    ) -> None:
        object.__setattr__(self, "paths", as_paths(paths))
        object.__setattr__(self, "labels", checked_labels(labels))
        object.__setattr__(self, "real", as_paths(real))

    def alike(self, paths: SourcesLike | None) -> Sources:
        """Give other sources with the same `labels`, without the shared real images.

        Parameters
        ----------
        paths : Sources, str, Path, or sequence of str or Path; optional
            The other sources; None gives none.
        """
        # Words that match nothing are told of the sources that they were given for, not of these as well.
        return Sources(paths or (), labels=Words(self.labels))

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> str | Path: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str | Path, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Give a path, or several."""
        return self.paths[index]


def as_sources(sources: SourcesLike) -> Sources:
    """Convert paths to `Sources`. A single path is one source.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        One source or several.

    Examples
    --------
    >>> as_sources("photos").paths, as_sources(["a", "b"]).paths
    (('photos',), ('a', 'b'))
    """
    return sources if isinstance(sources, Sources) else Sources(sources)


def listed_paths(sources: SourcesLike) -> str:
    """Give the paths of sources for a message, with commas."""
    return ", ".join(map(str, as_paths(sources)))


def as_paths(paths: str | Path | Iterable[str | Path]) -> tuple[str | Path, ...]:
    """Give a tuple of paths. A single path becomes a tuple of one.

    Parameters
    ----------
    paths : str, Path or iterable of these
        One path or several.

    Examples
    --------
    >>> as_paths("photos"), as_paths(["photos", "more"])
    (('photos',), ('photos', 'more'))
    """
    return (paths,) if isinstance(paths, (str, Path)) else tuple(paths)


def split_name(source: str | Path) -> tuple[str | None, Path]:
    """Split a source NAME=PATH; the name is None where there is none, as where a file has such a name.

    Parameters
    ----------
    source : str or Path
        One source.

    Examples
    --------
    >>> split_name("biggan=some/folder")[0], split_name("some/folder")[0]
    ('biggan', None)
    """
    text = str(source)
    name, _, rest = text.partition("=")
    if name and rest and not is_address(name) and not Path(text).exists():
        return name, as_path(rest)
    return None, as_path(source)
