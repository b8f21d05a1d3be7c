import numpy as np
import pytest

from freqforensics.detector import load_detector, prepare_input, save_detector
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.inference import make_scorer, weights_sha256
from freqforensics.detector.local import make_small_detector
from freqforensics.training.fusing import common_scale, part_paths

SCALES = {"local": (2.0, 0.5), "coherence": (1.0, -0.25)}


@pytest.fixture(scope="module")
def parts():
    return {
        "local": make_small_detector("local", seed=0).eval(),
        "coherence": make_small_detector("coherence-small", seed=1).eval(),
    }


@pytest.fixture(scope="module")
def fused(parts):
    return FusedDetector(parts, scales=SCALES).eval()


@pytest.fixture(scope="module")
def images():
    return [np.random.default_rng(n).integers(0, 256, (96, 96, 3), dtype=np.uint8) for n in range(3)]


def test_the_scaled_logits_are_added(parts, fused, images):
    each = {name: factor * parts[name].logits(images) + offset for name, (factor, offset) in SCALES.items()}
    np.testing.assert_allclose(fused.logits(images), each["local"] + each["coherence"], rtol=1e-6)
    for image, local, coherence in zip(images, each["local"], each["coherence"], strict=True):
        assert fused.strongest(image) == ("local" if local >= coherence else "coherence")
    for name, logits in fused.part_logits(images).items():
        np.testing.assert_allclose(logits, each[name], rtol=1e-6)


def test_parts_share_their_networks_and_their_mode(fused):
    for name, part in fused.parts.items():
        assert part.network is fused.network[name]
        assert not part.training


@pytest.mark.parametrize("halve", [False, True])
def test_saved_and_loaded_it_is_what_it_was(tmp_path, fused, images, halve):
    save_detector(fused, tmp_path / "f.safetensors", halve=halve)
    loaded = load_detector(tmp_path / "f.safetensors")
    assert isinstance(loaded, FusedDetector)
    assert list(loaded.parts) == list(fused.parts)
    np.testing.assert_allclose(loaded.logits(images), fused.logits(images), rtol=2e-2 if halve else 0)
    if not halve:
        assert weights_sha256(loaded) == weights_sha256(fused)


def test_onnx_agrees(fused, images):
    pytest.importorskip("onnxruntime")
    np.testing.assert_allclose(make_scorer(fused, backend="onnx")(images), fused.logits(images), rtol=1e-4, atol=1e-5)


def test_there_is_no_single_input(fused, images):
    with pytest.raises(TypeError, match="no single input"):
        fused(prepare_input(images, "local"))
    with pytest.raises(ValueError, match="input must"):
        prepare_input(images, fused.input)


def test_wrong_parts_are_refused(parts, fused):
    with pytest.raises(ValueError, match="same names"):
        FusedDetector(parts, scales={"local": (1.0, 0.0)})
    with pytest.raises(ValueError, match="factor must"):
        FusedDetector(parts, scales={"local": (0.0, 0.0), "coherence": (1.0, 0.0)})
    with pytest.raises(ValueError, match="single detector"):
        FusedDetector({"both": fused}, scales={"both": (1.0, 0.0)})


def test_the_scale_takes_the_median_to_0_and_the_99th_percentile_to_1():
    logits = np.random.default_rng(0).normal(3.0, 2.0, 2001)
    factor, offset = common_scale(logits)
    scaled = factor * logits + offset
    np.testing.assert_allclose([np.median(scaled), np.quantile(scaled, 0.99)], [0, 1], atol=1e-12)
    with pytest.raises(ValueError, match="same logit"):
        common_scale(np.ones(5))
    with pytest.raises(ValueError, match="no photograph"):
        common_scale(np.array([]))


def test_parts_are_named():
    assert {name: str(path) for name, path in part_paths(["a=x/y", "b=z=w"]).items()} == {"a": "x/y", "b": "z=w"}
    for wrong in (["a"], ["=x"], ["a="], ["a=x", "a=y"]):
        with pytest.raises(ValueError, match="PART=FILE"):
            part_paths(wrong)
