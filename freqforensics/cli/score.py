"""The command that scores images, and the options that commands with a detector share: score."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from freqforensics.cli.app import DETECTOR, Failed, app, complain, complain_of, new_table, print_wide
from freqforensics.cli.checks import check_out_file, check_scoring, check_sources
from freqforensics.cli.options import Salvage
from freqforensics.runtime.destinations import errors_name

if TYPE_CHECKING:
    from freqforensics.detector import ScoreTable

ScoreCrop = Literal["views", "center", "none", "tiles", "resize"]
Engine = Literal["torch", "onnx"]

Sources = Annotated[list[str], typer.Argument(metavar="SOURCE", help="Folders or tables of images, as for spectrum.")]
DEFAULT_WEIGHTS = "everyday"
DEFAULT_CROP: ScoreCrop = "views"
Weights = Annotated[str, typer.Option(metavar="FILE|NAME", help="Weights: a file, or a name of weights list.")]
Crops = Annotated[
    ScoreCrop,
    typer.Option(
        help="views: the median of up to five squares of 224 pixels from the photographic part, the only crop with"
        " calibrated verdicts; center: 224 pixels from the middle, which published numbers are of; none: whole images;"
        " tiles: all squares of 224, averaged; resize: to 256 first."
    ),
]
Engines = Annotated[Engine, typer.Option(help="onnx is faster on CPUs and needs the extra of that name.")]
Limit = Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)]
Calibrations = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Scores of your own photographs, of population --calibrate, added to those that ship; again for more.",
    ),
]
_VERDICTS = {"evidence": "evidence", "inconclusive": "inconclusive", "none": "none", "cannot-judge": "cannot_judge"}
"""Verdicts, and what their counts are called."""


@app.command(
    rich_help_panel=DETECTOR,
    epilog="Example: freqforensics score path/to/images --out scores.csv\n\n"
    "As published: freqforensics score path/to/images --weights wang2020-blur-jpeg-0.5 --crop center --out scores.csv",
)
def score(
    source: Sources,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Table of scores, CSV.")],
    weights: Weights = DEFAULT_WEIGHTS,
    crop: Crops = DEFAULT_CROP,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H", help="Part of every image to score, pixels; default the photographic part that is found."
        ),
    ] = None,
    calibration: Calibrations = None,
    limit: Limit = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    engine: Engines = "torch",
    batch: Annotated[int, typer.Option(help="Images of one size at once.", min=1)] = 16,
    salvage: Salvage = False,
    resume: Annotated[bool, typer.Option("--resume", help="Add to the table that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Score images with a detector: one row for each file, the greater the logit the more likely fake.

    Columns: path, sha256, label, generator, category, logit, probability, crop, weights, warnings, verdict, rate,
    region. verdict: evidence, where at most 1 % of photographs of the image's kind score as high; inconclusive, at
    most 10 %; none; cannot-judge, without a logit, where no photograph is in the image. That there is no evidence is no
    evidence of a photograph. rate: that share of photographs. probability: the logit's sigmoid, which Wang et al.'s
    weights are trained to give for sets of as many fakes as photographs; of other images it is no probability. Their
    published numbers need --crop center, for which there are no verdicts. A table holds scores of one detector only.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    place = None if region is None else parsed_region(region)
    if place is not None and crop != DEFAULT_CROP:
        raise Failed(f"region is for crop 'views', got crop {crop!r}")
    check_scoring([weights], calibration, engine)
    check_sources(source)
    check_out_file(out, source, overwrite=resume, hint="--resume adds to it")
    from freqforensics.sources.records import first_of_each
    from freqforensics.sources.sources import index_sources

    if out.exists() and out.stat().st_size:
        from freqforensics.detector.score_table import ScoreTable

        ScoreTable.load(out)  # what is none is refused before anything else is done
    notes: list[str] = []
    records = first_of_each(index_sources(source, on_note=notes.append), limit)
    from freqforensics.detector import open_detector, score_files

    say_what_they_are([weights])
    detector = open_detector(weights, calibration=calibration, device=device)
    with errors_name(out, out):
        table = score_files(
            records,
            detector,
            crop=crop,
            region=place,
            salvage=salvage,
            out=out,
            batch=batch,
            engine=engine,
            progress="score",
        )
    groups = _groups(table)
    origin = detector.thresholds.source if crop == DEFAULT_CROP else f"crop {crop!r} has no verdicts"
    if as_json:
        print(json.dumps({"out": str(out), "verdicts_from": origin, "groups": groups}, indent=2))
    else:
        _print_groups(groups)
        print(f"{len(table.scores)} scores in {out}; verdicts: {origin}")
    complain_of(notes, table.failures)


def parsed_region(text: str) -> tuple[int, int, int, int]:
    """Read X,Y,W,H."""
    parts = text.split(",")
    try:
        x, y, width, height = map(int, parts)
    except ValueError:
        raise Failed(f"--region must be X,Y,W,H, four numbers of pixels, got {text!r}") from None
    if min(x, y) < 0 or min(width, height) < 1:
        raise Failed(f"--region must not begin outside or be empty, got {text!r}")
    return x, y, width, height


def say_what_they_are(weights: list[str]) -> None:
    """Weights that ship are no published detector: say so wherever they speak."""
    from freqforensics.detector.weights import KNOWN

    for name in weights:
        if name in KNOWN and KNOWN[name].bundled and not Path(name).is_file():
            complain(KNOWN[name].notice)


def _groups(table: ScoreTable) -> list[dict[str, Any]]:
    """Count verdicts by generator and label; of crops without verdicts, logits above 0."""
    rows: dict[tuple[str, str], list[Any]] = {}
    for row in table.scores:
        rows.setdefault((row.generator, row.label), []).append(row)
    groups = []
    for (generator, label), scores in sorted(rows.items()):
        logits = [row.logit for row in scores if row.judged]
        mean = sum(logits) / len(logits) if logits else None
        group = {"generator": generator, "label": label, "images": len(scores), "mean_logit": mean}
        if any(row.verdict for row in scores):
            counts = Counter(row.verdict for row in scores)
            group |= {name: counts[verdict] for verdict, name in _VERDICTS.items()}
        else:
            group["above_0"] = sum(logit > 0 for logit in logits)
        groups.append(group)
    return groups


def _print_groups(groups: list[dict[str, Any]]) -> None:
    from rich.text import Text

    heads = {"evidence": "evidence", "inconclusive": "inconclusive", "none": "none found",
             "cannot_judge": "cannot be judged", "above_0": "logit above 0"}  # fmt: skip
    names = [name for name in heads if any(name in group for group in groups)]
    table = new_table("generator", "label", "images", "mean logit", *(heads[name] for name in names))
    for group in groups:
        mean = "" if group["mean_logit"] is None else f"{group['mean_logit']:+.2f}"
        cells = [group["generator"], group["label"], str(group["images"]), mean]
        table.add_row(*(Text(cell) for cell in [*cells, *(str(group.get(name, "")) for name in names)]))
    print_wide(table)
