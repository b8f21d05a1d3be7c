"""The command paper-figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from freqforensics.cli.app import PROJECT, Failed, app, command_line, complain_of
from freqforensics.cli.checks import check_files, check_out, check_scoring, check_sources, say_what_they_are
from freqforensics.cli.options import (
    DEFAULT_VIEW,
    DEFAULT_WEIGHTS,
    BackendChoice,
    Device,
    Limit,
    Overwrite,
    Quiet,
    ViewChoice,
    Weights,
    parsed_pair,
    quiet,
)
from freqforensics.sources.selection import Sources
from freqforensics.training.axes import Axis

PAPER_FIGURES_PARTS = ("images", "miniatures", "spectra", "robustness", "quality", "ablations")
"""Folders of the figures."""


@app.command(
    name="paper-figures",
    rich_help_panel=PROJECT,
    epilog="Example: freqforensics paper-figures ForenSynths/test --ablation recipe=ablation.csv --out gallery",
)
def paper_figures(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for figures, numbers and the page.")],
    source: Annotated[
        Sources | None,
        typer.Argument(
            metavar="SOURCE",
            help="Folders or tables of images.  [default: miniatures of bundled photographs]",
            show_default=False,
        ),
    ] = None,
    ablation: Annotated[
        list[str] | None,
        typer.Option(metavar="AXIS=FILE", help="Table from ablate. AXIS is recipe, classes or band. Repeatable."),
    ] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    view: ViewChoice = DEFAULT_VIEW,
    crop: Annotated[
        int, typer.Option(metavar="N", help="Side of the crops for spectra, pixels, a multiple of 16.", min=32)
    ] = 128,
    limit: Limit = None,
    device: Device = "auto",
    backend: BackendChoice = "torch",
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Draw the figures of the CNNDetection paper for your images.

    The paper is Wang et al., CVPR 2020. Draws mean spectra, robustness, fakeness percentiles, ablations and a gallery.
    Without SOURCE, uses miniatures of six families. With the same libraries every figure is byte-identical.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    ablations = dict(map(_axis, ablation or ()))
    check_files(ablations.values())
    check_scoring([weights], backend=backend)
    check_sources(source or ())
    check_out(out, source or (), overwrite=overwrite, parts=PAPER_FIGURES_PARTS)
    from freqforensics.studies.paper_figures import paper_figures_study

    say_what_they_are([weights])
    study = paper_figures_study(
        out,
        source or (),
        ablations=ablations,
        weights=weights,
        view=view,
        crop=crop,
        limit=limit,
        device=device,
        backend=backend,
        command=command_line(),
        overwrite=overwrite,
        tell=lambda line: None if quiet() else print(line, flush=True),
        progress=not quiet(),
    )
    print(f"open {study.page}")
    complain_of((), study.skipped)


def _axis(text: str) -> tuple[str, str]:
    axis, path = parsed_pair(text, "--ablation", "AXIS=FILE")
    if axis not in get_args(Axis):
        raise Failed(f"axis must be one of {', '.join(get_args(Axis))}; got {axis!r}")
    return axis, path
