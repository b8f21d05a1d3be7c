"""Commands that train detectors: train, ablate."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from freqforensics.cli.app import TRAIN, app, command_line, complain, finish, new_table, print_wide
from freqforensics.cli.checks import check_apart, check_claim, check_filled, check_sources

if TYPE_CHECKING:
    from freqforensics.training.ablation import Ablation
    from freqforensics.training.data import TrainingSet
    from freqforensics.training.log import Epoch
    from freqforensics.training.recipe import TrainConfig

Input = Literal["rgb", "residual", "coherence", "local"]
Recipe = Literal["no-aug", "blur", "jpeg", "blur+jpeg-0.5", "blur+jpeg-0.1", "laundering"]
DecayChoice = Literal["plateau", "cosine"]
ImbalanceChoice = Literal["error", "undersample", "allow"]
AblationAxis = Literal["recipe", "classes", "band"]
ScoreCrop = Literal["views", "center", "none", "tiles", "resize"]


# Options that train and ablate share.
Validation = Annotated[
    list[str] | None,
    typer.Option("--validation", metavar="SOURCE", help="Validate on this; default val folders, or a part held out."),
]
HeldOut = Annotated[float, typer.Option(help="Part held out where there is nothing to validate on.")]
Imbalanced = Annotated[ImbalanceChoice, typer.Option(help="If real and fake differ in number by more than a tenth.")]
Recipes = Annotated[Recipe, typer.Option(help="Augmentation of Wang et al. 2020; laundering: milder, and wider.")]
AsPublished = Annotated[
    bool,
    typer.Option(
        "--as-published",
        help="All as Wang et al. have it: sides of 256 cropped to 224, blur in uint8, their early stop.",
    ),
]
ResizeTo = Annotated[int | None, typer.Option(help="Resize the shorter side to this first.")]
CropSide = Annotated[int, typer.Option(help="Side of the squares learnt from, pixels.")]
Pairs = Annotated[bool, typer.Option("--pairs", help="Crop real and fake of one file name alike, in one batch.")]
Inputs = Annotated[Input, typer.Option(help="What the network is fed with.")]
Init = Annotated[
    str,
    typer.Option(
        metavar="imagenet|scratch|identity|FILE",
        help="Weights to begin with; imagenet is a download. identity: from scratch, blocks begin as the identity.",
    ),
]
Batch = Annotated[int, typer.Option(help="Images in a step, of all processes together.")]
Passes = Annotated[int, typer.Option(help="How often an epoch goes through the images.", min=1)]
Rate = Annotated[float, typer.Option(help="Of Adam, until validation stands still.")]
Epochs = Annotated[int | None, typer.Option(help="At most so many; default until the early stop.", min=1)]
Precision = Annotated[str, typer.Option(help="32-true, bf16-mixed, 16-mixed, ...")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, mps, ...")]


@app.command(
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics train ForenSynths --out run --as-published --recipe blur+jpeg-0.5\n\n"
    "Offline, from miniatures: freqforensics train miniatures --out run --init scratch --input residual --crop 64"
    " --batch 32 --learning-rate 1e-3 --passes 4 --epochs 5\n\n"
    "From photographs alone: freqforensics train photos --out run --simulate miniature,polyphase --init identity"
    " --input residual --early-down 2 --crop 48 --batch 32 --recipe laundering --learning-rate 1e-3 --decay cosine"
    " --ranking 1 --ramp 10 --epochs 20 --passes 4",
)
def train(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Roots with train and val, or folders of 0_real, 1_fake."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for weights, checkpoint and log.")],
    validation: Validation = None,
    held_out: HeldOut = 0.1,
    classes: Annotated[
        str | None, typer.Option(metavar="N|NAME,...", help="Learn from these categories, or the first N by name.")
    ] = None,
    imbalance: Imbalanced = "error",
    recipe: Recipes = "no-aug",
    as_published: AsPublished = False,
    resize: ResizeTo = None,
    crop: CropSide = 224,
    pairs: Pairs = False,
    simulate: Annotated[
        str | None,
        typer.Option(
            metavar="KIND,...", help="Sources are photographs: make fakes at random; miniature, polyphase or both."
        ),
    ] = None,
    align: Annotated[
        str, typer.Option(metavar="WHAT,...", help="How simulated fakes are aligned: radial, mixup, both or none.")
    ] = "radial,mixup",
    shelf: Annotated[
        str | None, typer.Option(metavar="DIR", help="Miniatures to simulate with; default those that ship.")
    ] = None,
    ramp: Annotated[int, typer.Option(help="Epochs until simulated fakes are as hard as can be.", min=0)] = 0,
    ranking: Annotated[float, typer.Option(help="Weight of a loss that ranks a photo below its simulated fake.")] = 0.0,
    input: Inputs = "rgb",  # noqa: A002 - the field's word
    early_down: Annotated[
        int, typer.Option(help="4: ResNet-50's stem; 2: half of it; 1: no early down-sampling, 16 times the work.")
    ] = 4,
    band: Annotated[
        str | None, typer.Option(metavar="LOW:HIGH", help="Only these frequencies, cycles per pixel; either may miss.")
    ] = None,
    init: Init = "imagenet",
    batch: Batch = 64,
    passes: Passes = 1,
    learning_rate: Rate = 1e-4,
    decay: Annotated[DecayChoice, typer.Option(help="How the rate falls; cosine: to zero over --epochs.")] = "plateau",
    epochs: Epochs = None,
    seed: Annotated[int, typer.Option(help="Of weights, order and augmentation.", min=0)] = 0,
    precision: Precision = "32-true",
    device: Device = "auto",
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
    from freqforensics.spectra import Band
    from freqforensics.training.recipe import TrainConfig

    config = TrainConfig(
        sources=tuple(source),
        validation=tuple(validation or ()),
        held_out=held_out,
        classes=_parsed_classes(classes),
        imbalance=imbalance,
        recipe=recipe,
        variant="as_published" if as_published else "sound",
        resize=256 if as_published and resize is None else resize,
        crop=crop,
        pairs=pairs,
        simulate=_listed(simulate),  # type: ignore[arg-type]  # checked there
        align=_listed(None if align == "none" else align),  # type: ignore[arg-type]
        shelf=shelf,
        ramp=ramp,
        ranking=ranking,
        input=input,
        early_down=early_down,  # type: ignore[arg-type]  # checked there
        band=None if band is None else Band.parse(band),
        init=init,
        batch=batch,
        passes=passes,
        learning_rate=learning_rate,
        decay=decay,
        epochs=epochs,
        precision=precision,
        seed=seed,
    )
    _check_training(config, source, validation)
    first = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"
    if first and not dry_run:
        from freqforensics.training.folder import check_training_folder

        check_apart(out, [*source, *(validation or ())])
        check_training_folder(out, config, resume=resume)
        check_filled(out, ())
    from freqforensics.training.train import plan_training, train_detector

    if dry_run:
        plan = plan_training(config, skip_unreadable=skip_unreadable, progress=True)
        _print_plan(config.to_json(), plan, as_json=as_json)
        return
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
        command=command_line(),
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


@app.command(
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics ablate ForenSynths --test ForenSynths/test --axis recipe --out recipes\n\n"
    "Offline: freqforensics ablate miniatures --test others --axis band --values all,:0.25,0.25: --out bands"
    " --init scratch --input residual --crop 64 --batch 32 --learning-rate 1e-3 --passes 4 --epochs 4 --scored none",
)
def ablate(
    source: Annotated[list[str], typer.Argument(metavar="SOURCE", help="What to learn from, as for train.")],
    test: Annotated[list[str], typer.Option(metavar="SOURCE", help="What to test on; give it again for more.")],
    axis: Annotated[AblationAxis, typer.Option(help="What to vary.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for table and figure.")],
    values: Annotated[
        str | None, typer.Option(metavar="VALUE,...", help="Recipes, numbers of categories, or bands LOW:HIGH.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Train each value so many times.", min=1)] = 1,
    scored: Annotated[ScoreCrop, typer.Option(help="Part of a test image that is scored.")] = "views",
    limit: Annotated[int | None, typer.Option(help="The first so many test images of each side.", min=1)] = None,
    validation: Validation = None,
    held_out: HeldOut = 0.1,
    imbalance: Imbalanced = "error",
    recipe: Recipes = "no-aug",
    as_published: AsPublished = False,
    resize: ResizeTo = None,
    crop: CropSide = 224,
    pairs: Pairs = False,
    input: Inputs = "rgb",  # noqa: A002 - the field's word
    init: Init = "imagenet",
    batch: Batch = 64,
    passes: Passes = 1,
    learning_rate: Rate = 1e-4,
    epochs: Epochs = None,
    precision: Precision = "32-true",
    device: Device = "auto",
    keep_weights: Annotated[bool, typer.Option("--keep-weights", help="Keep every detector, 94 MB each.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the work in DIR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a detector for each value of one part of the recipe, and test all of them on the same images.

    Writes DIR/ablation.csv, ablation.png and .pdf, manifest.json, and cells/ with what each training left.
    Exit status: 0 done; 1 done, but some test image could not be read; 2 nothing done.
    """
    from freqforensics.training.recipe import TrainConfig

    config = TrainConfig(
        sources=tuple(source),
        validation=tuple(validation or ()),
        held_out=held_out,
        imbalance=imbalance,
        recipe=recipe,
        variant="as_published" if as_published else "sound",
        resize=256 if as_published and resize is None else resize,
        crop=crop,
        pairs=pairs,
        input=input,
        init=init,
        batch=batch,
        passes=passes,
        learning_rate=learning_rate,
        epochs=epochs,
        precision=precision,
    )
    chosen = None if values is None else [value.strip() for value in values.split(",")]
    _check_values(config, axis, chosen)
    _check_training(config, [*source, *test], validation)
    check_claim(out, [*source, *test, *(validation or ())], resume=resume)
    from freqforensics.studies.ablate import ablate_study

    study = ablate_study(
        config,
        test=test,
        out=out,
        limit=limit,
        axis=axis,
        values=chosen,
        seeds=range(seeds),
        view=scored,
        device=device,
        resume=resume,
        keep_weights=keep_weights,
        progress=True,
    )
    finish(study, out, show=lambda: _print_ablation(study.ablation), as_json=as_json)


