"""Results in a console: ten lines at most, whatever they hold; and who draws them for Jupyter.

The package's front imports this module, so it imports next to nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

LINES: Final = 10
"""Most lines of a summary."""
_WIDTH: Final = 88
_renderers: Final[list[Callable[[Any], str | None]]] = []


class Summarised:
    """A dataclass, made with ``repr=False``, whose repr is its `summary`."""

    def __repr__(self) -> str:
        return summary(self)


class Drawn(Summarised):
    """The same, drawn by Jupyter as the function given to `draw_with` says."""

    def _repr_html_(self) -> str | None:
        return _renderers[-1](self) if _renderers else None


def draw_with(renderer: Callable[[Any], str | None]) -> None:
    """Set the function that draws results for Jupyter.

    Results lie below what draws them and cannot import it. The front of the package, above both, brings them together.

    Parameters
    ----------
    renderer : callable
        From a result to HTML, or None where there is nothing to draw.
    """
    _renderers[:] = [renderer]


def summary(result: Any) -> str:
    """Describe a dataclass in at most ten lines: what its fields hold, not all that is in them.

    Parameters
    ----------
    result : dataclass
        With a property `headline`, a sentence, that stands first.

    Returns
    -------
    str

    Examples
    --------
    >>> import dataclasses
    >>> @dataclasses.dataclass
    ... class Scores:
    ...     name: str
    ...     logits: tuple[float, ...]
    >>> print(summary(Scores("a", (1.0, 2.0, 3.0))))
    Scores
      name: 'a'
      logits: 3 of float
    """
    import dataclasses

    headline = getattr(result, "headline", "")
    first = f"{type(result).__name__}: {headline}" if headline else type(result).__name__
    fields = [field.name for field in dataclasses.fields(result) if field.repr and not field.name.startswith("_")]
    lines = [f"  {name}: {_described(getattr(result, name))}" for name in fields]
    if len(lines) >= LINES:
        more = len(lines) - LINES + 2
        lines = [*lines[: LINES - 2], f"  and {more} more: {', '.join(fields[LINES - 2 :])}"]
    return "\n".join(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..." for line in [first, *lines])


def _described(value: Any) -> str:
    import dataclasses

    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return f"{len(value)}: {', '.join(map(str, value))}" if value else "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        kinds = sorted({type(item).__name__ for item in value})
        short = repr(value)[: _WIDTH + 1] if len(value) < 5 and set(kinds) <= {"int", "str", "bool"} else ""
        if short and len(short) <= _WIDTH // 2:
            return short
        return f"{len(value)} of {' and '.join(kinds)}" if value else "none"
    if dataclasses.is_dataclass(value):
        headline = getattr(value, "headline", "")
        return f"{type(value).__name__}{': ' if headline else ''}{headline}"
    return " ".join(repr(value).split())
