"""When the learning rate falls, and when training ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from freqforensics.perturbations.perturb import Variant

PATIENCE: Final = 5
LOWEST_RATE: Final = 1e-6
FIRST_GAIN: Final = 0.001
LATER_GAIN: Final = 0.002


@dataclass(frozen=True)
class EarlyStop:
    """The schedule of Wang et al. 2020, as a value: each epoch's validation accuracy gives the next one.

    An epoch improves if it beats the best by 0.1 point, after the first drop of the learning rate by 0.2 points. Five
    epochs without improvement divide the learning rate by ten; when it would fall below 1e-6, training ends.

    Parameters
    ----------
    rate : float
        Learning rate.
    variant : {"sound", "as_published"}
        "as_published": after each drop the first epoch counts as the best, whatever it is, and overwrites the weights
        kept. "sound": the best stays the best.
    best : float, optional
        Accuracy to beat.
    waited : int
        Epochs since.
    dropped : bool
        The learning rate has fallen before.
    ended : bool
    improved : bool
        The last epoch's weights are the ones to keep.

    Examples
    --------
    >>> schedule = EarlyStop(1e-4)
    >>> for accuracy in (0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95):
    ...     schedule = schedule.after(accuracy)
    >>> schedule.rate, schedule.best, schedule.improved
    (1e-05, 0.95, False)
    """

    rate: float
    variant: Variant = "sound"
    best: float | None = None
    waited: int = 0
    dropped: bool = False
    ended: bool = False
    improved: bool = False

    def after(self, accuracy: float) -> EarlyStop:
        """Give the schedule after an epoch of a validation accuracy in 0 .. 1.

        Raises
        ------
        ValueError
            Training has ended.
        """
        if self.ended:
            raise ValueError("training has ended: there is no epoch after this one")
        gain = LATER_GAIN if self.dropped else FIRST_GAIN
        if self.best is None or accuracy >= self.best + gain:
            return replace(self, best=accuracy, waited=0, improved=True)
        if self.waited + 1 < PATIENCE:
            return replace(self, waited=self.waited + 1, improved=False)
        rate = self.rate / 10
        if rate < LOWEST_RATE * (1 - 1e-9):
            return replace(self, waited=PATIENCE, ended=True, improved=False)
        best = None if self.variant == "as_published" else self.best
        return replace(self, rate=rate, best=best, waited=0, dropped=True, improved=False)
