"""Cells of a notebook in a real kernel: each figure is there once."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

_RUN = """
import json, sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in json.load(sys.stdin)])
NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
print(json.dumps([[dict(output) for output in cell.outputs] for cell in notebook.cells]))
"""
SETUP = """
import numpy as np
import freqforensics as ff
from freqforensics.spectra import strongest_line

rng = np.random.default_rng(0)
spec = ff.SpectrumSpec(size=32, residual="none")
spectra = {
    ("gan", label): ff.SpectrumAccumulator(spec).update(rng.normal(0, 9, (8, 32, 32))).result()
    for label in ("real", "fake")
}
"""
STUDY = "study = ff.SpectrumStudy(spec, spectra, {k: strongest_line(s) for k, s in spectra.items()}, (), {}, None)\n"
CELLS = {
    "axes as a cell's value": ("ff.plot_spectrum(spectra['gan', 'fake'])", 1),
    "axes that are assigned": ("ax = ff.plot_spectrum(spectra['gan', 'fake'])", 1),
    "a figure as a cell's value": ("ff.plot_fingerprints(spectra)", 1),
    "a figure that is assigned": ("figure = ff.plot_fingerprints(spectra)", 1),
    "a figure of an earlier cell": ("figure", 1),
    "two figures": ("ff.plot_profiles(spectra)\nff.plot_spectrum(spectra['gan', 'real'])", 2),
    "a spectrum": ("spectra['gan', 'fake']", 1),
    "a study with two figures": (STUDY + "study", 2),
    "a study that is assigned": (STUDY, 0),
    "a report": ("ff.estimate_upsampling(spectra['gan', 'fake'])", 1),
}


def pictures(outputs):
    """PNG pictures among the outputs of a cell, by themselves or in HTML."""
    data = [output.get("data", {}) for output in outputs]
    return sum("image/png" in one for one in data) + sum(
        "".join(one.get("text/html", "")).count("data:image/png;base64,") for one in data
    )


@pytest.fixture(scope="module")
def outputs():
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", _RUN],
        input=json.dumps([SETUP, *(text for text, _ in CELLS.values())]),
        env={**os.environ, **threads},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(CELLS, json.loads(done.stdout)[1:], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_a_figure_is_drawn_once(outputs, name):
    assert pictures(outputs[name]) == CELLS[name][1]
    assert not [output for output in outputs[name] if output["output_type"] in ("error", "stream")]
