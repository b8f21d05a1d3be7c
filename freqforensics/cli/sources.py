"""Sources of images on the command line: the argument SOURCE, and --labels and --real, which go with it everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Final, get_args

import typer

from freqforensics.cli.options import parsed_list, set_signature
from freqforensics.sources.records import Label
from freqforensics.sources.selection import Sources

_HELP: Final = "Folders, archives, tables, image files, lists of files (.txt, - for standard input), remote addresses"
ImageSources = Annotated[
    Sources,
    typer.Argument(metavar="SOURCE", help=f"{_HELP}. NAME=PATH names the generator of a source.", show_default=False),
]
Photographs = Annotated[
    Sources,
    typer.Argument(
        metavar="SOURCE", help="Photographs: folders, tables, image files, lists of files.", show_default=False
    ),
    "of one side",
]
"""Sources whose generated images are left out, so that there is no side to share."""
LabelsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LABEL=WORD,...",
        help="Meaning of folder names and of labels in tables, such as real=photos,fake=diffusion. "
        "unknown=WORD: WORD is not a label. Repeatable.",
    ),
]
RealOption = Annotated[
    list[str] | None,
    typer.Option(metavar="SOURCE", help="Real images, shared by all generators that have none. Repeatable."),
]
_LAST: Final = ("limit", "as_json", "overwrite", "quiet_")


def parsed_labels(values: list[str] | None) -> dict[str, Label]:
    """Parse LABEL=WORD pairs to labels by word; ValueError of anything else."""
    labels: dict[str, Label] = {}
    for pair in parsed_list(values):
        text, equals, word = (part.strip() for part in pair.partition("="))
        label: Label | None = next((label for label in get_args(Label) if label == text.lower()), None)
        if label is None or not equals or not word:
            raise ValueError(f"labels must be LABEL=WORD, where LABEL is real, fake or unknown, got {pair!r}")
        if labels.setdefault(word.casefold(), label) != label:
            raise ValueError(f"labels must give {word!r} one meaning, got {labels[word.casefold()]} and {label}")
    return labels


def with_sources(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that has an argument of `Sources` the options --labels and --real, which become part of it.

    A command with a parameter ``real`` keeps its own option; others have no argument of `Sources` and stay as they are.
    """
    parameters = inspect.signature(command, eval_str=True).parameters
    argument = next((item for item in parameters.values() if _is_sources(item.annotation)), None)
    if argument is None:
        return command
    _, *about = get_args(argument.annotation)
    kind: Any = list[str] if argument.default is inspect.Parameter.empty else list[str] | None
    options: dict[str, Any] = {"labels": LabelsOption}
    if "real" not in parameters and "of one side" not in about:
        options["real"] = RealOption
    arguments: dict[str, inspect.Parameter] = {}
    for item in parameters.values():
        if item.name in _LAST:
            arguments |= {name: _option(name, options[name]) for name in options if name not in arguments}
        annotation = Annotated[kind, about[0]] if item is argument else item.annotation
        arguments[item.name] = item.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=annotation)

    @wraps(command)
    def run(**values: Any) -> Any:
        chosen = {name: values.pop(name) for name in options}
        labels = parsed_labels(chosen["labels"])
        values[argument.name] = Sources(values[argument.name] or (), labels=labels, real=chosen.get("real") or ())
        return command(**values)

    set_signature(run, arguments.values())
    return run


def _option(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _is_sources(annotation: Any) -> bool:
    return bool(get_args(annotation)) and get_args(annotation)[0] in (Sources, Sources | None)
