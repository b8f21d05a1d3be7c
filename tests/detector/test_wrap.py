"""Wrapped models: what they are fed with, which number is the logit, and what is refused."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import freqforensics as ff
from freqforensics.attribution import PixelLogit, integrate_path
from freqforensics.attribution.differentiable import as_tensor, stage_names
from freqforensics.detector import Detector, score_files, weights_sha256
from freqforensics.detector.inference import folded, make_scorer
from freqforensics.detector.wrap import wrap
from freqforensics.sources.records import ImageRecord

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (64, 72, 3), np.uint8)


class Mean(nn.Module):
    """The mean of each plane of what it is fed with, and the size."""

    def __init__(self, columns=3):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3)[:columns])

    def forward(self, x):
        return x.mean(dim=(2, 3)) @ self.weight.T


class Answer(nn.Module):
    """An answer of the kind that transformers give."""

    def __init__(self, columns=2):
        super().__init__()
        self.mean = Mean(columns)

    def forward(self, x):
        return SimpleNamespace(logits=self.mean(x))


def test_a_model_gets_the_colours_normalised_in_its_own_order():
    planes = IMAGE.reshape(-1, 3).mean(axis=0) / 255
    for channels, column in (("rgb", 0), ("bgr", 2)):
        detector = wrap(Mean(), output=0, mean=(0.1, 0.2, 0.3), std=0.5, channels=channels)
        assert detector.logits([IMAGE])[0] == pytest.approx((planes[column] - 0.1) / 0.5, rel=1e-5)
    default = wrap(Mean(), output=1).logits([IMAGE])[0]
    assert default == pytest.approx((planes[1] - 0.456) / 0.224, rel=1e-5)
    timm = Mean()
    timm.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    assert wrap(timm, output=1).logits([IMAGE])[0] == pytest.approx(2 * planes[1] - 1, rel=1e-5)


def test_the_logit_is_a_column_a_function_or_the_only_number():
    planes = wrap(Mean(), output=0).logits([IMAGE])[0], wrap(Mean(), output=1).logits([IMAGE])[0]
    difference = wrap(Mean(2), output=lambda z: z[:, 1] - z[:, 0]).logits([IMAGE, IMAGE])
    assert difference == pytest.approx([planes[1] - planes[0]] * 2, rel=1e-5)
    assert wrap(Mean(1)).logits([IMAGE])[0] == pytest.approx(planes[0])
    assert wrap(Answer(), output=-1).logits([IMAGE])[0] == pytest.approx(planes[1])
    assert wrap(lambda x: x.mean(dim=(1, 2, 3)), takes="tensors").logits([IMAGE]).shape == (1,)


@pytest.mark.parametrize("model", [Mean(2), Answer(2), torchvision.models.resnet18(num_classes=2)])
def test_two_logits_are_refused_without_output(model):
    with pytest.raises(ValueError, match=r"^the model gives 2 numbers an image: output must say .* z\[:, 1\] - z"):
        wrap(model)


def test_two_logits_are_refused_everywhere_else():
    detector = Detector(Mean(2))
    for use in (
        lambda: detector.logits([IMAGE]),
        lambda: folded(detector).logits([IMAGE]),
        lambda: make_scorer(detector)([IMAGE]),
        lambda: PixelLogit(detector)(as_tensor(IMAGE)),
        lambda: integrate_path(IMAGE, detector),
        lambda: ff.inspect(IMAGE, detector, fast=True),
    ):
        with pytest.raises(ValueError, match=r"^network must give one logit per image, .* output=lambda z: z\[:, 1\]"):
            use()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"output": 7}, "output must be one of the model's 3 columns, got 7"),
        ({"output": "fake"}, "output must be a column or a function of what the model gives, got 'fake'"),
        ({"output": lambda z: z}, r"output must give one number an image, got shape \(1, 3\) for 1 images"),
        ({"output": lambda z: z[:, 9]}, "output must take the Tensor of shape .* got IndexError"),
        ({"output": 0, "mean": 123.7}, "mean must be one or three numbers between 0 and 1, .* got 123.7"),
        ({"output": 0, "std": (0, 1, 1)}, "std must be one or three numbers positive"),
        ({"output": 0, "channels": "grey"}, "channels must be one of rgb, bgr, got 'grey'"),
        ({"output": 0, "size": 0}, "size must be a number of pixels"),
        ({"output": 0, "resize": 0}, "resize must be at least 1 pixel, got 0"),
        ({"output": 0, "size": 64, "crop": 32}, "size must be what resize and crop give, 32x32, got 64x64"),
        ({"output": 0, "takes": "lists"}, "takes must be one of tensors, arrays, got 'lists'"),
    ],
)
def test_wrong_parameters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        wrap(Mean(), **arguments)


class Forest:
    """A classifier as scikit-learn has them."""

    def predict_proba(self, rows):
        fake = 1 / (1 + np.exp(-rows.mean(axis=1)))
        return np.stack([1 - fake, fake], axis=1)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match=r"got Forest; pass a function from images \(N, H, W, 3\) to its scores$"):
        wrap(Forest())
    with pytest.raises(TypeError, match=r"^model must be an nn.Module or a function, got the class Mean, not an inst"):
        wrap(Mean)
    with pytest.raises(TypeError, match=r"^model must not be wrapped again, got a WrappedDetector$"):
        wrap(wrap(Mean(1)))
    with pytest.raises(TypeError, match=r"pass a model to freqforensics\.wrap first$"):
        ff.inspect(IMAGE, Mean(1))
    with pytest.raises(TypeError, match=r"pass a model to freqforensics\.wrap first$"):
        ff.open_detector(Mean(1))


def test_a_function_of_arrays_gets_grey_levels_and_has_no_gradient():
    seen = []

    def score(images):
        seen.append(images)
        return Forest().predict_proba(images.reshape(len(images), -1, 3).mean(axis=1) / 255)

    detector = wrap(score, output=lambda p: np.log(p[:, 1] / p[:, 0]), name="forest")
    assert detector.logits([IMAGE, IMAGE]) == pytest.approx([IMAGE.mean() / 255] * 2, rel=1e-5)
    assert (seen[-1] == IMAGE).all()
    assert (seen[-1].dtype, seen[-1].shape) == (np.uint8, (2, 64, 72, 3))
    assert detector.gradient_free == "the detector is a function of arrays, which has no gradient"
    assert folded(detector) is detector
    with pytest.raises(ValueError, match=r"^mean and std must be left out for a function of arrays"):
        wrap(score, output=lambda p: p[:, 1], mean=0.5)
    with pytest.raises(ValueError, match=r"^the model gives 2 numbers an image: output must say"):
        wrap(score)


def fixed(side):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * side * side, 1))


def test_a_size_that_is_the_only_one_must_be_given():
    with pytest.raises(ValueError, match=r"^size must be given: the model takes 224x224 but not 96x96 pixels"):
        wrap(fixed(224))
    with pytest.raises(ValueError, match=r"^the model must take 224x224 pixels, got RuntimeError: .*; pass size"):
        wrap(fixed(64))
    only = wrap(fixed(64), size=64)
    assert only.logits([IMAGE[:64, :64]]).shape == (1,)
    with pytest.raises(ValueError, match=r"^the model takes 64x64 pixels, and 72x64 give 72x64: resize or crop"):
        only.logits([IMAGE])
    for fits in ({"crop": 64}, {"resize": (64, 64)}, {"resize": 70, "crop": 64}):
        detector = wrap(fixed(64), **fits)
        assert detector.preparation.size == (64, 64)
        assert detector.logits([IMAGE]).shape == (1,)
        assert detector.logits([IMAGE[:40, :50]]).shape == (1,)


def test_a_crop_is_the_centre_and_is_filled_with_zeros():
    centre = wrap(Mean(), output=0, crop=(32, 32), mean=0, std=1).logits([IMAGE])[0]
    assert centre == pytest.approx(IMAGE[16:48, 20:52, 0].mean() / 255, rel=1e-5)
    small = wrap(Mean(), output=0, crop=128, mean=0, std=1).logits([IMAGE])[0]
    assert small == pytest.approx(IMAGE[..., 0].sum() / 255 / 128**2, rel=1e-5)


def test_pixels_in_floating_point_get_the_logit_of_grey_levels_and_a_gradient():
    detector = wrap(torchvision.models.resnet18(num_classes=2).eval(), output=1, resize=80, crop=64)
    pixels = as_tensor(IMAGE).requires_grad_()
    logit = PixelLogit(detector, IMAGE)(pixels)
    assert float(logit.detach()) == pytest.approx(float(detector.logits([IMAGE])[0]), rel=1e-5, abs=1e-6)
    (gradient,) = torch.autograd.grad(logit.sum(), pixels)
    assert gradient.abs().sum() > 0


def test_half_precision_is_scored_and_explained():
    detector = wrap(Mean().to(torch.bfloat16), output=0)
    assert detector.logits([IMAGE])[0] == pytest.approx(wrap(Mean(), output=0).logits([IMAGE])[0], abs=0.02)
    assert np.isfinite(integrate_path(IMAGE, detector, steps=2, most_steps=2).gradient).all()
    assert len(weights_sha256(detector)) == 64


def test_weights_are_told_apart_by_what_is_done_with_them():
    def column(number):
        return lambda z: z[:, number]

    hashes = {
        *(weights_sha256(wrap(Mean(), output=column(number))) for number in (0, 1)),
        *(weights_sha256(wrap(Mean(), output=lambda z, number=number: z[:, number])) for number in (0, 1)),
        weights_sha256(wrap(Mean(), output=0)),
        weights_sha256(wrap(Mean(), output=1)),
        weights_sha256(wrap(Mean(), output=lambda z: z[:, 1] - z[:, 0])),
        weights_sha256(wrap(Mean(), output=lambda z: z[:, 0] - z[:, 1])),
        weights_sha256(wrap(Mean(), output=0, channels="bgr")),
        weights_sha256(wrap(Mean(), output=0, mean=0.5)),
    }
    assert len(hashes) == 10
    assert weights_sha256(wrap(Mean(), output=0, name="x")) == weights_sha256(wrap(Mean(), output=0, name="y"))


def test_folding_a_resnet_of_the_users_keeps_its_logits():
    network = torchvision.models.resnet18(num_classes=1).eval()
    detector = wrap(network)
    twin = folded(detector)
    assert isinstance(twin.network.bn1, nn.Identity)
    assert isinstance(network.bn1, nn.BatchNorm2d)
    assert twin.logits([IMAGE]) == pytest.approx(detector.logits([IMAGE]), rel=1e-4, abs=1e-5)


def test_stages_of_any_network_are_named_from_the_logit_down():
    assert stage_names(wrap(torchvision.models.resnet18(num_classes=1)))[:2] == ("fc", "layer4")
    names = stage_names(wrap(torchvision.models.mobilenet_v3_small(num_classes=1)))
    assert names[0] == "classifier.3"
    assert names[-1] == "features.0"


def test_files_of_a_size_that_is_not_taken_are_named(tmp_path):
    from pictures import write

    records = []
    for name, side in (("small", 80), ("whole", 224)):
        path = tmp_path / f"{name}.png"
        write(path, RNG.integers(60, 190, (side, side, 3), np.uint8))
        records.append(ImageRecord(path, "unknown", "mine"))
    table = score_files(records, wrap(fixed(224), size=224, name="fixed"), view="none")
    assert [score.path for score in table.scores] == [str(records[1].path)]
    assert table.failures == (
        (str(records[0].path), "the model takes 224x224 pixels, and 80x80 give 80x80: resize or crop of wrap must say"
         " how they become that"),
    )  # fmt: skip


def test_a_function_can_be_copied_and_sent():
    detector = wrap(_brightness, name="brightness")
    for twin in (copy.deepcopy(detector), pickle.loads(pickle.dumps(detector))):
        assert twin.logits([IMAGE]) == pytest.approx(detector.logits([IMAGE]))


def test_a_lambda_can_be_sent_to_a_cluster():
    """By dask's own pickling, which is cloudpickle's where that of the standard library fails."""
    sent = pytest.importorskip("distributed.protocol.pickle")
    for detector in (
        wrap(lambda images: images.mean(axis=(1, 2, 3)), name="brightness"),
        wrap(Mean(2), output=lambda z: z[:, 1] - z[:, 0]),
    ):
        twin = sent.loads(sent.dumps(detector))
        assert twin.logits([IMAGE]) == pytest.approx(detector.logits([IMAGE]))
        assert weights_sha256(twin) == weights_sha256(detector)


def _brightness(images):
    return images.mean(axis=(1, 2, 3))
