"""What a model card says of weights that ship: what they were trained and calibrated on, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from freqforensics.runtime.tables import read_table
from freqforensics.runtime.writing import write_json

DETECTION: Final = (
    "generator",
    "way",
    "real",
    "fake",
    "cannot_judge",
    "ap",
    "ap_low",
    "ap_high",
    "auc",
    "auc_photographs",
    "tpr_photographs_1",
    "tpr_photographs_5",
    "evidence_fake",
    "evidence_real",
)
"""Columns of `evaluate` that a card keeps."""
ALARMS: Final = ("source", "carrier", "images", "evidence", "inconclusive", "cannot_judge")
"""Columns of `false-alarms` that a card keeps."""


def complete_card(
    path: str | Path,
    *,
    evaluations: Sequence[str | Path] = (),
    false_alarms: Sequence[str | Path] = (),
    runs: str | Path | None = None,
    **texts: str,
) -> dict[str, Any]:
    """Add to a model card what was measured, and write it again.

    Parameters
    ----------
    path : str or Path
        The card, JSON, as `make_everyday` writes it.
    evaluations : sequence of str or Path
        Folders that `freqforensics evaluate` wrote.
    false_alarms : sequence of str or Path
        Folders that `freqforensics false-alarms` wrote.
    runs : str or Path, optional
        Table of all training runs, CSV.
    texts
        Paragraphs of the card by name (about, data, chosen_on, limits). An empty one changes nothing.

    Returns
    -------
    dict
        The card, JSON values.

    Raises
    ------
    ValueError
        A file that is not what it should be.
    FileNotFoundError
        A file that does not exist.
    """
    place = Path(path)
    card: dict[str, Any] = _json(place)
    card |= {name: text for name, text in texts.items() if text}
    if evaluations:
        card["detection"] = [_evaluation(Path(folder)) for folder in evaluations]
    if false_alarms:
        card["false_alarms"] = [_alarms(Path(folder)) for folder in false_alarms]
    if runs is not None:
        card["runs"] = read_runs(runs)
    write_json(place, card)
    return card


def read_runs(path: str | Path) -> list[dict[str, str]]:
    """Read a table of runs, one dict a row.

    Raises
    ------
    ValueError
        It is not a table.
    """
    header, *rows = [row for row in read_table(path) if row] or [[]]
    if not rows or any(len(row) != len(header) for row in rows):
        raise ValueError(f"{path} is not a table of runs")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _evaluation(folder: Path) -> dict[str, Any]:
    result = _json(folder / "evaluation.json")
    rows = [{key: _short(row.get(key)) for key in DETECTION} for row in result["generators"]]
    means = {way: {key: _short(value) for key, value in values.items()} for way, values in result["ways"].items()}
    return {"crop": result["crop"], "photographs": result["photographs"], "means": means, "generators": rows}


def _alarms(folder: Path) -> list[dict[str, Any]]:
    result = _json(folder / "false_alarms.json")
    return [{key: row[key] for key in ALARMS} for row in result["rows"]]


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _json(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(card, dict):
        raise ValueError(f"{path} holds no object")
    return card
