"""Which weights a score came from, and what their model card says of them; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ErrorRates:
    """How many generated images a detector missed in its own evaluation.

    Parameters
    ----------
    generators, images : int
        Number of generators, and of their images.
    missed : float
        Share of these images without evidence, as the generators wrote them, 0 to 1.
    missed_jpeg : float
        The same once they were saved as JPEG of quality 96.
    """

    generators: int
    images: int
    missed: float
    missed_jpeg: float

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> ErrorRates | None:
        """Read the rates from a model card; None of a card without them."""
        for detection in card.get("detection", ()):
            means = detection.get("means", {})
            rows = [row for row in detection.get("generators", ()) if row["way"] == "as-is"]
            if rows and {"as-is", "fakes-jpeg96"} <= set(means):
                missed, missed_jpeg = (1 - means[way]["mean_evidence_fake"] for way in ("as-is", "fakes-jpeg96"))
                return cls(len(rows), sum(row["fake"] for row in rows), missed, missed_jpeg)
        return None


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
    error_rates : ErrorRates or None
        Generated images missed, from the model card; None of weights without one.
    """

    name: str
    sha256: str
    input: str
    notice: str
    error_rates: ErrorRates | None = None
