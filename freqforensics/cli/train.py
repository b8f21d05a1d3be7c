"""The command train."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqforensics.cli.app import TRAIN, app, command_line, complain_of, print_json, print_table
from freqforensics.cli.checks import check_apart, check_filled
from freqforensics.cli.options import AsJson, Device, Quiet, Resume, quiet
from freqforensics.cli.training_options import ChosenTraining, ReadingProcesses, with_training_options

if TYPE_CHECKING:
    from freqforensics.training.log import Epoch
    from freqforensics.training.training_set import TrainingSet


@app.command(
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics train ForenSynths --out run --preset w20\n\n"
    "From photographs alone: freqforensics train photos --out run --preset shipped\n\n"
    "Offline, from miniatures: freqforensics train miniatures --out run --init scratch --input residual --crop 64"
    " --batch 32 --learning-rate 1e-3 --passes 4 --epochs 5",
)
@with_training_options
def train(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the weights, the checkpoint and the log.")],
    training: ChosenTraining,
    device: Device = "auto",
    devices: Annotated[
        int, typer.Option(metavar="N", help="Number of processes on this machine, with a device each.", min=1)
    ] = 1,
    nodes: Annotated[int, typer.Option(metavar="N", help="Number of machines, started by torchrun.", min=1)] = 1,
    workers: ReadingProcesses = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(metavar="NUMBER", help="Time between checkpoints, minutes.")
    ] = 10.0,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Skip images that cannot be read, with a note.  [default: stop]")
    ] = False,
    resume: Resume = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all images and print the configuration, without training.")
    ] = False,
    as_json: AsJson = False,
    quiet_: Quiet = False,
) -> None:
    """Train the ResNet-50 detector.

    Writes DIR/detector.safetensors (the weights of the best epoch), last.ckpt (the checkpoint), steps.csv, epochs.csv
    and manifest.json. After an interruption, the same command with --resume gives the same weights.

    Exit status: 0 done; 2 nothing done.
    """
    config = training.config()
    first = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"
    if first and not dry_run:
        from freqforensics.training.folder import check_training_folder

        check_apart(out, training.sources)
        check_training_folder(out, config, resume=resume)
        check_filled(out, ())
    from freqforensics.training.train import plan_training, train_detector

    if dry_run:
        plan = plan_training(config, skip_unreadable=skip_unreadable, progress=not quiet())
        _print_plan(config.to_json(), plan, as_json=as_json)
        return
    result = train_detector(
        config,
        out,
        resume=resume,
        skip_unreadable=skip_unreadable,
        device=device,
        devices=devices,
        nodes=nodes,
        workers=workers,
        checkpoint_minutes=checkpoint_minutes,
        command=command_line(),
        on_epoch=None if as_json else _print_epoch,
        progress=not quiet(),
    )
    if first:
        complain_of(result.notes)
        best = result.best
        line = f"best: epoch {best.epoch}, validation AP {best.ap:.3f}; weights in {result.weights}"
        if as_json:
            print_json(result.to_json())
        else:
            print(line)


def _print_epoch(epoch: Epoch) -> None:
    print(
        f"epoch {epoch.epoch}: step {epoch.step}, rate {epoch.rate:.0e}, loss {epoch.loss:.4f}; validation: loss"
        f" {epoch.validation_loss:.4f}, accuracy {epoch.accuracy:.3f}, AP {epoch.ap:.4f}"
        f"{', kept' if epoch.kept else ''}  ({epoch.seconds:.0f} s; {epoch.images_per_second or 0:.1f} images/s,"
        f" {epoch.in_network or 0:.0%} of the steps in the network)",
        flush=True,
    )


def _print_plan(config: dict[str, Any], plan: TrainingSet, *, as_json: bool) -> None:
    counts = plan.counts()
    if as_json:
        print_json({"config": config, "notes": plan.notes, "images": counts})
        return
    for name, value in config.items():
        print(f"{name}: {json.dumps(value)}")
    columns = ("generator", "category", "learn: real", "fake", "validate: real", "fake ")
    print_table(columns, [list(row.values()) for row in counts])
    complain_of(plan.notes)
    print(f"{len(plan.training)} images to learn from, {len(plan.validation)} to validate on; nothing was trained")
