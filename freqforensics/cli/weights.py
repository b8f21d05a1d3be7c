"""The commands weights list, fetch, verify, quantise, pack and card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freqforensics.cli.app import TRAIN, app, command_line, complain, print_json
from freqforensics.cli.checks import check_files, check_out_file, check_safetensors, check_weights
from freqforensics.cli.options import AsJson, OverwriteFile, Quiet, parsed_pair, quiet

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the weights, from weights list.")]
Out = Annotated[Path, typer.Option(metavar="FILE", help="File for the weights, .safetensors.")]
Evaluations = Annotated[
    list[str] | None, typer.Option(metavar="DIR", help="Results of evaluate for the model card. Repeatable.")
]
RunTable = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Table (CSV) of all training runs, for the model card.")
]
Data = Annotated[
    str, typer.Option(metavar="TEXT", help="Description of the training data and its licences, for the model card.")
]
Limits = Annotated[str, typer.Option(metavar="TEXT", help="Limits of the detector, for the model card.")]

weights_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, fetch and verify known weights; pack your own.",
    epilog="Example: freqforensics weights list",
)
app.add_typer(weights_app, name="weights", rich_help_panel=TRAIN)


@weights_app.command(name="list", epilog="Example: freqforensics weights list")
def list_weights(
    as_json: AsJson = False,
) -> None:
    """List the weights that ship or can be fetched, and which are present."""
    from freqforensics.detector.weights import KNOWN, stored_weights

    stored = [stored_weights(name) for name in KNOWN]
    if as_json:
        print_json([item.to_json() for item in stored])
        return
    for item in stored:
        origin = "ships with freqforensics" if item.known.bundled else f"here, fetched {item.fetched}"
        state = f"{origin}, SHA-256 {item.sha256}" if item.present else "not fetched"
        print(f"{item.known.name}: {state}")
    for notice in dict.fromkeys(item.known.notice for item in stored):
        print(notice)


@weights_app.command(epilog="Example: freqforensics weights fetch wang2020-blur-jpeg-0.5")
def fetch(
    name: Name,
    timeout: Annotated[
        float, typer.Option(metavar="NUMBER", help="Time without data after which the download fails, seconds.")
    ] = 30.0,
    quiet_: Quiet = False,
) -> None:
    """Download weights from their authors.

    An interrupted download is resumed.
    """
    from freqforensics.detector.fetch import fetch_weights
    from freqforensics.detector.weights import stored_weights

    complain(stored_weights(name).known.notice)
    stored = fetch_weights(name, timeout=timeout, progress=not quiet())
    print(f"{stored.path}\nSHA-256 {stored.sha256}")


@weights_app.command(epilog="Example: freqforensics weights verify wang2020-blur-jpeg-0.5")
def verify(name: Name) -> None:
    """Compare weights with their recorded hash.

    The hash was recorded when they were first fetched, or is in their model card.
    """
    from freqforensics.detector.weights import verify_weights

    stored = verify_weights(name)
    origin = "what its model card says" if stored.known.bundled else f"what was fetched {stored.fetched}"
    print(f"{stored.path} is {origin}: SHA-256 {stored.sha256}")


@weights_app.command(epilog="Example: freqforensics weights quantise run/detector.safetensors --out small.safetensors")
def quantise(
    weights: Annotated[
        str, typer.Argument(metavar="FILE|NAME", help="Weights of a detector: a file, or a name from weights list.")
    ],
    out: Out,
    overwrite: OverwriteFile = False,
) -> None:
    """Round a detector's weights to 8 bits.

    Each output channel has its own scale. The file becomes a quarter as large.
    """
    check_safetensors(out)
    check_weights([weights])
    check_out_file(out, [weights], overwrite=overwrite, hint="overwrite must be set to replace it")
    from freqforensics.detector import find_weights, load_detector, save_detector, weights_sha256

    detector = load_detector(find_weights(weights))
    save_detector(detector, out, quantise=True, metadata={"rounded_from": weights_sha256(detector)})
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


@weights_app.command(epilog="Example: freqforensics weights pack run --out mine.safetensors --evaluation evaluation")
def pack(
    run: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a training from photographs (train --simulate).")
    ],
    out: Out,
    evaluation: Evaluations = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DIR", help="Results of evaluate for a baseline, for the model card. Repeatable."),
    ] = None,
    run_table: RunTable = None,
    data: Data = "",
    limits: Limits = "",
    as_json: AsJson = False,
    overwrite: OverwriteFile = False,
    quiet_: Quiet = False,
) -> None:
    """Pack a training into weights with calibration and model card.

    Calibrates it on its held-out photographs and rounds it to 8 bits. The model card is written beside FILE, as .json.
    """
    beside = [parsed_pair(text, "--baseline", "NAME=DIR") for text in baseline or ()]
    check_safetensors(out)
    if not (run / "manifest.json").is_file():
        raise ValueError(f"{run} holds no training")
    check_files([run / "detector.safetensors", run_table])
    check_files(Path(folder, "evaluation.json") for folder in (*(evaluation or ()), *(name for _, name in beside)))
    for file in (out, out.with_suffix(".json")):
        check_out_file(file, (), overwrite=overwrite, hint="overwrite must be set to replace it")
    from freqforensics.training.packing import pack_training

    card = pack_training(
        run,
        out,
        evaluations=evaluation or (),
        baselines=beside,
        runs=run_table,
        data=data,
        limits=limits,
        command=command_line(),
        overwrite=overwrite,
        progress=not quiet(),
    )
    if as_json:
        print_json(card)
        return
    validation, (low, high) = card["validation"], card["thresholds"]["inconclusive"]
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, SHA-256 {card['sha256']}")
    images = card["calibration"]["images"]
    print(f"AP on {images} images: {validation['ap']:.4f}, in 8 bits {validation['ap_8_bits']:.4f}")
    print(f"inconclusive from a logit of {low:+.2f} to {high:+.2f}")


@weights_app.command(
    epilog="Example: freqforensics weights card everyday/everyday.json --evaluation evaluation --false-alarms alarms"
)
def card(
    path: Annotated[Path, typer.Argument(metavar="CARD", help="Model card (JSON) that train-everyday wrote.")],
    evaluation: Evaluations = None,
    false_alarms: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="Results of false-alarms for the model card. Repeatable.")
    ] = None,
    run_table: RunTable = None,
    about: Annotated[str, typer.Option(metavar="TEXT", help="Description of the weights.")] = "",
    data: Data = "",
    chosen_on: Annotated[
        str, typer.Option(metavar="TEXT", help="Images on which choices between detectors were made.")
    ] = "",
    limits: Limits = "",
    as_json: AsJson = False,
) -> None:
    """Add measurements and descriptions to a model card."""
    from freqforensics.training.model_card import complete_card

    completed = complete_card(
        path,
        evaluations=evaluation or (),
        false_alarms=false_alarms or (),
        runs=run_table,
        about=about,
        data=data,
        chosen_on=chosen_on,
        limits=limits,
    )
    if as_json:
        print_json(completed)
    else:
        print(f"{path}: {', '.join(completed)}")
