"""The command that makes the default detector: train-everyday."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from freqforensics.cli.app import TRAIN, Failed, app, command_line, complain_of
from freqforensics.cli.checks import check_carriers, check_files, check_filled, check_out, check_sources

if TYPE_CHECKING:
    from freqforensics.training.everyday_recipe import EverydayRecipe

Precision = Literal["bf16", "32"]
Part = Literal["local", "coherence"]

_WEIGHTED = "Folder or table; PATH=WEIGHT draws it that often; give it again for more."


@app.command(
    "train-everyday",
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics train-everyday --photographs cameras=2 --photographs web --pairs miniatures"
    " --pairs published --calibrate others --out everyday --resume",
)
def train_everyday(
    photographs: Annotated[list[str], typer.Option(metavar="SOURCE", help=f"Photographs to learn from. {_WEIGHTED}")],
    pairs: Annotated[
        list[str],
        typer.Option(metavar="SOURCE", help=f"Trees of NETWORK/0_real and 1_fake, as simulate writes. {_WEIGHTED}"),
    ],
    calibrate: Annotated[
        list[str], typer.Option(metavar="SOURCE", help="Other photographs, to calibrate on; give it again for more.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the parts, the fused weights, the calibration.")],
    part: Annotated[
        list[str] | None, typer.Option(metavar="local|coherence", help="Only this part; give it again for more.")
    ] = None,
    trained: Annotated[
        list[str] | None, typer.Option(metavar="PART=FILE", help="Weights of a part that is trained already.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Batches of about 35 crops, for each part.", min=1)] = 8000,
    learning_rate: Annotated[
        float | None, typer.Option(help="Greatest rate; default 0.002 for local, 0.001 for coherence.")
    ] = None,
    precision: Annotated[Precision, typer.Option(help="bf16 is faster on processors that can.")] = "bf16",
    each: Annotated[
        int, typer.Option(help="Carriers that each photograph of the calibration goes through.", min=0)
    ] = 6,
    workers: Annotated[int, typer.Option(help="Processes that prepare batches; threads that score.", min=0)] = 1,
    seed: Annotated[int, typer.Option(help="Random seed of weights and batches.", min=0)] = 0,
    about: Annotated[str, typer.Option(help="What the calibration photographs are; kept.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Continue with what DIR holds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the model card.")] = False,
) -> None:
    """Train the everyday detector: small networks on photographs and on what networks make of photographs.

    Writes DIR/local and DIR/coherence (weights, log), DIR/everyday.safetensors, everyday.npz (the calibration) and
    everyday.json. --resume continues an interrupted run. Exit status: 0 done; 1 done, but some photograph could not be
    read; 2 nothing done.
    """
    from freqforensics.training.everyday_sources import WeightedSource, part_paths

    parts = part or list(get_args(Part))
    if unknown := sorted(set(parts) - set(get_args(Part))):
        raise Failed(f"parts must be of {', '.join(get_args(Part))}, got {', '.join(unknown)}")
    if learning_rate is not None and not learning_rate > 0:
        raise Failed(f"learning_rate must be positive, got {learning_rate}")
    check_carriers(("as-is", "all"), each=each)
    weights = part_paths(trained or ())
    check_files(weights.values())
    sources = [str(WeightedSource.parse(text).path) for text in (*photographs, *pairs)]
    check_sources([*sources, *calibrate])
    check_filled(out, [*sources, *calibrate])
    if not resume:
        for name in set(parts) - set(weights):
            check_out(out / name, (), overwrite=False)
    from freqforensics.training.everyday import EverydayConfig
    from freqforensics.training.everyday_recipe import make_everyday

    config = EverydayConfig(
        "local",
        tuple(map(WeightedSource.parse, photographs)),
        tuple(map(WeightedSource.parse, pairs)),
        steps=steps,
        precision=precision,
        seed=seed,
        learning_rate=learning_rate,
    )
    made = make_everyday(
        config,
        calibrate,
        out,
        parts=parts,
        trained=dict(weights),
        each=each,
        resume=resume,
        workers=workers,
        about=about,
        command=command_line(),
        progress=True,
    )
    if as_json:
        print(json.dumps(made.card, indent=2))
    else:
        _print_everyday(made)
    complain_of([], made.failures)


def _print_everyday(made: EverydayRecipe) -> None:
    photographs, rows = made.card["calibration"]["photographs"], made.card["calibration"]["rows"]
    print(f"{made.folder / 'everyday.safetensors'}: calibrated on {photographs} photographs, {rows} scores")
