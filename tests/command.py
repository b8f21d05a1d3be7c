"""The command line for tests: in this process, or, where a fresh one is what is tested, in a process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from freqforensics import cli
from freqforensics.cli import options


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: object, cwd: Path | None = None) -> Ended:
    """Run `freqforensics ARGUMENTS` by its entry point; streams that refuse what a terminal's encoding has not.

    Loading torch takes a process seconds. Arguments, environment, current folder, filters of warnings and -q are put
    back; warnings are errors, as in all tests.
    """
    out, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    errors.reconfigure(errors="backslashreplace")
    code: object = 0
    with (
        mock.patch.object(sys, "argv", ["freqforensics", *map(str, arguments)]),
        mock.patch.dict(os.environ),
        mock.patch.dict(options._STATE, quiet=False),
        warnings.catch_warnings(),
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    assert code is None or isinstance(code, int), code
    return Ended(code or 0, *(stream.buffer.getvalue().decode() for stream in (out, errors)))  # type: ignore[attr-defined]


def run_fresh(
    *arguments: object, cwd: Path | None = None, seconds: float = 300, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `freqforensics ARGUMENTS` in a process of its own, with variables besides those of this one."""
    command = [sys.executable, "-m", "freqforensics", *map(str, arguments)]
    whole = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=whole, timeout=seconds)
