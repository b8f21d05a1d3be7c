"""Training the everyday detector's parts: small networks, many steps, no generator's image."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from freqforensics.detector.checkpoint import load_detector, save_detector
from freqforensics.detector.local import make_small_detector
from freqforensics.detector.resnet import Detector
from freqforensics.runtime.device import chosen_device
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.tables import write_csv
from freqforensics.runtime.writing import replacing, write_json
from freqforensics.training.batches import work_alone
from freqforensics.training.everyday_data import EverydayBatches, WeightedSource, index_everyday
from freqforensics.training.log import Pace

SmallNetwork = Literal["local", "coherence-small"]
Precision = Literal["bf16", "32"]

RATES: Final[dict[str, float]] = {"local": 2e-3, "coherence-small": 1e-3}
"""Greatest learning rates, by network."""
WARM_UP: Final = 300
"""Steps over which the learning rate rises."""
AVERAGED: Final = 0.998
"""Decay of the average of the weights, which is what is kept (Polyak averaging)."""
EVERY: Final = 500
"""Steps between checkpoints."""
LOGGED: Final = 100
"""Steps that a row of the log is the mean of."""
_CHECKPOINT: Final = "checkpoint.pt"
_LOG: Final = "log.csv"


@dataclass(frozen=True)
class EverydayConfig:
    """How a part of the everyday detector is trained.

    Parameters
    ----------
    network : {"local", "coherence-small"}
        Network to train, one of `freqforensics.detector.local.NETWORKS`.
    photographs, pairs : tuple of WeightedSource
        Photographs without a fake, and trees of pairs (`index_everyday`).
    steps : int
        Batches of about 35 crops.
    learning_rate : float, optional
        Greatest one, of AdamW; it falls along half a cosine. Default that of `RATES`.
    precision : {"bf16", "32"}
        "bf16" multiplies in bfloat16, three times faster on processors that can. The weights stay in single precision.
    seed : int
        Random seed of weights and batches.
    init : str, optional
        Weights to begin with; default random ones.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    network: SmallNetwork
    photographs: tuple[WeightedSource, ...]
    pairs: tuple[WeightedSource, ...]
    steps: int = 8000
    learning_rate: float | None = None
    precision: Precision = "bf16"
    seed: int = 0
    init: str | None = None

    def __post_init__(self) -> None:
        for name, choices in (("network", get_args(SmallNetwork)), ("precision", get_args(Precision))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")

    @property
    def greatest_rate(self) -> float:
        """The learning rate at its peak."""
        return RATES[self.network] if self.learning_rate is None else self.learning_rate

    def rate(self, step: int) -> float:
        """Give the learning rate of a step."""
        return (
            self.greatest_rate
            * min(1.0, (step + 1) / WARM_UP)
            * (0.495 * (1 + math.cos(math.pi * step / self.steps)) + 0.01)
        )


def train_everyday(
    config: EverydayConfig,
    out: str | Path,
    *,
    device: str = "auto",
    resume: bool = False,
    workers: int = 1,
    command: str | None = None,
    progress: str | None = None,
) -> Detector:
    """Train a part of the everyday detector.

    Parameters
    ----------
    config : EverydayConfig
    out : str or Path
        Folder for the results. Gets ``detector.safetensors``, ``log.csv``, ``manifest.json`` and, until the end, a
        checkpoint.
    device : str
        Device of torch; "auto" takes an accelerator where there is one.
    resume : bool
        Continue from the checkpoint in `out`, which must be of the same configuration. The batches are those of an
        undisturbed training.
    workers : int
        Processes that prepare batches.
    command : str, optional
        Command line, for the manifest.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Detector
        With the averaged weights, in evaluation mode, on the CPU.

    Raises
    ------
    ValueError, FileNotFoundError
        A folder that holds something already, without `resume`; a checkpoint of another configuration; as
        `index_everyday`.
    """
    folder = Path(out)
    images = index_everyday(config.photographs, config.pairs)
    detector = make_small_detector(config.network, seed=config.seed)
    if config.init is not None:
        detector.network.load_state_dict(load_detector(config.init).network.state_dict())
    run = _Run(config, detector, chosen_device(device))
    stored = folder / _CHECKPOINT
    if resume and stored.is_file():
        run.restore(stored)
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"resume must be set to continue a training in {folder}, which is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    batches = EverydayBatches(images, detector.input, config.steps, first=run.step, seed=config.seed)
    loader = DataLoader(
        batches, batch_size=None, num_workers=workers, prefetch_factor=6 if workers else None, worker_init_fn=work_alone
    )
    with tqdm(
        total=config.steps, initial=run.step, desc=progress, unit="step", delay=2, disable=None if progress else True
    ) as bar:
        asked = time.monotonic()
        for prepared, fake in loader:
            run.advance(prepared, fake, waited=time.monotonic() - asked)
            bar.update(1)
            bar.set_postfix(run.pace(), refresh=False)
            asked = time.monotonic()
            if run.step % EVERY == 0 and run.step < config.steps:
                run.store(stored)
                run.write_log(folder / _LOG)
    averaged = run.averaged()
    run.write_log(folder / _LOG)
    save_detector(averaged, folder / "detector.safetensors")
    about = manifest(
        asdict(config), inputs=dict(images.counts()), seed=config.seed, command=command, also=DETECTOR_LIBRARIES
    )
    write_json(folder / "manifest.json", {**about, "minutes": round(run.seconds / 60, 1), "notes": list(images.notes)})
    stored.unlink(missing_ok=True)
    return averaged


class _Run:
    """The state of a training."""

    def __init__(self, config: EverydayConfig, detector: Detector, device: str) -> None:
        self.config, self.device = config, torch.device(device)
        self.detector = detector.train().to(self.device)
        self.network: Any = detector.network.to(memory_format=torch.channels_last)
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.network.parameters(), config.greatest_rate, weight_decay=1e-2)
        self.step = 0
        self.seconds = 0.0
        self.rows: list[dict[str, float]] = []
        self.recent: list[tuple[float, float]] = []
        self.paces = Pace()

    def pace(self) -> dict[str, str]:
        """Images a second and the network's share since the last row of the log, in words."""
        return {
            "images/s": f"{self.paces.images_per_second:.0f}",
            "network": f"{self.paces.in_network:.0%}",
        }

    def advance(self, prepared: Tensor, fake: Tensor, *, waited: float = 0.0) -> None:
        start = time.monotonic()
        rate = self.config.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        prepared = prepared.to(self.device).contiguous(memory_format=torch.channels_last)
        fake = fake.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            logits = self.network(prepared)[:, 0].float()
        loss = nn.functional.binary_cross_entropy_with_logits(logits, fake)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        decay = min(AVERAGED, self.step / (self.step + 20))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.dtype.is_floating_point:
                    self.average[name].mul_(decay).add_(value, alpha=1 - decay)
                else:
                    self.average[name].copy_(value)
        correct = float(((logits > 0) == (fake > 0.5)).float().mean())
        self.recent.append((loss.item(), correct))
        spent = time.monotonic() - start
        self.seconds += spent
        self.paces.add(len(logits), seconds=waited + spent, network=spent)
        if self.step % LOGGED == 0 or self.step == self.config.steps:
            mean = [sum(values) / len(self.recent) for values in zip(*self.recent, strict=True)]
            self.rows.append(
                {
                    "step": self.step,
                    "loss": round(mean[0], 4),
                    "accuracy": round(mean[1], 4),
                    "learning_rate": round(rate, 7),
                    "seconds": round(self.seconds, 1),
                    "images_per_second": round(self.paces.images_per_second, 2),
                    "in_network": round(self.paces.in_network, 3),
                }
            )
            self.recent.clear()
            self.paces = Pace()

    def averaged(self) -> Detector:
        detector = make_small_detector(self.config.network)
        detector.network.load_state_dict(self.average)
        return detector.eval()

    def write_log(self, path: Path) -> None:
        if self.rows:
            # Rows of a run that an earlier version began have no pace.
            columns = list(self.rows[-1])
            write_csv(path, columns, ([row.get(column, "") for column in columns] for row in self.rows))

    def store(self, path: Path) -> None:
        content = {
            "config": _stored(self.config),
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "rows": self.rows,
        }
        with replacing(path) as temporary:
            torch.save(content, temporary)

    def restore(self, path: Path) -> None:
        try:
            content: Mapping[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            _ = content["config"]
        except Exception as error:
            raise ValueError(f"{path} holds no unfinished training: {error}") from error
        if content["config"] != _stored(self.config):
            raise ValueError(f"{path} is of a training with another configuration")
        self.network.load_state_dict(content["network"])
        self.average = dict(content["average"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.step, self.seconds, self.rows = content["step"], content["seconds"], list(content["rows"])


def _stored(config: EverydayConfig) -> str:
    return json.dumps(asdict(config), sort_keys=True)
