"""Training: a loop that can be broken off at any moment and gone on with."""

from __future__ import annotations

import json
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from lightning_fabric import Fabric
from sklearn.metrics import average_precision_score
from torch.nn import functional as F
from torch.utils.data import DataLoader
from tqdm import tqdm

from freqforensics.detector.checkpoint import CheckpointError, load_detector, save_detector
from freqforensics.detector.early_stop import EarlyStop
from freqforensics.detector.parallel import make_fabric, share_statistics
from freqforensics.detector.recipe import TrainConfig
from freqforensics.detector.resnet import Detector, make_detector
from freqforensics.detector.train_log import Epoch, TrainLog
from freqforensics.detector.training_set import (
    AugmentedImages,
    Collate,
    TrainingSet,
    check_images,
    index_training,
    pair_up,
)
from freqforensics.engine import default_workers
from freqforensics.provenance import (
    DETECTOR_LIBRARIES,
    check_result_folder,
    clear_unfinished,
    manifest,
    replacing,
    write_json,
)

CHECKPOINT: Final = "last.ckpt"
WEIGHTS: Final = "detector.safetensors"
_TRAINING, _VALIDATION = 0, 1


@dataclass(frozen=True)
class Training:
    """What came of training.

    Parameters
    ----------
    epochs : tuple of Epoch
    weights : Path
        The best epoch's, for `load_detector`.
    notes : tuple of str
        What indexing left out.
    """

    epochs: tuple[Epoch, ...]
    weights: Path
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Epoch:
        """The epoch whose weights were kept."""
        return [epoch for epoch in self.epochs if epoch.kept][-1]