def _check_training(config: TrainConfig, sources: list[str], validation: list[str] | None) -> None:
    """Check what a training needs besides a folder to write to."""
    from freqforensics.generators.randomised import miniature_files
    from freqforensics.training.folder import check_init

    check_init(config)
    if "miniature" in config.simulate:
        miniature_files(config.shelf)
    check_sources([*sources, *(validation or ())])


def _check_values(config: TrainConfig, axis: AblationAxis, values: list[str] | None) -> None:
    """Check the values of an axis; whether there are as many classes the images tell."""
    from freqforensics.spectra import Band

    for value in values or ():
        if axis == "recipe":
            replace(config, recipe=value)
        elif axis == "band" and value != "all":
            Band.parse(value)
        elif axis == "classes" and not (value.isdecimal() and int(value)):
            raise ValueError(f"numbers of classes must be at least 1, got {value}")


def _print_epoch(epoch: Epoch) -> None:
    print(
        f"epoch {epoch.epoch}: step {epoch.step}, rate {epoch.rate:.0e}, loss {epoch.loss:.4f}; validation: loss"
        f" {epoch.validation_loss:.4f}, accuracy {epoch.accuracy:.3f}, AP {epoch.ap:.4f}"
        f"{', kept' if epoch.kept else ''}  ({epoch.seconds:.0f} s)",
        flush=True,
    )


def _print_ablation(result: Ablation) -> None:
    from rich.text import Text

    by_value = result.table()
    table = new_table(result.axis, "mean AP", "least", "of generator", "validation AP", "steps")
    for value, aps in by_value.items():
        means = {name: sum(runs) / len(runs) for name, runs in aps.items()}
        rows = [row for row in result.rows if row.value == value]
        worst = min(means, key=lambda name: means[name])
        validation = sum(row.validation_ap for row in rows) / len(rows)
        cells = [value, f"{sum(means.values()) / len(means):.3f}", f"{means[worst]:.3f}", worst]
        table.add_row(*(Text(cell) for cell in [*cells, f"{validation:.3f}", str(rows[0].steps)]))
    print_wide(table)


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


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _parsed_classes(text: str | None) -> int | tuple[str, ...] | None:
    if text is None:
        return None
    return int(text) if text.isdecimal() else tuple(name.strip() for name in text.split(","))
