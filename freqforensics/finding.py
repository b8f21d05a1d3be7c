"""What was found out about one image: plain values, a JSON schema of them, and the maps to draw."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.bases import BandValue
from freqforensics.attribution.causes import OtherCause
from freqforensics.attribution.counterfactual import Counterfactual, FlippingSet
from freqforensics.attribution.curves import ScoreCurve, TileScores
from freqforensics.attribution.faithfulness import Badge, Deletion, Randomisation
from freqforensics.spectra.population import Nearest, Standing

if TYPE_CHECKING:
    from pathlib import Path

Verdict = Literal["evidence of CNN generation", "inconclusive", "no evidence found"]
FORMAT: Final = 1


@dataclass(frozen=True)
class InspectedImage:
    """The image.

    Parameters
    ----------
    name : str
        Of the file, without its folders; empty of an array.
    sha256 : str
        Of the file, or of an array's bytes.
    width, height : int
        Pixels.
    format : str
        As "JPEG"; "array" if it was no file.
    jpeg_quality : int or None
        On libjpeg's scale, by the quantisation tables.
    jpeg_subsampling : str or None
    notes : tuple of str
        What was odd about the file.
    part : tuple of int
        Top, left, bottom, right of what is explained: the whole image, or its middle.
    """

    name: str
    sha256: str
    width: int
    height: int
    format: str
    jpeg_quality: int | None
    jpeg_subsampling: str | None
    notes: tuple[str, ...]
    part: tuple[int, int, int, int]


@dataclass(frozen=True)
class UsedWeights:
    """The detector.

    Parameters
    ----------
    name : str
    sha256 : str
        Of the weights, whatever file they were in.
    input : str
        As "coherence"; see `prepare_input`.
    notice : str
        What they are, and are not, good for.
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
    source : str
        Where they come from.
    """

    low: float
    high: float
    source: str

    def verdict(self, logit: float) -> Verdict:
        """Say on which side of the thresholds a logit lies."""
        if logit > self.high:
            return "evidence of CNN generation"
        return "no evidence found" if logit < self.low else "inconclusive"


@dataclass(frozen=True)
class LineValue:
    """What a frequency and its mirror image add to the logit.

    Parameters
    ----------
    fx, fy : float
        Cycles per pixel.
    value : float
        Logits.
    also : tuple of str
        What else has lines there.
    """

    fx: float
    fy: float
    value: float
    also: tuple[str, ...]


@dataclass(frozen=True)
class Attributed:
    """How the logit of the part came about.

    Parameters
    ----------
    baseline : str
        What the image was compared with.
    logit, baseline_logit, gap : float
        Of the part; of the baseline; their difference.
    delta : float
        What the values sum to, less the gap.
    steps : int
    bands : tuple of BandValue
        Their sum is `gap`: `delta` is shared out among them by their size.
    shapley : tuple of BandValue
        Exact Shapley values of the same bands; empty if not asked for.
    lines : tuple of LineValue
        The frequencies that count most, multiples of 1/32.
    """

    baseline: str
    logit: float
    baseline_logit: float
    gap: float
    delta: float
    steps: int
    bands: tuple[BandValue, ...]
    shapley: tuple[BandValue, ...]
    lines: tuple[LineValue, ...]


@dataclass(frozen=True, eq=False)
class Finding:
    """What was found out about one image.

    Parameters
    ----------
    format : int
        Of this structure.
    freqforensics : str
        Version.
    verdict : {"evidence of CNN generation", "inconclusive", "no evidence found"}
        By the logit and the thresholds. That no evidence is found is no evidence of a photograph.
    logit, probability : float
        Of the whole image, or of its middle if `scored` says so.
    scored : str
        What the logit is of.
    image, weights, thresholds, attribution : dataclass
    counterfactuals : tuple of Counterfactual
    flip : FlippingSet or None
        The fewest frequencies whose notching changes the verdict.
    flip_sought : bool
        False if there is nothing to flip.
    deletion : Deletion or None
        None if no frequency speaks for the logit.
    randomisation : dict of str to Randomisation
        By explanation.
    badges : dict of str to Badge
        By explanation.
    curves : tuple of ScoreCurve
    tiles : TileScores or None
    standing : Standing or None
        None if the image is too small, or there is no population.
    nearest : Nearest or None
    causes : tuple of OtherCause
    settings : dict
        What was asked for.
    settings_sha256 : str
    maps : dict of str to ndarray
        To be drawn; not part of `to_json`.
    """

    format: int
    freqforensics: str
    verdict: Verdict
    logit: float
    probability: float
    scored: str
    image: InspectedImage
    weights: UsedWeights
    thresholds: Thresholds
    attribution: Attributed
    counterfactuals: tuple[Counterfactual, ...]
    flip: FlippingSet | None
    flip_sought: bool
    deletion: Deletion | None
    randomisation: dict[str, Randomisation]
    badges: dict[str, Badge]
    curves: tuple[ScoreCurve, ...]
    tiles: TileScores | None
    standing: Standing | None
    nearest: Nearest | None
    causes: tuple[OtherCause, ...]
    settings: dict[str, str | int | float | bool | None]
    settings_sha256: str
    maps: dict[str, NDArray[Any]] = field(default_factory=dict, metadata={"json": False})

    def to_json(self) -> dict[str, Any]:
        """Give the values, as JSON has them; `finding_schema` describes them."""
        found: dict[str, Any] = _plain(self)
        return found

    def save(self, out: str | Path) -> None:
        """Write a folder: ``index.html``, ``finding.json`` and the figures as PNG; see `freqforensics.report`."""
        import freqforensics

        freqforensics.write_report(self, out)

    def show(self) -> Any:
        """Give something that Jupyter shows as the page."""
        import freqforensics

        return freqforensics.Page(self)

    def _repr_html_(self) -> str:
        return str(self.show()._repr_html_())


def finding_schema() -> dict[str, Any]:
    """Give the JSON schema (2020-12) of `Finding.to_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "freqforensics finding",
        **_schema_of(Finding),
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        kept = [item for item in fields(value) if item.metadata.get("json", True)]
        found = {item.name: _plain(getattr(value, item.name)) for item in kept}
        for name in _DERIVED.get(type(value), ()):
            found[name] = _plain(getattr(value, name))
        return found
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


_DERIVED: Final[dict[type, dict[str, Any]]] = {
    Counterfactual: {"change": float},
    Deletion: {"gain": float, "insertion_gain": float, "p_value": float},
    Randomisation: {"destroyed": bool},
    TileScores: {"spread": float | None},
}
"""Properties that are written, too, with their types."""


def _schema_of(kind: Any) -> dict[str, Any]:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        properties = {
            item.name: _schema_of(hints[item.name]) for item in fields(kind) if item.metadata.get("json", True)
        }
        properties |= {name: _schema_of(own) for name, own in _DERIVED.get(typing.cast(type, kind), {}).items()}
        return {
            "type": "object",
            "properties": properties,
            "required": sorted(properties),
            "additionalProperties": False,
        }
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema_of(argument) for argument in arguments]}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema_of(arguments[0])}
    if origin is tuple:
        return {
            "type": "array",
            "prefixItems": [_schema_of(argument) for argument in arguments],
            "minItems": len(arguments),
            "maxItems": len(arguments),
        }
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(arguments[1])}
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    return {"type": names[kind]}


def finding_json(finding: Finding) -> str:
    """Give a finding as indented JSON text."""
    return json.dumps(finding.to_json(), indent=2, allow_nan=False)
