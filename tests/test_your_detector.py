"""Every Python snippet of docs/howto/your_detector.md runs as it stands, in order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data
import torch
import torchvision
from sklearn.linear_model import LogisticRegression
from torch import nn

import freqforensics as ff
from freqforensics.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "your_detector.md"
IMAGE = np.ascontiguousarray(skimage.data.astronaut()[100:164, 180:244])


def snippets():
    """Sections of the page by title, and their snippets."""
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    return {
        section.splitlines()[0]: "\n".join(re.findall(r"^```python\n(.*?)^```", section, flags=re.M | re.S))
        for section in sections
        if "```python" in section
    }


class Stub(nn.Module):
    """A network of one size as timm and transformers have them."""

    def __init__(self, columns, *, answers):
        super().__init__()
        self.answers = answers
        self.layer = nn.Linear(3 * 224 * 224, columns)
        if not answers:
            self.pretrained_cfg = {"mean": (0.5,) * 3, "std": (0.25,) * 3}

    def forward(self, pixel_values):
        logits = self.layer(pixel_values.flatten(1))
        return SimpleNamespace(logits=logits) if self.answers else logits


@pytest.mark.parametrize("title", list(snippets()))
@pytest.mark.long
def test_snippets_of_the_page_run(title, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    names = {
        "image": IMAGE,
        "ff": ff,
        "torchvision": torchvision,
        "np": np,
        "timm_model": Stub(1, answers=False),
        "transformer": Stub(2, answers=True),
        "LogisticRegression": LogisticRegression,
        "training_images": rng.integers(0, 256, (8, 64, 64, 3), np.uint8),
        "labels": [0, 1] * 4,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        exec(compile(snippets()[title], str(PAGE), "exec"), names)
    if title == "On the command line":
        return
    detector = names["detector"]
    side = 224 if detector.preparation.size else 64
    big = rng.integers(0, 256, (side, side, 3), np.uint8)
    assert np.isfinite(detector.logits([big])).all()
    if title == "A model of timm":
        assert detector.preparation.std == (0.25,) * 3
    if "finding" in names:
        assert names["finding"].explained.lines
        assert capsys.readouterr().out


def test_the_page_has_a_section_for_each_kind_of_model():
    assert {
        "A network of torchvision with one logit",
        "Two logits",
        "A model of timm",
        "A model of transformers",
        "A network of one size",
        "A function without gradients",
        "On the command line",
    } == set(snippets())


def test_the_code_for_a_published_detector_wraps_what_its_authors_modules_give(monkeypatch):
    """Their modules are imitated: one logit from a network of any size, and weights that are loaded in place."""
    (code,) = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    network = torchvision.models.mobilenet_v3_small(num_classes=1)
    loaded = []
    modules = {
        "src": SimpleNamespace(),
        "src.model": SimpleNamespace(get_model=lambda cfg: network),
        "util": SimpleNamespace(
            get_cfg=lambda cfg_path=None, **kwargs: cfg_path, load_state_dict=lambda model, path: loaded.append(path)
        ),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    detector = names["make"]()
    assert detector.name == "FerretNet-S"
    assert detector.preparation.mean == pytest.approx((0.481, 0.458, 0.408), abs=1e-3)
    assert [Path(path).suffix for path in loaded] == [".pth"]
    assert np.isfinite(detector.logits([IMAGE])).all()


def test_the_module_of_the_page_is_a_model_on_the_command_line(tmp_path, monkeypatch, capsys):
    from pictures import write

    (tmp_path / "my_detector_of_page.py").write_text(snippets()["On the command line"], encoding="utf-8")
    write(tmp_path / "photo.png", np.ascontiguousarray(skimage.data.astronaut()[:256, :256]))
    monkeypatch.chdir(tmp_path)
    words = ["score", "photo.png", "--model", "my_detector_of_page:make", "--json"]
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    monkeypatch.setattr("sys.argv", ["freqforensics", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert '"mean_logit"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("mine", "--model must be MODULE:FUNCTION, such as my_detector:make, got 'mine'"),
        ("no_such_module:make", "--model must name a module in this folder or installed, got 'no_such_module'"),
        ("json:no_such_function", "--model must return a detector, got AttributeError"),
        (
            "colorsys:rgb_to_xyz",
            "--model must name a function of colorsys, got 'rgb_to_xyz', which is not",
        ),
        ("os:getpid", "--model must be an nn.Module or a function, got int"),
    ],
)
def test_wrong_models_are_one_line(model, message, tmp_path, monkeypatch, capsys):
    from pictures import write

    write(tmp_path / "photo.png", IMAGE)
    monkeypatch.setattr("sys.argv", ["freqforensics", "score", str(tmp_path / "photo.png"), "--model", model])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


SOURCE = """
from string import *

if True:
    made = 1
try:
    import torch_that_is_not_there as torch
except ImportError as error:
    torch = None
for number in range(3):
    (first, second) = number, number
def make(): ...
class Detector: ...
"""


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (SOURCE, None),
        (
            SOURCE.replace("from string import *", ""),
            {"made", "torch", "error", "number", "first", "second", "make", "Detector"},
        ),
        ("globals()['make'] = print", None),
        ("def __getattr__(name): ...", None),
        ("def late():\n    global make\n    make = 1", None),
        ("def make(:", None),
        ("from os import path as place, sep\nif (n := 3): ...", {"place", "sep", "n"}),
    ],
)  # fmt: skip
def test_names_of_a_module_are_read_without_running_it(source, names, tmp_path):
    from importlib.util import spec_from_file_location

    from freqforensics.detector.named_model import bound_names

    (tmp_path / "source.py").write_text(source, encoding="utf-8")
    bound = bound_names(spec_from_file_location("source", tmp_path / "source.py"))
    assert (None if bound is None else set(bound)) == names


@pytest.mark.long
def test_a_wrong_model_is_refused_before_torch_is_imported(tmp_path):
    (tmp_path / "mine.py").write_text("def make():\n    return 3\n", encoding="utf-8")
    (tmp_path / "photo.png").write_bytes(b"")
    code = (
        "import sys; from freqforensics.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    print(end.code, 'torch' in sys.modules)"
    )
    for model, message in (
        ("mine:mak", "--model must name a function of mine"),
        ("mine:make", "or a function, got int"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, "score", "photo.png", "--model", model],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert message in done.stderr
        assert done.stdout.split() == ["2", "False"]


def test_a_model_takes_the_place_of_weights(tmp_path, monkeypatch, capsys):
    words = ["score", str(tmp_path), "--model", "json:loads", "--weights", "miniature-resnet50"]
    monkeypatch.setattr("sys.argv", ["freqforensics", *words])
    with pytest.raises(SystemExit):
        main()
    assert "--model takes the place of --weights: give one of them" in capsys.readouterr().err