def plan_training(
    config: TrainConfig, *, skip_unreadable: bool = False, workers: int | None = None, progress: bool = False
) -> TrainingSet:
    """Index, split and check the images of a configuration: all that can go wrong before the first step.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_training` and `check_images`.
    """
    if config.init not in ("imagenet", "scratch") and not Path(config.init).is_file():
        raise FileNotFoundError(f"no weights at {config.init}")
    found = index_configured(config)
    if config.pairs:
        pair_up(found.training)
    return check_images(
        found,
        smallest=config.crop,
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
    alone, to the last bit, however often the work was broken off.

    Parameters
    ----------
    config : TrainConfig
    out : str or Path
        Gets ``detector.safetensors`` (the best epoch), ``last.ckpt`` (everything to go on with), ``steps.csv``,
        ``epochs.csv`` and ``manifest.json``; and ``tensorboard/`` where TensorBoard is installed.
    resume : bool
        Go on with what is in `out`. A run that has ended stays as it is; more `epochs` than it had are added.
    skip_unreadable : bool
        As for `check_images`.
    device : str
        "auto", "cpu", "cuda", ...
    devices, nodes : int
        Processes on each machine, and machines: Fabric starts the former, ``torchrun`` or ``fabric run`` both. The
        batch, its statistics and so the result are those of one process, but for rounding.
    workers : int, optional
        Processes that read images; 0: this one. Default 0 on a CPU, else up to 8. The result does not depend on it.
    checkpoint_minutes : float
        Time between checkpoints; there is one at each epoch too.
    command : str, optional
        The command line, for the manifest.
    on_epoch : callable, optional
        Is told of each epoch as it ends, in the first process.
    progress : bool

    Returns
    -------
    Training

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
            raise ValueError(f"{folder} was trained on other images: give the same sources, or another --out")
        return known

    data: TrainingSet = _agreed(fabric, plan)
    if min(config.batch, len(data.training)) < 2 * fabric.world_size:
        least = f"{fabric.world_size} processes need batches of {2 * fabric.world_size} images at least"
        raise ValueError(f"{least}: the batch is {config.batch}, and there are {len(data.training)} images")
    run = _Run(config, data, fabric, state)
    if fabric.is_global_zero:
        folder.mkdir(parents=True, exist_ok=True)
        clear_unfinished(folder)
        inputs = {"training": len(data.training), "validation": len(data.validation), "sha256": data.sha256}
        about = manifest(config.to_json(), inputs=inputs, seed=config.seed, command=command, also=DETECTOR_LIBRARIES)
        write_json(folder / "manifest.json", about)
    if workers is None:
        workers = 0 if fabric.device.type == "cpu" else min(8, default_workers())
    with TrainLog(folder, run.step, enabled=fabric.is_global_zero) as log:
        while not run.ended:
            _one_epoch(run, folder, log, workers=workers, minutes=checkpoint_minutes, progress=progress)
            if on_epoch is not None and fabric.is_global_zero:
                on_epoch(run.epochs[-1])
    return Training(tuple(run.epochs), folder / WEIGHTS, data.notes)


def _one_epoch(run: _Run, folder: Path, log: TrainLog, *, workers: int, minutes: float, progress: bool) -> None:
    """Learn from every image once, validate, keep what is best."""
    started = stored = time.monotonic()
    first = run.fabric.is_global_zero
    total = sum(map(len, run.batches()))
    with tqdm(
        total=total,
        initial=sum(map(len, run.batches()[: run.done])),
        desc=f"epoch {run.epoch + 1}, rate {run.schedule.rate:.0e}",
        unit="image",
        delay=2,
        disable=None if progress and first else True,
    ) as bar:
        for images, fake, count in run.remaining(workers):
            loss = run.learn(images, fake, count)
            log.step(run.step, run.epoch + 1, run.schedule.rate, loss)
            bar.update(count)
            bar.set_postfix(loss=f"{run.loss_sum / max(1, run.seen):.4f}", refresh=False)
            if time.monotonic() - stored >= 60 * minutes:
                run.store(folder)
                stored = time.monotonic()
    run.validate(workers, started)
    epoch = run.epochs[-1]
    if first:
        if epoch.kept:
            shown = {
                "epoch": str(epoch.epoch),
                "validation_ap": f"{epoch.ap:.6f}",
                "config": json.dumps(run.config.to_json()),
            }
            save_detector(run.detector, folder / WEIGHTS, metadata=shown)
        log.epoch(run.epochs)
    run.store(folder)


class _Run:
    """A training under way: everything that must be stored to go on as if nothing had happened."""

    def __init__(self, config: TrainConfig, data: TrainingSet, fabric: Fabric, state: dict[str, Any] | None) -> None:
        self.config, self.data, self.fabric = config, data, fabric
        self.detector = _first_weights(config, download=state is None)
        if state is not None:
            self.detector.network.load_state_dict(state["model"])
        if fabric.world_size > 1:
            self.detector.network = share_statistics(self.detector.network, fabric.device.type)
        self.detector.train().to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.detector.parameters(), lr=config.learning_rate, betas=(0.9, 0.999))
        self.model, self.stepper = fabric.setup(self.detector, self.optimiser)
        self.groups = pair_up(data.training) if config.pairs else [[index] for index in range(len(data.training))]
        self.draws = [number for _, number in sorted((i, n) for n, group in enumerate(self.groups) for i in group)]
        self.schedule = EarlyStop(config.learning_rate, variant=config.variant)
        self.epochs: list[Epoch] = []
        self.step = self.done = self.seen = 0
        self.loss_sum = 0.0
        if state is not None:
            self.optimiser.load_state_dict(state["optimizer"])
            fabric.strategy.precision.load_state_dict(state["precision"])
            self.schedule = EarlyStop(**state["schedule"])
            self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
            self.step, self.done, self.seen = state["total_steps"], state["done"], state["seen"]
            self.loss_sum = state["loss_sum"]

    @property
    def epoch(self) -> int:
        """The epoch under way, from 0."""
        return len(self.epochs)

    @property
    def ended(self) -> bool:
        return self.schedule.ended or (self.config.epochs is not None and self.epoch >= self.config.epochs)

    def batches(self) -> list[list[int]]:
        """Cut the epoch into batches, in an order that depends on seed and epoch alone."""
        rng = np.random.default_rng([self.config.seed, 2, self.epoch])
        images = len(self.data.training)
        cut: list[list[int]] = [[]]
        for again in range(self.config.passes):
            for group in rng.permutation(len(self.groups)):
                if len(cut[-1]) >= self.config.batch:
                    cut.append([])
                cut[-1].extend(again * images + index for index in self.groups[group])
        # Statistics of a single image are none, and no process may be without one.
        least = 2 * self.fabric.world_size
        if len(cut) > 1 and len(cut[-1]) < least:
            cut.pop()
        return cut

    def remaining(self, workers: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
        """What this process learns of the batches that are not done yet, with the number of images of all processes."""
        batches = self.batches()[self.done :]
        rank, world = self.fabric.global_rank, self.fabric.world_size
        key = (self.config.seed, _TRAINING, self.epoch)
        images = AugmentedImages(self.data.training, self.config.chain(), key, self.draws)
        loader = self._loader(images, [batch[rank::world] for batch in batches], workers)
        for (prepared, fake), batch in zip(loader, batches, strict=True):
            yield prepared, fake, len(batch)

    def learn(self, images: torch.Tensor, fake: torch.Tensor, count: int) -> float:
        """Take one step; return the loss of the whole batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate
        self.stepper.zero_grad(set_to_none=True)
        logits = self.model(images)
        loss = F.binary_cross_entropy_with_logits(logits, fake, reduction="sum") / count
        # Gradients are averaged over processes: what each gives is its part of the sum.
        self.fabric.backward(loss * self.fabric.world_size)
        self.stepper.step()
        whole = float(self.fabric.all_reduce(loss.detach(), reduce_op="sum"))  # type: ignore[arg-type]
        self.step, self.done, self.seen = self.step + 1, self.done + 1, self.seen + count
        self.loss_sum += whole * count
        return whole

    @torch.no_grad()
    def validate(self, workers: int, started: float) -> None:
        """Score the validation set and close the epoch."""
        records, rank, world = self.data.validation, self.fabric.global_rank, self.fabric.world_size
        key = (self.config.seed, _VALIDATION, self.epoch)
        images = AugmentedImages(records, self.config.validation_chain(), key)
        own = list(range(rank, len(records), world))
        size = max(1, self.config.batch // world)
        logits = torch.zeros(len(records), device=self.fabric.device)
        precision = next(self.detector.parameters()).dtype
        self.detector.eval()
        place = 0
        for prepared, _ in self._loader(images, [own[i : i + size] for i in range(0, len(own), size)], workers):
            # Not through the wrapper: it would wait for processes that have fewer batches.
            with self.fabric.autocast():
                made = self.detector(prepared.to(precision)).float()
            logits[own[place : place + len(made)]] = made
            place += len(made)
        self.detector.train()
        logits = self.fabric.all_reduce(logits, reduce_op="sum").cpu()  # type: ignore[union-attr]
        fake = torch.tensor([record.label == "fake" for record in records])
        right = ((logits > 0) == fake).double()
        accuracy, balanced = float(right.mean()), float(right[fake].mean() + right[~fake].mean()) / 2
        self.schedule = self.schedule.after(accuracy if self.config.variant == "as_published" else balanced)
        self.epochs.append(
            Epoch(
                epoch=self.epoch + 1,
                step=self.step,
                rate=self.optimiser.param_groups[0]["lr"],
                loss=self.loss_sum / self.seen,
                validation_loss=float(F.binary_cross_entropy_with_logits(logits.double(), fake.double())),
                accuracy=accuracy,
                balanced_accuracy=balanced,
                ap=min(1.0, float(average_precision_score(fake.numpy(), logits.numpy()))),
                kept=self.schedule.improved,
                seconds=round(time.monotonic() - started, 1),
            )
        )
        self.done = self.seen = 0
        self.loss_sum = 0.0

    def store(self, folder: Path) -> None:
        """Write everything to go on with, whole or not at all."""
        if not self.fabric.is_global_zero:
            return
        content = {
            "config": json.dumps(self.config.to_json()),
            "images": self.data.sha256,
            "unreadable": list(self.data.unreadable),
            "model": self.detector.network.state_dict(),
            "optimizer": self.optimiser.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "total_steps": self.step,
            "schedule": asdict(self.schedule),
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "done": self.done,
            "seen": self.seen,
            "loss_sum": self.loss_sum,
        }
        with replacing(folder / CHECKPOINT) as temporary, temporary.open("wb") as file:
            torch.save(content, file)

    def _loader(self, images: AugmentedImages, batches: Sequence[Sequence[int]], workers: int) -> Iterator[Any]:
        loader: DataLoader[Any] = DataLoader(
            images,
            batch_sampler=batches,  # type: ignore[arg-type]  # any iterable of lists of indices
            collate_fn=Collate(self.config.input, self.config.band),
            num_workers=workers,
            pin_memory=self.fabric.device.type == "cuda",
        )
        return (tuple(self.fabric.to_device(part) for part in batch) for batch in loader)


def _first_weights(config: TrainConfig, *, download: bool) -> Detector:
    """The detector to begin with; its weights do not matter where a checkpoint follows."""
    if not download or config.init == "scratch":
        return make_detector(input=config.input, band=config.band, seed=config.seed)
    if config.init != "imagenet":
        found = load_detector(config.init, input=config.input)
        found.band = config.band
        return found
    try:
        return make_detector(input=config.input, band=config.band, seed=config.seed, imagenet=True)
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        reason = getattr(error, "reason", None) or error
        raise ValueError(
            f"ImageNet's weights cannot be downloaded ({reason}): give --init scratch, or a file"
        ) from error


def index_configured(config: TrainConfig) -> TrainingSet:
    """Index and split the images of a configuration, without reading them; raises as `index_training`."""
    return index_training(
        config.sources,
        validation=config.validation,
        held_out=config.held_out,
        classes=config.classes,
        imbalance=config.imbalance,
        seed=config.seed,
    )


def _stored(folder: Path, config: TrainConfig, *, resume: bool) -> dict[str, Any] | None:
    """The state of an earlier run of the same configuration, if it is to be gone on with."""
    path = folder / CHECKPOINT
    if not path.exists():
        if not (resume and _only_begun(folder, config)):
            hint = "give another folder, or --resume for a training of this configuration that was broken off"
            check_result_folder(folder, hint=hint)
        return None
    if not resume:
        raise ValueError(f"{folder} holds a training: --resume goes on with it")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        before = json.loads(state["config"])
    except Exception as error:
        raise CheckpointError(path, "is no whole checkpoint of a training") from error
    now = config.to_json()
    # More epochs are more of the same.
    different = [key for key in now if key != "epochs" and before.get(key) != now[key]]
    if different:
        listed = ", ".join(f"{key} {before.get(key)!r}, not {now[key]!r}" for key in different)
        raise ValueError(f"{folder} holds a training of another configuration ({listed})")
    return state


def _only_begun(folder: Path, config: TrainConfig) -> bool:
    """Whether a training of this configuration ended before its first checkpoint: there is nothing to lose."""
    if (folder / WEIGHTS).exists():
        return False
    try:
        before = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["parameters"]
    except (OSError, ValueError, KeyError, TypeError):
        return folder.is_dir() and all(path.name.startswith(".unfinished-") for path in folder.iterdir())
    return bool(before == config.to_json())


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
