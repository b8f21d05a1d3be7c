"""What the command population does with --calibrate: scores of photographs, for verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from freqforensics.cli.checks import say_what_they_are


def write_calibration(
    sources: Sequence[str], out: Path, carriers: Sequence[str] | None, weights: str, every: int, about: str
) -> tuple[dict[str, Any], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Write a calibration; give what is in it as JSON values, what was left out, and what could not be scored."""
    from freqforensics.detector.calibration import FEWEST
    from freqforensics.studies.population import calibrate_on_sources

    say_what_they_are([weights])
    calibration, notes, failures = calibrate_on_sources(
        sources,
        out,
        weights=weights,
        carriers=carriers or ("as-is",),
        every=every,
        about=about,
        progress="calibrate",
    )
    kinds = Counter(map(str, calibration.kinds))
    if max(kinds.values()) < FEWEST:
        notes = (*notes, f"no kind has {FEWEST} scores: these count only together with those that ship")
    shown = {
        "file": str(out),
        "scores": len(calibration.logits),
        "carriers": dict(Counter(calibration.carriers)),
        "collections": dict(Counter(calibration.collections)),
        "kinds": dict(kinds.most_common()),
    }
    return shown, notes, failures


def print_calibration(shown: dict[str, Any]) -> None:
    """Print how many photographs there are of each kind."""
    print(f"{shown['scores']} scores of photographs in {shown['file']}, by kind:")
    for kind, count in shown["kinds"].items():
        print(f"  {count:6d}  {kind}")
