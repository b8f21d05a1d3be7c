"""A detector with what its scores mean: how many photographs of a kind score as high, and the rule of the verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from freqforensics.detector.checkpoint import load_detector
from freqforensics.detector.inference import weights_sha256
from freqforensics.detector.resnet import Detector
from freqforensics.detector.weights import KNOWN, SHELF, find_weights, model_card
from freqforensics.regions.kinds import ImageKind
from freqforensics.runtime.archives import check_array, read_facts, read_npz

Verdict = Literal["evidence", "inconclusive", "none", "cannot-judge"]

IN_WORDS: Final[dict[str, str]] = {
    "evidence": "evidence of CNN generation",
    "inconclusive": "inconclusive",
    "none": "no evidence found",
    "cannot-judge": "cannot be judged",
}
EVIDENCE: Final = 0.01
"""Greatest rate of photographs scoring as high at which an image is called evidence."""
INCONCLUSIVE: Final = 0.10
"""Greatest rate at which nothing is concluded; above it there is no evidence."""
FEWEST: Final = 300
"""Photographs that a kind must hold; otherwise the nearest wider kind is taken."""
GUARD: Final = 0.02
"""Greatest share of the photographs of any one carrier scoring as high at which an image is called evidence."""
MARGIN: Final = 0.5
"""Logits by which evidence must clear these photographs, because others come from sources that are not among them.

