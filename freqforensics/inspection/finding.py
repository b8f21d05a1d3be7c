"""What was found out about one image, and its JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, get_type_hints

from numpy.typing import NDArray

from freqforensics.attribution.outcomes import Counterfactual, Deletion, Randomisation, TileScores
from freqforensics.detector.verdict import IN_WORDS, Thresholds, Verdict
from freqforensics.images.testimony.testimony import TESTIMONY_DERIVED, Testimony
from freqforensics.inspection.parts import (
    Changes,
    Comparison,
    Explanation,
    ImageScore,
    InspectedImage,
    Inspection,
    LeftOut,
    MapTests,
)
from freqforensics.runtime.schema import json_values, schema_of
from freqforensics.runtime.showing import Drawn

FORMAT: Final = 3
"""Number of the format of the JSON."""


@dataclass(frozen=True, eq=False, repr=False)
class Finding(Drawn):
    """The result of inspecting one image.

    `freqforensics.Page` shows a finding in Jupyter, `freqforensics.write_report` writes it to a folder.

    Parameters
    ----------
    inspection : Inspection
        Version, weights and settings.
    image : InspectedImage
        The image: path, size, hash, and the window that was examined.
    score : ImageScore
        The verdict, the logit, and the views that were scored.
    explanation : Explanation or None
        Explanation of the logit of one view. None for an image that cannot be judged; the parts below are then empty.
    tests : MapTests
        Tests of whether the explanation is reliable.
    changes : Changes
        Changes of the logit when the view is changed.
    comparison : Comparison
        The image compared with photographs and generators.
    maps : dict of str to ndarray
        Images and maps for figures; not part of the JSON.
    testimony : Testimony or None
        What the file says of itself; None of an array. It does not enter the verdict.
    contradictions : tuple of str
        Sentences that name contradictions between testimony and verdict.
    left_out : tuple of LeftOut
        Views that do not apply to the detector, with the reason.
    """

    inspection: Inspection
    image: InspectedImage
    score: ImageScore
    explanation: Explanation | None = None
    tests: MapTests = field(default_factory=MapTests)
    changes: Changes = field(default_factory=Changes)
    comparison: Comparison = field(default_factory=Comparison)
    maps: dict[str, NDArray[Any]] = field(default_factory=dict)
    testimony: Testimony | None = None
    contradictions: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict of `score`."""
        return self.score.verdict

    @property
    def logit(self) -> float | None:
        """The logit of `score`; None for an image that cannot be judged."""
        return self.score.logit

    @property
    def headline(self) -> str:
        """The verdict and the logit in a line."""
        return self.in_words if self.logit is None else f"{self.in_words}, logit {self.logit:+.2f}"

    @property
    def judged(self) -> bool:
        """Whether the image was scored and explained."""
        return self.explanation is not None

    @property
    def explained(self) -> Explanation:
        """The explanation of an image that was judged; ValueError for another one."""
        if self.explanation is None:
            raise ValueError(f"nothing is explained of an image that cannot be judged: {self.score.domain}")
        return self.explanation

    @property
    def in_words(self) -> str:
        """The verdict in words, such as "no evidence found"."""
        return IN_WORDS[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """Give the values as flat JSON, which `finding_schema` describes."""
        values: dict[str, Any] = {"format": FORMAT}
        for key, (part, name) in _KEYS.items():
            value = getattr(self, part)
            values[key] = json_values(getattr(value, name) if name else value, derived=_DERIVED)
        if not self.left_out:
            del values["left_out"]
        return values


_KEYS: Final[dict[str, tuple[str, str]]] = {
    "freqforensics": ("inspection", "freqforensics"),
    "verdict": ("score", "verdict"),
    "domain": ("score", "domain"),
    "image": ("image", ""),
    "testimony": ("testimony", ""),
    "contradictions": ("contradictions", ""),
    "weights": ("inspection", "weights"),
    "thresholds": ("score", "thresholds"),
    "settings": ("inspection", "settings"),
    "settings_sha256": ("inspection", "settings_sha256"),
    "logit": ("score", "logit"),
    "probability": ("score", "probability"),
    "rate": ("score", "rate"),
    "rate_of": ("score", "rate_of"),
    "region": ("score", "region"),
    "views": ("score", "views"),
    "view": ("score", "view"),
    "parts": ("score", "parts"),
    "attribution": ("explanation", ""),
    "counterfactuals": ("changes", "counterfactuals"),
    "flip": ("changes", "flip"),
    "flip_sought": ("changes", "flip_sought"),
    "deletion": ("tests", "deletion"),
    "randomisation": ("tests", "randomisation"),
    "badges": ("tests", "badges"),
    "curves": ("changes", "curves"),
    "tiles": ("changes", "tiles"),
    "standing": ("comparison", "standing"),
    "nearest": ("comparison", "nearest"),
    "causes": ("comparison", "causes"),
    "left_out": ("left_out", ""),
}
"""Keys of the JSON, in order: the part of the finding that holds a value, and its name there; "" is the part itself."""
_DERIVED: Final[dict[type, dict[str, Any]]] = {
    **TESTIMONY_DERIVED,
    Counterfactual: {"change": float},
    Deletion: {"gain": float, "insertion_gain": float | None, "p_value": float},
    Randomisation: {"destroyed": bool},
    TileScores: {"spread": float | None},
}
"""Properties that are written, too, with their types."""
_BOUNDS: Final[dict[type, dict[str, Any]]] = {Thresholds: {"low": float | None, "high": float | None}}
"""Types, as JSON has them, of values that can be infinite: a threshold that no logit reaches is written as null."""


def finding_schema() -> dict[str, Any]:
    """Give the JSON schema (2020-12) of `Finding.to_json`."""
    parts = get_type_hints(Finding)
    kinds = {key: get_type_hints(parts[part])[name] if name else parts[part] for key, (part, name) in _KEYS.items()}
    types = {"format": int, **kinds}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "freqforensics finding",
        "type": "object",
        "properties": {key: schema_of(kind, derived=_DERIVED, types=_BOUNDS) for key, kind in types.items()},
        "required": sorted(types.keys() - {"left_out"}),
        "additionalProperties": False,
    }


def finding_json(finding: Finding) -> str:
    """Give a finding as indented JSON text.

    Parameters
    ----------
    finding : Finding
        Finding to write.
    """
    return json.dumps(finding.to_json(), indent=2, allow_nan=False)
