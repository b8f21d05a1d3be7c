"""Logits of photographs, each with its kind, and how many of a kind score as high as an image."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.detector.verdict import EVIDENCE, GUARD, INCONCLUSIVE, MARGIN, Rate, Thresholds
from freqforensics.regions.kinds import ImageKind
from freqforensics.runtime.archives import check_array, read_facts, read_npz
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.stored import reading
from freqforensics.runtime.writing import replacing

FEWEST: Final = 300
"""Photographs that a kind must hold; otherwise the nearest wider kind is taken."""
FEWEST_CARRIED: Final = 50
"""Photographs that a carrier must hold for its share to count."""
FORMAT: Final = 1
"""Version of saved calibrations."""


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Summarised):
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
            mask = np.array([candidate.contains(member) for member in self.kinds])
            if mask.sum() >= FEWEST:
                members, wider = self.logits[mask], candidate
                break
        return np.sort(members), wider

    def rate(self, logit: float, kind: ImageKind) -> Rate:
        """Count the photographs of a kind that score at least as high."""
        members, wider = self._sorted(kind)
        carrier, carried = "", 0.0
        for name, logits in self._carried(kind).items():
            share = _at_least(logits, logit - MARGIN) / len(logits)
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
        for name, logits in self._carried(kind).items():
            guard = float(logits[len(logits) - 1 - math.floor(GUARD * len(logits) + 1e-9)])
            if guard > high:
                high = guard
                source = f"{INCONCLUSIVE:.0%} of {len(members)} photographs ({wider}) score above the lower,"
                source += f" {GUARD:.0%} of those sent as {name} above the higher"
        return Thresholds(low, max(high + MARGIN, low), f"{source}; evidence by {MARGIN} more")

    def only(self, mask: NDArray[np.bool_]) -> Calibration:
        """Select photographs by a mask of shape (N,).

        Raises
        ------
        ValueError
            The mask selects none.
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
        with reading(path, "holds no calibration"):
            stored = read_npz(path, ["about", "logits"])
            about = read_facts(stored["about"])
            if about.get("format", FORMAT) != FORMAT:  # it was not written at first
                raise ValueError(f"format {about['format']!r} is not known to this version")
            check_array("logits", stored["logits"], (None,))
            kinds = tuple(ImageKind(*kind) for kind in about["kinds"])
            texts = [*about["carriers"], *about["collections"], about["weights"], about["about"]]
            if not all(isinstance(text, str) for text in (*texts, *chain.from_iterable(about["kinds"]))):
                raise ValueError("a kind, carrier or collection is not text")
            places = tuple(about["carriers"]), tuple(about["collections"])
            return cls(stored["logits"].astype(np.float32), kinds, *places, about["weights"], about["about"])

    def _carried(self, kind: ImageKind) -> dict[str, NDArray[np.float32]]:
        """Ascending logits of the photographs of each carrier that ends in a kind's container."""
        cache: dict[str, dict[str, NDArray[np.float32]]] = self.__dict__.setdefault("_carriers", {})
        if kind.container not in cache:
            container = ImageKind(kind.container)
            fits = np.array([container.contains(member) for member in self.kinds])
            names = np.array(self.carriers)
            groups = {str(name): np.sort(self.logits[fits & (names == name)]) for name in dict.fromkeys(self.carriers)}
            cache[kind.container] = {name: logits for name, logits in groups.items() if len(logits) >= FEWEST_CARRIED}
        return cache[kind.container]

    def _sorted(self, kind: ImageKind) -> tuple[NDArray[np.float32], ImageKind]:
        cache: dict[ImageKind, Any] = self.__dict__.setdefault("_cache", {})
        if kind not in cache:
            cache[kind] = self.of_kind(kind)
        members, wider = cache[kind]
        return members, wider


def _at_least(ascending: NDArray[np.float32], logit: float) -> int:
    return len(ascending) - int(np.searchsorted(ascending, np.float32(logit), side="left"))


def calibration_sha256(calibration: Calibration | None) -> str | None:
    """Hash what verdicts follow from: logits and kinds. None of no calibration."""
    if calibration is None:
        return None
    digest = hashlib.sha256(np.ascontiguousarray(calibration.logits, np.float32).tobytes())
    digest.update("\n".join(map(repr, calibration.kinds)).encode())
    return digest.hexdigest()
