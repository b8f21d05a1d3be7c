"""Our pixel map beside captum's, by Quantus' metrics: faithfulness (Bhatt et al. 2020) and random weights.

Quantus asks for opencv-python, which overwrites opencv-python-headless, so it is no dependency:
`pip install --no-deps quantus cachetools pandas`.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Saliency
from scipy.stats import spearmanr
from torch import nn

from freqforensics.attribution import PixelLogit, baseline_image, integrate_path
from freqforensics.attribution.differentiable import as_tensor
from freqforensics.attribution.faithfulness import MOST_LIKENESS
from freqforensics.detector import Detector

quantus = pytest.importorskip("quantus", exc_type=ImportError)

SIDE = 48
FREQUENCY = (0.25, 0.125)


class Beyond(nn.Module):
    """Logits, (N, 1), of a baseline to which a difference is added."""

    def __init__(self, detector, start):
        super().__init__()
        self.detector = detector
        self.start = nn.Parameter(start, requires_grad=False)

    def forward(self, difference):
        return PixelLogit(self.detector)(self.start + difference)[:, None]


@pytest.fixture(scope="module")
def image():
    """Grain, and a wave in one half of it."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices((SIDE, SIDE))
    wave = 8 * np.cos(2 * np.pi * (FREQUENCY[0] * columns + FREQUENCY[1] * rows)) * (columns < SIDE // 2)
    return np.clip(np.rint(128 + rng.normal(0, 5, (SIDE, SIDE, 3)) + wave[..., None]), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model(image):
    """A detector of that wave: filters of both phases and both signs, and as many of nothing."""
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    turn = 2 * torch.pi * (FREQUENCY[0] * columns + FREQUENCY[1] * rows)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        conv, linear = nn.Conv2d(3, 8, 9, padding=4), nn.Linear(8, 1)
    with torch.no_grad():
        for index in range(4):
            conv.weight[index] = torch.cos(turn + index * torch.pi / 2) / 9
        conv.bias.fill_(-0.5)
        linear.weight.copy_(torch.tensor([[4.0, 4, 4, 4, 0.5, -0.5, 0.5, -0.5]]))
    network = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    return Beyond(Detector(network, input="residual").eval(), as_tensor(baseline_image(image, "median"))).eval()


def own_map(image, model):
    """As `pixel_map`, not yet summed over the colours."""
    path = integrate_path(image, model.detector, baselines=("median",), steps=32, most_steps=32)
    return path.difference[0] * path.gradient[0]


def faithfulness(model, difference, attribution):
    metric = quantus.FaithfulnessCorrelation(
        nr_runs=100, subset_size=600, perturb_baseline=0.0, return_aggregate=False, disable_warnings=True
    )
    np.random.seed(0)  # noqa: NPY002 - Quantus draws from the global generator
    (score,) = metric(
        model=model,
        x_batch=difference.numpy(),
        y_batch=np.zeros(1, int),
        a_batch=np.ascontiguousarray(attribution, np.float32)[None],
        channel_first=True,
        softmax=False,
    )
    return float(score)


def test_our_map_is_as_faithful_as_captums_and_more_than_others(image, model):
    difference = as_tensor(image) - model.start
    inputs = difference.clone().requires_grad_()
    cam = LayerGradCam(model, model.detector.network[1]).attribute(inputs, target=0, relu_attributions=True)
    maps = {
        "ours": own_map(image, model),
        "integrated gradients": IntegratedGradients(model)
        .attribute(inputs, target=0, n_steps=32, method="gausslegendre")[0]
        .detach()
        .numpy(),
        "saliency": Saliency(model).attribute(inputs, target=0)[0].detach().numpy(),
        "Grad-CAM": cam[0].detach().numpy().repeat(3, axis=0),
        "chance": np.random.default_rng(1).normal(size=(3, SIDE, SIDE)),
    }
    scores = {name: faithfulness(model, difference, values) for name, values in maps.items()}
    print({name: round(score, 2) for name, score in scores.items()})
    assert spearmanr(maps["ours"].ravel(), maps["integrated gradients"].ravel()).statistic > 0.99
    assert scores["ours"] == pytest.approx(scores["integrated gradients"], abs=0.02)
    assert scores["ours"] > 0.7
    assert scores["ours"] > max(scores["saliency"], scores["Grad-CAM"], scores["chance"]) + 0.2


def test_random_weights_destroy_our_map(image, model):
    def explain(model, inputs, targets, **kwargs):
        return own_map(image, model)[None]

    metric = quantus.MPRT(return_last_correlation=True, abs=False, normalise=False, disable_warnings=True)
    difference = as_tensor(image) - model.start
    scores = metric(
        model=model, x_batch=difference.numpy(), y_batch=np.zeros(1, int), explain_func=explain, channel_first=True
    )
    assert abs(float(np.ravel(scores)[0])) < MOST_LIKENESS
