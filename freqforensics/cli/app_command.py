"""The command app."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from freqforensics.cli.app import ONE_IMAGE, app, complain
from freqforensics.cli.checks import check_scoring, say_what_they_are
from freqforensics.cli.options import DEFAULT_WEIGHTS, Calibration, Device, Quiet, Weights, quiet

if TYPE_CHECKING:
    from freqforensics.detector.calibrated import CalibratedDetector

_NEEDED: Final = ("starlette", "uvicorn")
_HIGHEST_PORT: Final = 65535
_ENDINGS: Final = {
    "closed": "closed on the page: everything was deleted",
    "away": "no page was open for 15 minutes: everything was deleted",
    "stopped": "stopped: everything was deleted",
}


@app.command("app", rich_help_panel=ONE_IMAGE, epilog="Example: freqforensics app")
def app_command(
    port: Annotated[
        int, typer.Option(metavar="N", help="Port of this computer; 0: any free port.", show_default=True)
    ] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address without opening a browser.")] = False,
    weights: Weights = DEFAULT_WEIGHTS,
    calibration: Calibration = None,
    device: Device = "auto",
    quiet_: Quiet = False,
) -> None:
    """Inspect images and folders on a local page in the browser.

    The page is served to this computer only, at an address with a random part that changes each time. Images and
    reports stay in a temporary folder until the program ends: by Ctrl-C, by the button on the page, or when no page has
    been open for 15 minutes. Needs the extra: pip install 'freqforensics[app]'.

    Exit status: 0 ended by the user; 2 could not start.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise ValueError("the page needs the extra: pip install 'freqforensics[app]'")
    if not 0 <= port <= _HIGHEST_PORT:
        raise ValueError(f"port must lie between 0 and {_HIGHEST_PORT}, got {port}")
    check_scoring([weights], calibration)
    from freqforensics.app.port import bind

    server_socket = bind(port)
    say_what_they_are([weights])
    _serve(server_socket, weights, calibration, device, no_open=no_open)


def _serve(
    server_socket: socket.socket,
    weights: str,
    calibration: list[Path] | None,
    device: str,
    *,
    no_open: bool,
) -> None:
    from freqforensics.app.serving import serve
    from freqforensics.app.session import Session

    def opened() -> CalibratedDetector:
        from freqforensics.detector.calibrated import open_detector

        return open_detector(weights, calibration=calibration, device=device)

    def on_start(address: str) -> None:
        print(f"open {address}", flush=True)
        complain("Ctrl-C ends the program and deletes all pictures and reports.")
        if not no_open and _has_desktop():
            import webbrowser

            webbrowser.open(address)

    session = Session(opened, on_event=(lambda line: None) if quiet() else complain)
    reason = serve(session, server_socket, on_start=on_start)
    complain(_ENDINGS[reason])
    if not session.close():
        # The detector is computing, which cannot be interrupted; its thread must not outlive what it uses.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _has_desktop() -> bool:
    """Whether a browser has somewhere to appear: text browsers would take over the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
