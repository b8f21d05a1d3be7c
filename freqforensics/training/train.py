"""Training: a loop that can be interrupted at any moment and resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from tqdm import tqdm

from freqforensics.detector.checkpoint import CheckpointError, save_detector
from freqforensics.generators.randomised import miniatures_on
from freqforensics.runtime.destinations import errors_name
from freqforensics.runtime.processors import default_workers
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import clear_unfinished
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.writing import write_json
from freqforensics.training.folder import CHECKPOINT, WEIGHTS, check_init, check_training_folder
from freqforensics.training.log import Epoch, TrainLog
from freqforensics.training.loop import TrainingRun
from freqforensics.training.parallel import make_fabric
from freqforensics.training.recipe import SMALLEST_PHOTO, TrainConfig
from freqforensics.training.training_set import TrainingSet, check_images, index_training, pair_up


@dataclass(frozen=True, repr=False)
class Training(Summarised):
    """The epochs of a training, and its best weights.

    Parameters
    ----------
    epochs : tuple of Epoch
        Loss, metrics and learning rate of each epoch.
    weights : Path
        The best epoch's, for `load_detector`.
    notes : tuple of str
        Files that indexing skipped.
    """

    epochs: tuple[Epoch, ...]
    weights: Path
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Epoch:
        """The epoch whose weights were kept."""
        return [epoch for epoch in self.epochs if epoch.kept][-1]

    def to_json(self) -> dict[str, Any]:
        """Give the file of the weights, the best epoch and all epochs as JSON values."""
        epochs = [asdict(epoch) for epoch in self.epochs]
        return {"weights": str(self.weights), "best": asdict(self.best), "epochs": epochs}


def plan_training(
    config: TrainConfig, *, skip_unreadable: bool = False, workers: int | None = None, progress: bool = False
) -> TrainingSet:
    """Index, split and check the images of a configuration, without training.

    Parameters
    ----------
    config : TrainConfig
        Configuration of the training.
    skip_unreadable : bool
        Skip images that cannot be read, with a note.
    workers : int, optional
        Number of threads that check images; default all processors.
    progress : bool
        Show progress bars.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_training` and `check_images`.
    """
    check_init(config)
    data = index_configured(config)
    if config.pairs:
        pair_up(data.training)
    if "miniature" in config.simulate:
        miniatures_on(config.shelf)
    return check_images(
        data,
        smallest=min(config.crop, SMALLEST_PHOTO)
        if config.simulate
        else config.crop,  # windows of photographs are enlarged
        resize=config.resize,
        skip_unreadable=skip_unreadable,
        pairs=config.pairs,
        workers=workers,
        progress="checking images" if progress else None,
    )


def train_detector(
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    skip_unreadable: bool = False,
    device: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    workers: int | None = None,
    checkpoint_minutes: float = 10.0,
    command: str | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: bool = False,
) -> Training:
    """Train a detector.

    On a CPU the result depends on the configuration, the images, the libraries' versions and the number of threads
    alone, to the last bit, however often the work was interrupted.

    Parameters
    ----------
    config : TrainConfig
        Recipe of the training.
    out : str or Path
        Gets ``detector.safetensors`` (the best epoch), ``last.ckpt`` (everything to continue with), ``steps.csv``,
        ``epochs.csv`` and ``manifest.json``; and ``tensorboard/`` where TensorBoard is installed.
    resume : bool
        Continue the training in `out`. A run that has ended stays as it is; more `epochs` than it had are added.
    skip_unreadable : bool
        Leave out images that cannot be read, as for `check_images`.
    device : str
        "auto", "cpu", "cuda", ...
    devices, nodes : int
        Processes on each machine, and machines: Fabric starts the former, ``torchrun`` or ``fabric run`` both. The
        batch, its statistics and so the result are those of one process, but for rounding.
    workers : int, optional
        Processes that read images and make fakes; 0: this one. Default one for every two processors, at most 4, on a
        CPU, else up to 8. The result does not depend on it. Where processes are spawned, as on Windows and macOS, a
        script must guard its call by ``if __name__ == "__main__"``.
    checkpoint_minutes : float
        Time between checkpoints; there is one at each epoch too.
    command : str, optional
        The command line, for the manifest.
    on_epoch : callable, optional
        Called with each epoch as it ends, in the first process.
    progress : bool
        Show progress bars.

    Returns
    -------
    Training
        The log of the epochs, and where the best weights lie.

    Raises
    ------
    ValueError
        As `plan_training`; `out` holds a run and `resume` is not given, or one of another configuration or other
        images; ImageNet's weights cannot be downloaded.
    """
    folder = Path(out)
    fabric = make_fabric(device=device, devices=devices, nodes=nodes, precision=config.precision)
    fabric.launch()
    state = _agreed(fabric, lambda: _stored(folder, config, resume=resume))

    def plan() -> TrainingSet:
        if state is None:
            return plan_training(config, skip_unreadable=skip_unreadable, workers=workers or None, progress=progress)
        # Every image was read before the first step: reading all of them again would take hours on a large set.
        known = index_configured(config).without(state["unreadable"])
        if state["images"] != known.sha256:
            raise ValueError(f"{folder} was trained on other images: give the same sources, or another folder")
        return known

    data: TrainingSet = _agreed(fabric, plan)
    if min(config.batch, len(data.training)) < 2 * fabric.world_size:
        least = f"{fabric.world_size} processes need batches of {2 * fabric.world_size} images at least"
        raise ValueError(f"{least}: the batch is {config.batch}, and there are {len(data.training)} images")
    if config.ranking and fabric.world_size > 1:
        raise ValueError("ranking compares a photo with its fake, and several processes would separate them: use one")
    run = TrainingRun(config, data, fabric, state)
    if fabric.is_global_zero:
        folder.mkdir(parents=True, exist_ok=True)
        clear_unfinished(folder)
        inputs = {"training": len(data.training), "validation": len(data.validation), "sha256": data.sha256}
        about = manifest(config.to_json(), inputs=inputs, seed=config.seed, command=command, also=DETECTOR_LIBRARIES)
        write_json(folder / "manifest.json", about)
    if workers is None:
        on_cpu = fabric.device.type == "cpu"
        workers = min(4, default_workers() // (2 * devices)) if on_cpu else min(8, default_workers())
    with errors_name(folder / "steps.csv", folder), TrainLog(folder, run.step, enabled=fabric.is_global_zero) as log:
        if run.epochs and not run.done and fabric.is_global_zero:
            _keep(run, folder, log)
        while not run.ended:
            _one_epoch(run, folder, log, workers=workers, minutes=checkpoint_minutes, progress=progress)
            if on_epoch is not None and fabric.is_global_zero:
                on_epoch(run.epochs[-1])
    return Training(tuple(run.epochs), folder / WEIGHTS, data.notes)


def _one_epoch(run: TrainingRun, folder: Path, log: TrainLog, *, workers: int, minutes: float, progress: bool) -> None:
    """Learn from every image once, validate, keep what is best."""
    started = stored = time.monotonic()
    first = run.fabric.is_global_zero
    total = sum(map(len, run.batches()))
    with tqdm(
        total=total,
        initial=sum(map(len, run.batches()[: run.done])),
        desc=f"epoch {run.epoch + 1}, rate {run.rate:.0e}",
        unit="image",
        delay=2,
        disable=None if progress and first else True,
    ) as bar:
        asked = time.monotonic()
        for images, fake, count in run.remaining(workers):
            rate, came = run.rate, time.monotonic()
            loss = run.learn(images, fake, count)
            learnt = time.monotonic()
            run.pace.add(count, seconds=learnt - asked, network=learnt - came)
            asked = learnt
            log.step(run.step, run.epoch + 1, rate, loss)
            bar.update(count)
            mean = f"{run.loss_sum / max(1, run.seen):.4f}"
            bar.set_postfix(loss=mean, network=f"{run.pace.in_network:.0%}", refresh=False)
            if time.monotonic() - stored >= 60 * minutes:
                run.store(folder)
                stored = time.monotonic()
    run.validate(workers, started)
    run.store(folder)
    if first:
        _keep(run, folder, log)


def _keep(run: TrainingRun, folder: Path, log: TrainLog) -> None:
    """Write what the last epoch came to. After its checkpoint, so that a run killed in between can do it again."""
    if run.epochs[-1].kept:
        metadata = {
            "epoch": str(run.epochs[-1].epoch),
            "validation_ap": f"{run.epochs[-1].ap:.6f}",
            "config": json.dumps(run.config.to_json()),
        }
        save_detector(run.detector, folder / WEIGHTS, metadata=metadata)
    log.epoch(run.epochs)


def index_configured(config: TrainConfig) -> TrainingSet:
    """Index and split the images of a configuration, without reading them; raises as `index_training`."""
    sources, validation = config.chosen_sources()
    return index_training(
        sources,
        validation=validation,
        held_out=config.held_out,
        classes=config.classes,
        imbalance=config.imbalance,
        simulated=bool(config.simulate),
        seed=config.seed,
    )


def _stored(folder: Path, config: TrainConfig, *, resume: bool) -> dict[str, Any] | None:
    """The state of an earlier run of the same configuration, if it is to be resumed."""
    check_training_folder(folder, config, resume=resume)
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        before = json.loads(state["config"])
    except Exception as error:
        raise CheckpointError(path, "is not a complete checkpoint of a training") from error
    now = config.to_json()
    # More epochs are more of the same, but where the rate falls towards their end.
    free = {"epochs"} if config.decay == "plateau" else set()
    different = [key for key in now if key not in free and before.get(key) != now[key]]
    if different:
        listed = ", ".join(f"{key} {before.get(key)!r}, not {now[key]!r}" for key in different)
        raise ValueError(f"{folder} holds a training of another configuration ({listed})")
    return state


def _agreed(fabric: Fabric, make: Callable[[], Any]) -> Any:
    """Do something in the first process, and give all of them what came of it, or what it raised."""
    result: Any = None
    if fabric.is_global_zero:
        try:
            result = make()
        except (ValueError, OSError) as error:
            if fabric.world_size == 1:
                raise
            result = error
    result = fabric.broadcast(result)
    if isinstance(result, Exception):
        raise result
    return result
