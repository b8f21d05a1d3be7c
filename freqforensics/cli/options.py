"""Options that several commands have: one word, one meaning."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

_STATE: Final = {"quiet": False}


def quiet() -> bool:
    """Say whether -q was given: no progress bars, no notes."""
    return _STATE["quiet"]


def _set_quiet(value: bool) -> bool:
    _STATE["quiet"] = value
    return value


View = Literal["views", "center", "none", "tiles", "resize"]
Backend = Literal["torch", "onnx"]
DEFAULT_VIEW: Final[View] = "views"
DEFAULT_WEIGHTS: Final = "everyday"

Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for the results.  [default: print only]", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")]
OverwriteFile = Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue with the work in DIR.")]
Limit = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="At most N images per generator and label.  [default: all]", show_default=False, min=1
    ),
]
Seed = Annotated[int, typer.Option(metavar="N", help="Random seed.", min=0)]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Number of threads; the result does not depend on it.  [default: all processors]", min=1
    ),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="Device that torch computes on: auto, cpu, cuda, mps, ...")]
BackendChoice = Annotated[
    Backend,
    typer.Option(help="Library that runs the network. onnx is faster on CPUs and needs the extra onnx."),
]
Batch = Annotated[int, typer.Option(metavar="N", help="Number of images of one size that are scored together.", min=1)]
ViewChoice = Annotated[
    View,
    typer.Option(
        help="Part of an image that is scored. views: median of up to five squares of 224 pixels from the "
        "photographic region, the only choice with verdicts. center: central square, as for published numbers. none: "
        "whole image. tiles: mean over squares that cover the image. resize: whole image, shorter side 256 pixels."
    ),
]
Weights = Annotated[
    str, typer.Option(metavar="FILE|NAME", help="Weights of the detector: a file, or a name from weights list.")
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:FUNCTION",
        help="Your function that returns a detector (freqforensics.wrap) or a network, in place of --weights. Its "
        "module is imported and runs, so name only code that you trust.",
        show_default=False,
    ),
]
Calibration = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help="Scores of your own photographs, from population. They add to those that ship. Repeatable."
    ),
]
Bootstrap = Annotated[int, typer.Option(metavar="N", help="Number of bootstrap samples.", min=2)]
Columns = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of generators side by side in the figures.  [default: by their number]",
        show_default=False,
        min=1,
    ),
]
Width = Annotated[
    float | None,
    typer.Option(
        metavar="MM",
        help="Width of the figures, mm, for print with 7 pt text: 89 for one column of a journal, 183 for two.",
    ),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME,...",
        help="Formats of the figures: png, pdf, svg; repeatable.  [default: png,pdf]",
        show_default=False,
    ),
]
Permutations = Annotated[int, typer.Option(metavar="N", help="Number of permutations for p-values.", min=1)]
Salvage = Annotated[
    bool, typer.Option("--salvage", help="Use the complete rows of truncated JPEG files; a note names each.")
]
Quiet = Annotated[
    bool,
    typer.Option("-q", "--quiet", help="No progress bars and no notes.", callback=_set_quiet, show_default=False),
]


def parsed_crop(text: str) -> int | tuple[int, int]:
    """Parse a side in pixels, or HEIGHTxWIDTH; ValueError of anything else."""
    matched = re.fullmatch(r"(\d+)(?:[xX×](\d+))?", text.strip())
    if matched is None:
        raise ValueError(f"--crop must be a number or HEIGHTxWIDTH, got {text!r}")
    height, width = matched.groups()
    return int(height) if width is None else (int(height), int(width))


def parsed_region(text: str) -> tuple[int, int, int, int]:
    """Parse X,Y,W,H in pixels; ValueError of anything else."""
    try:
        x, y, width, height = map(int, text.split(","))
    except ValueError:
        raise ValueError(f"region must be X,Y,W,H, four numbers of pixels, got {text!r}") from None
    if min(x, y) < 0 or min(width, height) < 1:
        raise ValueError(f"region must not begin outside or be empty, got {text!r}")
    return x, y, width, height


def parsed_list(values: list[str] | None) -> list[str]:
    """Parse what is given by commas, by repeating the option, or both."""
    return [word.strip() for value in values or () for word in value.split(",") if word.strip()]


def parsed_pair(text: str, option: str, form: str) -> tuple[str, str]:
    """Parse what has the form of NAME=DIR; ValueError of anything else."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise ValueError(f"{option} must be {form}, got {text!r}")
    return name, value


def set_signature(command: Any, parameters: Iterable[inspect.Parameter]) -> None:
    """Let typer see other parameters of a command than its code shows."""
    command.__signature__ = inspect.Signature(list(parameters))
    command.__annotations__ = {name: item.annotation for name, item in command.__signature__.parameters.items()}


def is_given(context: typer.Context, name: str) -> bool:
    """Say whether an option was given, and not left at its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")
