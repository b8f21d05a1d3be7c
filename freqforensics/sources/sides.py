"""Folder names that say which images are real and which are generated."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from freqforensics.sources.records import Label

CONVENTIONS: Final[tuple[dict[str, Label], ...]] = (
    {"0_real": "real", "1_fake": "fake"},  # ForenSynths
    {"real": "real", "fake": "fake"},  # CIFAKE and many more
    {"nature": "real", "ai": "fake"},  # GenImage
    {"authentic": "real", "synthetic": "fake"},
    {"au": "real", "tp": "fake"},  # CASIA; "tampered"
)
"""Pairs of folder names, lower case, with their labels."""

_NUMBERED: Final = re.compile(r"[01][_-](real|fake)")
_WORDS: Final = {word: label for convention in CONVENTIONS for word, label in convention.items()}
_DOUBTFUL: Final[dict[str, Label]] = {
    **dict.fromkeys(
        ("camera", "genuine", "human", "natural", "original", "originals", "photo", "photographs", "photos",
         "pristine", "reals", "true", "unaltered", "untampered"),
        "real",
    ),
    **dict.fromkeys(
        ("aigc", "altered", "cg", "deepfake", "deepfakes", "diffusion", "fakes", "false", "forged", "gan", "generated",
         "manipulated", "spoof", "synthesised", "synthesized", "tampered"),
        "fake",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sides:
    """Labels of the folders in one folder.

    Parameters
    ----------
    labels : dict of str to {"real", "fake"}
        By the folders' names as they stand; empty where the names do not tell.
    doubt : str or None
        Why the labels are doubtful, in a phrase.
    """

    labels: dict[str, Label] = field(default_factory=dict)
    doubt: str | None = None


def tell_sides(names: Collection[str], *, alone: bool = True) -> Sides:
    """Tell from the names of the folders in a folder which hold real and which hold generated images.

    Parameters
    ----------
    names : collection of str
        Names of the folders in one folder.
    alone : bool
        Whether the folder holds nothing else, such as images beside the folders.

    Returns
    -------
    Sides
        Without labels where no two names, in any case, are a pair of one of the `CONVENTIONS` or of two of them.
        ``0_real``, ``1_fake`` and, if nothing else is there, ``real`` or ``fake`` are understood without the other.

    Examples
    --------
    >>> tell_sides(["AI", "Nature", "notes"]).labels
    {'AI': 'fake', 'Nature': 'real'}
    >>> tell_sides(["real", "generated"]).labels
    {}
    """
    words = {name: _word(name) for name in names}
    for convention in CONVENTIONS:
        labels = {name: convention[word] for name, word in words.items() if word in convention}
        numbered = "0_real" in convention
        if len(set(labels.values())) == 2 or (numbered and labels):
            return Sides(labels)
    labels = {name: _WORDS[word] for name, word in words.items() if word in _WORDS}
    listed = ", ".join(f"{name!r} as {label}" for name, label in sorted(labels.items()))
    if len(set(labels.values())) == 2:
        return Sides(labels, f"folder names of different conventions: {listed}")
    if alone and labels and len(labels) == len(names) and set(map(str.casefold, labels)) <= {"real", "fake"}:
        return Sides(labels, f"a folder without its other side: {listed}")
    return Sides()


def tell_side(name: str, beside: Collection[str]) -> Sides:
    """Tell the label of a folder from its name and the names of the folders beside it.

    Returns
    -------
    Sides
        With one label or none.
    """
    sides = tell_sides({name, *beside}, alone=False)
    if name in sides.labels:
        return Sides({name: sides.labels[name]}, sides.doubt)
    return tell_sides([name])


def possible_side(names: Sequence[str]) -> tuple[int, Label] | None:
    """Find the first of some nested folders' names that may be one side's, and that side."""
    for index, name in enumerate(names):
        word = _word(name)
        side = _WORDS.get(word) or _DOUBTFUL.get(word)
        if side:
            return index, side
    return None


def is_numbered(name: str) -> bool:
    """Whether a folder is called ``0_real`` or ``1_fake``, which nothing else is."""
    return _NUMBERED.fullmatch(name.casefold()) is not None


def is_sure_word(name: str) -> bool:
    """Whether a name is a word of one of the `CONVENTIONS`."""
    return _word(name) in _WORDS


def _word(name: str) -> str:
    word = name.casefold()
    numbered = _NUMBERED.fullmatch(word)
    if numbered:  # some sets count the other way round; the word tells
        return {"real": "0_real", "fake": "1_fake"}[numbered[1]]
    return word
