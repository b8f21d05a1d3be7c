"""Commands that need no network: spectrum, upsampling, demo."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from freqforensics.cli.app import Failed, Salvage, app, complain_of, new_table, one_line_errors, print_wide
from freqforensics.cli.checks import check_out, check_sources

if TYPE_CHECKING:
    from freqforensics.studies.spectrum import Survey

Crop = Literal["center", "tiles", "random"]
Residual = Literal["median", "gaussian", "laplacian", "wavelet", "npr", "none"]
Channel = Literal["luma", "red", "green", "blue", "rgb"]
Window = Literal["none", "hann", "periodic"]
Normalisation = Literal["none", "amplitude", "density"]
LabelChoice = Literal["real", "fake", "all"]
DEMO_PARTS = ("images", "miniatures", "closeup", "upsampled", "fingerprints", "likeness", "scores", "inspection")
"""Folders of the demonstration."""


@app.command(
    epilog="Example: freqforensics spectrum ForenSynths/test --out fingerprints --size 256 --limit 2000 --seed 0"
)
def spectrum(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Folders or tables of images; NAME=PATH names a source's generator."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results; made if need be.")],
    size: Annotated[
        str, typer.Option(metavar="N|HxW", help="Crop size in pixels; smaller images are skipped.")
    ] = "256",
    crop: Annotated[Crop, typer.Option(help="Which part of an image.")] = "center",
    align: Annotated[int, typer.Option(help="Crop offsets are multiples of this.", min=1)] = 16,
    residual: Annotated[Residual, typer.Option(help="High-pass residual.")] = "median",
    kernel: Annotated[int, typer.Option(help="Odd side of the residual's filter.", min=3)] = 5,
    channel: Annotated[Channel, typer.Option(help="Colour plane.")] = "luma",
    window: Annotated[Window, typer.Option(help="What is done to the borders of a crop.")] = "none",
    normalisation: Annotated[Normalisation, typer.Option(help="Scaling of the transform.")] = "density",
    label: Annotated[LabelChoice, typer.Option(help="Which side of the sources.")] = "all",
    limit: Annotated[
        int | None, typer.Option(help="At most so many images of each group: the first, or with --seed drawn.", min=1)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="For --limit and --crop random.", min=0)] = None,
    exif_orientation: Annotated[bool, typer.Option("--exif-orientation", help="Apply the EXIF orientation.")] = False,
    salvage: Salvage = False,
    workers: Annotated[int | None, typer.Option(help="Threads; default all processors.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Average the spectra of residuals for every generator and label of the sources.

    Writes spectra/<generator>-<label>.npz, fingerprints and profiles (PNG and PDF), summary.csv and manifest.json to
    DIR.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    parameters = {
        "size": size,
        "crop": crop,
        "align": align,
        "residual": residual,
        "kernel": kernel,
        "channel": channel,
        "window": window,
        "normalisation": normalisation,
    }
    with one_line_errors():
        from freqforensics.spectra import SpectrumSpec
        from freqforensics.studies.spectrum import survey_sources

        spec = SpectrumSpec(**{**parameters, "size": _parsed_size(size)})  # type: ignore[arg-type]
        check_sources(source)
        check_out(out, source, overwrite=overwrite)
        survey = survey_sources(
            source,
            spec=spec,
            label=label,
            limit=limit,
            seed=seed,
            exif_orientation=exif_orientation,
            salvage=salvage,
            workers=workers,
            progress=True,
        )
        survey.save(out, command=shlex.join(["freqforensics", *sys.argv[1:]]), overwrite=overwrite)
        _report(survey, out, as_json=as_json)


@app.command(epilog="Example: freqforensics upsampling path/to/images --control path/to/photos --out lattices")
def upsampling(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Folders or tables of images; NAME=PATH names a source's generator."),
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for report and figure; default none.")] = None,
    control: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Real images of like content and format.")
    ] = None,
    predict: Annotated[
        str | None, typer.Option(metavar="NAME|by-name", help="Draw where this generator family can leave lines.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Crop size in pixels; default the largest of 256, 128, 64 that fits.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="Threads; default all processors.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Say whether images were upsampled periodically, by what factor, and what else would explain it.

    Tests the coherence on the lattices of 1/2, 1/4, 1/8 and 1/16 cycles per pixel against that beside them, and the
    second difference for JPEG's block grid and for resizing. A set without a lattice is said to have one at a rate of
    5 %. Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    with one_line_errors():
        from freqforensics.studies.upsampling import survey_lattices

        sources = [*source, *([control] if control else [])]
        check_sources(sources)
        check_out(out, sources, overwrite=overwrite)
        survey = survey_lattices(
            source, control=control, predict=predict, size=size, limit=limit, workers=workers, progress=True
        )
        if out is not None:
            survey.save(out, command=shlex.join(["freqforensics", *sys.argv[1:]]), overwrite=overwrite)
        groups = survey.groups()
        if as_json:
            print(json.dumps(groups, indent=2))
        else:
            _print_lattices(groups)
        complain_of(survey.notes, [key for key in survey.spectra if key not in survey.reports], survey.failures)


@app.command(epilog="Example: freqforensics demo --out demo")
def demo(
    photos: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Photographs of your own; give it again for more.  [default: bundled ones]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the images and results.")] = Path("demo"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Show what the toolkit does, on photographs that scikit-image and scikit-learn bundle or on your own.

    Photographs, upsampled versions of them and miniatures of 17 generator families; their fingerprints and how alike
    these are; the scores of the detector that ships; why one fake was flagged, and its photograph. DIR/index.html leads
    through it. Offline, two to three minutes on two processors.
    """
    with one_line_errors():
        check_sources(photos or ())
        check_out(out, photos or (), overwrite=overwrite, parts=DEMO_PARTS)
        from freqforensics.cli.evaluate import print_evaluation
        from freqforensics.cli.score import DEFAULT_WEIGHTS, say_what_they_are
        from freqforensics.studies.demo import show_all

        made = show_all(
            out,
            photos=photos,
            command=shlex.join(["freqforensics", *sys.argv[1:]]),
            overwrite=overwrite,
            tell=lambda line: print(line, flush=True),
            progress=True,
        )
        say_what_they_are([DEFAULT_WEIGHTS])
        print_evaluation(made.evaluation)
        for image, logit in (made.flagged, made.real):
            print(f"inspected: {image}, logit {logit:+.2f}")
        print(f"\nmade of {made.crops} crops of photographs in {made.seconds:.0f} seconds; now try your own folder:")
        print("  freqforensics spectrum FOLDER --out results --size 128")
        print("  freqforensics upsampling FOLDER")
        print("  freqforensics inspect IMAGE --out report")
        print(f"open {made.page}")


