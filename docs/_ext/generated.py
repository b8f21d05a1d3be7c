"""What pages have from the code, written when they are built: commands, public names, tables of numbers."""

from __future__ import annotations

import ast
import csv
import importlib
import inspect
import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import freqforensics

PACKAGE = Path(freqforensics.__file__).parent
ROOMS = (
    "explore",
    "studies",
    "report",
    "figures",
    "inspection",
    "training",
    "attribution",
    "evaluation",
    "quality",
    "detector",
    "fingerprints",
    "generators",
    "spectra",
    "sources",
    "regions",
    "perturbations",
    "images",
    "storage",
    "runtime",
)
"""Pages of the reference: each is of a package, but for `explore`, which is one module."""


# The command line


@dataclass(frozen=True)
class Command:
    """A command, by all of its words, and typer's object for it."""

    name: str
    command: Any


def commands() -> Iterator[Command]:
    """Give every command that does something, in the order of --help."""
    from typer.main import get_command

    from freqforensics.cli.app import app  # its package adds the commands

    def walk(command: Any, name: str) -> Iterator[Command]:
        if not hasattr(command, "commands"):
            yield Command(name, command)
            return
        for word, below in command.commands.items():
            if not below.hidden:
                yield from walk(below, f"{name} {word}")

    yield from walk(get_command(app), "freqforensics")


def cli_markdown() -> str:
    """Write the reference of the command line: a section for each command, a definition for each option."""
    pages = [_section(one) for one in commands()]
    return "\n".join(pages)


def _section(one: Command) -> str:
    arguments = [each for each in one.command.params if each.param_type_name == "argument"]
    options = [each for each in one.command.params if each.param_type_name == "option" and not each.hidden]
    places = " ".join(_place(each) for each in arguments)
    usage = " ".join(word for word in (one.name, places, "[OPTIONS]" if options else "") if word)
    words = _escaped(inspect.cleandoc(one.command.help or ""))
    lines = [f"## {one.name.removeprefix('freqforensics ')}", "", "```console", f"$ {usage}", "```", "", words, ""]
    for each in (*arguments, *options):
        lines += [_term(each), f": {_definition(each)}", ""]
    if one.command.epilog:
        for paragraph in inspect.cleandoc(one.command.epilog).split("\n\n"):
            title, _, line = " ".join(paragraph.split()).partition(": ")
            lines += [f"{title}:", "", "```sh", line, "```", ""]
    return "\n".join(lines)


