"""Commands that make images: simulate, fit-generator."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from freqforensics.cli.app import DATA, TRAIN, app, command_line, complain
from freqforensics.cli.checks import check_filled, check_out, check_sources


@app.command(
    rich_help_panel=DATA,
    epilog="Example: freqforensics simulate path/to/photos --family all --out miniatures --size 128",
)
def simulate(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS", help="Folders or tables of photographs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the tree; made if need be.")],
    family: Annotated[
        list[str] | None, typer.Option(metavar="NAME|all", help="A generator family; give it again for more.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Miniatures of your own, from fit-generator.")
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the crops, pixels: a multiple of 16.")] = 128,
    scale_down: Annotated[
        int,
        typer.Option(help="Make photos so many times smaller first, by area averaging.", min=1),
    ] = 2,
    limit: Annotated[int | None, typer.Option(help="The first so many photos that are large enough.", min=1)] = None,
    quality: Annotated[
        int | None, typer.Option(help="Compress both sides as JPEG of this quality before they are written.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Pass photographs through miniature generators: real and fake images that differ in nothing but the decoder.

    Writes DIR/<family>/0_real and DIR/<family>/1_fake, PNG, the same crops on both sides.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.generators.photos import check_crop_size
    from freqforensics.generators.registry import fitted_families
    from freqforensics.perturbations import JPEG

    fitted_families(family or ["all"], weights)
    check_crop_size(size)
    if quality is not None:
        JPEG(quality)
    check_sources(photos)
    check_out(out, photos, overwrite=overwrite)
    from freqforensics.generators import simulate_from_sources
    from freqforensics.images import shown_path

    done = simulate_from_sources(
        photos,
        out,
        families=family or ["all"],
        weights=weights,
        size=size,
        scale_down=scale_down,
        limit=limit,
        quality=quality,
        command=command_line(),
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        print(json.dumps({"out": str(out), **asdict(done)}, indent=2))
    else:
        count = len(done.families)
        print(f"{done.images} crops on each side of {count} {'family' if count == 1 else 'families'} in {out}")
        print(f"  freqforensics spectrum {shlex.quote(str(out))} --out results --size {size}")
    if done.too_small:
        complain(f"note: {len(done.too_small)} photos are too small for crops of {size} pixels")
    for path, reason in done.failures:
        complain(f"skipped: {shown_path(path)}: {reason}")
    if done.failures:
        sys.exit(1)


@app.command(
    rich_help_panel=TRAIN,
    name="fit-generator",
    epilog="Example: freqforensics fit-generator path/to/photos --family cyclegan --out my-miniatures",
)
def fit_generator(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS", help="Folders or tables of photographs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for weights and model cards.")],
    family: Annotated[
        list[str] | None, typer.Option(metavar="NAME|all", help="A generator family; give it again for more.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of four crops each; default the family's, 8000 or more.", min=1)
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the training crops, pixels.")] = 64,
    seed: Annotated[int, typer.Option(help="Of weights, crops and noise.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="Where torch computes: cpu, cuda, ...")] = "cpu",
    adversarial: Annotated[
        bool | None, typer.Option("--adversarial/--no-adversarial", help="Default: as the family is trained.")
    ] = None,
    scale_down: Annotated[
        int, typer.Option(help="Make photos so many times smaller first, by area averaging.", min=1)
    ] = 2,
    origin: Annotated[str, typer.Option(help="Where the photographs come from, in words, for the model card.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the model cards as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Fit again what DIR holds of another fit.")] = False,
) -> None:
    """Fit miniature generators to photographs.

    Writes DIR/<family>.safetensors and a model card beside it. Broken off and called again, it goes on where it was.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.generators.registry import FAMILIES, named_families

    for name in named_families(family or ["all"]):
        FAMILIES[name].plan.check_size(size)
    check_sources(photos)
    check_filled(out, photos)
    from freqforensics.generators import fit_from_sources
    from freqforensics.images import shown_path

    cards: list[dict[str, Any]] = []
    failures: tuple[tuple[str, str], ...] = ()
    for card, unread in fit_from_sources(
        photos,
        out,
        families=family or ["all"],
        steps=steps,
        size=size,
        seed=seed,
        device=device,
        adversarial=adversarial,
        scale_down=scale_down,
        origin=origin,
        overwrite=overwrite,
        progress=True,
    ):
        cards.append(card)
        failures = unread
        measured = card["held_out"]
        if not as_json:
            print(
                f"{card['family']}: {measured['psnr_db']:.1f} dB, sharpness {measured['sharpness']:.2f}"
                f" on {measured['photos']} held-out photographs; {card['parameters']} parameters",
                flush=True,
            )
    if as_json:
        print(json.dumps(cards, indent=2))
    for path, reason in failures:
        complain(f"skipped: {shown_path(path)}: {reason}")
    if failures:
        sys.exit(1)
