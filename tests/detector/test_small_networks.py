"""Attribution of the small networks, and of a fused detector of two: the strongest part is explained."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from pictures import picture

from freqforensics.attribution import (
    PixelLogit,
    band_shapley,
    band_values,
    cosine_map,
    deep_lift,
    exact_logits,
    fourier_map,
    grad_cam,
    integrate_path,
    notch,
    occlusion_map,
    pixel_map,
    randomisation,
    wavelet_maps,
)
from freqforensics.attribution.curves import score_curves, tile_scores
from freqforensics.attribution.differentiable import as_tensor, stage_names, strongest_part
from freqforensics.detector import make_detector, prepare_input
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.inference import folded
from freqforensics.detector.local import NETWORKS, REACH, STRIDE, make_small_detector
from freqforensics.spectra import Band

PARTS = {"local": "local", "coherence": "coherence-small"}


def small(name, *, seed=0):
    """Untrained, with a last layer that makes something of what it is given."""
    detector = make_small_detector(name, seed=seed).eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fc = detector.network.fc
        fc.weight.copy_(torch.randn_like(fc.weight) * (20.0 if name == "local" else 0.5))
    return detector


def fused(strongest, image):
    """Two parts, of which one is moved above the other on an image."""
    parts = {name: small(network) for name, network in PARTS.items()}
    own = {name: float(part.logits([image])[0]) for name, part in parts.items()}
    scales = {name: (2.0, (1.0 if name == strongest else -0.25) - 2.0 * own[name]) for name in parts}
    return FusedDetector(parts, scales=scales)


@pytest.fixture(scope="module")
def image():
    return picture(np.random.default_rng(0), 64, 96)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_pixel_logit_is_the_networks_own(image, name):
    detector = small(name)
    given = float(PixelLogit(detector, image)(as_tensor(image)).detach())
    assert given == pytest.approx(float(detector.logits([image])[0]), rel=1e-4)
    prepared = PixelLogit(detector, image).prepare(as_tensor(image))
    np.testing.assert_allclose(prepared, prepare_input([image], detector.input), atol=1e-4)


@pytest.mark.parametrize("strongest", list(PARTS))
def test_the_pixel_logit_of_a_fused_detector_is_the_sum_of_its_parts(image, strongest):
    detector = fused(strongest, image)
    other = picture(np.random.default_rng(1), 64, 96)
    function = PixelLogit(detector, image)
    logits = function(torch.cat([as_tensor(image), as_tensor(other)])).detach()
    assert float(logits[0]) == pytest.approx(float(detector.logits([image])[0]), rel=1e-4)
    apart = {name: PixelLogit(part, image) for name, part in detector.parts.items()}
    expected = sum(float(part(as_tensor(other)).detach()) for part in apart.values())
    assert float(logits[1]) == pytest.approx(expected, rel=1e-5)
    assert exact_logits([image.astype(np.float32)], detector, image)[0] == pytest.approx(float(logits[0]), rel=1e-5)
    pixels = as_tensor(image).requires_grad_()
    (gradient,) = torch.autograd.grad(function(pixels).sum(), pixels)
    (own,) = torch.autograd.grad(sum(part(pixels).sum() for part in apart.values()), pixels)
    torch.testing.assert_close(gradient, own)
    with pytest.raises(ValueError, match="different inputs"):
        function.prepare(pixels)


def test_the_smooth_baseline_is_an_image_without_residual(image):
    detector = small("local")
    path = integrate_path(image, detector)
    assert path.baselines == ("smooth",)
    assert path.planes == ("R", "G", "B")
    bare = float(detector(torch.zeros(1, 3, 64, 96)).detach())
    assert path.baseline_logit == pytest.approx(bare, rel=1e-5)
    assert path.gap == pytest.approx(float(detector.logits([image])[0]) - bare, rel=1e-4)
    np.testing.assert_allclose(path.difference[0] / 8, prepare_input([image], "local")[0], atol=1e-6)
    # A uniform image has no residual: its logit is the baseline's, and nothing is left to explain.
    uniform = integrate_path(np.full((64, 64, 3), 77, np.uint8), detector)
    assert (uniform.gap, np.abs(pixel_map(uniform)).max()) == (0.0, 0.0)


@pytest.mark.long
@pytest.mark.parametrize("strongest", [None, *PARTS])
def test_every_basis_sums_to_the_gap(image, strongest):
    detector = small("local") if strongest is None else fused(strongest, image)
    path = integrate_path(image, detector)
    assert path.complete
    assert abs(path.gap) > 0.1
    sums = {
        "pixels": pixel_map(path).sum(),
        "frequencies": fourier_map(path).sum(),
        "tiles' frequencies": fourier_map(path, tile=32).sum(),
        "cosines": cosine_map(path).sum(),
        "wavelets": sum(values.sum() for values in wavelet_maps(path).values()),
        "bands": sum(band.value for band in band_values(path)),
    }
    for name, total in sums.items():
        assert total == pytest.approx(path.gap + path.delta, rel=1e-4), name


@pytest.mark.long
@pytest.mark.parametrize("strongest", list(PARTS))
def test_the_strongest_part_is_explained(image, strongest):
    detector = fused(strongest, image)
    part = strongest_part(detector, image)
    assert detector.strongest(image) == strongest
    assert part.input == PARTS[strongest].removesuffix("-small")
    np.testing.assert_array_equal(pixel_map(integrate_path(image, detector)), pixel_map(integrate_path(image, part)))
    np.testing.assert_array_equal(grad_cam(image, detector), grad_cam(image, part))
    of_parts = [occlusion_map(image, one, window=32) for one in detector.parts.values()]
    np.testing.assert_allclose(occlusion_map(image, detector, window=32), sum(of_parts), rtol=1e-4, atol=1e-5)
    assert integrate_path(image, detector).logit == pytest.approx(1.0, rel=1e-3)
    # What is said of the score is asked of all parts.
    for curve in score_curves(image, detector):
        own = [one.logits for one in _curves(image, detector, curve.name)]
        np.testing.assert_allclose(curve.logits, np.sum(own, axis=0), rtol=1e-4, atol=1e-5)
    wide = np.tile(image, (2, 1, 1))
    found = tile_scores(wide, detector, side=64)
    assert found.logits[0][0] == pytest.approx(float(detector.logits([np.ascontiguousarray(wide[:64, :64])])[0]))


def _curves(image, detector, name):
    return [next(c for c in score_curves(image, part) if c.name == name) for part in detector.parts.values()]


@pytest.mark.parametrize("name", list(NETWORKS))
def test_grad_cam_finds_the_last_stage_and_sums(image, name):
    detector = small(name)
    cam = grad_cam(image, detector)
    bias = float(detector.network.fc.bias.detach()[0])
    assert cam.sum() == pytest.approx(float(detector.logits([image])[0]) - bias, rel=1e-4)
    assert cam.shape == ((16, 24) if name == "local" else (8, 8))
    whole = fused(name.removesuffix("-small"), image)
    part = whole.parts[name.removesuffix("-small")]
    rest = 2.0 * bias + float(whole.network[name.removesuffix("-small")].offset)
    assert grad_cam(image, whole).sum() == pytest.approx(float(part.logits([image])[0]) - rest, rel=1e-4)


def test_grad_cam_of_a_resnet_is_captums(image):
    from captum.attr import LayerGradCam

    from freqforensics.detector.resnet import attribution_safe

    detector = make_detector(input="residual", seed=2)
    twin = attribution_safe(detector)
    prepared = PixelLogit(twin, image).prepare(as_tensor(image))
    expected = LayerGradCam(twin, twin.network.layer4).attribute(prepared, relu_attributions=False)[0, 0]
    np.testing.assert_allclose(grad_cam(image, detector), expected.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("strongest", list(PARTS))
def test_weights_are_made_random_stage_by_stage(image, strongest):
    detector = fused(strongest, image)
    part = detector.parts[strongest]
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    third = () if strongest == "local" else ("layer3",)
    stages = ("fc", *third, "layer2", "layer1", "stem")
    assert stage_names(part) == stages
    seen = []

    def explain(given):
        seen.append(float(given.logits([image])[0]))
        return {"plane": fourier_map(integrate_path(image, given, steps=2, most_steps=2), tile=32)}

    found = randomisation(part, explain)["plane"]
    assert found.stages == stages
    assert len(set(seen)) == len(stages) + 1  # every stage matters
    assert found.likeness[-1] < 0.9
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    with pytest.raises(ValueError, match="one of its parts"):
        randomisation(detector, explain)


@pytest.mark.long
@pytest.mark.parametrize("strongest", list(PARTS))
def test_shapley_values_sum_to_what_the_bands_make(image, strongest):
    detector = fused(strongest, image)
    found = band_shapley(image, detector, bands=(Band(high=0.2), Band(0.2, 0.35), Band(0.35)), draws=8)
    path = integrate_path(image, detector)
    # A local residual has a mean, which is in the first band.
    assert sum(band.value for band in found) == pytest.approx(path.gap, rel=1e-3)


def test_deep_lift_of_a_local_network_sums_to_the_gap(image):
    detector = small("local")
    found = deep_lift(image, detector)
    assert found.shape == (3, 64, 96)
    function = PixelLogit(detector, image)
    smooth = as_tensor(cv2.medianBlur(image, 5))
    gap = float((function(as_tensor(image)) - function(smooth)).detach())
    assert found.sum() == pytest.approx(gap, rel=0.02)


def test_notches_of_a_fused_detector_keep_to_what_the_part_sees(image):
    detector = fused("coherence", image)
    found = notch(image, detector, [(0.25, 0.25)], nulls=6)
    assert found.before == pytest.approx(0.75, rel=1e-3)
    assert found.null_sd > 0  # off the grid of 1/32 nothing would have moved


def test_a_folded_copy_of_a_fused_detector_scores_alike(image):
    detector = fused("local", image)
    twin = folded(detector)
    np.testing.assert_allclose(twin.logits([image]), detector.logits([image]), rtol=1e-4)
    assert twin.strongest(image) == "local"


def test_logits_of_several_images_are_those_of_each(image):
    detector = folded(fused("coherence", image))
    rng = np.random.default_rng(2)
    versions = [(image + rng.normal(0, 2, image.shape)).astype(np.float32) for _ in range(5)]
    function = PixelLogit(detector, image)
    with torch.inference_mode():
        local, coherence = (part.of_several([as_tensor(one) for one in versions]) for part in function.parts)
        alone = [[float(part(as_tensor(one))) for one in versions] for part in function.parts]
    np.testing.assert_allclose(local, alone[0], rtol=1e-5)
    np.testing.assert_allclose(coherence, alone[1], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(exact_logits(versions, detector, image), (local + coherence).double())
    assert exact_logits([], detector, image).shape == (0,)


def test_features_of_the_local_network_depend_on_their_surroundings_alone():
    network = make_small_detector("local", seed=0).network.eval()
    x = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0), requires_grad=True)
    features = network.features(x)
    assert features.shape == (1, 128, 96 // STRIDE, 96 // STRIDE)
    (gradient,) = torch.autograd.grad(features[0, :, 12, 10].sum(), x)
    rows, columns = (np.flatnonzero(gradient[0].abs().sum(dim=(0, axis)).numpy()) for axis in (2, 1))
    assert (rows.min(), rows.max()) == (12 * STRIDE - REACH, 12 * STRIDE + REACH)
    assert (columns.min(), columns.max()) == (10 * STRIDE - REACH, 10 * STRIDE + REACH)


@pytest.mark.parametrize(("height", "width", "window"), [(150, 131, 32), (64, 70, 16)])
@pytest.mark.long
def test_occlusion_computes_what_a_window_reaches(height, width, window):
    detector = folded(fused("local", image := picture(np.random.default_rng(1), height, width)))
    found = occlusion_map(image, detector, window=window)
    median, places = cv2.medianBlur(image, 5), [(0, 0), (window, window), ((height - 1) // window * window, 0)]
    versions = [image.astype(np.float32)]
    for top, left in places:
        versions.append(image.astype(np.float32))
        versions[-1][top : top + window, left : left + window] = median[top : top + window, left : left + window]
    before, *after = exact_logits(versions, detector, image)
    for (top, left), logit in zip(places, after, strict=True):
        assert found[top, left] == pytest.approx(before - logit, rel=1e-4, abs=1e-5)
