"""The command spectrum."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import typer

from freqforensics.cli.app import SPECTRA, app, complain, finish, print_table
from freqforensics.cli.checks import check_out, check_sources
from freqforensics.cli.execution import distributable, in_two_processes
from freqforensics.cli.options import (
    AsJson,
    Columns,
    Formats,
    Limit,
    Out,
    Overwrite,
    Quiet,
    Salvage,
    Seed,
    Width,
    Workers,
    is_given,
    parsed_crop,
    parsed_list,
    quiet,
)
from freqforensics.cli.sources import ImageSources

Placement = Literal["center", "tiles", "random"]
Residual = Literal["median", "gaussian", "laplacian", "wavelet", "npr", "none"]
Channel = Literal["luma", "red", "green", "blue", "rgb"]
Window = Literal["none", "hann", "periodic"]
Normalisation = Literal["none", "amplitude", "density"]
LabelChoice = Literal["real", "fake", "all"]


@app.command(
    rich_help_panel=SPECTRA,
    epilog="Example: freqforensics spectrum ForenSynths/test --out fingerprints --limit 2000 --shuffle",
)
@distributable
def spectrum(
    ctx: typer.Context,
    source: ImageSources,
    out: Out = None,
    crop: Annotated[
        str, typer.Option(metavar="N|HxW", help="Side of the crops, pixels. Smaller images are skipped.")
    ] = "256",
    placement: Annotated[
        Placement, typer.Option(help="Position of the crops: the center, adjacent tiles, or a random place.")
    ] = "center",
    grid: Annotated[
        int,
        typer.Option(
            metavar="N", help="Grid that crops are aligned to, pixels: their offsets are multiples of it.", min=1
        ),
    ] = 16,
    residual: Annotated[
        Residual, typer.Option(help="High-pass filter that leaves the residual; none: the image itself.")
    ] = "median",
    kernel: Annotated[
        int, typer.Option(metavar="N", help="Odd side of the median or Gaussian filter, pixels.", min=3)
    ] = 5,
    channel: Annotated[Channel, typer.Option(help="Colour plane.")] = "luma",
    window: Annotated[
        Window,
        typer.Option(help="Treatment of the borders of a crop: a Hann window, or the periodic component of Moisan."),
    ] = "none",
    normalisation: Annotated[
        Normalisation,
        typer.Option(
            help="Scaling of the DFT. none: not scaled. amplitude: by the sum of the window, for lines. density: "
            "white noise of variance v has power v in every bin."
        ),
    ] = "density",
    label: Annotated[LabelChoice, typer.Option(help="Images to average, by their label.")] = "all",
    limit: Limit = None,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Choose the images of --limit at random, by --seed.")
    ] = False,
    seed: Seed = 0,
    exif_orientation: Annotated[
        bool,
        typer.Option("--exif-orientation", help="Rotate images as their EXIF orientation says.  [default: as stored]"),
    ] = False,
    salvage: Salvage = False,
    workers: Workers = None,
    columns: Columns = None,
    width: Width = None,
    format_: Formats = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Average the spectra of residuals by generator and label.

    Writes spectra/<generator>-<label>.npz, figures of fingerprints and radial profiles (PNG and PDF, or those of
    --format), summary.csv and manifest.json to DIR.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.spectra import SpectrumSpec
    from freqforensics.studies.spectrum import DEFAULT_FORMATS, check_formats, check_layout, spectrum_study

    spec = SpectrumSpec(
        size=parsed_crop(crop),
        crop=placement,
        align=grid,
        residual=residual,
        kernel=kernel,
        channel=channel,
        window=window,
        normalisation=normalisation,
    )
    if limit is not None and not shuffle and is_given(ctx, "seed"):
        complain("note: --limit with --seed draws at random, as --shuffle does; from the next release on say --shuffle")
        shuffle = True
    check_sources(source)
    check_out(out, source, overwrite=overwrite)
    formats = check_formats(DEFAULT_FORMATS if format_ is None else parsed_list(format_))
    check_layout(columns, width)
    if out is None and (columns, width, format_) != (None, None, None):
        raise ValueError("--columns, --width and --format apply to figures, which need --out")
    with in_two_processes("freqforensics.studies.spectrum", out=out, workers=workers):
        study = spectrum_study(
            source,
            spec=spec,
            label=label,
            limit=limit,
            seed=seed if shuffle or placement == "random" else None,
            exif_orientation=exif_orientation,
            salvage=salvage,
            workers=workers,
            progress=not quiet(),
        )

        def show() -> None:
            _print_table(study.groups())
            print(f"images averaged: {study.images}")

        save = partial(study.save, columns=columns, width=width, formats=formats)
        finish(study, out, show=show, as_json=as_json, overwrite=overwrite, save=save)


def _print_table(groups: list[dict[str, Any]]) -> None:
    columns = ("generator", "label", "images", "skipped", "strongest line fx, fy", "N R", "p", "p, all bins")
    lines = []
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
        lines.append(cells)
    print_table(columns, lines)
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
