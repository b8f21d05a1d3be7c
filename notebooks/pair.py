"""Write every notebook's .ipynb anew from its .py: no outputs, no versions, the same cell ids each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext
import nbformat

HERE = Path(__file__).parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
HEADER = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""


def bare(script: Path) -> Any:
    """Give the notebook that a script stands for, without outputs."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{script.stem[:2]}-{number:02d}"
        cell["metadata"] = {}
    notebook.metadata = {"jupytext": {"formats": "ipynb,py:percent"}, "kernelspec": dict(KERNEL)}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def headed(text: str) -> str:
    """Give a script its header: `jupytext --sync` writes its own version into it."""
    return HEADER + text.split("# ---\n", 2)[2]


if __name__ == "__main__":
    for script in sorted(HERE.glob("[0-9]*.py")):
        script.write_text(headed(script.read_text(encoding="utf-8")), encoding="utf-8")
        nbformat.write(bare(script), script.with_suffix(".ipynb"))
