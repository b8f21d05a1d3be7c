"""The command inspect."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from freqforensics.cli.app import ONE_IMAGE, Failed, app, command_line, complain, finish, print_json, print_table
from freqforensics.cli.checks import check_images, check_out, check_scoring, say_what_they_are
from freqforensics.cli.models import chosen_detector, named_weights
from freqforensics.cli.options import (
    DEFAULT_WEIGHTS,
    AsJson,
    Calibration,
    Device,
    Model,
    Out,
    Overwrite,
    Quiet,
    Salvage,
    Seed,
    Weights,
    parsed_region,
    quiet,
)

if TYPE_CHECKING:
    from freqforensics.inspection.finding import Finding
    from freqforensics.spectra.population import Population

Reference = Literal["incoherent", "smooth", "median", "natural", "grey", "black"]


@app.command(
    rich_help_panel=ONE_IMAGE,
    epilog="Example: freqforensics inspect photo.jpg --out report",
)
def inspect(
    image: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE",
            help="Image files, folders, archives, lists of files (.txt, - for standard input). ARCHIVE::NAME is a "
            "member of an archive.",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    weights: Weights = DEFAULT_WEIGHTS,
    model: Model = None,
    reference: Annotated[
        Reference | None,
        typer.Option(
            help="Baseline of the attribution.  [default: incoherent for coherence, smooth for local, else median]",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="Part of the image to judge, pixels.  [default: the photographic region]",
            show_default=False,
        ),
    ] = None,
    thresholds: Annotated[
        str | None,
        typer.Option(
            metavar="LOW:HIGH",
            help="Logits between which the verdict is inconclusive.  [default: by photographs of the image's kind]",
            show_default=False,
        ),
    ] = None,
    calibration: Calibration = None,
    population: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Photographs and generators to compare with, from population.  [default: those that ship]",
            show_default=False,
        ),
    ] = None,
    salvage: Salvage = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Skip the slow views, and use fewer steps and controls.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    examiner: Annotated[str, typer.Option(metavar="NAME", help="Name of the examiner, for the record.")] = "",
    case: Annotated[str, typer.Option(metavar="NAME", help="Name of the case, for the record.")] = "",
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: AsJson = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of a finding and exit.")] = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Explain the score of one image, or of several.

    Shows which places and frequencies the score depends on, and what would change it. The verdict is the one of
    freqforensics score: up to five views of the photographic region are scored, and the score is their median. The view
    with the strongest traces is explained. Pages of text, screenshots without a picture and the like cannot be judged.

    Reports what the file says of itself (camera, software, generator, C2PA). This does not enter the verdict.

    Writes index.html, finding.json and figures (PNG) to DIR. index.html works offline and on its own. Several images
    get a folder each and one page of all, sorted by score. --json prints a list of findings.

    Exit status: 0 done; 1 done, but some file could not be inspected; 2 nothing done.
    """
    if schema:
        from freqforensics.inspection.finding import finding_schema

        print_json(finding_schema())
        return
    if not image:
        raise Failed("give at least one image")
    if open_ and out is None:
        raise Failed("--open needs --out DIR, the folder of the page")
    box = None if region is None else parsed_region(region)
    bounds = _parsed_thresholds(thresholds)
    if bounds is not None and calibration:
        raise Failed("--thresholds takes the place of photographs: give it or --calibration, not both")
    names = named_weights(weights, model)
    check_scoring(names, calibration)
    compared = None if population is None else _loaded(population)
    check_out(out, image, overwrite=overwrite)
    check_images(image)
    chosen = chosen_detector(weights, model, device)
    from freqforensics.report.artist import artist

    # Before anything slow is loaded: that process loads it at the same time.
    with contextlib.ExitStack() as stack:
        drawer = None if out is None else stack.enter_context(artist())
        from freqforensics.detector import open_detector
        from freqforensics.studies.inspect import inspect_study

        say_what_they_are(names)
        study = inspect_study(
            image,
            open_detector(chosen, thresholds=bounds, calibration=calibration, device=device),
            out=out,
            region=box,
            reference=reference,
            population=compared,
            fast=fast,
            salvage=salvage,
            seed=seed,
            examiner=examiner,
            case=case,
            command=command_line(),
            overwrite=overwrite,
            progress=not quiet(),
            drawer=drawer,
        )

    def show() -> None:
        _print_findings(study.findings)
        if out is not None:
            print(f"open {out / 'index.html'}")

    try:
        finish(study, out, show=show, as_json=as_json, overwrite=overwrite)
    finally:
        if open_ and out is not None:
            typer.launch((out / "index.html").resolve().as_uri())


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
        raise ValueError(f"thresholds must be finite and ascend, got {bounds[0]} and {bounds[1]}")
    return bounds


def _loaded(path: Path) -> Population:
    from freqforensics.spectra.population import Population

    return Population.load(path)


def _print_findings(findings: Sequence[Finding]) -> None:
    from freqforensics.attribution.notches import line_name
    from freqforensics.images import shown_path

    columns = ("image", "logit", "photographs as high", "verdict", "nearest lattice", "counts most")
    lines = []
    for finding in findings:
        rate, nearest = finding.score.rate_of, finding.comparison.nearest
        strongest = () if finding.explanation is None else finding.explanation.lines[:2]
        lines.append(
            [
                shown_path(finding.image.name),
                "" if finding.logit is None else f"{finding.logit:+.2f}",
                "" if rate is None else f"{rate.above} of {rate.photographs}",
                finding.in_words,
                "" if nearest is None else nearest.name or "unknown",
                ", ".join(line_name((line.fx, line.fy)) for line in strongest),
            ]
        )
    print_table(columns, lines)
    for thresholds in dict.fromkeys(finding.score.thresholds for finding in findings if finding.judged):
        print(f"inconclusive from {_bound(thresholds.low)} to {_bound(thresholds.high)} ({thresholds.source})")
    for finding in findings:
        if finding.testimony is not None and (finding.testimony.statements or len(findings) == 1):
            named = "" if len(findings) == 1 else f"{shown_path(finding.image.name)}: "
            print(f"{named}{finding.testimony.summary}")
    if not quiet():
        for finding in findings:
            for sentence in finding.contradictions:
                complain(f"{shown_path(finding.image.name)}: {sentence}")
            if not finding.judged:
                complain(f"{shown_path(finding.image.name)} cannot be judged: {finding.score.domain}")
        if any(finding.verdict == "none" for finding in findings):
            complain("That no evidence is found is no evidence that an image is a photograph.")


def _bound(threshold: float) -> str:
    """Give a threshold, which may be one that no logit reaches."""
    return f"{threshold:+.2f}" if math.isfinite(threshold) else "any logit"
