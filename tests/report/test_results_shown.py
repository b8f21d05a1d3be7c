"""Every public result: ten lines at most in a console, and what Jupyter draws of it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import freqforensics as ff
from freqforensics.perturbations import Perturbation
from freqforensics.runtime.showing import LINES

DRAWN = {
    *("MeanSpectrum", "UpsamplingReport", "ScoreTable", "Audit", "Evaluation", "Robustness", "FalseAlarms", "Finding"),
    *("AblationStudy", "AuditStudy", "BaselinesStudy", "CalibrationStudy", "ComparisonStudy", "DemoStudy"),
    *("EvaluationStudy", "FalseAlarmsStudy", "InspectStudy", "OriginStudy", "PaperFiguresStudy", "PopulationStudy"),
    *("QualityStudy", "RobustnessStudy", "ScoreStudy", "SpectrumStudy", "UpsamplingStudy", "Page", "Report"),
}
# Parameters, not results: their repr is what makes them. So are perturbations.
PARAMETERS = {"Chapter", "Faker", "QualityScore", "Sources", "SpectrumSpec", "Sweep", "TrainConfig", "Upsampler", "Way"}
RECORDS = {"LineValue", "Statement"}
"""Records with a few short fields, which are not cut."""
MANY = {
    "tuple": tuple(f"entry {number}" for number in range(300)),
    "dict": {f"key {number}": np.zeros((40, 40)) for number in range(300)},
    "Mapping": {f"key {number}": np.zeros((40, 40)) for number in range(300)},
    "bytes": bytes(3000),
    "str": "text",
    **dict.fromkeys(("Literal", "Kind", "Implied"), "text"),
    "Path": "folder/file",
    "int": 3,
    "float": 0.5,
    "bool": True,
}


def public_classes():
    rooms = [f"freqforensics.{module.name}" for module in pkgutil.iter_modules(ff.__path__) if module.ispkg]
    names = {}
    for room in ("freqforensics", *rooms):
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) and value.__module__.startswith("freqforensics."):
                names[value.__name__] = value
    for path in Path(ff.__file__).parent.glob("studies/*.py"):
        module = importlib.import_module(f"freqforensics.studies.{path.stem}".removesuffix(".__init__"))
        names |= {
            name: value for name, value in vars(module).items() if name.endswith("Study") and inspect.isclass(value)
        }
    from freqforensics.evaluation.confounds import Audit

    return names | {"Audit": Audit}


def filled(cls):
    """An instance whose fields hold much, without what makes and checks one."""
    made = object.__new__(cls)
    for field in dataclasses.fields(cls):
        kind = str(field.type).partition("[")[0].partition(" ")[0]
        value = (1, 2, 3, 4) if kind == "tuple" and "..." not in str(field.type) else MANY.get(kind, np.zeros((40, 40)))
        object.__setattr__(made, field.name, value)
    return made


CLASSES = public_classes()
RESULTS = sorted(
    name
    for name, cls in CLASSES.items()
    if dataclasses.is_dataclass(cls) and name not in PARAMETERS and not issubclass(cls, Perturbation)
)


@pytest.mark.parametrize("name", RESULTS)
def test_a_repr_has_ten_lines_at_most(name):
    lines = repr(filled(CLASSES[name])).splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= 400 or name in RECORDS
    assert lines[0].startswith(name)


def test_parameters_are_public_classes():
    assert set(CLASSES) >= PARAMETERS


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_result_is_drawn(name):
    assert callable(CLASSES[name]._repr_html_)


def test_every_study_is_drawn():
    assert {name for name in CLASSES if name.endswith("Study")} <= DRAWN


def test_names_at_the_front_door_are_the_public_ones():
    assert [name for name in dir(ff) if name not in ff.__all__] == []
