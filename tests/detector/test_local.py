import numpy as np
import pytest
import torch

from freqforensics.detector import load_detector, prepare_input, save_detector
from freqforensics.detector.inference import folded, make_scorer, weights_sha256
from freqforensics.detector.local import NETWORKS, make_small_detector


@pytest.fixture
def images():
    return [np.random.default_rng(n).integers(0, 256, (96, 128, 3), dtype=np.uint8) for n in range(2)]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_seed_gives_the_same_network_and_another_another(name, images):
    first, again, other = (make_small_detector(name, seed=seed).eval().logits(images) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).min() > 1e-5


def test_the_local_input_is_the_image_without_its_median_of_nine(images):
    image = images[0]
    padded = np.pad(image.astype(np.float64), ((1, 1), (1, 1), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    expected = (image - np.median(windows, axis=(-2, -1))) / 8
    np.testing.assert_allclose(prepare_input([image], "local")[0].permute(1, 2, 0), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("halve", [False, True])
def test_saved_and_loaded_it_is_what_it_was(tmp_path, name, halve, images):
    detector = make_small_detector(name, seed=3).eval()
    save_detector(detector, tmp_path / "d.safetensors", halve=halve)
    loaded = load_detector(tmp_path / "d.safetensors")
    assert type(loaded.network) is NETWORKS[name][0]
    assert loaded.input == NETWORKS[name][1]
    if not halve:
        assert weights_sha256(loaded) == weights_sha256(detector)
    np.testing.assert_allclose(loaded.logits(images), detector.logits(images), rtol=2e-2 if halve else 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_all_ways_through_a_network_agree(name, images):
    detector = make_small_detector(name, seed=4).eval()
    plain = detector.logits(images)
    np.testing.assert_allclose(folded(detector).logits(images), plain, rtol=1e-4)
    pytest.importorskip("onnxruntime")
    np.testing.assert_allclose(make_scorer(detector, backend="onnx")(images), plain, rtol=1e-4, atol=1e-5)


def test_the_local_network_looks_at_full_resolution(images):
    """A change of one pixel reaches the features of every pixel within five, and of none beyond the stages' reach."""
    network = make_small_detector("local", seed=5).eval().network
    x = torch.zeros(1, 3, 64, 64)
    y = x.clone()
    y[0, :, 32, 32] = 1
    with torch.no_grad():
        changed = (network.stem(y) - network.stem(x)).abs().sum(dim=1)[0] > 0
    assert changed[30:35, 30:35].any(dim=0).all()
    changed[30:35, 30:35] = False
    assert not changed.any()


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="local, coherence-small; got 'vgg'"):
        make_small_detector("vgg")
