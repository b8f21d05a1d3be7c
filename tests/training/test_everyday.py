import csv

import cv2
import numpy as np
import pytest
import torch

from freqforensics.detector import load_detector
from freqforensics.training import everyday, everyday_data as everyday_set
from freqforensics.training.everyday import EverydayConfig, train_everyday
from freqforensics.training.everyday_data import EverydayBatches, WeightedSource, index_everyday
from freqforensics.training.laundering import UNTOUCHED, draw_laundering


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Smooth pictures with noise, and fakes of them with a checkerboard."""
    root = tmp_path_factory.mktemp("everyday")
    rng = np.random.default_rng(0)
    board = 12.0 * (-1.0) ** np.add.outer(np.arange(288), np.arange(288))[..., None]
    for n in range(6):
        picture = cv2.GaussianBlur(rng.normal(128, 400, (288, 288, 3)), (0, 0), 6) + rng.normal(0, 4, (288, 288, 3))
        write(root / f"photos/{n}.png", picture.clip(0, 255).astype(np.uint8))
        write(root / f"pairs/board/0_real/{n}.png", picture.clip(0, 255).astype(np.uint8))
        write(root / f"pairs/board/1_fake/{n}.png", (picture + board).clip(0, 255).astype(np.uint8))
    write(root / "pairs/board/0_real/alone.png", np.zeros((288, 288, 3), np.uint8))
    return root


def config(tree, **options):
    sources = (WeightedSource(str(tree / "photos")),), (WeightedSource(str(tree / "pairs")),)
    return EverydayConfig(options.pop("network", "local"), *sources, precision="32", **options)


def test_both_sides_of_a_pair_get_the_same_history():
    """The chain is drawn once: what is drawn while it is applied comes from generators of one seed."""
    image = np.random.default_rng(1).integers(0, 256, (120, 140, 3), dtype=np.uint8)
    touched = 0
    for n in range(60):
        chain = draw_laundering(np.random.default_rng(n))
        first, again = (chain(image, np.random.default_rng(5)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        touched += bool(chain.steps)
    assert 0.5 < touched / 60 < 0.95


def test_a_third_of_all_images_is_left_untouched():
    empty = np.mean([not draw_laundering(np.random.default_rng([3, n])).steps for n in range(4000)])
    # Besides those left alone, the few for which none of the steps was drawn.
    assert UNTOUCHED - 0.03 < empty < UNTOUCHED + 0.12


def test_pairs_share_a_name_and_weights_are_read(tree):
    images = index_everyday([WeightedSource(str(tree / "photos"), 2)], [WeightedSource(str(tree / "pairs"))])
    assert images.counts() == {"photographs": 6, "pairs": 6, "networks": 1}
    ((_, (pairs,)),) = images.pairs
    assert all(real.parent.name == "0_real" and fake.name == real.name for real, fake in pairs)
    assert WeightedSource.parse("a/b=0.5") == WeightedSource("a/b", 0.5)
    assert WeightedSource.parse("a=b/c") == WeightedSource("a=b/c")
    with pytest.raises(ValueError, match="weight must"):
        WeightedSource("a", 0)
    with pytest.raises(ValueError, match="no pair"):
        index_everyday([WeightedSource(str(tree / "photos"))], [WeightedSource(str(tree / "photos"))])


@pytest.mark.parametrize("kind", ["local", "coherence"])
@pytest.mark.long
def test_a_batch_depends_on_its_number_alone(tree, kind):
    images = index_everyday([WeightedSource(str(tree / "photos"))], [WeightedSource(str(tree / "pairs"))])
    batches = EverydayBatches(images, kind, 9)
    later = EverydayBatches(images, kind, 9, first=2)
    prepared, fake = batches[3]
    np.testing.assert_array_equal(later[1][0], prepared)
    assert prepared.shape[0] == len(fake)
    assert len(later) == 7
    # The pairs come first, photograph and fake by turns, then photographs.
    pairs = int(fake.sum())
    assert fake.tolist() == [0.0, 1.0] * pairs + [0.0] * (len(fake) - 2 * pairs)
    assert not torch.equal(prepared, batches[4][0][: len(prepared)])


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(everyday_set, "SIZES", ((64, 3), (48, 4)))


@pytest.mark.long
def test_interrupted_and_resumed_it_is_the_same_training(tree, tmp_path, monkeypatch, small_batches):
    monkeypatch.setattr(everyday, "EVERY", 2)
    whole = train_everyday(config(tree, steps=5), tmp_path / "whole", workers=0, device="cpu")
    store = everyday._Run.store

    def stored_and_killed(run, path):
        store(run, path)
        if run.step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(everyday._Run, "store", stored_and_killed)
    with pytest.raises(KeyboardInterrupt):
        train_everyday(config(tree, steps=5), tmp_path / "part", workers=0, device="cpu")
    with pytest.raises(ValueError, match="not empty"):
        train_everyday(config(tree, steps=5), tmp_path / "part", workers=0, device="cpu")
    with pytest.raises(ValueError, match="device 'abacus' cannot be used"):
        train_everyday(config(tree), tmp_path / "new", device="abacus")
    with pytest.raises(ValueError, match="another configuration"):
        train_everyday(config(tree, steps=6), tmp_path / "part", workers=0, resume=True, device="cpu")
    monkeypatch.setattr(everyday._Run, "store", store)
    resumed = train_everyday(config(tree, steps=5), tmp_path / "part", workers=0, resume=True, device="cpu")
    for name, value in whole.network.state_dict().items():
        np.testing.assert_allclose(resumed.network.state_dict()[name], value, rtol=1e-5, atol=1e-7, err_msg=name)
    assert not (tmp_path / "part/checkpoint.pt").exists()
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        load_detector(tmp_path / "part/detector.safetensors").logits([image]), resumed.logits([image]), rtol=1e-6
    )
    with (tmp_path / "part/log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["step"] == "5"
    assert 0 < float(row["in_network"]) <= 1
    assert float(row["images_per_second"]) > 0


@pytest.mark.slow
def test_it_learns_a_checkerboard(tree, tmp_path, small_batches):
    detector = train_everyday(config(tree, steps=40, learning_rate=5e-2), tmp_path / "run", workers=0, device="cpu")
    logits = {}
    for side in ("0_real", "1_fake"):
        images = [cv2.imread(str(tree / f"pairs/board/{side}/{n}.png"))[:224, :224] for n in range(6)]
        logits[side] = detector.logits(images)
    assert logits["1_fake"].min() > logits["0_real"].max()


def test_the_rate_rises_and_falls():
    sources = (WeightedSource("a"),)
    made = EverydayConfig("local", sources, sources, steps=1000, learning_rate=1.0)
    rates = [made.rate(step) for step in range(1000)]
    peak = int(np.argmax(rates))
    assert peak == pytest.approx(everyday.WARM_UP - 1, abs=1)
    assert np.all(np.diff(rates[:peak]) > 0)
    assert np.all(np.diff(rates[peak:]) < 0)
    assert rates[-1] == pytest.approx(0.01, abs=1e-3)
    with pytest.raises(ValueError, match="network must"):
        EverydayConfig("vgg", sources, sources)
