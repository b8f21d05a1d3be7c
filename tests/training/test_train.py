"""Training: the same to the last bit however it is broken off, and what must be refused."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command import run
from pictures import board, dead_prefix, picture, write, write_tree
from safetensors.torch import load_file

from freqforensics.detector import load_detector, make_detector, save_detector
from freqforensics.detector.weights import SHELF as BUNDLED
from freqforensics.generators.randomised import Faker
from freqforensics.perturbations import JPEG, Blur, Crop, ResizeShorter, Sometimes
from freqforensics.perturbations.augmentation import w20_training, w20_validation
from freqforensics.spectra import Band
from freqforensics.training import loop as training_run, train as module
from freqforensics.training.batches import AugmentedImages, Simulated, draws_of
from freqforensics.training.recipe import TrainConfig
from freqforensics.training.train import plan_training, train_detector
from freqforensics.training.training_set import index_training, pair_up

# How training is logged, interrupted and resumed does not depend on the size of the network.
pytestmark = pytest.mark.usefixtures("thin")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("training") / "set"
    grid = {"": 12 * board(40, 48)}
    return write_tree(folder, np.random.default_rng(8), count=10, shape=(40, 48), traces=grid, paired=True)


@pytest.fixture(scope="module")
def config(root) -> TrainConfig:
    return TrainConfig(
        (str(root),),
        held_out=0.3,
        crop=32,
        input="residual",
        init="scratch",
        batch=4,
        epochs=2,
        recipe="blur+jpeg-0.5",
        learning_rate=1e-3,
    )


# The command line, with this module's networks.
PROGRAM = Path(__file__).parents[1] / "thin_program.py"


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path / "detector.safetensors")


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory) -> Path:
    """A training that nothing interrupts."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train_detector(config, out, device="cpu")
    return out


TIMES = {"seconds", "images_per_second", "in_network"}


def rows(out: Path, name: str) -> list[dict[str, str]]:
    with (out / name).open(newline="") as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]


def test_what_a_training_leaves(whole, config):
    steps, epochs = rows(whole, "steps.csv"), rows(whole, "epochs.csv")
    assert [int(row["step"]) for row in steps] == list(range(1, len(steps) + 1))
    assert {row["epoch"] for row in steps} == {"1", "2"}
    with (whole / "epochs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert 0 < float(row["in_network"]) <= 1
            # Of the steps alone: the epoch has its validation besides.
            assert float(row["images_per_second"]) > 0
    for epoch in epochs:
        # The epoch's loss is the mean over images: batches of four and a rest.
        losses = [float(row["loss"]) for row in steps if row["epoch"] == epoch["epoch"]]
        images = len(plan_training(config).training)
        sizes = [min(4, images - start) for start in range(0, images, 4)]
        sizes = sizes[: len(losses)]
        assert float(epoch["loss"]) == pytest.approx(np.average(losses, weights=sizes), rel=1e-9)
    detector = load_detector(whole / "detector.safetensors")
    assert detector.input == "residual"
    about = json.loads((whole / "manifest.json").read_text())
    assert about["parameters"]["recipe"] == "blur+jpeg-0.5"
    assert {"torch", "torchvision", "lightning-fabric"} < set(about["libraries"])


def test_tensorboard_shows_what_the_tables_say(whole):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    shown = EventAccumulator(str(whole / "tensorboard"))
    shown.Reload()
    steps, epochs = rows(whole, "steps.csv"), rows(whole, "epochs.csv")
    assert [(e.step, pytest.approx(e.value)) for e in shown.Scalars("loss")] == [
        (int(row["step"]), float(row["loss"])) for row in steps
    ]
    for name in ("ap", "validation_loss"):
        assert [e.value for e in shown.Scalars(name)] == pytest.approx([float(row[name]) for row in epochs])


@pytest.mark.long
def test_the_same_to_the_last_bit(config, whole, tmp_path):
    train_detector(config, tmp_path / "again", device="cpu", workers=1)
    assert same(whole, tmp_path / "again")
    assert rows(whole, "steps.csv") == rows(tmp_path / "again", "steps.csv")
    train_detector(replace(config, seed=1), tmp_path / "other", device="cpu")
    assert not same(whole, tmp_path / "other")


@pytest.mark.long
@pytest.mark.parametrize("broken_at", [1, 3, 5])
def test_gone_on_with_it_is_the_same_training(config, whole, tmp_path, monkeypatch, broken_at):
    out = tmp_path / "run"
    learn = training_run.TrainingRun.learn

    def die(run, *arguments):
        if run.step == broken_at:
            raise KeyboardInterrupt
        return learn(run, *arguments)

    monkeypatch.setattr(training_run.TrainingRun, "learn", die)
    with pytest.raises(KeyboardInterrupt):
        train_detector(config, out, device="cpu", checkpoint_minutes=0)
    # Steps that were logged after the last checkpoint, and half a row, must not stay.
    with (out / "steps.csv").open("a") as file:
        file.write("99,9,0.1,0.5\n100,9")
    (out / f"{dead_prefix()}last-left.ckpt").write_bytes(b"of a process that was killed")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="resume must be set to continue the training in"):
        train_detector(config, out, device="cpu")
    train_detector(config, out, device="cpu", resume=True)
    assert same(whole, out)
    assert rows(whole, "steps.csv") == rows(out, "steps.csv")
    assert rows(whole, "epochs.csv") == rows(out, "epochs.csv")
    assert not list(out.glob(".unfinished-*"))


