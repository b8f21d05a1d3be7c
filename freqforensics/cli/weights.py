"""Commands about weights: list, fetch, verify, quantise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from freqforensics.cli.app import app, complain, one_line_errors

weights_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, fetch and verify known weights.",
    epilog="Example: freqforensics weights list",
)
app.add_typer(weights_app, name="weights")


@weights_app.command(name="list", epilog="Example: freqforensics weights list")
def list_weights(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Name the weights that can be fetched, and say which are here."""
    with one_line_errors():
        from freqforensics.detector.weights import KNOWN, stored_weights

        stored = [stored_weights(name) for name in KNOWN]
        if as_json:
            shown = [
                {
                    "name": item.known.name,
                    "url": item.known.url,
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
            state = f"here, fetched {item.fetched}, SHA-256 {item.sha256}" if item.present else "not fetched"
            print(f"{item.known.name}: {state}")
        for notice in dict.fromkeys(item.known.notice for item in stored):
            print(notice)


@weights_app.command(epilog="Example: freqforensics weights fetch wang2020-blur-jpeg-0.5")
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of weights list.")],
    timeout: Annotated[float, typer.Option(help="Seconds without a byte until it is given up.")] = 30.0,
) -> None:
    """Download weights from where their authors keep them; broken off and called again, go on."""
    with one_line_errors():
        from freqforensics.detector.weights import fetch_weights, stored_weights

        complain(stored_weights(name).known.notice)
        done = fetch_weights(name, timeout=timeout, progress=True)
        print(f"{done.path}\nSHA-256 {done.sha256}")


@weights_app.command(epilog="Example: freqforensics weights verify wang2020-blur-jpeg-0.5")
def verify(name: Annotated[str, typer.Argument(metavar="NAME", help="Of weights list.")]) -> None:
    """Compare fetched weights with the hash recorded when they were first fetched."""
    with one_line_errors():
        from freqforensics.detector.weights import verify_weights

        done = verify_weights(name)
        print(f"{done.path} is what was fetched {done.fetched}: SHA-256 {done.sha256}")


@weights_app.command(epilog="Example: freqforensics weights quantise run/detector.safetensors --out small.safetensors")
def quantise(
    weights: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A detector's weights.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Ends in .safetensors.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
) -> None:
    """Round a detector's weights to 8 bits, a scale for each output channel: a quarter of the size."""
    with one_line_errors():
        from freqforensics.detector import find_weights, load_detector, save_detector, weights_sha256

        if out.exists() and not overwrite:
            raise ValueError(f"{out} exists: give --overwrite to replace it")
        detector = load_detector(find_weights(weights))
        save_detector(detector, out, quantise=True, metadata={"rounded_from": weights_sha256(detector)})
        print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
