"""What a training leaves to read: a row for each step, a row for each epoch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Final

from freqforensics.runtime.tables import TableWriter, parsed_rows, write_csv

_STEP_COLUMNS: Final = ("step", "epoch", "rate", "loss")


@dataclass(frozen=True)
class Epoch:
    """One row of ``epochs.csv``.

    Parameters
    ----------
    epoch, step : int
        From 1; steps taken so far.
    rate : float
        Learning rate.
    loss : float
        Mean binary cross entropy of the images learnt from, as they were learnt from.
    validation_loss, accuracy, balanced_accuracy, ap : float
        On the validation set, at probability one half.
    kept : bool
        Its weights are the best so far.
    seconds : float
        The whole epoch; of the last run, where it was interrupted.
    images_per_second, in_network : float or None
        Pace of the steps, without the validation: images per second, and the share of the time that the network
        took, 0 to 1; the rest is waiting for images. None in a run by an earlier version.
    """

    epoch: int
    step: int
    rate: float
    loss: float
    validation_loss: float
    accuracy: float
    balanced_accuracy: float
    ap: float
    kept: bool
    seconds: float
    images_per_second: float | None = None
    in_network: float | None = None


@dataclass
class Pace:
    """How fast steps follow each other, and how much of their time the network takes.

    Parameters
    ----------
    images : int
        Images learnt from, in all processes.
    seconds, network : float
        Time of the steps, waiting included, and of that the network's: forward, backward and the update.
    """

    images: int = 0
    seconds: float = 0.0
    network: float = 0.0

    def add(self, images: int, *, seconds: float, network: float) -> None:
        """Count a step."""
        self.images += images
        self.seconds += seconds
        self.network += network

    @property
    def images_per_second(self) -> float:
        """Images learnt from each second."""
        return self.images / max(self.seconds, 1e-9)

    @property
    def in_network(self) -> float:
        """Share of the time that the network took, 0 to 1."""
        return self.network / max(self.seconds, 1e-9)


class TrainLog:
    """``steps.csv``, added to as steps are taken, and ``epochs.csv``; TensorBoard's files where it is installed."""

    def __init__(self, folder: Path, step: int, *, enabled: bool) -> None:
        self.folder, self.last, self.enabled = folder, step, enabled
        self.file: io.TextIOBase | None = None
        self.board: Any = None

    def __enter__(self) -> TrainLog:
        if not self.enabled:
            return self
        path = self.folder / "steps.csv"
        rows = []
        if self.last and path.exists():
            # Steps after the last checkpoint are taken again; a row may be half written.
            rows = parsed_rows(path.read_text(encoding="utf-8"), path=path)[1:]
            rows = [row for row in rows if len(row) == len(_STEP_COLUMNS)][: self.last]
        write_csv(path, _STEP_COLUMNS, rows)
        self.file = path.open("a", newline="", encoding="utf-8")
        try:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(self.folder / "tensorboard", purge_step=self.last + 1)
        except ImportError:
            pass
        return self

    def __exit__(self, *exception: object) -> None:
        if self.file is not None:
            self.file.close()
        if self.board is not None:
            self.board.close()

    def step(self, step: int, epoch: int, rate: float, loss: float) -> None:
        """Add a row."""
        if self.file is not None:
            TableWriter(self.file).row((step, epoch, repr(rate), repr(loss)))
            self.file.flush()
        if self.board is not None:
            self.board.add_scalar("loss", loss, step)

    def epoch(self, epochs: Sequence[Epoch]) -> None:
        """Write all rows anew."""
        write_csv(self.folder / "epochs.csv", (field.name for field in fields(Epoch)), map(astuple, epochs))
        if self.board is not None:
            last = epochs[-1]
            for name in (
                "validation_loss",
                "accuracy",
                "balanced_accuracy",
                "ap",
                "rate",
                "images_per_second",
                "in_network",
            ):
                self.board.add_scalar(name, getattr(last, name), last.step)
