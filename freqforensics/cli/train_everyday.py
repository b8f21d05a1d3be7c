"""The command train-everyday."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from freqforensics.cli.app import TRAIN, app, command_line, complain_of, print_json
from freqforensics.cli.checks import check_carriers, check_files, check_filled, check_out, check_sources
from freqforensics.cli.options import AsJson, Device, Quiet, Resume, Seed, parsed_list, quiet

if TYPE_CHECKING:
    from freqforensics.training.everyday_recipe import EverydayRecipe

Precision = Literal["bf16", "32"]
Part = Literal["local", "coherence"]

_WEIGHTED = "PATH=WEIGHT draws it that often; repeatable."


@app.command(
    "train-everyday",
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics train-everyday --photographs cameras=2 --photographs web --trees miniatures"
    " --trees published --calibration-photographs others --out everyday --resume",
)
def train_everyday(
    photographs: Annotated[list[str], typer.Option(metavar="SOURCE", help=f"Photographs to learn from. {_WEIGHTED}")],
    trees: Annotated[
        list[str],
        typer.Option(
            metavar="SOURCE",
            help=f"Folders of NETWORK/0_real and NETWORK/1_fake, pairs of one name, as simulate writes. {_WEIGHTED}",
        ),
    ],
    calibration_photographs: Annotated[
        list[str],
        typer.Option(metavar="SOURCE", help="Photographs to calibrate on, none of --photographs. Repeatable."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the parts, the fused weights, the calibration.")],
    part: Annotated[
        list[str] | None,
        typer.Option(metavar="local|coherence", help="Part to train. Repeatable.  [default: both]"),
    ] = None,
    trained: Annotated[
        list[str] | None,
        typer.Option(metavar="PART=FILE", help="Weights of a part that is already trained. Repeatable."),
    ] = None,
    steps: Annotated[
        int, typer.Option(metavar="N", help="Number of steps for each part, of about 35 crops each.", min=1)
    ] = 8000,
    learning_rate: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="Peak learning rate.  [default: 0.002 for local, 0.001 for coherence]"),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(help="Numbers that training computes with. bf16 is faster on processors that support it."),
    ] = "bf16",
    each: Annotated[
        int,
        typer.Option(
            metavar="N", help="Number of carriers that each photograph of the calibration passes through.", min=0
        ),
    ] = 6,
    device: Device = "auto",
    workers: Annotated[
        int,
        typer.Option(metavar="N", help="Number of processes that prepare batches, and of threads that score.", min=0),
    ] = 1,
    seed: Seed = 0,
    about: Annotated[
        str, typer.Option(metavar="TEXT", help="Description of the calibration photographs, for the model card.")
    ] = "",
    resume: Resume = False,
    as_json: AsJson = False,
    quiet_: Quiet = False,
) -> None:
    """Train the everyday detector.

    It consists of small networks that learn from photographs and from versions of them that upsampling networks made.
    Writes DIR/local and DIR/coherence (weights, log), DIR/everyday.safetensors, everyday.npz (the calibration) and
    everyday.json. The parts are trained on --device and calibrated on the CPU. --resume continues an interrupted run.

    Exit status: 0 done; 1 done, but some photograph could not be read; 2 nothing done.
    """
    from freqforensics.training.everyday_sources import WeightedSource, part_paths

    parts = parsed_list(part) or list(get_args(Part))
    if unknown := sorted(set(parts) - set(get_args(Part))):
        raise ValueError(f"part must be of {', '.join(get_args(Part))}, got {', '.join(unknown)}")
    if learning_rate is not None and not learning_rate > 0:
        raise ValueError(f"learning_rate must be positive, got {learning_rate}")
    check_carriers(("as-is", "all"), each=each)
    weights = part_paths(trained or ())
    check_files(weights.values())
    learnt, pairs = (tuple(map(WeightedSource.parse, texts)) for texts in (photographs, trees))
    sources = [*(source.path for source in (*learnt, *pairs)), *calibration_photographs]
    check_sources(sources)
    check_filled(out, sources)
    if not resume:
        for name in set(parts) - set(weights):
            check_out(out / name, (), overwrite=False)
    from freqforensics.training.everyday import EverydayConfig
    from freqforensics.training.everyday_recipe import make_everyday

    config = EverydayConfig(
        "local", learnt, pairs, steps=steps, precision=precision, seed=seed, learning_rate=learning_rate
    )
    recipe = make_everyday(
        config,
        calibration_photographs,
        out,
        parts=parts,
        trained=dict(weights),
        each=each,
        device=device,
        resume=resume,
        workers=workers,
        about=about,
        command=command_line(),
        progress=not quiet(),
    )
    if as_json:
        print_json(recipe.card)
    else:
        _print_everyday(recipe)
    complain_of([], recipe.failures)


def _print_everyday(recipe: EverydayRecipe) -> None:
    photographs, rows = recipe.card["calibration"]["photographs"], recipe.card["calibration"]["rows"]
    print(f"{recipe.folder / 'everyday.safetensors'}: calibrated on {photographs} photographs, {rows} scores")