@pytest.mark.long
@pytest.mark.parametrize("broken_in", ["save_detector", "TrainLog.epoch"])
def test_broken_off_between_the_files_of_an_epoch(config, whole, tmp_path, monkeypatch, broken_in):
    def broken(*args, **kwargs):
        raise KeyboardInterrupt

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(f"freqforensics.training.train.{broken_in}", broken)
        with pytest.raises(KeyboardInterrupt):
            train_detector(config, out, device="cpu")
    train_detector(config, out, device="cpu", resume=True)
    assert same(out, whole)
    for name in ("steps.csv", "epochs.csv"):
        assert rows(out, name) == rows(whole, name)


@pytest.mark.long
def test_more_epochs_can_be_added_and_nothing_else(config, whole, tmp_path, root):
    one = replace(config, epochs=1)
    train_detector(one, tmp_path / "run", device="cpu")
    told = []
    train_detector(config, tmp_path / "run", device="cpu", resume=True, on_epoch=told.append)
    assert [epoch.epoch for epoch in told] == [2]
    assert same(whole, tmp_path / "run")
    # One that has ended stays as it is.
    done = train_detector(config, tmp_path / "run", device="cpu", resume=True, on_epoch=told.append)
    assert len(told) == 1
    assert len(done.epochs) == 2
    with pytest.raises(ValueError, match=r"another configuration \(batch 4, not 8\)"):
        train_detector(replace(config, batch=8), tmp_path / "run", device="cpu", resume=True)
    changed = root / "0_real" / "0.png"
    before = changed.read_bytes()
    write(changed, picture(np.random.default_rng(1), 64, 64))
    try:
        with pytest.raises(ValueError, match="was trained on other images"):
            train_detector(config, tmp_path / "run", device="cpu", resume=True)
    finally:
        changed.write_bytes(before)
    (tmp_path / "gone").mkdir()
    for name in ("detector.safetensors", "manifest.json"):
        shutil.copy(tmp_path / "run" / name, tmp_path / "gone")
    with pytest.raises(ValueError, match="is not empty: give another folder"):
        train_detector(config, tmp_path / "gone", device="cpu", resume=True)  # its checkpoint was deleted
    (tmp_path / "gone" / "detector.safetensors").unlink()
    with pytest.raises(ValueError, match="is not empty: give another folder"):
        train_detector(replace(config, seed=7), tmp_path / "gone", device="cpu", resume=True)
    (tmp_path / "run" / "last.ckpt").write_bytes(b"PK\x03\x04 not whole")
    with pytest.raises(ValueError, match=r"last\.ckpt: is not a complete checkpoint of a training"):
        train_detector(config, tmp_path / "run", device="cpu", resume=True)


