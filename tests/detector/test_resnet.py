"""The network and its weights: the published semantics against torchvision itself, and what must be refused."""

from __future__ import annotations

import os
import pickle

import cv2
import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torchvision import transforms

from freqforensics.detector import (
    CheckpointError,
    Detector,
    attribution_safe,
    load_detector,
    make_detector,
    prepare_input,
    save_detector,
    weights_sha256,
)
from freqforensics.perturbations.augmentation import W20_TEST
from freqforensics.spectra import high_pass_residual, log_coherence


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """Random weights, and running statistics that are not those of an untrained network."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = torchvision.models.resnet50(num_classes=1)
        for module in made.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.weight, 0.5, 1.0)
                torch.nn.init.normal_(module.bias, 0, 0.1)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.8, 1.2)
    return made.eval()


@pytest.fixture(scope="module")
def published(network, tmp_path_factory):
    """A checkpoint in the form of Wang et al."""
    path = tmp_path_factory.mktemp("weights") / "model_epoch_best.pth"
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    torch.save({"model": network.state_dict(), "optimizer": optimiser.state_dict(), "total_steps": 7}, path)
    return path


def images(rng, *shapes):
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def direct(network, image, crop):
    """The documented test transform, by torchvision."""
    steps = [transforms.CenterCrop(224)] if crop else []
    steps += [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    from PIL import Image

    with torch.no_grad():
        return float(network(transforms.Compose(steps)(Image.fromarray(image))[None])[0, 0])


@pytest.mark.long
def test_logits_are_torchvisions(rng, network, published):
    """Central crop, no crop, and images under 224 pixels, which get zeros around them."""
    detector = load_detector(published)
    for image in images(rng, (256, 300), (224, 224), (180, 260), (101, 97)):
        assert detector.logits([W20_TEST(image)])[0] == pytest.approx(direct(network, image, True), abs=1e-5)
        assert detector.logits([image])[0] == pytest.approx(direct(network, image, False), abs=1e-5)


@pytest.mark.long
def test_logits_are_torchvisions_on_real_images(data, network, published):
    from freqforensics import index_images, read_image

    detector = load_detector(published)
    records = [record for name in ("cyclegan", "dcgan") for record in index_images(data / name)[:10]]
    assert len(records) == 20
    for record in records:
        image = read_image(record.path)
        assert detector.logits([W20_TEST(image)])[0] == pytest.approx(direct(network, image, True), abs=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("form", ["bare", "module", "state_dict", "safetensors"])
def test_every_form_of_checkpoint_loads(form, network, tmp_path, rng):
    state = network.state_dict()
    path = tmp_path / "weights.pth"
    if form == "bare":
        torch.save(state, path)
    elif form == "module":
        torch.save({"model": {f"module.{key}": value for key, value in state.items()}}, path)
    elif form == "state_dict":
        torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=False)
    else:
        save_file({key: value.contiguous() for key, value in state.items()}, path)
    (image,) = images(rng, (64, 64))
    assert load_detector(path).logits([image])[0] == pytest.approx(direct(network, image, False), abs=1e-5)


class Harmful:
    def __reduce__(self):
        return (os.system, ("echo harm",))


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, capfd):
    path = tmp_path / "model.pth"
    torch.save({"model": Harmful()}, path)
    with pytest.raises(CheckpointError, match="could run code when loaded: refused"):
        load_detector(path)
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(CheckpointError):
        load_detector(path)
    assert "harm" not in capfd.readouterr().out


@pytest.mark.long
def test_what_is_no_detector_is_refused_with_the_reason(network, tmp_path):
    path = tmp_path / "model.pth"
    state = network.state_dict()

    def refused(content, said):
        torch.save(content, path)
        with pytest.raises(CheckpointError, match=said):
            load_detector(path)

    refused(torchvision.models.resnet18(num_classes=1).state_dict(), "weights of a ResNet-50 are missing")
    refused({**state, "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, "has 1000 classes")
    refused({key: value for key, value in state.items() if key != "bn1.bias"}, r"1 weights .* missing \(bn1.bias\)")
    refused({**state, "extra": torch.zeros(1)}, r"left over \(extra\)")
    refused(
        {**state, "conv1.weight": torch.zeros(64, 3, 3, 3)}, r"conv1.weight is \(64, 3, 3, 3\), not \(64, 3, 7, 7\)"
    )
    refused({**state, "fc.bias": torch.tensor([float("nan")])}, r"not finite \(fc.bias\)")
    refused({"model": [1, 2]}, "holds no state dict")
    refused([1], "holds no state dict")
    torch.save(state, path)
    whole = path.read_bytes()
    for part in (0, 10, 1000, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:part])
        with pytest.raises(CheckpointError, match=r"not whole|no weights"):
            load_detector(path)
    path.write_bytes(b"<!DOCTYPE html><html>")
    with pytest.raises(CheckpointError):
        load_detector(path)
    with pytest.raises(FileNotFoundError, match="no weights at"):
        load_detector(tmp_path / "none.pth")


@pytest.mark.long
def test_saved_weights_remember_their_input(tmp_path, rng):
    detector = make_detector(input="residual", seed=3)
    path = tmp_path / "own.safetensors"
    save_detector(detector, path, metadata={"recipe": "none"})
    again = load_detector(path)
    assert again.input == "residual"
    assert not again.training
    (image,) = images(rng, (64, 64))
    np.testing.assert_array_equal(again.logits([image]), detector.logits([image]))
    assert detector.training
    with pytest.raises(CheckpointError, match="was trained on residual input, not rgb"):
        load_detector(path, input="rgb")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        load_detector(path)
    with pytest.raises(ValueError, match="written as"):
        save_detector(detector, tmp_path / "own.pth")
    with pytest.raises(ValueError, match="metadata must"):
        save_detector(detector, path, metadata={"input": "rgb"})
    save_file(load_file_whole(whole, tmp_path), path, metadata={"input": "wavelet"})
    with pytest.raises(CheckpointError, match="its input is 'wavelet'"):
        load_detector(path)


@pytest.mark.long
@pytest.mark.parametrize("early_down", [4, 2, 1])
def test_the_stem_is_remembered_and_shrinks_as_it_says(tmp_path, early_down):
    detector = make_detector(early_down=early_down, seed=0)
    assert detector.early_down == early_down
    network = detector.network.eval()
    with torch.no_grad():
        seen = network.maxpool(network.conv1(torch.zeros(1, 3, 64, 96)))
    assert seen.shape[2:] == (64 // early_down, 96 // early_down)
    save_detector(detector, tmp_path / "own.safetensors")
    assert load_detector(tmp_path / "own.safetensors").early_down == early_down
    assert attribution_safe(detector).early_down == early_down
    assert (weights_sha256(detector) == weights_sha256(make_detector(seed=0))) == (early_down == 4)
    save_file(detector.network.state_dict(), tmp_path / "odd.safetensors", metadata={"early_down": "3"})
    with pytest.raises(CheckpointError, match="its early_down is '3'"):
        load_detector(tmp_path / "odd.safetensors")
    with pytest.raises(ValueError, match=r"early_down must .*got 8"):
        make_detector(early_down=8)


def test_identity_blocks_do_nothing_yet(rng):
    network = make_detector(seed=0, identity=True).network.eval()
    x = torch.from_numpy(rng.random((1, 256, 8, 8), dtype=np.float32))
    with torch.no_grad():
        torch.testing.assert_close(network.layer1[1](x), x)
        assert not torch.allclose(make_detector(seed=0).network.eval().layer1[1](x), x)


@pytest.mark.long
def test_weights_in_eight_bits(tmp_path, rng, network):
    """Each weight within half a step of its channel, a quarter of the size, and logits close by."""
    detector = Detector(network)
    save_detector(detector, tmp_path / "whole.safetensors")
    save_detector(detector, tmp_path / "small.safetensors", quantise=True)
    assert (tmp_path / "small.safetensors").stat().st_size < 0.27 * (tmp_path / "whole.safetensors").stat().st_size
    again = load_detector(tmp_path / "small.safetensors")
    for (name, before), after in zip(
        detector.network.state_dict().items(), again.network.state_dict().values(), strict=True
    ):
        if before.ndim < 2:
            assert torch.equal(before, after)
            continue
        step = before.flatten(1).abs().amax(dim=1) / 127
        assert ((before - after).flatten(1).abs().amax(dim=1) <= 0.5001 * step).all(), name
        assert not torch.equal(before, after)
    given = images(rng, *[(64, 64)] * 6)
    before, after = detector.logits(given), again.logits(given)
    assert np.abs(after - before).max() < 0.1 * max(1.0, np.abs(before).max())
    state = load_file(tmp_path / "small.safetensors")
    state["conv1.weight:scale"] = state["conv1.weight:scale"][:3]
    save_file(state, tmp_path / "odd.safetensors")
    with pytest.raises(CheckpointError, match=r"the scales of conv1\.weight are not one for each"):
        load_detector(tmp_path / "odd.safetensors")


def load_file_whole(data, folder):
    path = folder / "whole.safetensors"
    path.write_bytes(data)
    return load_file(path)


@pytest.mark.long
def test_the_twin_gives_the_same_logits_and_gradients(rng, network):
    detector = Detector(network)
    twin = attribution_safe(detector)
    assert set(twin.network.state_dict()) == set(network.state_dict())
    prepared = prepare_input(images(rng, (96, 80), (96, 80)))
    results = []
    for model in (detector, twin):
        x = prepared.clone().requires_grad_()
        logits = model(x)
        logits.sum().backward()
        results.append((logits.detach(), x.grad))
    torch.testing.assert_close(results[0][0], results[1][0], atol=1e-6, rtol=0)
    torch.testing.assert_close(results[0][1], results[1][1], atol=1e-6, rtol=1e-4)
    calls = dict.fromkeys((m for m in twin.modules() if isinstance(m, torch.nn.ReLU)), 0)
    for module in calls:
        assert not module.inplace
        module.register_forward_hook(lambda m, *_: calls.__setitem__(m, calls[m] + 1))
    with torch.no_grad():
        twin(prepared)
    assert set(calls.values()) == {1}
    assert len(calls) == 49
    with pytest.raises(ValueError, match="bottlenecks"):
        attribution_safe(Detector(torchvision.models.resnet18(num_classes=1)))
    with pytest.raises(ValueError, match="torchvision's ResNet"):
        attribution_safe(Detector(torch.nn.Linear(1, 1)))


def test_the_residual_input_is_the_spectra_rooms(rng):
    pair = images(rng, (40, 50), (40, 50))
    made = prepare_input(pair, "residual").numpy()
    for image, planes in zip(pair, made, strict=True):
        for channel in range(3):
            expected = high_pass_residual(image[:, :, channel], "median", kernel=5) / 8
            np.testing.assert_allclose(planes[channel], expected, atol=1e-6)


def test_a_new_detector_begins_as_published():
    one, same, other = make_detector(seed=1), make_detector(seed=1), make_detector(seed=2)
    assert torch.equal(one.network.conv1.weight, same.network.conv1.weight)
    assert not torch.equal(one.network.conv1.weight, other.network.conv1.weight)
    weight = one.network.fc.weight
    assert weight.shape == (1, 2048)
    assert weight.std().item() == pytest.approx(0.02, rel=0.1)
    # v1.5: the stride is in the 3x3 convolution.
    assert one.network.layer2[0].conv1.stride == (1, 1)
    assert one.network.layer2[0].conv2.stride == (2, 2)


@pytest.mark.parametrize("bad", [[], [np.zeros((8, 8), np.uint8)], [np.zeros((8, 8, 3))]])
def test_bad_images_are_named(bad):
    with pytest.raises(ValueError, match="images must"):
        prepare_input(bad)


def test_coherence_is_that_of_the_colours_residuals(rng):
    """Luma and both colour differences; one size whatever the image's; a lattice stands out in the right place."""
    image = rng.integers(60, 180, (100, 130, 3)).astype(np.uint8)
    image[::2, ::2] += 40
    made = prepare_input([image], "coherence")
    assert made.shape == (1, 3, 32, 32)
    colours = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb).transpose(2, 0, 1)
    expected = log_coherence(high_pass_residual(np.ascontiguousarray(colours), "median"))
    np.testing.assert_allclose(made[0].numpy(), expected, atol=1e-5)
    for place in ((0, 0), (0, 16), (16, 0)):  # at 1/2 along y, x or both; DC is at (16, 16)
        assert made[0, 0][place] > 1.5
    with pytest.raises(ValueError, match="of at least 32x32 pixels is needed, got 31x40"):
        prepare_input([image[:40, :31]], "coherence")


def test_inputs_are_checked():
    with pytest.raises(ValueError, match="input must"):
        make_detector(input="grey")
    with pytest.raises(ValueError, match="input must"):
        prepare_input([np.zeros((8, 8, 3), np.uint8)], "grey")
