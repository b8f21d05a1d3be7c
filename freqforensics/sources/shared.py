"""Real images that are the real side of several generators, and what notes and manifests say of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from freqforensics.images import shown_path
from freqforensics.sources.records import ImageRecord


class SharedReal(str):
    """A note that names a real side of several generators.

    Parameters
    ----------
    path : str
        Folder, table or file of the real images.
    images : int
        Number of real images.
    generators : sequence of str
        Generators whose real side it is.
    """

    path: str
    images: int
    generators: tuple[str, ...]

    def __new__(cls, path: str, images: int, generators: Sequence[str]) -> SharedReal:
        """Make the note."""
        count = "1 generator" if len(generators) == 1 else f"{len(generators)} generators"
        plural = "1 image" if images == 1 else f"{images} images"
        note = super().__new__(cls, f"real side shared by {count}: {shown_path(path)}, {plural}")
        note.path, note.images, note.generators = path, images, tuple(generators)
        return note

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by what it says."""
        return type(self), (self.path, self.images, self.generators)


def real_sides(notes: Iterable[str]) -> dict[str, Any]:
    """Give the entry of a manifest's inputs that names shared real sides; empty where there are none.

    Parameters
    ----------
    notes : iterable of str
        Notes of `index_sources`; those that are a `SharedReal` count.

    Examples
    --------
    >>> real_sides(["a note", SharedReal("photos", 12, ["adm", "ldm"])])
    {'real_sides': [{'path': 'photos', 'images': 12, 'generators': ['adm', 'ldm']}]}
    """
    sides = [
        {"path": note.path, "images": note.images, "generators": list(note.generators)}
        for note in notes
        if isinstance(note, SharedReal)
    ]
    return {"real_sides": sides} if sides else {}


def without_real_side(records: Iterable[ImageRecord]) -> tuple[str, ...]:
    """Names of the generators that have generated images and no real ones, sorted."""
    labels: dict[str, set[str]] = {}
    for record in records:
        labels.setdefault(record.generator, set()).add(record.label)
    return tuple(sorted(name for name, sides in labels.items() if "fake" in sides and "real" not in sides))


def counterparts(real: Sequence[ImageRecord], generators: Iterable[str]) -> list[ImageRecord]:
    """List real images once for each generator, as its real side."""
    return [replace(record, label="real", generator=generator) for generator in generators for record in real]