def _place(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return (name if argument.required else f"[{name}]") + ("..." if argument.nargs == -1 else "")


def _term(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_place(parameter)}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    value = "" if parameter.is_flag else parameter.metavar or _kind(parameter)
    return f"{names} {f'`{value}`' if value else ''}".strip()


def _kind(parameter: Any) -> str:
    """Name what a value may be: choices, or a type's name."""
    annotation = _bare(_annotation(parameter))
    if typing.get_origin(annotation) is typing.Literal:
        return "|".join(str(choice) for choice in typing.get_args(annotation))
    return {int: "N", float: "NUMBER", Path: "PATH"}.get(annotation, "TEXT")


def _annotation(parameter: Any) -> Any:
    descriptor = getattr(parameter, "type_descriptor", None)
    if descriptor is not None:
        return descriptor.annotation
    # Until typer had its own parameters, click's type knew choices and names.
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return typing.Literal[tuple(str(getattr(choice, "value", choice)) for choice in choices)]
    return {"integer": int, "integer range": int, "float": float, "float range": float, "path": Path}.get(
        parameter.type.name, str
    )


def _bare(annotation: Any) -> Any:
    """Take off what makes a value optional or many."""
    inside = [each for each in typing.get_args(annotation) if each is not type(None)]
    if typing.get_origin(annotation) is not typing.Literal and inside:
        return _bare(inside[0])
    return annotation


def _definition(parameter: Any) -> str:
    notes = []
    if parameter.required:
        notes.append("required")
    default = parameter.default
    if not parameter.required and default not in (None, False, (), [], ""):
        shown = ", ".join(map(str, default)) if isinstance(default, (list, tuple)) else str(default)
        notes.append(f"default: `{shown}`")
    return _escaped(parameter.help or "") + (f" ({'; '.join(notes)})" if notes else "")


def _escaped(text: str) -> str:
    return text.replace("*", r"\*").replace("_", r"\_").replace("<", "&lt;")


# The library


@dataclass(frozen=True)
class Name:
    """A public name: what it is called, where it is defined, and its value."""

    shown: str
    home: str
    value: Any

    @property
    def kind(self) -> str:
        """What autodoc calls it."""
        if inspect.isclass(self.value):
            return "exception" if issubclass(self.value, BaseException) else "class"
        return "function" if inspect.isroutine(self.value) else "data"


def exported(room: str) -> list[Name]:
    """Give the names at a room's front door (``__all__``), sorted."""
    package = importlib.import_module(f"freqforensics.{room}" if room else "freqforensics")
    names = [] if room == "explore" else getattr(package, "__all__", [])
    homes = _homes(room) if names else {}
    return sorted(
        (
            Name(f"{package.__name__}.{name}", f"{homes[name]}.{name}", getattr(package, name))
            for name in names
            if name != "__version__"
        ),
        key=lambda one: (one.shown.casefold(), one.shown),
    )


def further(room: str) -> dict[str, list[Name]]:
    """Give public classes and functions of a room's modules that are not at its front door, by module."""
    inside = {one.home for one in exported(room)}
    place = PACKAGE / room
    found = {}
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
        if path.name == "__init__.py":
            continue
        dotted = ".".join(("freqforensics", *path.relative_to(PACKAGE).with_suffix("").parts))
        module = importlib.import_module(dotted)
        names = []
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                own = f"{dotted}.{node.name}"
                if own not in inside and inspect.getdoc(getattr(module, node.name)):
                    names.append(Name(own, own, getattr(module, node.name)))
        if names:
            found[dotted] = names
    return found


def _homes(room: str) -> dict[str, str]:
    """The module of each name at a front door, as its stub has it."""
    package = f"freqforensics.{room}" if room else "freqforensics"
    stub = ast.parse((PACKAGE / room / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.name: f"{package}.{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def constant_doc(home: str) -> str:
    """Give the string below a constant's definition, or an alias's choices."""
    module, _, name = home.rpartition(".")
    loaded = importlib.import_module(module)
    body = ast.parse(Path(str(loaded.__file__)).read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                return inspect.cleandoc(str(after.value.value))
            break
    value = getattr(loaded, name)
    if typing.get_origin(value) is typing.Literal:
        return "One of " + ", ".join(f"``{choice!r}``" for choice in typing.get_args(value)) + "."
    if isinstance(value, (int, float, str)):
        return f"``{value!r}``."
    if isinstance(value, (tuple, list)) and all(isinstance(each, (int, float, str)) for each in value):
        return "In order: " + ", ".join(f"``{each!r}``" for each in value) + "."
    if isinstance(value, dict):
        return "By name: " + ", ".join(f"``{key}``" for key in value) + "."
    return f"A ``{type(value).__name__}``."


def api_rst(room: str) -> str:
    """Write a room's part of the reference."""
    lines: list[str] = []
    for one in exported(room):
        lines += _entry(one)
    for module, names in further(room).items():
        title = module.removeprefix("freqforensics.")
        about = (inspect.getdoc(importlib.import_module(module)) or "").splitlines()
        escape_bars(None, "", "", None, None, about)
        lines += [title, "~" * len(title), "", *about, ""]
        for one in names:
            lines += _entry(one)
    return "\n".join(lines)


def front_door_rst() -> str:
    """List what ``import freqforensics`` offers, each with its first line and a link."""
    lines = [".. list-table::", "   :widths: 35 65", ""]
    for one in exported(""):
        first = (inspect.getdoc(one.value) or "").split("\n")[0]
        room = one.home.split(".")[1]
        short = one.shown.rpartition(".")[2]
        door = {name.home: name.shown for name in exported(room)}
        target = door.get(one.home, one.home)
        role = "func" if one.kind == "function" else "exc" if one.kind == "exception" else "class"
        lines += [f"   * - :py:{role}:`{short} <{target}>`", f"     - {first}"]
    return "\n".join([*lines, ""])


def _entry(one: Name) -> list[str]:
    if one.kind == "data":
        doc = constant_doc(one.home).splitlines()
        escape_bars(None, "", "", None, None, doc)
        module, _, name = one.shown.rpartition(".")
        return [f".. py:data:: {name}", f"   :module: {module}", "", *(f"   {line}" for line in doc), ""]
    lines = [f".. auto{one.kind}:: {one.shown}"]
    if one.kind != "function":
        lines.append("   :members:")
    return [*lines, ""]


# Published numbers beside ours

FIGURES = Path(__file__).parents[2] / "figures"
LOOKED_AT = ("cyclegan", "dcgan", "stable_diffusion")
"""Sets that were looked at while the detector that ships was designed."""
PUBLISHED_ABLATIONS = {
    "no-aug": "90.1",
    "blur": "84.4",
    "jpeg": "93.0",
    "blur+jpeg-0.5": "**90.8**",
    "blur+jpeg-0.1": "**92.6**",
    "2": "81.3",
    "4": "85.4",
    "8": "87.9",
    "16": "91.4",
}
"""mAP of Wang et al. (2020); those in bold agree with the authors' own page, the others are recalled."""


def _rows(path: str) -> list[dict[str, str]]:
    with (FIGURES / path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def published_markdown() -> str:
    """Write the rows of Wang et al. that agree with the authors' own page."""
    from freqforensics.evaluation import PUBLISHED_AP, W20_GENERATORS, mean_ap

    names = tuple(PUBLISHED_AP)
    rows = [[name, *(f"{PUBLISHED_AP[row][name]:.1f}" for row in names)] for name in W20_GENERATORS]
    means = [mean_ap(PUBLISHED_AP[row]) or 0.0 for row in names]
    return _table(
        ["ForenSynths", *(f"20 categories, {row}" for row in names)],
        [*rows, ["**mean**", *(f"**{value:.1f}**" for value in means)]],
    )


def shipped_markdown() -> str:
    """Write AP of miniature-resnet50, from its tables."""
    from freqforensics.evaluation import PUBLISHED_AP

    center = {row["generator"]: row for row in _rows("shipped/center.csv")}
    rows, held = [], []
    for row in _rows("shipped/whole.csv"):
        name = row["generator"]
        published = [f"{PUBLISHED_AP[each][name]:.1f}" if name in PUBLISHED_AP[each] else "" for each in PUBLISHED_AP]
        if name not in LOOKED_AT:
            held.append((float(row["ap"]), float(center[name]["ap"])))
        rows.append(
            [
                f"{name} \\*" if name in LOOKED_AT else name,
                f"{row['real']} + {row['fake']}".replace(" ", "\N{NO-BREAK SPACE}"),
                f"{100 * float(row['ap']):.1f}",
                " to ".join(f"{100 * float(row[end]):.1f}" for end in ("ap_low", "ap_high")).replace(
                    " ", "\N{NO-BREAK SPACE}"
                ),
                f"{100 * float(center[name]['ap']):.1f}",
                *published,
            ]
        )
    whole, crops = (100 * sum(values) / len(held) for values in zip(*held, strict=True))
    rows.append([f"**mean of {len(held)}**", "", f"**{whole:.1f}**", "", f"**{crops:.1f}**", "", ""])
    heads = ["generator", "real + fake", "ours, whole", "95 %", "ours, central 224"]
    return _table([*heads, *(f"published, {name}" for name in PUBLISHED_AP)], rows)


SIX = ("biggan", "pix2pix", "progan", "stargan", "stylegan", "stylegan2")
"""Generators that no choice was made on."""


def everyday_markdown() -> str:
    """Write what the default detector finds, three ways, from the table of `evaluate`."""
    table: dict[str, dict[str, dict[str, str]]] = {}
    for row in _rows("everyday/evaluation.csv"):
        table.setdefault(row["generator"], {})[row["way"]] = row
    ways = ("as-is", "re-encoded", "fakes-jpeg96")

    def number(row: dict[str, str], key: str, percent: bool) -> str:
        value = row.get(key, "")
        return "" if value == "" else f"{100 * float(value):.0f} %" if percent else f"{float(value):.3f}"

    rows = []
    for name, each in sorted(table.items()):
        first = each["as-is"]
        rows.append(
            [
                f"{name} \\*" if name in LOOKED_AT else name,
                f"{first['real'] or 0} + {first['fake']}".replace(" ", "\N{NO-BREAK SPACE}"),
                *(number(each[way], "ap", False) for way in ways),
                number(first, "auc_photographs", False),
                *(number(each[way], "evidence_fake", True) for way in ways),
                number(first, "evidence_real", True),
            ]
        )
    means = [f"**{sum(float(table[name][way]['ap']) for name in SIX) / len(SIX):.3f}**" for way in ways]
    against = [float(each["as-is"]["auc_photographs"]) for each in table.values()]
    rows.append(["**mean of the six; of all**", "", *means, f"**{sum(against) / len(against):.3f}**", "", "", "", ""])
    heads = ["generator", "real + fake", "AP", "AP, both re-encoded", "AP, fakes JPEG 96", "AUC against cameras"]
    return _table([*heads, "evidence", "re-encoded", "JPEG 96", "real sides"], rows)


def photographs_markdown() -> str:
    """Write the verdicts on photographs as they are, from the table of `false-alarms`."""
    rows = [
        [row["source"], row["images"], row["evidence"], row["inconclusive"], row["cannot_judge"]]
        for row in _rows("everyday/false_alarms.csv")
        if row["carrier"] == "as-is"
    ]
    return _table(["photographs as they are", "number", "evidence", "inconclusive", "cannot be judged"], rows)


def false_alarms_markdown() -> str:
    """Write the share of photographs called evidence, by carrier and source, from the table of `false-alarms`."""
    rows = _rows("everyday/false_alarms.csv")
    sources = list(dict.fromkeys(row["source"] for row in rows))
    carriers = list(dict.fromkeys(row["carrier"] for row in rows))
    cells = {(row["source"], row["carrier"]): f"{row['evidence']} of {row['images']}" for row in rows}
    judged = {}
    for row in rows:
        if row["source"] == sources[-1]:
            judged[row["carrier"]] = row["cannot_judge"]
    return _table(
        ["carrier", *sources, "cannot be judged"],
        [[name, *(cells.get((source, name), "") for source in sources), judged.get(name, "")] for name in carriers],
    )


def ablations_markdown() -> str:
    """Write mean APs of the ablations on miniatures, beside the published means."""
    rows = []
    for axis, called in (("recipe", "augmentation"), ("classes", "families or categories")):
        values: dict[str, list[float]] = {}
        for row in _rows(f"detector/ablation-{axis}.csv"):
            values.setdefault(row["value"], []).append(float(row["ap"]))
        for value, found in values.items():
            mean = f"{100 * sum(found) / len(found):.1f}"
            rows.append([f"{called}: {value}", mean, PUBLISHED_ABLATIONS.get(value, "")])
    return _table(["changed", "ours, **miniatures**, mean of 17", "published, generators, mean of 11"], rows)


# The build


def write_generated(_app: Any, _docname: str, source: list[str]) -> None:
    """Put what is generated where a page asks for it, by a line ``GENERATED name``."""
    lines = []
    for line in source[0].split("\n"):
        word, _, what = line.strip().partition(" ")
        if word != "GENERATED":
            lines.append(line)
        elif what == "cli":
            lines.append(cli_markdown())
        elif what == "front-door":
            lines.append(front_door_rst())
        elif what == "published":
            lines.append(published_markdown())
        elif what == "shipped":
            lines.append(shipped_markdown())
        elif what == "everyday":
            lines.append(everyday_markdown())
        elif what == "photographs":
            lines.append(photographs_markdown())
        elif what == "false-alarms":
            lines.append(false_alarms_markdown())
        elif what == "ablations":
            lines.append(ablations_markdown())
        else:
            lines.append(api_rst(what))
    source[0] = "\n".join(lines)


def escape_bars(_app: Any, _what: str, _name: str, _value: Any, _options: Any, lines: list[str]) -> None:
    """Let |F| in a docstring be an absolute value: reStructuredText takes it for a substitution.

    And let napoleon's two hyphens be a dash.
    """
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            # Every other piece lies between backticks, and stays as it is.
            pieces = re.split(r"(`+[^`]*`+)", line)
            lines[number] = "".join(
                piece if place % 2 else piece.replace("|", r"\|").replace(" -- ", " \N{EN DASH} ")
                for place, piece in enumerate(pieces)
            )


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", write_generated)
    app.connect("autodoc-process-docstring", escape_bars, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
