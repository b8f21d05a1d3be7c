"""The typer application, and what all commands share: errors as one line, tables, complaints."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import typer
from typer.core import TyperGroup

from freqforensics.cli.options import quiet
from freqforensics.cli.sources import with_sources
from freqforensics.cli.spellings import COMMAND_PARAMETERS, OLD_COMMANDS, PARAMETERS, respelled
from freqforensics.runtime.memory import collect_seldom, keep_freed_memory


class Failed(Exception):  # noqa: N818 - carries an exit code, is no error of its own
    """End the command with a line on standard error."""

    def __init__(self, line: str, code: int = 2) -> None:
        super().__init__(line)
        self.code = code


class Commands(TyperGroup):
    """All commands: in panels, with old spellings, and errors as one line."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run; whatever fails is one line on standard error, and the exit status."""
        try:
            try:
                return super().main(*args, **options)
            finally:
                sys.stdout.flush()
        except Failed as failure:
            complain(f"freqforensics: {failure}")
            sys.exit(failure.code)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            if error.filename is not None or error.strerror is None:
                raise
            # All that is written to files is named; this was printed, to a full disk for instance.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            complain(f"freqforensics: standard output: {error.strerror.lower()}")
            sys.exit(2)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; the library's errors become Failed, with the names of its options."""
        with one_line_errors(ctx):
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a command, by a former name, too, and give its options their names of today."""
        word = OLD_COMMANDS.get(args[0], args[0]) if args else None
        if word is not None and word != args[0]:
            complain(f"note: {args[0]} is called {word} now; the old name goes with the next release")
            args = [word, *args[1:]]
        name, command, rest = super().resolve_command(ctx, args)
        whole = f"{name} {rest[0]}" if name == "weights" and rest else str(name)
        return name, command, respelled(whole, rest)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands by panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None) or "Commands"
                panels.setdefault(str(panel), []).append((name, command.get_short_help_str(limit=80)))
        for panel, rows in sorted(panels.items(), key=lambda item: PANELS.index(item[0])):
            with formatter.section(panel):
                formatter.write_dl(rows)


SPECTRA: Final = "Spectra"
DETECTOR: Final = "Detector"
ONE_IMAGE: Final = "One image"
DATA: Final = "Data"
TRAIN: Final = "Train"
PROJECT: Final = "Project"
PANELS: Final = (SPECTRA, DETECTOR, ONE_IMAGE, DATA, TRAIN, PROJECT)
"""Panels of --help, in order."""


class _App(typer.Typer):
    """Gives every command that takes SOURCE the options that go with it."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        register = super().command(name, **options)
        return lambda function: register(with_sources(function))


