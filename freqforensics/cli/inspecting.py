"""Commands that look at single images: inspect, and population, what images are held against."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from freqforensics.cli.app import Failed, app, complain, complain_of, new_table, one_line_errors, print_wide
from freqforensics.cli.scoring import DEFAULT_WEIGHTS, Weights, say_what_they_are

if TYPE_CHECKING:
    from freqforensics.finding import Finding

Baseline = Literal["incoherent", "median", "natural", "grey", "black"]


@app.command(epilog="Example: freqforensics inspect photo.jpg --out report")
def inspect(
    image: Annotated[list[str] | None, typer.Argument(metavar="IMAGE", help="Image files.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the page and its figures.")] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    baseline: Annotated[
        Baseline | None,
        typer.Option(help="What an image is compared with; default incoherent for coherence, else median."),
    ] = None,
    thresholds: Annotated[
        str | None, typer.Option(metavar="LOW:HIGH", help="Logits between which nothing is concluded.")
    ] = None,
    population: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of freqforensics population; default the one that ships.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Fewer steps and controls, fewer views.")] = False,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON, a list.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of a finding, and leave.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Find out why images are scored as they are: where, which frequencies, and what if they were not there.

    Writes DIR/index.html, a page that needs nothing else, finding.json and figures as PNG; of several images a folder
    for each, and an index sorted by score. Without --out only the verdicts are printed. Exit status: 0 done; 1 done,
    but some file could not be inspected; 2 nothing done.
    """
    with one_line_errors():
        if schema:
            from freqforensics.finding import finding_schema

            print(json.dumps(finding_schema(), indent=2))
            return
        if not image:
            raise Failed("give at least one image")
        from freqforensics.calibrated import open_detector
        from freqforensics.inspection import inspect_files
        from freqforensics.provenance import check_result_folder
        from freqforensics.spectra.population import Population

        if out is not None:
            check_result_folder(out, overwrite=overwrite)
        own = None if population is None else Population.load(population)
        say_what_they_are([weights])
        detector = open_detector(weights, thresholds=_parsed_thresholds(thresholds), device=device)
        findings, failures = inspect_files(
            image,
            detector,
            out=out,
            baseline=baseline,
            population=own,
            fast=fast,
            seed=seed,
            command=shlex.join(["freqforensics", *sys.argv[1:]]),
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
        complain_of((), (), failures)


@app.command(epilog="Example: freqforensics population photographs --generators ForenSynths/test --out population.npz")
def population(
    source: Annotated[list[str], typer.Argument(metavar="SOURCE", help="Photographs: folders or tables of images.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Gets the population, npz.")],
    generators: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="Generated images; give it again for more.")
    ] = None,
    every: Annotated[int, typer.Option(help="Take each so-manieth image.", min=1)] = 1,
    about: Annotated[str, typer.Option(help="What the images are.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
) -> None:
    """Measure what photographs' spectra and generators' lattices are like, for inspect to hold images against.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    with one_line_errors():
        from freqforensics.population import population_of_sources

        if out.exists() and not overwrite:
            raise Failed(f"{out} exists: --overwrite replaces it")
        measured, notes, failures = population_of_sources(
            source, out, generators=generators or (), every=every, about=about, progress="population"
        )
        if generators and (1 + measured.photographs) * 0.05 < len(measured.names):
            complain(
                f"note: with {measured.photographs} photographs no lattice can be named: {20 * len(measured.names)} are"
                " needed for so many generators"
            )
        if as_json:
            summary = {"out": str(out), "photographs": measured.photographs, "generators": list(measured.names)}
            print(json.dumps(summary, indent=2))
        else:
            print(f"{measured.photographs} photographs, generators: {', '.join(measured.names) or 'none'}; in {out}")
        complain_of(notes, [], failures)


def _parsed_thresholds(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return float(low), float(high)
    except ValueError:
        raise Failed(f"--thresholds must be LOW:HIGH, two logits such as -1:1, got {text!r}") from None


def _print_findings(findings: list[Finding]) -> None:
    from rich.text import Text

    from freqforensics.attribution.notches import line_name
    from freqforensics.images import shown_path

    table = new_table("image", "logit", "probability", "verdict", "nearest lattice", "counts most")
    for finding in findings:
        nearest = "" if finding.nearest is None else finding.nearest.name or "unknown"
        lines = ", ".join(line_name((line.fx, line.fy)) for line in finding.attribution.lines[:2])
        cells = [shown_path(finding.image.name), f"{finding.logit:+.2f}", f"{finding.probability:.3f}", finding.verdict]
        table.add_row(*(Text(cell) for cell in [*cells, nearest, lines]))
    print_wide(table)
    low, high = findings[0].thresholds.low, findings[0].thresholds.high
    print(f"inconclusive from {low:+.2f} to {high:+.2f} ({findings[0].thresholds.source})")
    if any(finding.verdict == "no evidence found" for finding in findings):
        complain("That no evidence is found is no evidence that an image is a photograph.")