def _report(survey: Survey, out: Path, *, as_json: bool = False) -> None:
    """Print what a survey found; exit with 1 if it could not read some file."""
    groups = survey.groups()
    if as_json:
        print(json.dumps({"out": str(out), "notes": survey.notes, "groups": groups}, indent=2))
    else:
        _print_table(groups)
        print(f"images averaged: {survey.images}; results in {out}")
    complain_of(survey.notes, [key for key in survey.spectra if key not in survey.lines], survey.failures)


def _print_lattices(groups: list[dict[str, Any]]) -> None:
    from rich.text import Text

    table = new_table("generator", "label", "n", "size", "factor", "1/2", "1/4", "1/8", "1/16", "p", "verdict")
    for group in groups:
        nr = {evidence["denominator"]: evidence["mean_nr"] for evidence in group["denominators"]}
        cells = [
            group["generator"],
            group["label"],
            str(group["n"]),
            str(group["size"]),
            str(group["factor"] or "none"),
            *(f"{nr[d]:.1f}" if d in nr else "" for d in (2, 4, 8, 16)),
            f"{group['p_value']:.1e}",
            group["verdict"],
        ]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    print("1/2 .. 1/16: mean N R over the points of that denominator, 1 by chance. p: that there is no lattice.")
    print("A lattice says periodically upsampled, not fake; none is no proof of a photograph.")


def _print_table(groups: list[dict[str, Any]]) -> None:
    from rich.text import Text

    table = new_table("generator", "label", "images", "skipped", "strongest line fx, fy", "N R", "p", "p, all bins")
    for group in groups:
        reasons = [f"{count} {reason}" for reason, count in group["skipped"].items()]
        if group["unreadable"]:
            reasons.append(f"{len(group['unreadable'])} unreadable")
        line = group["line"]
        cells = [group["generator"], group["label"], str(group["images"]), ", ".join(reasons)]
        if line is None:
            cells += ["", "", "", ""]
        else:
            cells += [
                f"{line['fx']:.4f}, {line['fy']:+.4f}",
                f"{line['nr']:.1f}",
                f"{line['p_value']:.1e}",
                f"{line['p_corrected']:.1e}",
            ]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    for text, count in sorted(_totals(groups).items()):
        print(f"note: {text}: {count} {'image' if count == 1 else 'images'}")
    print("N R: coherence, 1 by chance. p: of that bin; all bins: times the number of bins searched.")
    print("A significant line may come from content, JPEG or resizing: compare with a real side.")


def _totals(groups: list[dict[str, Any]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for group in groups:
        for text, count in group["notes"].items():
            totals[text] = totals.get(text, 0) + count
    return totals


def _parsed_size(text: str) -> int | tuple[int, int]:
    matched = re.fullmatch(r"(\d+)(?:[xX×](\d+))?", text.strip())
    if matched is None:
        raise Failed(f"--size must be a number or HEIGHTxWIDTH, got {text!r}")
    height, width = matched.groups()
    return int(height) if width is None else (int(height), int(width))
