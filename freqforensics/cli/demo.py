"""The command demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freqforensics.cli.app import PROJECT, app, command_line, complain_of
from freqforensics.cli.checks import check_out, check_sources, say_what_they_are
from freqforensics.cli.options import DEFAULT_WEIGHTS, Overwrite, Quiet, quiet

DEMO_PARTS = ("images", "miniatures", "closeup", "upsampled", "fingerprints", "likeness", "scores", "inspection")
"""Folders of the demonstration."""


@app.command(rich_help_panel=PROJECT, epilog="Example: freqforensics demo --out demo")
def demo(
    photographs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Your own photographs. Repeatable.  [default: those that scikit-image and scikit-learn bundle]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the images and results.")] = Path("demo"),
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Show what the toolkit does, on bundled photographs.

    Upsamples photographs and passes them through miniatures of 17 generator families. Computes and compares their
    fingerprints, scores the images with the detector that ships, and explains the scores of one fake and of its
    photograph. DIR/index.html leads through the results. Works offline and takes one to two minutes on two processors.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    check_sources(photographs or ())
    check_out(out, photographs or (), overwrite=overwrite, parts=DEMO_PARTS)
    from freqforensics.cli.evaluate import print_evaluation
    from freqforensics.studies.demo import demo_study

    study = demo_study(
        out,
        photographs=photographs,
        command=command_line(),
        overwrite=overwrite,
        tell=lambda line: None if quiet() else print(line, flush=True),
        progress=not quiet(),
    )
    say_what_they_are([DEFAULT_WEIGHTS])
    print_evaluation(study.evaluation)
    for what, (image, logit) in (("the fake", study.flagged), ("its photograph", study.real)):
        print(f"inspected: {what} {image}, logit {logit:+.2f}")
    print(f"\nmade of {study.crops} crops of photographs in {study.seconds:.0f} seconds; now try your own folder:")
    print("  freqforensics spectrum FOLDER --out results --crop 128")
    print("  freqforensics upsampling FOLDER")
    print("  freqforensics inspect IMAGE --out report")
    print(f"open {study.page}")
    complain_of((), study.skipped)
