"""The notebooks are pairs in step, hold no outputs, and run from a clean kernel."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.py"))
SECONDS = 600
IMAGES = {"02_artifact_commonality": 20}  # the fewest of which sets are compared
FEW = 5

# What is smaller here than in the notebooks. `make docs NOTEBOOKS=all` runs them as they are.
SMALLER = {
    "02_artifact_commonality": {', "sitd", "san", "stylegan2", "ldm_vae"': ""},
    "05_train_your_own": {
        "epochs=3": "epochs=1",
        "crop=128": "crop=64",
        ', "stylegan2", "biggan", "sitd"': ', "stylegan2"',
        ', "cyclegan", "ldm_vae", "stylegan3"': ', "cyclegan"',
    },
    "04_fakeness_and_quality": {'"dcgan", "stylegan2", "biggan"': '"dcgan", "stylegan2"'},
    "06_on_forensynths": {'"biggan", "cyclegan", "progan", "stargan", "stylegan", ': '"cyclegan", '},
}
# Photographs are cut to two crops each, too few to train on; no name is left behind.
WHOLE = ("05_train_your_own",)
_FIRST = """
def first():
    from freqforensics.generators import plain

    whole, side = plain._photographs, plain.TILE
    plain._photographs = lambda: ((name, image[:side, : 2 * side]) for name, image in whole())

first()
del first
"""
# Torch and figures leave a million objects, through which the garbage collector went for a fifth of the time.
_SELDOM = "import gc\ngc.set_threshold(50_000, 20, 50)\ndel gc\n"
_RUN = """
import sys
import nbformat
from nbclient import NotebookClient

source, folder, limit, first, *replaced = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
code = [cell for cell in notebook.cells if cell.cell_type == "code"]
for old, new in zip(replaced[::2], replaced[1::2], strict=True):
    assert sum(old in cell.source for cell in code) == 1, old
    for cell in code:
        cell.source = cell.source.replace(old, new)
notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
NotebookClient(notebook, kernel_name="python3", timeout=int(limit), resources={"metadata": {"path": folder}}).execute()
outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
said = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stderr")
figures = sum("image/png" in output.get("data", {}) for output in outputs)
print("figures", figures, "stderr", repr(said))
"""


def test_there_are_seven_pairs():
    assert len(NAMES) == 7
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_both_of_a_pair_have_the_same_cells(name):
    script, notebook = (jupytext.read(NOTEBOOKS / f"{name}{suffix}") for suffix in (".py", ".ipynb"))
    assert [(cell.cell_type, cell.source) for cell in script.cells] == [
        (cell.cell_type, cell.source) for cell in notebook.cells
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_what_its_script_gives(name):
    """No outputs, no counts, no state of widgets, ids that do not change: git sees what was written and no more."""
    path = NOTEBOOKS / f"{name}.ipynb"
    pair = runpy.run_path(str(NOTEBOOKS / "pair.py"))
    script = path.with_suffix(".py").read_text(encoding="utf-8")
    assert script == pair["headed"](script)
    bare = pair["bare"](path.with_suffix(".py"))
    assert path.read_text(encoding="utf-8") == nbformat.writes(bare) + "\n"
    nbformat.validate(bare)
    for cell in bare.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


# No folders: those of tools come and go, and all workers must collect the same tests.
@pytest.mark.parametrize("path", sorted(filter(Path.is_file, NOTEBOOKS.glob("[!.]*"))), ids=lambda path: path.name)
def test_no_machine_is_named(path):
    assert not re.search(r"/(work|home|root|tmp|Users|mnt)/|[A-Z]:\\", path.read_text(encoding="utf-8"))


def few(root: Path, count: int) -> Path | None:
    """The first images of every set of real ones, where there are some: notebooks take all that they find."""
    data = os.environ.get("FREQFORENSICS_DATA")
    if not data or not Path(data).is_dir():
        return None
    for folder in {path.parent for path in Path(data).rglob("*") if path.suffix in (".png", ".jpg", ".jpeg", ".JPEG")}:
        (root / folder.relative_to(data)).mkdir(parents=True)
        for path in sorted(folder.iterdir())[:count]:
            (root / path.relative_to(data)).symlink_to(path.resolve())
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_from_a_clean_kernel(name, tmp_path):
    """In a process of its own: what a kernel's client warns of is not ours to turn into errors."""
    folder, data = tmp_path / "folder", few(tmp_path / "few", IMAGES.get(name, FEW))
    folder.mkdir()
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    first = _SELDOM + ("" if name in WHOLE else _FIRST)
    replaced = [text for pair in SMALLER.get(name, {}).items() for text in pair]
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(NOTEBOOKS / f"{name}.ipynb"), str(folder), str(SECONDS), first, *replaced],
        env={**os.environ, **threads, "PYTHONWARNINGS": "default", "FREQFORENSICS_DATA": str(data or "")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = re.search(r"figures (\d+) stderr (.*)", done.stdout)
    assert said is not None
    assert int(said[1]) >= 1
    assert said[2] == "''", said[2]
    assert not list(folder.iterdir())  # what it writes, it writes elsewhere, and takes away


def test_the_pages_have_every_notebook_and_run_the_quick_ones(tmp_path, monkeypatch):
    """Those that are not run say so; a copy of a notebook that is gone is removed, and one that is current stays."""
    pages = runpy.run_path(str(NOTEBOOKS.parent / "docs" / "_ext" / "notebooks.py"))
    assert set(pages["LONG"]) < set(NAMES)
    copy = pages["copy_notebooks"]
    monkeypatch.setitem(copy.__globals__, "TARGET", tmp_path)
    (tmp_path / "00_gone.ipynb").write_text("{}", encoding="utf-8")
    for choice, still in (("", pages["LONG"]), ("all", ()), ("none", NAMES)):
        monkeypatch.setenv("NOTEBOOKS", choice)
        assert copy() == [f"notebooks/{name}.ipynb" for name in still]
        assert sorted(path.stem for path in tmp_path.iterdir()) == NAMES
        for name in NAMES:
            text = (tmp_path / f"{name}.ipynb").read_text(encoding="utf-8")
            assert ("without its output" in text) == (name in still)
    before = [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]
    copy()
    assert before == [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]
    monkeypatch.setenv("NOTEBOOKS", "some")
    with pytest.raises(ValueError, match="NOTEBOOKS must be all, quick or none, got 'some'"):
        copy()
    assert (NOTEBOOKS.parent / "docs" / "notebooks" / "index.md").read_text(encoding="utf-8").count("\n0*\n") == 1
