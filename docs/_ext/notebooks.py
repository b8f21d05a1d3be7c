"""Bring the notebooks below `docs`, where Sphinx finds them, and say which of them are run for the pages."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TARGET = Path(__file__).parents[1] / "notebooks"
LONG = ("01_spectral_fingerprints", "02_artifact_commonality", "05_train_your_own")
"""Notebooks that take more than half a minute of processor time. They run only with NOTEBOOKS=all."""
NOT_RUN = """\
```{{note}}
This page shows the code of the notebook without its output, because it takes about a minute. To run it, open
`notebooks/{name}.ipynb` in Jupyter.
```"""


def run_names() -> set[str]:
    """Return the names of the notebooks to run, by the variable NOTEBOOKS: `all`, `quick` (the default) or `none`."""
    choice = os.environ.get("NOTEBOOKS") or "quick"
    if choice not in ("all", "quick", "none"):
        raise ValueError(f"NOTEBOOKS must be all, quick or none, got {choice!r}")
    names = {path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb")}
    return {"all": names, "quick": names - set(LONG), "none": set()}[choice]


def copy_notebooks() -> list[str]:
    """Copy all notebooks, and return patterns of those that are not run. A copy that is up to date stays as it is."""
    run = run_names()
    current = {path.name for path in NOTEBOOKS.glob("[0-9]*.ipynb")}
    for copy in TARGET.glob("*.ipynb"):
        if copy.name not in current:
            copy.unlink()
    for name in sorted(current):
        notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
        stem = Path(name).stem
        if stem not in run:
            note = nbformat.v4.new_markdown_cell(NOT_RUN.format(name=stem), id="not-run")
            notebook.cells.insert(1, note)
        text = nbformat.writes(notebook)
        copy = TARGET / name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")
    return [f"notebooks/{name}" for name in sorted(current) if Path(name).stem not in run]


def plain_kernel(folder: Path) -> None:
    """Start kernels without ipywidgets, so that pages show figures, and without the real images of this machine."""
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00-no-widgets.py").write_text('import sys\n\nsys.modules["ipywidgets"] = None\n', encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(folder)
    os.environ.pop("FREQFORENSICS_DATA", None)
