"""The command doctor: whether freqforensics can work here."""

from __future__ import annotations

import dataclasses
import sys

from freqforensics.cli.app import PROJECT, app, print_json
from freqforensics.cli.options import AsJson


@app.command(rich_help_panel=PROJECT, epilog="Example: freqforensics doctor")
def doctor(as_json: AsJson = False) -> None:
    """Check the installation.

    Checks versions, torch and its GPU, threads, OpenCV, weights, folders and extras. Changes nothing and needs no
    network. No command needs LaTeX or Chromium.

    Exit status: 0 no problem; 1 a problem was found.
    """
    from freqforensics.studies.installation import examine

    checks = examine()
    problems = [check.name for check in checks if check.status == "problem"]
    if as_json:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            advice = f" -> {check.advice}" if check.advice else ""
            print(f"{check.status:<7}  {check.name:<{width}}  {check.found}{advice}")
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        print(f"{count}: {', '.join(problems)}" if problems else "no problem")
    if problems:
        sys.exit(1)
