"""Commands in processes of their own that need not import the package first: they are forked where it is imported."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from networks import thin_networks

PRELOADED = [
    "torch.utils.tensorboard",
    *(f"freqforensics.{name}" for name in ("cli.app", "studies.ablate", "studies.score", "training.train")),
]
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def start(*arguments: object, output: Path) -> BaseProcess:
    """Start `freqforensics ARGUMENTS` with thin networks; what it prints goes to a file."""
    context = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_command, args=([str(word) for word in arguments], str(output)))
    process.start()
    return process


def _command(words: list[str], output: str) -> None:
    from freqforensics.__main__ import main

    with Path(output).open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    multiprocessing.set_start_method(None, force=True)  # the system's own, as in a process that was not forked
    sys.argv = ["freqforensics", *words]
    with thin_networks():
        main()
