"""Commands that look at single images: inspect, and population, what images are held against."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from freqforensics.cli.app import (
    ONE_IMAGE,
    TRAIN,
    Failed,
    app,
    command_line,
    complain,
    complain_of,
    finish,
    new_table,
    print_wide,
)
from freqforensics.cli.checks import (
    check_carriers,
    check_images,
    check_out,
    check_out_file,
    check_scoring,
    check_sources,
)
from freqforensics.cli.options import (
    AsJson,
    Calibration,
    Device,
    Out,
    Overwrite,
    Quiet,
    Salvage,
    Seed,
    Weights,
    quiet,
)
from freqforensics.cli.score import DEFAULT_WEIGHTS, parsed_region, say_what_they_are

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
        typer.Argument(metavar="IMAGE...", help="Image files, or folders of them.", show_default=False),
    ] = None,
    out: Out = None,
    weights: Weights = DEFAULT_WEIGHTS,
    reference: Annotated[
        Reference | None,
        typer.Option(
            help="What a view is compared with.  [default: incoherent for coherence, smooth for local, else median]",
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
        str | None, typer.Option(metavar="LOW:HIGH", help="Logits between which the verdict is inconclusive.")
    ] = None,
    calibration: Calibration = None,
    population: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Photographs and generators to compare with, from population.  [default: shipped]",
            show_default=False,
        ),
    ] = None,
    salvage: Salvage = False,
    fast: Annotated[bool, typer.Option("--fast", help="Fewer steps and controls, fewer views.")] = False,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of a finding, and leave.")] = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Explain why images are scored as they are: where, at which frequencies, and what would change the score.

    The verdict is that of freqforensics score: up to five views of the photographic region are scored, the one with the
    median logit is explained. Pages of text, screenshots without a picture and the like cannot be judged.

    Writes index.html, a page that needs nothing else, finding.json and figures (PNG) to DIR; for several images a
    folder each, and an index sorted by score. --json prints a list of findings.
    Exit status: 0 done; 1 done, but some file could not be inspected; 2 nothing done.
    """
    if schema:
        from freqforensics.inspection.finding import finding_schema

        print(json.dumps(finding_schema(), indent=2))
        return
    if not image:
        raise Failed("give at least one image")
    box = None if region is None else parsed_region(region)
    bounds = _parsed_thresholds(thresholds)
    if bounds is not None and calibration:
        raise Failed("--thresholds takes the place of photographs: give it or --calibration, not both")
    check_scoring([weights], calibration)
    compared = None if population is None else _loaded(population)
    check_out(out, image, overwrite=overwrite)
    folders = [path for path in image if Path(path).is_dir()]
    if folders:
        check_sources(folders)
    else:
        check_images(image)
    from freqforensics.detector import open_detector
    from freqforensics.studies.inspect import inspect_study

    if not quiet():
        say_what_they_are([weights])
    study = inspect_study(
        image,
        open_detector(weights, thresholds=bounds, calibration=calibration, device=device),
        out=out,
        region=box,
        reference=reference,
        population=compared,
        fast=fast,
        salvage=salvage,
        seed=seed,
        command=command_line(),
        overwrite=overwrite,
        progress=not quiet(),
    )

    def show() -> None:
        _print_findings(study.findings)
        if out is not None:
            print(f"open {out / 'index.html'}")

    finish(study, out, show=show, as_json=as_json, overwrite=overwrite)


@app.command(
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics population photographs --generators ForenSynths/test --out population.npz\n\n"
    "Verdicts: freqforensics population photographs --calibrate mine.npz --carrier as-is --carrier messenger",
)
def population(
    source: Annotated[list[str], typer.Argument(metavar="SOURCE", help="Photographs: folders or tables of images.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Gets the population, npz; not needed with --calibrate.", show_default=False),
    ] = None,
    calibrate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Gets the photographs' scores, npz, for --calibration.")
    ] = None,
    carrier: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|all",
            help="With --calibrate: what is done to the photographs first, as for false-alarms; again for more."
            "  [default: as-is]",
            show_default=False,
        ),
    ] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    generators: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="Generated images; give it again for more.")
    ] = None,
    every: Annotated[int, typer.Option(help="Take each so-manieth image.", min=1)] = 1,
    about: Annotated[str, typer.Option(help="What the images are.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
) -> None:
    """Measure what photographs' spectra and generators' lattices are like, for inspect to hold images against.

    With --calibrate, score your own photographs, as they are or through carriers, so that verdicts are read off them
    too: score, evaluate and others take the file with --calibration. None of them may have been trained on.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    if out is None and calibrate is None:
        raise Failed("give --out FILE, --calibrate FILE or both")
    sources = [*source, *(generators or ())]
    if calibrate is not None:
        check_carriers(carrier or ("as-is",))
        check_scoring([weights])
    check_sources(sources)
    for file in (out, calibrate):
        check_out_file(file, sources, overwrite=overwrite)
    if out is not None and calibrate is not None and out.absolute() == calibrate.absolute():
        raise Failed("--out and --calibrate must be two files")
    from freqforensics.cli.calibrate import print_calibration, write_calibration
    from freqforensics.studies.population import population_of_sources

    summary: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    if calibrate is not None:
        calibration, notes, failures = write_calibration(source, calibrate, carrier, weights, every, about)
        summary["calibration"] = calibration
        if not as_json:
            print_calibration(calibration)
    if out is not None:
        measured, more, unread = population_of_sources(
            source, out, generators=generators or (), every=every, about=about, progress="population"
        )
        notes = tuple(dict.fromkeys((*notes, *more)))
        failures = tuple({**dict(failures), **dict(unread)}.items())
        if generators and (1 + measured.photographs) * 0.05 < len(measured.names):
            complain(
                f"note: with {measured.photographs} photographs no lattice can be named: {20 * len(measured.names)}"
                " are needed for that many generators"
            )
        summary |= {"out": str(out), "photographs": measured.photographs, "generators": list(measured.names)}
        if not as_json:
            names = ", ".join(measured.names) or "none"
            print(f"{measured.photographs} photographs, generators: {names}; in {out}")
    if as_json:
        print(json.dumps(summary, indent=2))
    complain_of(notes, failures)


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
    from rich.text import Text

    from freqforensics.attribution.notches import line_name
    from freqforensics.images import shown_path

    table = new_table("image", "logit", "photographs as high", "verdict", "nearest lattice", "counts most")
    for finding in findings:
        rate, nearest = finding.score.rate_of, finding.comparison.nearest
        lines = () if finding.explanation is None else finding.explanation.lines[:2]
        cells = [
            shown_path(finding.image.name),
            "" if finding.logit is None else f"{finding.logit:+.2f}",
            "" if rate is None else f"{rate.above} of {rate.photographs}",
            finding.in_words,
            "" if nearest is None else nearest.name or "unknown",
            ", ".join(line_name((line.fx, line.fy)) for line in lines),
        ]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    for thresholds in dict.fromkeys(finding.score.thresholds for finding in findings if finding.judged):
        print(f"inconclusive from {_bound(thresholds.low)} to {_bound(thresholds.high)} ({thresholds.source})")
    if not quiet():
        for finding in findings:
            if not finding.judged:
                complain(f"{shown_path(finding.image.name)} cannot be judged: {finding.score.domain}")
        if any(finding.verdict == "none" for finding in findings):
            complain("That no evidence is found is no evidence that an image is a photograph.")


def _bound(threshold: float) -> str:
    """Give a threshold, which may be one that no logit reaches."""
    return f"{threshold:+.2f}" if math.isfinite(threshold) else "any logit"
