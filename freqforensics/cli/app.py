"""The typer application, and what all commands share: errors as one line, tables, complaints."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(
    name="freqforensics",
    help="Frequency analysis and interpretability for CNN-generated images.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Failed(Exception):  # noqa: N818 - carries an exit code, is no error of its own
    """End the command with a line on standard error."""

    def __init__(self, line: str, code: int = 2) -> None:
        super().__init__(line)
        self.code = code


def main() -> None:
    """Run the command line; the console script's entry point."""
    # OpenCV would print its own account of every damaged file beside ours.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    warnings.filterwarnings("ignore", module="PIL")
    try:
        try:
            app(prog_name=_prepare_completion(sys.argv))
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
        found = f"{name} has no completion" if name else "no shell was found"
        raise Failed(f"{found}: name one, as in freqforensics {option} bash ({', '.join(_SHELLS)})")
    return str(name)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the versions and leave.")] = False) -> None:
    if version:
        from freqforensics._version import __version__
        from freqforensics.cli.doctor_checks import main_versions

        print(f"freqforensics {__version__}")
        for name, number in main_versions().items():
            print(f"{name} {number or 'not installed'}")
        raise typer.Exit


Salvage = Annotated[
    bool, typer.Option("--salvage", help="Of JPEG files that end early use the rows that are whole; each is named.")
]


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
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
        raise Failed(str(error)) from error


def complain(line: str) -> None:
    """Print a line to standard error."""
    print(line, file=sys.stderr)


def complain_of(notes: Sequence[str], empty: Sequence[tuple[str, str]], failures: Sequence[tuple[str, str]]) -> None:
    """Name what was left out; exit with 1 if a file could not be read."""
    from freqforensics.images import shown_path

    for note in notes:
        complain(f"note: {note}")
    if empty:
        complain(f"note: no image could be used of: {', '.join(' '.join(key) for key in empty)}")
    for path, reason in failures:
        complain(f"skipped: {shown_path(path)}: {reason}")
    if failures:
        sys.exit(1)


def new_table(*columns: str) -> Table:
    """An empty table: words to the left, numbers to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        words = column in (
            "generator",
            "category",
            "label",
            "skipped",
            "verdict",
            "sweep",
            "of generator",
            "recipe",
            "band",
        )
        table.add_column(column, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    return table


def print_wide(table: Table) -> None:
    """Print a table; where nobody watches, wide enough not to be folded."""
    from rich.console import Console

    console = Console(soft_wrap=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
