"""Commands about weights: list, fetch, verify, quantise, pack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from freqforensics.cli.app import TRAIN, Failed, app, command_line, complain
from freqforensics.cli.checks import check_files, check_out_file, check_safetensors, check_weights

weights_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, fetch and verify known weights; make own ones small.",
    epilog="Example: freqforensics weights list",
)
app.add_typer(weights_app, name="weights", rich_help_panel=TRAIN)


@weights_app.command(name="list", epilog="Example: freqforensics weights list")
def list_weights(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Name the weights that ship or can be fetched, and say which are here."""
    from freqforensics.detector.weights import KNOWN, stored_weights

    stored = [stored_weights(name) for name in KNOWN]
    if as_json:
        shown = [
            {
                "name": item.known.name,
                "url": item.known.url or None,
                "bundled": item.known.bundled,
                "notice": item.known.notice,
                "present": item.present,
                "path": str(item.path),
                "sha256": item.sha256,
                "fetched": item.fetched,
            }
            for item in stored
        ]
        print(json.dumps(shown, indent=2))
        return
    for item in stored:
        origin = "ships with freqforensics" if item.known.bundled else f"here, fetched {item.fetched}"
        state = f"{origin}, SHA-256 {item.sha256}" if item.present else "not fetched"
        print(f"{item.known.name}: {state}")
    for notice in dict.fromkeys(item.known.notice for item in stored):
        print(notice)


@weights_app.command(epilog="Example: freqforensics weights fetch wang2020-blur-jpeg-0.5")
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of weights list.")],
    timeout: Annotated[float, typer.Option(help="Seconds without a byte until it is given up.")] = 30.0,
) -> None:
    """Download weights from where their authors keep them; broken off and called again, go on."""
    from freqforensics.detector.fetch import fetch_weights
    from freqforensics.detector.weights import stored_weights

    complain(stored_weights(name).known.notice)
    done = fetch_weights(name, timeout=timeout, progress=True)
    print(f"{done.path}\nSHA-256 {done.sha256}")


@weights_app.command(epilog="Example: freqforensics weights verify wang2020-blur-jpeg-0.5")
def verify(name: Annotated[str, typer.Argument(metavar="NAME", help="Of weights list.")]) -> None:
    """Compare weights with the hash recorded when they were first fetched, or in their model card."""
    from freqforensics.detector.weights import verify_weights

    done = verify_weights(name)
    origin = "what its model card says" if done.known.bundled else f"what was fetched {done.fetched}"
    print(f"{done.path} is {origin}: SHA-256 {done.sha256}")


@weights_app.command(epilog="Example: freqforensics weights quantise run/detector.safetensors --out small.safetensors")
def quantise(
    weights: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A detector's weights.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Ends in .safetensors.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
) -> None:
    """Round a detector's weights to 8 bits, a scale for each output channel: a quarter of the size."""
    check_safetensors(out)
    check_weights([weights])
    check_out_file(out, [weights], overwrite=overwrite, hint="give --overwrite to replace it")
    from freqforensics.detector import find_weights, load_detector, save_detector, weights_sha256

    detector = load_detector(find_weights(weights))
    save_detector(detector, out, quantise=True, metadata={"rounded_from": weights_sha256(detector)})
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


@weights_app.command(epilog="Example: freqforensics weights pack run --out mine.safetensors --evaluation evaluation")
def pack(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="A training from photographs (train --simulate).")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Ends in .safetensors; the model card comes beside it.")],
    evaluation: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="Results of evaluate for the card; give it again for more.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DIR", help="The same of what it is set beside; give it again for more."),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Table of the runs made, CSV, for the card.")
    ] = None,
    data: Annotated[str, typer.Option(help="For the card: which photographs, under which licences.")] = "",
    limits: Annotated[str, typer.Option(help="For the card: where it fails.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the model card.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
) -> None:
    """Calibrate a training on the photographs held out of it, round it to 8 bits, and write its model card."""
    beside = [_named_folder(text) for text in baseline or ()]
    check_safetensors(out)
    if not (run / "manifest.json").is_file():
        raise ValueError(f"{run} holds no training")
    check_files([run / "detector.safetensors", runs])
    check_files(Path(folder, "evaluation.json") for folder in (*(evaluation or ()), *(name for _, name in beside)))
    for file in (out, out.with_suffix(".json")):
        check_out_file(file, (), overwrite=overwrite, hint="give --overwrite to replace it")
    from freqforensics.training.packing import pack_training

    card = pack_training(
        run,
        out,
        evaluations=evaluation or (),
        baselines=beside,
        runs=runs,
        data=data,
        limits=limits,
        command=command_line(),
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        print(json.dumps(card, indent=2))
        return
    found, (low, high) = card["validation"], card["thresholds"]["inconclusive"]
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, SHA-256 {card['sha256']}")
    images = card["calibration"]["images"]
    print(f"AP on {images} images: {found['ap']:.4f}, in 8 bits {found['ap_8_bits']:.4f}")
    print(f"inconclusive from a logit of {low:+.2f} to {high:+.2f}")


@weights_app.command(
    epilog="Example: freqforensics weights card everyday/everyday.json --evaluation evaluation --false-alarms alarms"
)
def card(
    path: Annotated[Path, typer.Argument(metavar="CARD", help="Model card, JSON, that train-everyday wrote.")],
    evaluation: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="Results of evaluate; give it again for more.")
    ] = None,
    false_alarms: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="Results of false-alarms; give it again for more.")
    ] = None,
    runs: Annotated[Path | None, typer.Option(metavar="FILE", help="Table of all training runs, CSV.")] = None,
    about: Annotated[str, typer.Option(help="What the weights are.")] = "",
    data: Annotated[str, typer.Option(help="Photographs and networks, and their licences.")] = "",
    chosen_on: Annotated[str, typer.Option(help="What every choice was made on.")] = "",
    limits: Annotated[str, typer.Option(help="What the detector cannot see.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the model card.")] = False,
) -> None:
    """Add to a model card what was measured."""
    from freqforensics.training.model_card import complete_card

    made = complete_card(
        path,
        evaluations=evaluation or (),
        false_alarms=false_alarms or (),
        runs=runs,
        about=about,
        data=data,
        chosen_on=chosen_on,
        limits=limits,
    )
    print(json.dumps(made, indent=2) if as_json else f"{path}: {', '.join(made)}")


def _named_folder(text: str) -> tuple[str, str]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise Failed(f"--baseline must be NAME=DIR, got {text!r}")
    return name, folder
