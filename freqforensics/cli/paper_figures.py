"""The command that draws the figures of Wang et al. (2020): figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from freqforensics.cli.ablate import AblationAxis
from freqforensics.cli.app import PROJECT, Failed, app, command_line, complain_of
from freqforensics.cli.checks import check_files, check_out, check_scoring, check_sources
from freqforensics.cli.score import DEFAULT_CROP, DEFAULT_WEIGHTS, Crops, Engines, Limit, Weights, say_what_they_are

GALLERY_PARTS = ("images", "miniatures", "spectra", "robustness", "quality", "ablations")
"""Folders of the gallery."""


@app.command(
    rich_help_panel=PROJECT,
    epilog="Example: freqforensics paper-figures ForenSynths/test --ablation recipe=ablation.csv --out gallery",
)
def paper_figures(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for figures, numbers and the page.")],
    source: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Folders or tables of images.  [default: miniatures of bundled photographs]",
            show_default=False,
        ),
    ] = None,
    ablation: Annotated[
        list[str] | None,
        typer.Option(metavar="AXIS=FILE", help="A table of ablate, AXIS recipe, classes or band; again for more."),
    ] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    crop: Crops = DEFAULT_CROP,
    size: Annotated[int, typer.Option(help="Side of the crops for spectra, pixels, a multiple of 16.", min=32)] = 128,
    limit: Limit = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    engine: Engines = "torch",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Draw the figures of Wang et al. (2020): mean spectra, robustness, fakeness percentiles, ablations, and a gallery.

    Without SOURCE, on miniatures of six families. Made again with the same libraries, every figure is the same to the
    byte. Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    ablations = dict(map(_axis, ablation or ()))
    check_files(ablations.values())
    check_scoring([weights], engine=engine)
    check_sources(source or ())
    check_out(out, source or (), overwrite=overwrite, parts=GALLERY_PARTS)
    from freqforensics.studies.paper_figures import make_gallery

    say_what_they_are([weights])
    page, failures = make_gallery(
        out,
        source or (),
        ablations=ablations,
        weights=weights,
        crop=crop,
        size=size,
        limit=limit,
        device=device,
        engine=engine,
        command=command_line(),
        overwrite=overwrite,
        tell=lambda line: print(line, flush=True),
        progress=True,
    )
    print(f"open {page}")
    complain_of((), failures)


def _axis(text: str) -> tuple[str, str]:
    axis, equals, path = text.partition("=")
    if not equals or not path:
        raise Failed(f"--ablation must be AXIS=FILE, got {text!r}")
    if axis not in get_args(AblationAxis):
        raise Failed(f"axis must be one of {', '.join(get_args(AblationAxis))}; got {axis!r}")
    return axis, path