The least, in steps of 0.1, at which of the photographs of a collection left out of the shipped calibration at most 2 %
as they are, and at most 3 % of at least 40 through any carrier, are evidence (`left_out_evidence`).
"""
FORMAT: Final = 1
"""Version of saved calibrations."""
FEWEST_CARRIED: Final = 50
"""Photographs that came by a carrier, from which on the carrier is asked."""


@dataclass(frozen=True)
class UsedWeights:
    """Weights that a score came from.

    Parameters
    ----------
    name : str
        Name of known weights, or of the file.
    sha256 : str
        Hash of the weights themselves, independent of the file format.
    input : str
        What the network is fed with, as "coherence" (`prepare_input`).
    notice : str
        What the weights are good for, and what they are not.
    """

    name: str
    sha256: str
    input: str
    notice: str


@dataclass(frozen=True)
class Thresholds:
    """Logits between which nothing is concluded.

    Parameters
    ----------
    low, high : float
        Calibrated: logits above which an image is inconclusive, and evidence.
    source : str
        Origin of the two logits, in words.
    """

    low: float
    high: float
    source: str

    def verdict(self, logit: float) -> Verdict:
        """Say on which side of the thresholds a logit lies."""
        if logit > self.high:
            return "evidence"
        return "none" if logit < self.low else "inconclusive"


@dataclass(frozen=True)
class Rate:
    """How many photographs score at least as high as an image.

    Parameters
    ----------
    above : int
        Photographs of `kind` whose logit is at least the image's.
    photographs : int
        Photographs of `kind`.
    kind : ImageKind
        The image's, or the nearest wider one with `FEWEST` photographs.
    nearly : int
        Photographs of `kind` whose logit is at most `MARGIN` below the image's, or above it.
    carrier : str
        Worst carrier among those that end in the image's container: after it most photographs score as high, or nearly
        as high.
    carried : float
        Share of its photographs that do. A kind mixes carriers; this keeps the worst of them from being outvoted.
    """

    above: int
    photographs: int
    kind: ImageKind
    nearly: int
    carrier: str
    carried: float

    @property
    def rate(self) -> float:
        """The conformal p-value, (above + 1) / (photographs + 1): valid for a photograph that is like these."""
        return (self.above + 1) / (self.photographs + 1)

    @property
    def verdict(self) -> Verdict:
        """The one rule of the whole package.

        "evidence" if, counting also the photographs that score nearly as high, the rate is at most `EVIDENCE`, and the
        share of the worst carrier at most `GUARD`. Otherwise "inconclusive" up to a rate of `INCONCLUSIVE`, and "none".
        """
        if (self.nearly + 1) / (self.photographs + 1) <= EVIDENCE and self.carried <= GUARD:
            return "evidence"
        return "inconclusive" if self.rate <= INCONCLUSIVE else "none"

    def __str__(self) -> str:
        """Give it in words, as "1 of 340 photographs of this kind scores as high"."""
        return f"{self.above} of {self.photographs} photographs of this kind ({self.kind}) score as high"


@dataclass(frozen=True, eq=False)
class Calibration:
    """Logits of photographs that the detector was not trained on, each with its kind.

    Split conformal prediction (Vovk et al. 2005; Bates et al. 2023): for a photograph exchangeable with those of its
    kind, the rate is at most r with a probability of at most r.

    Parameters
    ----------
    logits : ndarray of float32, shape (N,)
    kinds : tuple of ImageKind, length N
    carriers : tuple of str, length N
        How each photograph came: a name of `CARRIERS`, or "as-is".
    collections : tuple of str, length N
        Where the photograph is from.
    weights : str
        SHA-256 of the weights that gave the logits.
    about : str
        What the photographs are.
    """

    logits: NDArray[np.float32]
    kinds: tuple[ImageKind, ...]
    carriers: tuple[str, ...]
    collections: tuple[str, ...]
    weights: str
    about: str = ""

    def __post_init__(self) -> None:
        lengths = {len(self.logits), len(self.kinds), len(self.carriers), len(self.collections)}
        if len(lengths) != 1 or not len(self.logits):
            raise ValueError(f"a calibration needs one kind, carrier and collection for each logit, got {lengths}")
        if not np.isfinite(self.logits).all():
            raise ValueError("logits must be finite")

    def of_kind(self, kind: ImageKind) -> tuple[NDArray[np.float32], ImageKind]:
        """Give the ascending logits of a kind's photographs, or of the nearest wider kind with `FEWEST`, and that kind.

        Where even all photographs are fewer, all are given.
        """
        members, wider = self.logits, ImageKind()
        for candidate in kind.wider():
            mask = np.array([candidate.contains(own) for own in self.kinds])
            if mask.sum() >= FEWEST:
                members, wider = self.logits[mask], candidate
                break
        return np.sort(members), wider

    def rate(self, logit: float, kind: ImageKind) -> Rate:
        """Count the photographs of a kind that score at least as high."""
        members, wider = self._sorted(kind)
        carrier, carried = "", 0.0
        for name, own in self._carried(kind).items():
            share = _at_least(own, logit - MARGIN) / len(own)
            if share > carried:
                carrier, carried = name, share
        nearly = _at_least(members, logit - MARGIN)
        return Rate(_at_least(members, logit), len(members), wider, nearly, carrier, carried)

    def threshold(self, share: float, kind: ImageKind) -> float:
        """Give the logit above which the rate of a kind is at most `share`; infinite if it never is."""
        members, _ = self._sorted(kind)
        allowed = math.floor(share * (len(members) + 1) + 1e-9) - 1
        if allowed < 0:
            return math.inf
        return float(members[len(members) - 1 - allowed]) if allowed < len(members) else -math.inf

    def thresholds(self, kind: ImageKind) -> Thresholds:
        """Give the logits between which the verdict on an image of a kind is "inconclusive"."""
        members, wider = self._sorted(kind)
        source = f"{INCONCLUSIVE:.0%} and {EVIDENCE:.0%} of {len(members)} photographs ({wider}) score above"
        low, high = self.threshold(INCONCLUSIVE, kind), self.threshold(EVIDENCE, kind)
        for name, own in self._carried(kind).items():
            guard = float(own[len(own) - 1 - math.floor(GUARD * len(own) + 1e-9)])
            if guard > high:
                high = guard
                source = f"{INCONCLUSIVE:.0%} of {len(members)} photographs ({wider}) score above the lower,"
                source += f" {GUARD:.0%} of those sent as {name} above the higher"
        return Thresholds(low, max(high + MARGIN, low), f"{source}; evidence by {MARGIN} more")

    def only(self, mask: NDArray[np.bool_]) -> Calibration:
        """Give the photographs that a mask, of shape (N,), says.

        Raises
        ------
        ValueError
            The mask says none.
        """
        indices = np.flatnonzero(mask)
        if not len(indices):
            raise ValueError("a calibration needs photographs, and none would be left")
        return Calibration(
            self.logits[indices],
            tuple(self.kinds[index] for index in indices),
            tuple(self.carriers[index] for index in indices),
            tuple(self.collections[index] for index in indices),
            self.weights,
            self.about,
        )

    def merged(self, other: Calibration) -> Calibration:
        """Add photographs.

        Raises
        ------
        ValueError
            The other's logits are of other weights.
        """
        if other.weights != self.weights:
            raise ValueError(
                f"logits of other weights cannot be added ({other.weights[:12]}..., not {self.weights[:12]}...)"
            )
        about = "; ".join(dict.fromkeys(text for text in (self.about, other.about) if text))
        return Calibration(
            np.concatenate([self.logits, other.logits]),
            self.kinds + other.kinds,
            self.carriers + other.carriers,
            self.collections + other.collections,
            self.weights,
            about,
        )

    def save(self, path: str | Path) -> None:
        """Write an npz file, whole or not at all."""
        from freqforensics.runtime.writing import replacing

        about = {
            "format": FORMAT,
            "weights": self.weights,
            "about": self.about,
            "kinds": [[kind.container, kind.subsampling, kind.quality, kind.size] for kind in self.kinds],
            "carriers": self.carriers,
            "collections": self.collections,
        }
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, logits=self.logits.astype(np.float32), about=text)

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            Another file.
        """
        try:
            stored = read_npz(path, ["about", "logits"])
            about = read_facts(stored["about"])
            if about.get("format", FORMAT) != FORMAT:  # it was not written at first
                raise ValueError(f"format {about['format']!r} is not known to this version")
            check_array("logits", stored["logits"], (None,))
            kinds = tuple(ImageKind(*kind) for kind in about["kinds"])
            texts = [*about["carriers"], *about["collections"], about["weights"], about["about"]]
            if not all(isinstance(text, str) for text in (*texts, *chain.from_iterable(map(astuple, kinds)))):
                raise ValueError("a kind, carrier or collection is no text")
            places = tuple(about["carriers"]), tuple(about["collections"])
            return cls(stored["logits"].astype(np.float32), kinds, *places, about["weights"], about["about"])
        except OSError:
            raise
        except Exception as error:  # not a zip, not ours, or cut short: all the same to the caller
            reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).removeprefix(f"{path}: ")
            raise ValueError(f"{path} holds no calibration: {reason}") from error

    def _carried(self, kind: ImageKind) -> dict[str, NDArray[np.float32]]:
        """Ascending logits of the photographs of each carrier that ends in a kind's container."""
        cache: dict[str, dict[str, NDArray[np.float32]]] = self.__dict__.setdefault("_carriers", {})
        if kind.container not in cache:
            container = ImageKind(kind.container)
            fits = np.array([container.contains(own) for own in self.kinds])
            names = np.array(self.carriers)
            groups = {str(name): np.sort(self.logits[fits & (names == name)]) for name in dict.fromkeys(self.carriers)}
            cache[kind.container] = {name: own for name, own in groups.items() if len(own) >= FEWEST_CARRIED}
        return cache[kind.container]

    def _sorted(self, kind: ImageKind) -> tuple[NDArray[np.float32], ImageKind]:
        cache: dict[ImageKind, Any] = self.__dict__.setdefault("_cache", {})
        if kind not in cache:
            cache[kind] = self.of_kind(kind)
        members, wider = cache[kind]
        return members, wider


