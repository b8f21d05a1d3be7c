"""A training under way: what it learns with, and what must be stored to resume as if nothing had happened."""

from __future__ import annotations

import json
import time
import urllib.error
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from lightning_fabric import Fabric
from sklearn.metrics import average_precision_score
from torch.nn import functional as F
from torch.utils.data import DataLoader

from freqforensics.detector.checkpoint import load_detector
from freqforensics.detector.resnet import Detector, make_detector
from freqforensics.runtime.writing import replacing
from freqforensics.training.batches import AugmentedImages, Collate, Simulated, draws_of, work_alone
from freqforensics.training.early_stop import EarlyStop
from freqforensics.training.folder import CHECKPOINT
from freqforensics.training.log import Epoch, Pace
from freqforensics.training.parallel import share_statistics
from freqforensics.training.recipe import TrainConfig
from freqforensics.training.training_set import TrainingSet, pair_up

PREFETCHED: Final = 4
"""Batches that each process has ready at most."""
_TRAINING, _VALIDATION = 0, 1


class TrainingRun:
    """A training under way.

    Parameters
    ----------
    config : TrainConfig
    data : TrainingSet
    fabric : Fabric
    state : dict, optional
        What `store` wrote.
    """

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
        self.groups = (
            pair_up(data.training)
            if config.pairs or config.simulate
            else [[index] for index in range(len(data.training))]
        )
        self.draws = draws_of(self.groups)
        self.schedule = EarlyStop(config.learning_rate, variant=config.variant)
        self.epochs: list[Epoch] = []
        self.step = self.done = self.seen = 0
        self.loss_sum = 0.0
        self.pace = Pace()
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
        """Whether there is no further epoch."""
        if self.config.epochs is not None and self.epoch >= self.config.epochs:
            return True
        return self.schedule.ended and self.config.decay == "plateau"

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        if self.config.decay == "plateau" or self.config.epochs is None:
            return self.schedule.rate
        part = (self.epoch + self.done / len(self.batches())) / self.config.epochs
        return self.config.rate(part)

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
        difficulty = self.config.difficulty(self.epoch)
        chain, simulation = self.config.chain(difficulty), self._simulation(difficulty)
        images = AugmentedImages(self.data.training, chain, key, self.draws, simulate=simulation)
        loader = self._loader(images, [batch[rank::world] for batch in batches], workers)
        for (prepared, fake), batch in zip(loader, batches, strict=True):
            yield prepared, fake, len(batch)

    def learn(self, images: torch.Tensor, fake: torch.Tensor, count: int) -> float:
        """Take one step; return the loss of the whole batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        self.stepper.zero_grad(set_to_none=True)
        logits = self.model(images)
        loss = F.binary_cross_entropy_with_logits(logits, fake, reduction="sum") / count
        total = loss
        if self.config.ranking:
            # Photo and fake follow each other.
            total = total + self.config.ranking * F.softplus(logits[0::2] - logits[1::2]).mean()
        # Gradients are averaged over processes: what each gives is its part of the sum.
        self.fabric.backward(total * self.fabric.world_size)
        self.stepper.step()
        whole = float(self.fabric.all_reduce(loss.detach(), reduce_op="sum"))  # type: ignore[arg-type]
        self.step, self.done, self.seen = self.step + 1, self.done + 1, self.seen + count
        self.loss_sum += whole * count
        return whole

    @torch.no_grad()
    def validate(self, workers: int, started: float) -> None:
        """Score the validation set and close the epoch."""
        records, rank, world = self.data.validation, self.fabric.global_rank, self.fabric.world_size
        if self.config.simulate and not self.config.validation:
            # The same fakes in every epoch: accuracies are compared.
            draws = draws_of(pair_up(records))
            key, simulation = (self.config.seed, _VALIDATION, 0), self._simulation()
        else:
            draws, key, simulation = None, (self.config.seed, _VALIDATION, self.epoch), None
        images = AugmentedImages(records, self.config.validation_chain(), key, draws, simulate=simulation)
        shard = list(range(rank, len(records), world))
        size = max(1, self.config.batch // world)
        logits = torch.zeros(len(records), device=self.fabric.device)
        precision = next(self.detector.parameters()).dtype
        self.detector.eval()
        place = 0
        for prepared, _ in self._loader(images, [shard[i : i + size] for i in range(0, len(shard), size)], workers):
            # Not through the wrapper: it would wait for processes that have fewer batches.
            with self.fabric.autocast():
                scored = self.detector(prepared.to(precision)).float()
            logits[shard[place : place + len(scored)]] = scored
            place += len(scored)
        self.detector.train()
        logits = self.fabric.all_reduce(logits, reduce_op="sum").cpu()  # type: ignore[union-attr]
        fake = torch.tensor([record.label == "fake" for record in records])
        right = ((logits > 0) == fake).double()
        accuracy, balanced = float(right.mean()), float(right[fake].mean() + right[~fake].mean()) / 2
        self.schedule = self.schedule.after(accuracy if self.config.variant == "as_published" else balanced)
        if self.config.decay == "cosine":
            # It only says what is the best: neither rate nor end are its.
            self.schedule = replace(self.schedule, rate=self.config.learning_rate, waited=0, dropped=False, ended=False)
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
                images_per_second=round(self.pace.images_per_second, 2),
                in_network=round(self.pace.in_network, 3),
            )
        )
        self.done = self.seen = 0
        self.loss_sum = 0.0
        self.pace = Pace()

    def _simulation(self, difficulty: float = 1.0) -> Simulated | None:
        if not self.config.simulate:
            return None
        return Simulated(self.config.window(), self.config.faker(difficulty))

    def store(self, folder: Path) -> None:
        """Write everything to continue with, whole or not at all."""
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
            prefetch_factor=PREFETCHED if workers else None,
            worker_init_fn=work_alone,
            pin_memory=self.fabric.device.type == "cuda",
        )
        return (tuple(self.fabric.to_device(part) for part in batch) for batch in loader)


def _first_weights(config: TrainConfig, *, download: bool) -> Detector:
    """The detector to begin with; its weights do not matter where a checkpoint follows."""
    make = partial(make_detector, input=config.input, band=config.band, early_down=config.early_down, seed=config.seed)
    if not download or config.init in ("scratch", "identity"):
        return make(identity=config.init == "identity")
    if config.init != "imagenet":
        detector = load_detector(config.init, input=config.input)
        detector.band = config.band
        if detector.early_down != config.early_down:
            down = f"early_down {detector.early_down}, not {config.early_down}"
            raise ValueError(f"{config.init} was trained with {down}")
        return detector
    try:
        return make(imagenet=True)
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        reason = getattr(error, "reason", None) or error
        raise ValueError(
            f"init must be 'scratch', 'identity' or a file: ImageNet's weights cannot be downloaded ({reason})"
        ) from error
