"""Generators' images against a named population of photographs, whatever real images they came with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from freqforensics.detector import ScoreTable
from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.detector.calibration import Calibration
from freqforensics.detector.score_table import Score
from freqforensics.runtime.showing import Summarised

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class PhotographScores(Summarised):
    """Logits of photographs that thresholds are taken from.

    Parameters
    ----------
    name : str
        What the photographs are, in words.
    logits : ndarray of float64, shape (N,)
        Logits of the photographs that can be judged; at least one.
    cannot_judge : int
        Photographs that cannot be judged.

    Raises
    ------
    ValueError
        No logit, or one that is not finite.

    Examples
    --------
    The threshold that at most 1 % of 1,000 photographs exceed.

    >>> photographs = PhotographScores("noise", np.arange(1000.0))
    >>> photographs.threshold(0.01)
    989.0
    """

    name: str
    logits: Float
    cannot_judge: int = 0

    def __post_init__(self) -> None:
        if not len(self.logits) or not np.isfinite(self.logits).all():
            raise ValueError(f"photographs must have logits, all of them finite, got {len(self.logits)} ({self.name})")

    @classmethod
    def of_calibration(cls, calibration: Calibration) -> PhotographScores:
        """Take the photographs that a detector is calibrated on, of all kinds."""
        about = calibration.about or ", ".join(dict.fromkeys(calibration.collections))
        return cls(f"calibration ({about})", calibration.logits.astype(np.float64))

    @classmethod
    def of_table(cls, table: ScoreTable, *, name: str) -> PhotographScores:
        """Take the scores of a table, except those of images labelled fake."""
        scores = [score for score in table.scores if score.label != "fake"]
        logits = np.array([score.logit for score in scores if score.judged], np.float64)
        return cls(name, logits, len(scores) - len(logits))

    def threshold(self, share: float) -> float:
        """Give the lowest logit that at most a share of the photographs exceed.

        Parameters
        ----------
        share : float
            Largest share of photographs above the threshold, in [0, 1).

        Raises
        ------
        ValueError
            `share` is not in [0, 1).
        """
        if not 0 <= share < 1:
            raise ValueError(f"share must lie in [0, 1), got {share}")
        allowed = math.floor(share * len(self.logits) + 1e-9)
        return float(np.sort(self.logits)[::-1][allowed])

    def to_json(self) -> dict[str, Any]:
        """Give name, counts and thresholds as JSON values."""
        return {
            "name": self.name,
            "images": len(self.logits),
            "cannot_judge": self.cannot_judge,
            "threshold_1": self.threshold(0.01),
            "threshold_5": self.threshold(0.05),
        }


@dataclass(frozen=True)
class AgainstPhotographs:
    """Detection of one generator by thresholds that do not depend on its own real images.

    Parameters
    ----------
    generator : str
        Name of the generator.
    real, fake : int
        Images that can be judged.
    cannot_judge : int
        Images of both sides that cannot; they count in no number but the two shares of verdicts.
    auc_photographs : float or None
        Area under the ROC curve of the fakes and the population of photographs. None without fakes or photographs.
    tpr_photographs_1, tpr_photographs_5 : float or None
        Share of the fakes above the threshold that lets at most 1 %, 5 % of the photographs pass.
    evidence_fake, evidence_real : float or None
        Share of all fakes, of all real images, with the verdict "evidence". None where there are no such images, or no
        verdicts for the view.
    """

    generator: str
    real: int
    fake: int
    cannot_judge: int
    auc_photographs: float | None
    tpr_photographs_1: float | None
    tpr_photographs_5: float | None
    evidence_fake: float | None
    evidence_real: float | None


def against_photographs(
    generator: str, scores: Sequence[Score], photographs: PhotographScores | None = None
) -> AgainstPhotographs:
    """Compare a generator's images against photographs.

    Parameters
    ----------
    generator : str
    scores : sequence of Score
        Scores of its real and fake images.
    photographs : PhotographScores, optional
        Photographs scored by the same detector with the same view.

    Returns
    -------
    AgainstPhotographs
    """
    sides = {label: [score for score in scores if score.label == label] for label in ("real", "fake")}
    judged = {label: np.array([s.logit for s in scores if s.judged], np.float64) for label, scores in sides.items()}
    fake = judged["fake"]
    auc = first = fifth = None
    if photographs is not None and len(fake):
        logits = np.concatenate([photographs.logits, fake])
        auc = float(roc_auc_score(np.arange(len(logits)) >= len(photographs.logits), logits))
        first, fifth = (float((fake > photographs.threshold(share)).mean()) for share in (0.01, 0.05))
    return AgainstPhotographs(
        generator,
        len(judged["real"]),
        len(fake),
        sum(map(len, sides.values())) - sum(map(len, judged.values())),
        auc,
        first,
        fifth,
        evidence_share(sides["fake"]),
        evidence_share(sides["real"]),
    )


def evidence_share(scores: Sequence[Score]) -> float | None:
    """Give the share of images with the verdict "evidence", what cannot be judged included; None without verdicts."""
    verdicts = [score.verdict for score in scores if score.verdict]
    return verdicts.count("evidence") / len(verdicts) if verdicts else None


def decision_threshold(detector: CalibratedDetector) -> tuple[float, str]:
    """Give the logit above which an image is called fake, and where it comes from, in words.

    Parameters
    ----------
    detector : CalibratedDetector
        Detector with its calibration.

    Returns
    -------
    float, str
        The logit that the verdict "evidence" begins at for photographs of all kinds together; without a calibration 0,
        a probability of one half.
    """
    if detector.calibration is None:
        return 0.0, "a probability of one half"
    return detector.thresholds.high, f"evidence, all kinds together: {detector.thresholds.source}"
