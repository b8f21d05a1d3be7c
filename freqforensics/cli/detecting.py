"""Commands of the detector: train, score."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from freqforensics.cli.app import Failed, app, complain, new_table, one_line_errors, print_wide

if TYPE_CHECKING:
    from freqforensics.detector.train_log import Epoch
    from freqforensics.detector.training_set import TrainingSet

Input = Literal["rgb", "residual"]
Recipe = Literal["no-aug", "blur", "jpeg", "blur+jpeg-0.5", "blur+jpeg-0.1"]
ImbalanceChoice = Literal["error", "undersample", "allow"]


@app.command(
    epilog="Example: freqforensics train ForenSynths --out run --as-published --recipe blur+jpeg-0.5\n\n"
    "Offline: freqforensics train miniatures --out run --start scratch --input residual --pairs --crop 64 --epochs 9"
)
def train(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Roots with train and val, or folders of 0_real, 1_fake."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for weights, checkpoint and log.")],
    validation: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE", help="Validate on this; default val folders, or a part held out."),
    ] = None,
    held_out: Annotated[float, typer.Option(help="Part held out where there is nothing to validate on.")] = 0.1,
    classes: Annotated[
        str | None, typer.Option(metavar="N|NAME,...", help="Learn from these categories, or the first N by name.")
    ] = None,
    imbalance: Annotated[
        ImbalanceChoice, typer.Option(help="If real and fake differ in number by more than a tenth.")
    ] = "error",
    recipe: Annotated[Recipe, typer.Option(help="Augmentation of Wang et al. 2020.")] = "no-aug",
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published",
            help="All as Wang et al. have it: sides of 256 cropped to 224, blur in uint8, their early stop.",
        ),
    ] = False,
    resize: Annotated[int | None, typer.Option(help="Resize the shorter side to this first.")] = None,
    crop: Annotated[int, typer.Option(help="Side of the squares learnt from, pixels.")] = 224,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Crop real and fake of one file name alike, in one batch.")
    ] = False,
    input: Annotated[Input, typer.Option(help="What the network is fed with.")] = "rgb",  # noqa: A002
    band: Annotated[
        str | None, typer.Option(metavar="LOW:HIGH", help="Only these frequencies, cycles per pixel; either may miss.")
    ] = None,
    start: Annotated[
        str, typer.Option(metavar="imagenet|scratch|FILE", help="Weights to begin with; imagenet is a download.")
    ] = "imagenet",
    batch: Annotated[int, typer.Option(help="Images in a step, of all processes together.")] = 64,
    passes: Annotated[int, typer.Option(help="How often an epoch goes through the images.", min=1)] = 1,
    learning_rate: Annotated[float, typer.Option(help="Of Adam, until validation stands still.")] = 1e-4,
    epochs: Annotated[int | None, typer.Option(help="At most so many; default until the early stop.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order and augmentation.", min=0)] = 0,
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed, 16-mixed, ...")] = "32-true",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps, ...")] = "auto",
    devices: Annotated[int, typer.Option(help="Processes, a device each; also under torchrun.", min=1)] = 1,
    nodes: Annotated[int, typer.Option(help="Machines, under torchrun.", min=1)] = 1,
    workers: Annotated[int | None, typer.Option(help="Processes that read images.", min=0)] = None,
    checkpoint_minutes: Annotated[float, typer.Option(help="Time between checkpoints.")] = 10.0,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in DIR.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and check all images.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train the ResNet-50 detector.

    Writes DIR/detector.safetensors, the weights of the best epoch; last.ckpt, to go on with; steps.csv, epochs.csv and
    manifest.json. Broken off at any moment, the same command with --resume ends with the same weights.
    Exit status: 0 done; 2 nothing done.
    """
    with one_line_errors():
        from freqforensics.detector import TrainConfig, plan_training, train_detector

        chosen: dict[str, Any] = {"variant": "as_published", "resize": 256} if as_published else {}
        if resize is not None:
            chosen["resize"] = resize
        config = TrainConfig(
            **{
                "sources": tuple(source),
                "validation": tuple(validation or ()),
                "held_out": held_out,
                "classes": _parsed_classes(classes),
                "imbalance": imbalance,
                "recipe": recipe,
                "crop": crop,
                "pairs": pairs,
                "input": input,
                "band": _parsed_band(band),
                "start": start,
                "batch": batch,
                "passes": passes,
                "learning_rate": learning_rate,
                "epochs": epochs,
                "precision": precision,
                "seed": seed,
                **chosen,
            }
        )
        if dry_run:
            plan = plan_training(config, skip_unreadable=skip_unreadable, progress=True)
            _print_plan(config.to_json(), plan, as_json=as_json)
            return
        first = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"
        done = train_detector(
            config,
            out,
            resume=resume,
            skip_unreadable=skip_unreadable,
            device=device,
            devices=devices,
            nodes=nodes,
            workers=workers,
            checkpoint_minutes=checkpoint_minutes,
            command=shlex.join(["freqforensics", *sys.argv[1:]]),
            on_epoch=None if as_json else _print_epoch,
            progress=True,
        )
        if not first:
            return
        for note in done.notes:
            complain(f"note: {note}")
        if as_json:
            shown = {
                "weights": str(done.weights),
                "best": asdict(done.best),
                "epochs": [asdict(e) for e in done.epochs],
            }
            print(json.dumps(shown, indent=2))
        else:
            print(f"best: epoch {done.best.epoch}, validation AP {done.best.ap:.3f}; weights in {done.weights}")


def _print_epoch(epoch: Epoch) -> None:
    print(
        f"epoch {epoch.epoch}: step {epoch.step}, rate {epoch.rate:.0e}, loss {epoch.loss:.4f}; validation: loss"
        f" {epoch.validation_loss:.4f}, accuracy {epoch.accuracy:.3f}, AP {epoch.ap:.4f}"
        f"{', kept' if epoch.kept else ''}  ({epoch.seconds:.0f} s)",
        flush=True,
    )


def _print_plan(config: dict[str, Any], plan: TrainingSet, *, as_json: bool) -> None:
    from rich.text import Text

    counts = plan.counts()
    if as_json:
        print(json.dumps({"config": config, "notes": plan.notes, "images": counts}, indent=2))
        return
    for name, value in config.items():
        print(f"{name}: {json.dumps(value)}")
    table = new_table("generator", "category", "learn: real", "fake", "validate: real", "fake ")
    for row in counts:
        table.add_row(*(Text(str(value)) for value in row.values()))
    print_wide(table)
    for note in plan.notes:
        complain(f"note: {note}")
    print(f"{len(plan.training)} images to learn from, {len(plan.validation)} to validate on; nothing was trained")


def _parsed_classes(text: str | None) -> int | tuple[str, ...] | None:
    if text is None:
        return None
    return int(text) if text.isdecimal() else tuple(name.strip() for name in text.split(","))


def _parsed_band(text: str | None) -> Any:
    from freqforensics.spectra import Band

    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        if not colon:
            raise ValueError("no colon")
        return Band(float(low or 0), float(high or 1))
    except ValueError as error:
        raise Failed(f"--band must be LOW:HIGH in cycles per pixel, such as 0.25: or :0.125, got {text!r}") from error