@pytest.mark.long
def test_what_could_not_be_read_stays_left_out(config, root, tmp_path, monkeypatch):
    shutil.copytree(root, tmp_path / "set")
    (tmp_path / "set" / "0_real" / "3.png").write_bytes(b"no image")
    damaged = replace(config, sources=(str(tmp_path / "set"),), epochs=1)
    with pytest.raises(ValueError, match="skip_unreadable must be set"):
        train_detector(damaged, tmp_path / "run", device="cpu")
    first = train_detector(damaged, tmp_path / "run", device="cpu", skip_unreadable=True)
    assert any("3.png" in note for note in first.notes)
    # Going on reads no image twice to find out again.
    monkeypatch.setattr(module, "check_images", lambda *a, **o: pytest.fail("read again"))
    more = train_detector(replace(damaged, epochs=2), tmp_path / "run", device="cpu", resume=True)
    assert len(more.epochs) == 2


def test_start_from_weights_and_a_band(config, root, tmp_path):
    save_detector(make_detector(seed=3, input="residual"), tmp_path / "start.safetensors")
    chosen = replace(config, init=str(tmp_path / "start.safetensors"), band=Band(0.25), epochs=1, learning_rate=1e-9)
    done = train_detector(chosen, tmp_path / "run", device="cpu")
    trained, begun = load_detector(done.weights), make_detector(seed=3, input="residual")
    assert trained.band == Band(0.25)
    torch.testing.assert_close(trained.network.conv1.weight, begun.network.conv1.weight, atol=1e-7, rtol=0)
    with pytest.raises(ValueError, match="was trained on residual input, not rgb"):
        train_detector(replace(chosen, input="rgb"), tmp_path / "other", device="cpu")


def test_imagenet_weights_that_cannot_be_had(config, tmp_path, monkeypatch):
    import urllib.error

    def unreachable(**options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(training_run, "make_detector", unreachable)
    with pytest.raises(ValueError, match=r"init must be .* cannot be downloaded \(no route to host\)"):
        train_detector(replace(config, init="imagenet"), tmp_path / "run", device="cpu")


def test_the_recipe_of_wang_et_al():
    config = TrainConfig.preset("w20", sources=["ForenSynths"], recipe="blur+jpeg-0.1")
    assert (config.init, config.batch, config.crop, config.learning_rate) == ("imagenet", 64, 224, 1e-4)
    assert config.chain() == w20_training("blur+jpeg-0.1")
    # Their validation images are blurred and compressed at the same rates, by fixed amounts; sound ones are not.
    coins = (Sometimes(Blur(1.5, "as_published"), 0.1), Sometimes(JPEG(65, codec="pillow"), 0.1))
    assert config.validation_chain().steps == (ResizeShorter(256), *coins, Crop(224))
    assert config.validation_chain() == w20_validation("blur+jpeg-0.1")
    sound = TrainConfig.preset("w20-sound", sources=["x"], recipe="blur")
    assert sound.validation_chain().steps == (ResizeShorter(256), Crop(224))
    assert sound.chain().steps[1].step == Blur((0.0, 3.0))
    differ = {name for name, value in config.to_json().items() if sound.to_json()[name] != value}
    assert differ == {"sources", "recipe", "variant"}
    assert json.loads(json.dumps(config.to_json())) == config.to_json()


def test_the_shipped_preset_is_what_the_model_card_says():
    card = json.loads((BUNDLED / "miniature-resnet50.json").read_text())["training"]["parameters"]
    assert TrainConfig.preset("shipped", sources=card["sources"]).to_json() == card
    fewer = TrainConfig.preset("shipped", sources=["x"], epochs=3, simulate=("polyphase",))
    assert (fewer.epochs, fewer.simulate, fewer.crop) == (3, ("polyphase",), 160)
    with pytest.raises(ValueError, match="preset must be one of shipped, w20, w20-sound; got 'w21'"):
        TrainConfig.preset("w21", sources=["x"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sources": ()}, "sources must not be empty"),
        ({"recipe": "strong"}, "recipe must be one of no-aug"),
        ({"input": "grey"}, "input must be one of rgb, residual"),
        ({"batch": 1}, "batch must be at least 2"),
        ({"crop": 16}, "crop must be at least 32"),
        ({"resize": 128}, "resize must be at least the crop, 224, got 128"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"learning_rate": 0}, "learning_rate must be positive"),
        ({"imbalance": "ignore"}, "imbalance must be one of"),
    ],
)
def test_configurations_that_are_none(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**{"sources": ("x",), **wrong})