def _at_least(ascending: NDArray[np.float32], logit: float) -> int:
    return len(ascending) - int(np.searchsorted(ascending, np.float32(logit), side="left"))


@dataclass(frozen=True)
class CalibratedDetector:
    """A detector, what it is, and what its scores mean.

    Parameters
    ----------
    detector : Detector
    weights : UsedWeights
    thresholds : Thresholds
        Thresholds for all kinds together; `thresholds_of` gives those for one kind.
    calibration : Calibration or None
        None of weights for which no photographs were scored: the verdict then goes by the thresholds alone.
    """

    detector: Detector
    weights: UsedWeights
    thresholds: Thresholds
    calibration: Calibration | None = None

    def thresholds_of(self, kind: ImageKind) -> Thresholds:
        """Give the logits between which nothing is concluded on an image of a kind."""
        return self.thresholds if self.calibration is None else self.calibration.thresholds(kind)

    def judge(self, logit: float, kind: ImageKind) -> tuple[Verdict, Rate | None]:
        """Give the verdict on an image of a kind, and the rate it follows from, if there is a calibration."""
        if self.calibration is None:
            return self.thresholds.verdict(logit), None
        found = self.calibration.rate(logit, kind)
        return found.verdict, found


def open_detector(
    name_or_path: str | Path,
    *,
    thresholds: tuple[float, float] | None = None,
    calibration: str | Path | Sequence[str | Path] | None = None,
    device: str = "cpu",
) -> CalibratedDetector:
    """Load a detector by name or file, with what its scores mean.

    Parameters
    ----------
    name_or_path : str or Path
        Name of known weights, or a file.
    thresholds : (float, float), optional
        Logits between which nothing is concluded, for every kind of image; no calibration is used then.
    calibration : str, Path or several, optional
        Calibrations of your own photographs, which are added to the one that ships.
    device : str
        Device that torch computes on, as "cpu" or "cuda".

    Returns
    -------
    CalibratedDetector
        Without thresholds, a calibration or a model card the thresholds are the logits of the probabilities 0.1 and
        0.9, which are calibrated on nothing.

    Raises
    ------
    ValueError, FileNotFoundError
        As `find_weights` and `load_detector`; thresholds that do not ascend; a calibration of other weights.
    """
    detector = load_detector(find_weights(name_or_path), device=device).eval()
    name = str(name_or_path)
    known = KNOWN.get(name) if not Path(name).is_file() else None
    bundled = known is not None and known.bundled
    own = SHELF / f"{name}.npz"
    paths = [own] if bundled and own.is_file() else []
    if calibration is not None:
        paths += [Path(p) for p in ([calibration] if isinstance(calibration, (str, Path)) else calibration)]
    return known_detector(
        detector,
        name=name if known is not None else Path(name).name,
        notice=known.notice if known is not None else "",
        card=model_card(name) if bundled else {},
        thresholds=thresholds,
        calibration=None if thresholds is not None else _all_of(tuple(map(str, paths))),
    )


