"""The command demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freqforensics.cli.app import PROJECT, app, command_line
from freqforensics.cli.checks import check_out, check_sources, say_what_they_are

DEMO_PARTS = ("images", "miniatures", "closeup", "upsampled", "fingerprints", "likeness", "scores", "inspection")
"""Folders of the demonstration."""


@app.command(rich_help_panel=PROJECT, epilog="Example: freqforensics demo --out demo")
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
    check_sources(photos or ())
    check_out(out, photos or (), overwrite=overwrite, parts=DEMO_PARTS)
    from freqforensics.cli.evaluate import print_evaluation
    from freqforensics.cli.options import DEFAULT_WEIGHTS
    from freqforensics.studies.demo import show_all

    made = show_all(
        out,
        photos=photos,
        command=command_line(),
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