def test_devices_that_are_not_there(config, tmp_path):
    with pytest.raises(ValueError, match="'abacus'"):
        train_detector(config, tmp_path / "run", device="abacus")


@pytest.mark.long
def test_two_processes_train_as_one(root, tmp_path):
    """Same global batches over gloo: losses and weights of one process, but for rounding.

    In double precision, for an untrained network multiplies what single precision rounds by a thousand and more: that
    would test the conditioning of batch normalisation, not whether the processes do the same sums.
    """
    # Nine images: one process has a batch more to validate than the other.
    for index in range(9):
        side = "1_fake" if index % 2 else "0_real"
        write(tmp_path / "other" / side / f"{index}.png", picture(np.random.default_rng(index), 40, 40))
    common = [
        str(root), "--validation", str(tmp_path / "other"), "--crop", "32", "--input", "residual", "--init", "scratch",
        "--batch", "8", "--passes", "2", "--epochs", "1", "--precision", "64-true", "--device", "cpu", "--json",
    ]  # fmt: skip
    alone = run("train", *common, "--out", tmp_path / "one")
    assert alone.returncode == 0, alone.stderr
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    processes = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*processes, str(PROGRAM), "train", *common, "--devices", "2", "--out", str(tmp_path / "two")]
    together = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert together.returncode == 0, together.stderr[-2000:]
    for name in ("steps.csv", "epochs.csv"):
        alone_rows, together_rows = (
            [[float(row[key]) for key in row if key != "kept"] for row in rows(tmp_path / run, name)]
            for run in ("one", "two")
        )
        assert len(alone_rows) > 0
        np.testing.assert_allclose(alone_rows, together_rows, atol=1e-5)
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name in one:
        torch.testing.assert_close(one[name], two[name], atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    source = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("photos") / "own"
    for index in range(12):
        write(folder / f"{index}.png", picture(source, 90, 110))
    return folder


@pytest.fixture(scope="module")
def simulated(photos) -> TrainConfig:
    """Learning from photographs alone, with all that belongs to it."""
    return TrainConfig(
        (str(photos),), held_out=0.3, crop=32, simulate=("polyphase", "miniature"), ramp=1, ranking=1.0, batch=4,
        recipe="laundering", input="residual", early_down=2, init="identity", learning_rate=1e-3, decay="cosine",
        epochs=2,
    )  # fmt: skip


@pytest.mark.long
def test_learning_from_photographs_alone(simulated, tmp_path, monkeypatch):
    """The fakes are new in each epoch, those validated on are not; the rate ends near zero; a break changes nothing."""
    told = []
    whole = train_detector(simulated, tmp_path / "whole", device="cpu", on_epoch=told.append)
    assert len(whole.epochs) == 2
    rates = [float(row["rate"]) for row in rows(tmp_path / "whole", "steps.csv")]
    assert max(rates) <= 1e-3
    assert rates[-1] < 0.2 * max(rates)
    assert load_detector(whole.weights).early_down == 2

    learn = training_run.TrainingRun.learn

    def die(run, *arguments):
        if run.step == 3:
            raise KeyboardInterrupt
        return learn(run, *arguments)

    monkeypatch.setattr(training_run.TrainingRun, "learn", die)
    with pytest.raises(KeyboardInterrupt):
        train_detector(simulated, tmp_path / "broken", device="cpu", checkpoint_minutes=0)
    monkeypatch.setattr(training_run.TrainingRun, "learn", learn)
    train_detector(simulated, tmp_path / "broken", device="cpu", resume=True)
    assert rows(tmp_path / "whole", "steps.csv") == rows(tmp_path / "broken", "steps.csv")
    assert same(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.long
def test_fakes_do_not_depend_on_the_number_of_processes_and_threads(simulated, tmp_path, monkeypatch):
    """Miniatures are networks, whose last digits depend on the number of threads."""
    once = replace(simulated, epochs=1)
    train_detector(once, tmp_path / "here", device="cpu", workers=0)
    for workers in (1, 2):
        train_detector(once, tmp_path / str(workers), device="cpu", workers=workers)
        assert rows(tmp_path / "here", "steps.csv") == rows(tmp_path / str(workers), "steps.csv")
        assert same(tmp_path / "here", tmp_path / str(workers))
    threads = []
    call = Faker.__call__
    monkeypatch.setattr(Faker, "__call__", lambda *given: threads.append(torch.get_num_threads()) or call(*given))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        data = index_training(simulated.sources, held_out=0.3, simulated=True)
        made = Simulated(simulated.window(), simulated.faker())
        fakes = AugmentedImages(data.training, Crop(32), (0, 0, 0), simulate=made)
        assert fakes[[record.label for record in data.training].index("fake")][1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert threads == [1]


SPAWNED = """
import sys
import torch
from freqforensics.perturbations import Crop
from freqforensics.training.batches import AugmentedImages, Collate, Simulated, work_alone
from freqforensics.training.recipe import TrainConfig
from freqforensics.training.training_set import index_training

if __name__ == "__main__":
    config = TrainConfig((sys.argv[1],), crop=32, simulate=("polyphase", "miniature"), recipe="laundering")
    data = index_training(config.sources, held_out=0.3, simulated=True)
    made = Simulated(config.window(), config.faker())
    images = AugmentedImages(data.training, config.chain(), (0, 0, 0), simulate=made)
    here, there = (
        list(
            torch.utils.data.DataLoader(
                images,
                batch_size=4,
                collate_fn=Collate("residual", None),
                num_workers=workers,
                multiprocessing_context="spawn" if workers else None,
                worker_init_fn=work_alone,
            )
        )
        for workers in (0, 1)
    )
    assert len(here) == len(there) > 0
    print(all(torch.equal(a, b) for one, other in zip(here, there) for a, b in zip(one, other)))
"""


@pytest.mark.slow
def test_processes_that_are_spawned_make_the_same_batches(photos, tmp_path):
    """As they are on Windows and macOS."""
    script = tmp_path / "spawned.py"
    script.write_text(SPAWNED)
    done = subprocess.run([sys.executable, str(script), str(photos)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "True"


def test_a_cosine_is_not_gone_on_with_beyond_its_end(simulated, tmp_path):
    train_detector(replace(simulated, epochs=1), tmp_path / "run", device="cpu")
    with pytest.raises(ValueError, match=r"another configuration \(epochs 1, not 2\)"):
        train_detector(simulated, tmp_path / "run", device="cpu", resume=True)


def test_photo_and_its_fake_follow_each_other_and_show_the_same(simulated, tmp_path):
    data = index_training(simulated.sources, held_out=0.3, simulated=True)
    assert {record.label for record in data.training} == {"real", "fake"}
    assert not {r.path for r in data.training} & {r.path for r in data.validation}
    groups = pair_up(data.training)
    draws = draws_of(groups)
    made = Simulated(simulated.window(), Faker(("polyphase",), ("radial",)))
    images = AugmentedImages(data.training, Crop(32), (0, 0, 0), draws, simulate=made)
    later = AugmentedImages(data.training, Crop(32), (0, 0, 1), draws, simulate=made)
    for real, fake in groups:
        assert [images[i][1] for i in (real, fake)] == [False, True]
        near = np.abs(images[real][0].astype(int) - images[fake][0]).mean()
        far = np.abs(images[real][0].astype(int) - later[fake][0]).mean()
        assert 0 < near < far


def test_what_simulation_cannot_do(simulated, tmp_path):
    for change, message in (
        ({"batch": 5}, "batch must be even"),
        ({"simulate": ("gan",)}, "kinds must be of miniature, polyphase"),
        ({"simulate": ()}, "simulate must not be empty"),
        ({"epochs": None}, "epochs must be set"),
        ({"ranking": -1.0}, "ranking must not be negative"),
        ({"early_down": 3}, "early_down must be one of 4, 2, 1"),
        ({"decay": "linear"}, "decay must be one of plateau, cosine"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(simulated, **change)
    with pytest.raises(FileNotFoundError, match="no fitted miniature"):
        plan_training(replace(simulated, shelf=str(tmp_path)))


def test_a_cosine_does_not_end_early():
    """The early stop's patience would be over long before."""
    config = TrainConfig(("x",), decay="cosine", epochs=100, learning_rate=1.0)
    rates = [config.rate(part) for part in np.linspace(0, 1, 201)]
    assert max(rates) == pytest.approx(1.0, abs=1e-3)
    assert rates.index(max(rates)) == 10
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert rates == sorted(rates[:11]) + sorted(rates[11:], reverse=True)
