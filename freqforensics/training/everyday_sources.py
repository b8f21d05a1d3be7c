"""What the everyday detector is trained from, as a command names it. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WeightedSource:
    """A source of images, and how often it is drawn.

    Parameters
    ----------
    path : str
        Folder or table of images (`index_sources`).
    weight : float
        How often it is drawn, relative to the other photographs or the other pairs.
    """

    path: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(f"weight must be positive, got {self.weight}")

    @classmethod
    def parse(cls, text: str) -> WeightedSource:
        """Read ``PATH`` or ``PATH=WEIGHT``."""
        path, equals, weight = text.rpartition("=")
        try:
            return cls(path, float(weight)) if equals else cls(text)
        except ValueError:
            return cls(text)


def part_paths(texts: Sequence[str]) -> dict[str, Path]:
    """Read ``PART=FILE`` of each part that is trained already.

    Raises
    ------
    ValueError
        Another form, or a name twice.
    """
    weights: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name.isidentifier() and equals and path) or name in weights:
            raise ValueError(f"trained must be PART=FILE, each part once, got {text!r}")
        weights[name] = Path(path)
    return weights