def known_detector(
    detector: Detector,
    *,
    name: str = "",
    notice: str = "",
    card: Mapping[str, Any] | None = None,
    thresholds: tuple[float, float] | None = None,
    calibration: Calibration | None = None,
) -> CalibratedDetector:
    """Put beside a detector what is known of it; see `open_detector`."""
    weights = UsedWeights(name, weights_sha256(detector), detector.input, notice)
    if calibration is not None:
        if calibration.weights != weights.sha256:
            raise ValueError(
                f"the calibration is of other weights ({calibration.weights[:12]}..., not {weights.sha256[:12]}...)"
            )
        return CalibratedDetector(detector, weights, calibration.thresholds(ImageKind()), calibration)
    if thresholds is not None:
        low, high, source = *thresholds, "given"
    elif card and "thresholds" in card:
        low, high = card["thresholds"]["inconclusive"]
        error, images = card["thresholds"]["error"], card["calibration"]["images"]
        source = (
            f"model card: {error:.0%} of its photographs lie above, {error:.0%} of its fakes below ({images} images)"
        )
    else:
        low, high = -math.log(9), math.log(9)
        source = "none: probabilities of 0.1 and 0.9, calibrated on nothing"
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"thresholds must be finite and ascend, got {low} and {high}")
    return CalibratedDetector(detector, weights, Thresholds(float(low), float(high), source))


@lru_cache(maxsize=4)
def _all_of(paths: tuple[str, ...]) -> Calibration | None:
    merged: Calibration | None = None
    for path in paths:
        loaded = Calibration.load(path)
        merged = loaded if merged is None else merged.merged(loaded)
    return merged
