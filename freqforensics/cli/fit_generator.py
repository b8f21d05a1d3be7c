"""The command fit-generator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from freqforensics.cli.app import TRAIN, app, complain_of, print_json
from freqforensics.cli.checks import check_filled, check_sources
from freqforensics.cli.options import AsJson, Device, Quiet, Seed, parsed_list, quiet
from freqforensics.cli.simulate import Families, ScaleDown
from freqforensics.cli.sources import Photographs


@app.command(
    rich_help_panel=TRAIN,
    name="fit-generator",
    epilog="Example: freqforensics fit-generator path/to/photos --family cyclegan --out my-miniatures",
)
def fit_generator(
    source: Photographs,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for weights and model cards.")],
    family: Families = None,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Number of training steps of four crops each.  [default: that of the family, 8000 or more]",
            min=1,
            show_default=False,
        ),
    ] = None,
    crop: Annotated[int, typer.Option(metavar="N", help="Side of the training crops, pixels.")] = 64,
    seed: Seed = 0,
    device: Device = "auto",
    adversarial: Annotated[
        bool | None,
        typer.Option(
            "--adversarial/--no-adversarial",
            help="Add an adversarial loss.  [default: as the family is trained]",
            show_default=False,
        ),
    ] = None,
    scale_down: ScaleDown = 2,
    about: Annotated[
        str, typer.Option(metavar="TEXT", help="Description of the photographs, for the model card.")
    ] = "",
    as_json: AsJson = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace fits in DIR that have other parameters or photographs.")
    ] = False,
    quiet_: Quiet = False,
) -> None:
    """Fit miniature generators to photographs.

    Writes DIR/<family>.safetensors and a model card beside it. Called again after an interruption, it resumes. Weights
    are reproducible on the CPU only (--device cpu).

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.generators.registry import FAMILIES, named_families

    families = parsed_list(family) or ["all"]
    for name in named_families(families):
        FAMILIES[name].plan.check_size(crop)
    check_sources(source)
    check_filled(out, source)
    from freqforensics.generators import fit_from_sources

    cards: list[dict[str, Any]] = []
    skipped: tuple[tuple[str, str], ...] = ()
    for card, unreadable in fit_from_sources(
        source,
        out,
        families=families,
        steps=steps,
        size=crop,
        seed=seed,
        device=device,
        adversarial=adversarial,
        scale_down=scale_down,
        origin=about,
        overwrite=overwrite,
        progress=not quiet(),
    ):
        cards.append(card)
        skipped = unreadable
        measured = card["held_out"]
        if not as_json:
            print(
                f"{card['family']}: {measured['psnr_db']:.1f} dB, sharpness {measured['sharpness']:.2f}"
                f" on {measured['photos']} held-out photographs; {card['parameters']} parameters",
                flush=True,
            )
    if as_json:
        print_json(cards)
    complain_of([], skipped)
