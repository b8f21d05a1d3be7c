"""What an ablation may vary, checked before torch is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from freqforensics.spectra import Band
from freqforensics.training.axes import BANDS, check_axis
from freqforensics.training.recipe import TrainConfig

CONFIG = TrainConfig(("a",))


@pytest.mark.parametrize(
    ("config", "axis", "values", "message"),
    [
        (CONFIG, "depth", None, "^axis must be one of recipe, classes, band; got 'depth'$"),
        (TrainConfig(("a",), classes=3), "classes", None, "^classes must not be set where it is varied, got 3$"),
        (TrainConfig(("a",), band=Band(0.0, 0.25)), "band", None, "^band must not be set where it is varied, got "),
        (CONFIG, "classes", ["2", "0"], "^values must be numbers of classes, at least 1, got 0$"),
        (CONFIG, "classes", ["cat"], "^values must be numbers of classes, at least 1, got cat$"),
        (CONFIG, "recipe", ["no-aug", "sepia"], "^recipe must be one of "),
        (CONFIG, "band", ["all", "0.5:0.1"], "^band must "),
    ],
)
def test_what_cannot_be_varied_is_refused(config, axis, values, message):
    with pytest.raises(ValueError, match=message):
        check_axis(config, axis, values)


def test_what_can_be_varied_passes():
    check_axis(CONFIG, "band", BANDS)
    check_axis(TrainConfig(("a",), band=Band(0.0, 0.25)), "classes", ["1", "20"])
    check_axis(TrainConfig(("a",), recipe="blur"), "recipe", ["no-aug", "laundering"])


def test_it_loads_no_torch():
    code = (
        "import sys; from freqforensics.training.axes import check_axis\n"
        "from freqforensics.training.recipe import TrainConfig\n"
        "check_axis(TrainConfig(('a',)), 'band', ['all', ':0.25']); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