app = _App(
    name="freqforensics",
    help="Frequency analysis and interpretability for CNN-generated images.",
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; the console script's entry point."""
    # OpenCV would print its own account of every damaged file beside ours.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    warnings.filterwarnings("ignore", module="PIL")
    keep_freed_memory()
    collect_seldom()
    try:
        completed = _prepare_completion(sys.argv)
    except Failed as failure:
        complain(f"freqforensics: {failure}")
        sys.exit(failure.code)
    app(prog_name=completed)


_COMPLETION = ("--install-completion", "--show-completion")
_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def _prepare_completion(arguments: list[str]) -> str | None:
    """Let a shell be named after typer's two options, find it where it is not, and name the program to be completed.

    Left alone, typer guesses the shell even where one is named, and without one around it complains of "None".
    """
    # Despite its name, it makes the options take the shell as their value, --help included.
    os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    if len(arguments) < 2 or arguments[1] not in _COMPLETION:
        return None
    if len(arguments) == 2:
        arguments.append(_shell_around(arguments[1]))
    # `python -m freqforensics` would make it part of names of functions and variables, where it cannot stand.
    return "freqforensics"


def _shell_around(option: str) -> str:
    try:
        # Comes with typer, which asks it the same.
        import shellingham  # type: ignore[import-untyped]

        name, _ = shellingham.detect_shell()
    except Exception:  # its own kind of error, what /proc or ps give, or it is not there: no shell is known
        name = ""
    if name not in _SHELLS:
        reason = f"{name} has no completion" if name else "no shell was found"
        raise Failed(f"{reason}: name one, as in freqforensics {option} bash ({', '.join(_SHELLS)})")
    return str(name)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the versions and exit.")] = False) -> None:
    if version:
        from freqforensics._version import __version__
        from freqforensics.runtime.versions import main_versions

        print(f"freqforensics {__version__}")
        for name, number in main_versions().items():
            print(f"{name} {number or 'not installed'}")
        raise typer.Exit


@contextlib.contextmanager
def one_line_errors(ctx: Any = None) -> Iterator[None]:
    """Turn the library's errors into one line and exit code 2, and Ctrl-C into one line and 130."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failed("interrupted: no half-written file was left", 130) from None
    except MemoryError as error:
        raise Failed(f"out of memory: {error}") from error
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        if isinstance(error, OSError) and error.strerror and error.filename:
            raise Failed(f"{error.filename}: {error.strerror.lower()}") from error
        if isinstance(error, OSError) and error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Failed(f"standard output: {str(error.strerror).lower()}") from error  # whatever is a file is named
        raise Failed(_with_options(str(error), "" if ctx is None else str(ctx.invoked_subcommand))) from error


def _with_options(message: str, command: str) -> str:
    """Name the option where the library says what a parameter must be."""
    options = {**PARAMETERS, **COMMAND_PARAMETERS.get(command, {})}
    return re.sub(r"(?<![\w-])(\w+)(?= must )", lambda match: options.get(match[1], match[1]), message)


def command_line() -> str:
    """Give the command line of this run, for manifests."""
    return shlex.join(["freqforensics", *sys.argv[1:]])


class Result(Protocol):
    """What a study gives: values for programs, files for a folder, and what it left out."""

    @property
    def notes(self) -> Sequence[str]:
        """What was left out or may mislead."""
        ...

    @property
    def skipped(self) -> Sequence[tuple[str, str]]:
        """Path and reason of every file that could not be used."""
        ...

    def to_json(self) -> Any:
        """JSON values."""
        ...

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write a folder."""
        ...


def finish(
    study: Result,
    out: Path | None,
    *,
    show: Callable[[], None],
    as_json: bool = False,
    overwrite: bool = False,
    save: Callable[..., None] | None = None,
) -> None:
    """End a command: write its study's folder, print it, name what was left out.

    Parameters
    ----------
    study : Result
    out : Path or None
        The folder; none is written without one.
    show : callable
        Prints the study for people.
    as_json : bool
        Print JSON instead.
    overwrite : bool
    save : callable, optional
        Takes the arguments of `Result.save`. Default the study's own, with its defaults.
    """
    if out is not None:
        (save or study.save)(out, command=command_line(), overwrite=overwrite)
    if as_json:
        print_json(study.to_json())
    else:
        show()
        if out is not None:
            print(f"results in {out}")
    complain_of(study.notes, study.skipped)


def complain(line: str) -> None:
    """Print a line to standard error."""
    print(line, file=sys.stderr)


def complain_of(notes: Sequence[str], skipped: Sequence[tuple[str, str]] = ()) -> None:
    """Name what was left out; exit with 1 if a file could not be read."""
    from freqforensics.images import shown_path

    if not quiet():
        for note in notes:
            complain(f"note: {note}")
    for path, reason in skipped:
        complain(f"skipped: {shown_path(path)}: {reason}")
    if skipped:
        sys.exit(1)


def print_json(value: Any) -> None:
    """Print JSON values, indented."""
    print(json.dumps(value, indent=2))


_WORDS: Final = frozenset(
    {"generator", "category", "label", "skipped", "verdict", "sweep", "of generator", "recipe", "band"}
)
"""Heads of columns of words."""


def print_table(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Print a table, words to the left, numbers to the right; where nobody watches, wide enough not to be folded."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        words = column in _WORDS
        table.add_column(column, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    for cells in lines:
        table.add_row(*(Text(str(cell)) for cell in cells))
    console = Console(soft_wrap=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
