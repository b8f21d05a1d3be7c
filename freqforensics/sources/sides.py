"""Words that say which images are real and which are generated: names of folders, cells of tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from freqforensics.sources.model_names import is_model_name
from freqforensics.sources.records import Label

CONVENTIONS: Final[tuple[dict[str, Label], ...]] = (
    {"0_real": "real", "1_fake": "fake"},  # ForenSynths
    {"real": "real", "fake": "fake"},  # CIFAKE and many more
    {"nature": "real", "ai": "fake"},  # GenImage
    {"authentic": "real", "synthetic": "fake", "generated": "fake"},
    {"au": "real", "tp": "fake"},  # CASIA; "tampered"
)
"""Words that go together, lower case, with their labels."""

_NUMBERED: Final = re.compile(r"[01][_-](real|fake)")
_WORDS: Final = {word: label for convention in CONVENTIONS for word, label in convention.items()}
_DOUBTFUL: Final[dict[str, Label]] = {
    **dict.fromkeys(
        ("camera", "genuine", "human", "natural", "original", "originals", "photo", "photographs", "photos",
         "pristine", "reals", "true", "unaltered", "untampered"),
        "real",
    ),
    **dict.fromkeys(
        ("aigc", "altered", "cg", "deepfake", "deepfakes", "diffusion", "fakes", "false", "forged", "gan",
         "manipulated", "spoof", "synthesised", "synthesized", "tampered"),
        "fake",
    ),
}  # fmt: skip

Labels = Mapping[str, Label]
"""What words mean, by the word, in lower case; ``"unknown"`` says of a word that it is no label."""


class Words(dict[str, Label]):
    """What words mean, which remembers the words that names of folders or labels in tables were compared with.

    Parameters
    ----------
    labels : mapping of str to {"real", "fake", "unknown"}
        By the word, in lower case.

    Examples
    --------
    >>> words = Words({"photos": "real", "diffusion": "fake"})
    >>> label_of_word("Photos", words), words.unmatched()
    ('real', ('diffusion',))
    """

    def __init__(self, labels: Labels) -> None:
        super().__init__(labels)
        self._matched: set[object] = set()

    def __contains__(self, word: object) -> bool:
        there = super().__contains__(word)
        if there:
            self._matched.add(word)
        return there

    def unmatched(self) -> tuple[str, ...]:
        """Give the words that nothing was called, in their order."""
        return tuple(word for word in self if word not in self._matched)


@dataclass(frozen=True, slots=True)
class Sides:
    """Labels of the folders in one folder.

    Parameters
    ----------
    labels : dict of str to {"real", "fake"}
        By the folders' names as they stand; empty where the names do not tell.
    doubt : str or None
        Why the labels are doubtful, in a phrase.
    generators : tuple of str
        Generated folders that are generators by their own names: those that are real are the real side of each.
    unclear : tuple of str
        Names that have to be asked about: `labels` is empty then.
    """

    labels: dict[str, Label] = field(default_factory=dict)
    doubt: str | None = None
    generators: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


def label_of_word(word: str, labels: Labels | None = None) -> Label | None:
    """Give the label that a word stands for, in any case.

    Parameters
    ----------
    word : str
        Such as "nature", "1_fake" or "unknown".
    labels : mapping of str to {"real", "fake", "unknown"}, optional
        Further words, which come before those of the `CONVENTIONS`; see `checked_labels`.

    Returns
    -------
    {"real", "fake", "unknown"} or None
        None where the word is not understood. The numbers 0 and 1 are understood only where `labels` has them.

    Examples
    --------
    >>> label_of_word("Nature"), label_of_word("diffusion"), label_of_word("1", {"1": "fake"})
    ('real', None, 'fake')
    """
    plain = word.strip().casefold()
    if labels and plain in labels:
        return labels[plain]
    return "unknown" if plain == "unknown" else _WORDS.get(_word(plain))


def checked_labels(labels: Mapping[str, str] | None) -> dict[str, Label]:
    """Give words with their labels in lower case; ValueError unless all labels are "real", "fake" or "unknown"."""
    if isinstance(labels, Words):
        return labels
    checked: dict[str, Label] = {}
    for word, text in (labels or {}).items():
        plain = word.strip().casefold()
        label: Label | None = next((label for label in get_args(Label) if label == text), None)
        if label is None or not plain:
            raise ValueError(f"labels must map words to real, fake or unknown, got {text!r} for {word!r}")
        if checked.setdefault(plain, label) != label:
            raise ValueError(f"labels must give {plain!r} one meaning, got {checked[plain]} and {label}")
    return checked


def question(names: Sequence[str], folder: str, labels: Labels | None = None) -> ValueError:
    """Make the error that asks what some folders' names mean.

    Examples
    --------
    >>> print(str(question(["photos", "diffusion"], "set")).partition(" (")[0])
    labels must say what 'photos' and 'diffusion' are, e.g. real=photos,fake=diffusion
    """
    guesses = [(label_of_word(name, labels) or _DOUBTFUL.get(name.casefold(), "fake"), name) for name in names]
    guesses.sort(key=lambda guess: guess[0] != "real")
    quoted = [repr(name) for _, name in guesses]
    listed = f"{', '.join(quoted[:-1])} and {quoted[-1]} are" if quoted[1:] else f"{quoted[0]} is"
    answer = ",".join(f"{label}={name}" for label, name in guesses)
    if len(guesses) == 1:
        answer += f", or unknown={guesses[0][1]}"
    return ValueError(f"labels must say what {listed}, e.g. {answer} (folders in {folder})")


def tell_sides(names: Collection[str], *, alone: bool = True, labels: Labels | None = None) -> Sides:
    """Tell from the names of the folders in a folder which hold real and which hold generated images.

    Parameters
    ----------
    names : collection of str
        Names of the folders in one folder.
    alone : bool
        Whether the folder holds nothing else, such as images beside the folders.
    labels : mapping of str to {"real", "fake", "unknown"}, optional
        What words mean, in lower case, beside or against the `CONVENTIONS`.

    Returns
    -------
    Sides
        Without labels where no two names, in any case, go together by `labels`, by one of the `CONVENTIONS` or by two
        of them. ``0_real``, ``1_fake``, words of `labels` and, if nothing else is there, ``real`` or ``fake`` are
        understood without the other. A real side beside names of generators is the real side of each.

    Examples
    --------
    >>> tell_sides(["AI", "Nature", "notes"]).labels
    {'AI': 'fake', 'Nature': 'real'}
    >>> tell_sides(["real", "original"]).labels
    {}
    >>> tell_sides(["adm", "ldm", "real"]).generators
    ('adm', 'ldm')
    """
    labels = labels or {}
    chosen = {name: labels[name.casefold()] for name in names if name.casefold() in labels}
    words = {name: word for name in names if name not in chosen and (word := _word(name)) in _WORDS}
    sides: dict[str, Label] = {name: label for name, label in chosen.items() if label != "unknown"}
    sides |= {name: _WORDS[word] for name, word in words.items()}
    if not sides:
        return Sides()
    both = len(set(sides.values())) == 2
    shared = _shared(names, sides, chosen)
    if shared is not None:
        return shared
    distinct = set(words.values())
    together = any(distinct <= set(convention) for convention in CONVENTIONS)
    numbered = distinct and distinct <= set(CONVENTIONS[0])
    if len(sides) > len(words) or (together and (both or numbered)):
        return Sides(sides)
    listed = ", ".join(f"{name!r} as {label}" for name, label in sorted(sides.items()))
    if both and len(distinct) > 2:
        return Sides(unclear=tuple(sorted(sides)))
    if both:
        return Sides(sides, f"folder names of different conventions: {listed}")
    if alone and len(sides) == len(names) and distinct <= {"real", "fake"}:
        return Sides(sides, f"a folder without its other side: {listed}")
    return Sides()


def _shared(names: Collection[str], sides: Mapping[str, Label], chosen: Mapping[str, Label]) -> Sides | None:
    """Real folders beside generators that go by their own names; None where the generated side is one folder."""
    named = {name for name, label in sides.items() if label == "fake"}
    if any(_word(name) in _WORDS for name in named):
        return None
    models = {name for name in names if name not in sides and name not in chosen and is_model_name(name)}
    models -= {name for name in models if name.casefold() in _DOUBTFUL}
    if "real" not in sides.values():
        models = set()
    if not models and not (len(named) > 1 or any(name.casefold() not in _DOUBTFUL for name in named)):
        return None
    rest = sorted(set(names) - set(sides) - set(chosen) - models)
    if models and rest:
        return Sides(unclear=tuple(rest))
    generators = sorted(models | named)
    return Sides({**{name: label for name, label in sides.items() if label == "real"},
                  **dict.fromkeys(generators, "fake")}, generators=tuple(generators))  # fmt: skip


def tell_side(name: str, beside: Collection[str], *, labels: Labels | None = None, alone: bool = True) -> Sides:
    """Tell the label of a folder from its name and the names of the folders beside it.

    Parameters
    ----------
    name : str
    beside : collection of str
        Names of the folders in the folder that it is in.
    labels : mapping, optional
        What the words mean, as for `tell_sides`.
    alone : bool
        Whether to understand ``real`` and ``fake`` without the other beside them.

    Returns
    -------
    Sides
        With one label or none.
    """
    sides = tell_sides({name, *beside}, alone=False, labels=labels)
    if name in sides.labels:
        generators = tuple(generator for generator in sides.generators if generator == name)
        return Sides({name: sides.labels[name]}, sides.doubt, generators)
    return tell_sides([name], labels=labels) if alone else Sides()


def possible_side(names: Sequence[str], labels: Labels | None = None) -> tuple[int, Label] | None:
    """Find the first of some nested folders' names that may be one side's, and that side."""
    for index, name in enumerate(names):
        if labels and name.casefold() in labels:
            continue
        word = _word(name)
        side = _WORDS.get(word) or _DOUBTFUL.get(word)
        if side:
            return index, side
    return None


def is_numbered(name: str) -> bool:
    """Whether a folder is called ``0_real`` or ``1_fake``, which nothing else is."""
    return _NUMBERED.fullmatch(name.casefold()) is not None


def is_sure_word(name: str, labels: Labels | None = None) -> bool:
    """Whether a name is a word of one of the `CONVENTIONS`, or of `labels`."""
    return label_of_word(name, labels) in ("real", "fake")


def _word(name: str) -> str:
    word = name.casefold()
    numbered = _NUMBERED.fullmatch(word)
    if numbered:  # some sets count the other way round; the word tells
        return {"real": "0_real", "fake": "1_fake"}[numbered[1]]
    return word
