"""Detectors of others through an inspection: both orders of labels, transformers, functions, two logits."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
import torch
import torchvision
from torch import nn

from freqforensics.detector.calibrated import known_detector
from freqforensics.detector.wrap import UNSEEN, wrap
from freqforensics.figures import inspect as inspected, new_figure
from freqforensics.generators import load_miniature
from freqforensics.inspection.inspection import inspect
from freqforensics.report import render_page

SIDE = 96
LINE = (0.25, 0.0)


def photograph(seed, side=SIDE):
    """A part of a photograph, a little noisy."""
    rng = np.random.default_rng(seed)
    whole = skimage.data.astronaut()
    row, column = rng.integers(0, 512 - side, 2)
    return whole[row : row + side, column : column + side].astype(np.float32) + rng.normal(0, 2, (side, side, 1))


def planted(image):
    """The image with a wave of four pixels along the rows."""
    return image + 10 * np.cos(2 * np.pi * LINE[0] * np.arange(image.shape[1]))[None, :, None]


def as_levels(image):
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def small_network(columns):
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, columns),
    )


def residual():
    """Each channel less its local mean: content would outweigh a line in so small a training set."""
    layer = nn.Conv2d(3, 3, 5, padding=2, padding_mode="reflect", groups=3, bias=False).requires_grad_(False)
    layer.weight.fill_(-8 / 25)
    layer.weight[:, :, 2, 2] += 8
    return layer


@pytest.fixture(scope="module")
def miniature():
    return load_miniature("dcgan").model


def faked(miniature, photographs):
    """What a miniature generator makes of photographs, and a line."""
    return [as_levels(planted(image.astype(np.float32))) for image in miniature.regenerate(photographs)]


@pytest.fixture(scope="module", params=[1, 0], ids=["0 real, 1 fake", "0 fake, 1 real"])
def trained(request, miniature):
    """A network of two logits that learnt photographs and miniatures of them, by either order of labels."""
    fake = request.param
    photographs = [as_levels(photograph(seed, 64)) for seed in range(16)]
    images = photographs + faked(miniature, photographs)
    target = torch.tensor([1 - fake] * len(photographs) + [fake] * len(photographs))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(residual(), *small_network(2))
    detector = wrap(network, output=lambda z: z[:, fake] - z[:, 1 - fake], name="small")
    prepared = detector.prepare_pixels(torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2)).float())
    optimiser = torch.optim.Adam(network[1:].parameters(), 0.01)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(prepared), target).backward()
        optimiser.step()
    network.eval()
    return detector


@pytest.mark.long
def test_both_orders_of_labels_are_explained_with_the_sign_of_fake(trained, miniature):
    plain = as_levels(photograph(100))
    (image,) = faked(miniature, [plain])
    clean, fake = trained.logits([plain, image])
    assert fake > clean + 2
    finding = inspect(image, trained, region=(0, 0, SIDE, SIDE), fast=True)
    assert finding.score.verdict == "evidence"
    line = finding.explained.lines[0]
    assert (abs(line.fx), abs(line.fy)) == LINE
    assert line.value > 0.5 * finding.explained.gap > 0
    without = next(c for c in finding.changes.counterfactuals if c.what.startswith("the 8"))
    assert without.change < 0
    assert finding.left_out == ()


def roughness(images):
    """A score of arrays: what the line adds to differences of pixels two apart."""
    grey = images.astype(np.float64).mean(axis=3)
    return np.abs(grey[..., 2:] - grey[..., :-2]).mean(axis=(1, 2)) - 8


@pytest.mark.long
def test_a_function_without_a_gradient_is_explained_by_differences(undrawn):
    image = as_levels(planted(photograph(100)))
    finding = inspect(image, wrap(roughness, name="roughness"), fast=True)
    explanation = finding.explained
    assert explanation.steps == 0
    assert sum(band.value for band in explanation.bands) == pytest.approx(explanation.gap, rel=1e-6)
    assert (explanation.lines[0].fx, explanation.lines[0].fy) == LINE
    assert finding.tests.deletion is not None
    assert set(finding.tests.badges) == {"frequencies"}
    assert {left.view for left in finding.left_out} >= {"pixels", "wavelets", "random weights", "Grad-CAM"}
    assert finding.inspection.weights.notice == UNSEEN
    assert finding.to_json()["left_out"][0]["view"] == "pixels"
    page = " ".join(render_page(finding).split())
    assert "Left out" in page
    assert "function of arrays, which has no gradient" in page
    assert "SHA-256 of its name and preparation" in page
    assert "Nothing that was tried" not in page
    drawn = inspected.plot_frequencies(finding, ax=new_figure().subplots())
    assert "nothing changes the score" not in [text.get_text() for text in drawn.texts]


@pytest.mark.long
def test_all_views_of_a_function_without_a_gradient_are_drawn():
    image = as_levels(planted(photograph(100, 64)))
    finding = inspect(image, wrap(roughness, name="roughness"))
    assert finding.maps["sensitivity"].shape == (32, 32)
    assert finding.maps["sensitivity"][16, 24] == finding.maps["sensitivity"].max()
    assert "occlusion" in finding.maps
    assert "cam" not in finding.maps
    assert "Left out" in render_page(finding)


class Unmoved(nn.Module):
    """Two convolutions whose features the logit does not take."""

    def __init__(self):
        super().__init__()
        self.layers = small_network(1)
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, x):
        return self.layers(x)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", [lambda images: np.zeros(len(images)), Unmoved()], ids=["function", "network"])
def test_a_detector_that_nothing_moves_says_so(undrawn, model):
    finding = inspect(as_levels(photograph(1)), wrap(model, name="constant"), fast=True)
    assert finding.explained.gap == 0
    assert not finding.explained.lines
    assert "Nothing that was tried changes the score: it stays +0.00" in " ".join(render_page(finding).split())
    drawn = inspected.plot_frequencies(finding, ax=new_figure().subplots())
    assert "nothing changes the score" in [text.get_text() for text in drawn.texts]


def test_a_reference_other_than_the_median_needs_a_gradient():
    with pytest.raises(ValueError, match=r"^reference must be median, got 'grey': the detector is a function of"):
        inspect(as_levels(photograph(0)), wrap(roughness), reference="grey", fast=True)


def transformer(size):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torchvision.models.VisionTransformer(size, 16, 2, 2, 32, 64, num_classes=1)
        nn.init.normal_(network.heads.head.weight)
    return network.eval()


@pytest.mark.long
def test_a_transformer_of_one_size_leaves_out_what_it_cannot_give():
    finding = inspect(as_levels(photograph(0)), wrap(transformer(SIDE), size=SIDE), fast=True)
    reasons = {left.view: left.reason for left in finding.left_out}
    assert set(reasons) == {"Grad-CAM", "resizing and cropping", "tiles"}
    assert "one convolution" in reasons["Grad-CAM"]
    assert reasons["tiles"].startswith(f"the model takes {SIDE}x{SIDE} pixels, and ")
    assert [curve.name for curve in finding.changes.curves] == ["jpeg", "blur"]
    assert finding.changes.tiles is None
    assert {"frequencies", "pixels"} <= set(finding.tests.randomisation)
    assert "one convolution" in render_page(finding)


def test_a_transformer_whose_images_are_resized_gives_tiles_and_curves():
    finding = inspect(as_levels(photograph(0)), wrap(transformer(64), resize=(64, 64)), fast=True)
    assert [left.view for left in finding.left_out] == ["Grad-CAM"]
    assert len(finding.changes.curves) == 4


def networks():
    models = torchvision.models
    return {
        "resnet18": lambda: models.resnet18(num_classes=1),
        "efficientnet": lambda: models.efficientnet_b0(num_classes=1),
        "transformer": lambda: models.VisionTransformer(64, 16, 2, 2, 32, 64, num_classes=1),
        "two logits": lambda: models.mobilenet_v3_small(num_classes=2),
    }


@pytest.mark.long
@pytest.mark.parametrize("name", list(networks()))
def test_networks_of_torchvision_are_inspected(undrawn, name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = networks()[name]()
        for module in network.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.05)
    fits = {"resize": (64, 64)} if name == "transformer" else {}
    output = (lambda z: z[:, 1] - z[:, 0]) if name == "two logits" else None
    image = as_levels(photograph(3, 64))
    detector = wrap(network, output=output, **fits)
    finding = inspect(image, detector, fast=True)
    assert finding.explained.lines
    assert finding.score.logit == pytest.approx(float(detector.logits([image])[0]), rel=1e-3, abs=1e-4)
    assert [left.view for left in finding.left_out] == (["Grad-CAM"] if name == "transformer" else [])
    assert len(finding.tests.randomisation["pixels"].stages) == 1
    assert render_page(finding)


def test_a_page_says_by_which_thresholds_a_wrapped_model_is_judged():
    known = known_detector(wrap(small_network(1), name="small"), thresholds=(-1.0, 1.0))
    assert (known.weights.name, known.weights.input, known.weights.notice) == ("small", "wrapped", "")
    assert len(known.weights.sha256) == 64
    assert known.thresholds.high == 1.0


def test_grad_cam_of_a_wrapped_network_sums_to_its_logit():
    from freqforensics.attribution import grad_cam

    network = small_network(1)
    image = cv2.resize(as_levels(photograph(1)), (64, 64))
    detector = wrap(network)
    cam = grad_cam(image, detector)
    bias = float(network[-1].bias.detach())
    assert cam.shape == (64, 64)
    assert cam.sum() == pytest.approx(float(detector.logits([image])[0]) - bias, rel=1e-4, abs=1e-6)
