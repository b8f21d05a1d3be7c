"""The command inspect."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from freqforensics.cli.app import (
    ONE_IMAGE,
    Failed,
    app,
    command_line,
    complain,
    complain_of,
    new_table,
    print_wide,
)
from freqforensics.cli.checks import (
    check_images,
    check_out,
    check_scoring,
    say_what_they_are,
)
from freqforensics.cli.options import DEFAULT_WEIGHTS, Calibration, Salvage, Weights, parsed_region

if TYPE_CHECKING:
    from freqforensics.inspection.finding import Finding
    from freqforensics.spectra.population import Population

Baseline = Literal["incoherent", "smooth", "median", "natural", "grey", "black"]


@app.command(rich_help_panel=ONE_IMAGE, epilog="Example: freqforensics inspect photo.jpg --out report")
def inspect(
    image: Annotated[
        list[str] | None, typer.Argument(metavar="IMAGE", help="Image files, or folders of them.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the page and its figures.")] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    baseline: Annotated[
        Baseline | None,
        typer.Option(
            help="What a view is compared with; default incoherent for coherence, smooth for local, else median."
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H", help="The part to judge, pixels; default the photographic part, found by itself."
        ),
    ] = None,
    thresholds: Annotated[
        str | None, typer.Option(metavar="LOW:HIGH", help="Logits between which nothing is concluded.")
    ] = None,
    calibration: Calibration = None,
    population: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of freqforensics population; default the one that ships.")
    ] = None,
    salvage: Salvage = False,
    fast: Annotated[bool, typer.Option("--fast", help="Fewer steps and controls, fewer views.")] = False,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON, a list.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of a finding, and leave.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Find out why images are scored as they are: where, which frequencies, and what if they were not there.

    The verdict is that of freqforensics score: up to five views of the photographic part are scored, the one with the
    median logit is explained. Pages of text, screens without a picture and the like cannot be judged.

    Writes DIR/index.html, a page that needs nothing else, finding.json and figures as PNG; of several images a folder
    for each, and an index sorted by score. Without --out only the verdicts are printed. Exit status: 0 done; 1 done,
    but some file could not be inspected; 2 nothing done.
    """
    if schema:
        from freqforensics.inspection.finding import finding_schema

        print(json.dumps(finding_schema(), indent=2))
        return
    if not image:
        raise Failed("give at least one image")
    place = None if region is None else parsed_region(region)
    bounds = _parsed_thresholds(thresholds)
    if bounds is not None and calibration:
        raise Failed("--thresholds takes the place of photographs: give it or --calibration, not both")
    check_scoring([weights], calibration)
    own = None if population is None else _loaded(population)
    check_out(out, image, overwrite=overwrite)
    files, notes = _files_of(image)
    check_images(files)
    from freqforensics.detector import open_detector
    from freqforensics.studies.inspect import inspect_files

    say_what_they_are([weights])
    detector = open_detector(weights, thresholds=bounds, calibration=calibration, device=device)
    findings, failures = inspect_files(
        files,
        detector,
        out=out,
        region=place,
        baseline=baseline,
        population=own,
        fast=fast,
        salvage=salvage,
        seed=seed,
        command=command_line(),
        overwrite=overwrite,
        progress="inspect",
    )
    if not findings:
        raise Failed("; ".join(f"{path}: {reason}" for path, reason in failures))
    if as_json:
        print(json.dumps([finding.to_json() for finding in findings], indent=2, allow_nan=False))
    else:
        _print_findings(findings)
        if out is not None:
            print(f"open {out / 'index.html'}")
    complain_of(notes, failures)


def _files_of(paths: list[str]) -> tuple[list[str], list[str]]:
    """Put in place of each folder its image files, and give the notes on it."""
    notes: list[str] = []
    if not any(Path(path).is_dir() for path in paths):
        return paths, notes
    from freqforensics.sources.sources import index_images

    files: list[str] = []
    for path in paths:
        if Path(path).is_dir():
            files += [str(record.path) for record in index_images(path, on_note=notes.append)]
        else:
            files.append(path)
    return files, notes


def _parsed_thresholds(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        if not colon:
            raise ValueError
        bounds = float(low), float(high)
    except ValueError:
        raise Failed(f"--thresholds must be LOW:HIGH, two logits such as -1:1, got {text!r}") from None
    if not -math.inf < bounds[0] <= bounds[1] < math.inf:
        raise Failed(f"thresholds must be finite and ascend, got {bounds[0]} and {bounds[1]}")
    return bounds


def _loaded(path: Path) -> Population:
    from freqforensics.spectra.population import Population

    return Population.load(path)


def _print_findings(findings: list[Finding]) -> None:
    from rich.text import Text

    from freqforensics.attribution.notches import line_name
    from freqforensics.images import shown_path
    from freqforensics.report.words import bound

    table = new_table("image", "logit", "photographs as high", "verdict", "nearest lattice", "counts most")
    for finding in findings:
        rate = "" if finding.rate_of is None else f"{finding.rate_of.above} of {finding.rate_of.photographs}"
        nearest = "" if finding.nearest is None else finding.nearest.name or "unknown"
        found = () if finding.attribution is None else finding.attribution.lines[:2]
        lines = ", ".join(line_name((line.fx, line.fy)) for line in found)
        logit = "" if finding.logit is None else f"{finding.logit:+.2f}"
        cells = [shown_path(finding.image.name), logit, rate, finding.in_words, nearest, lines]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    for thresholds in dict.fromkeys(finding.thresholds for finding in findings if finding.judged):
        print(f"inconclusive from {bound(thresholds.low)} to {bound(thresholds.high)} ({thresholds.source})")
    for finding in findings:
        if not finding.judged:
            complain(f"{shown_path(finding.image.name)} cannot be judged: {finding.domain}")
    if any(finding.verdict == "none" for finding in findings):
        complain("That no evidence is found is no evidence that an image is a photograph.")
