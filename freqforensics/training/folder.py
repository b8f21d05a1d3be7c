"""The folder of a training, and whether a training can begin or be resumed in it. Loads no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from freqforensics.runtime.destinations import check_result_folder
from freqforensics.runtime.unfinished import is_unfinished
from freqforensics.training.recipe import NAMED_INITS, TrainConfig

WEIGHTS: Final = "detector.safetensors"
CHECKPOINT: Final = "last.ckpt"


def check_training_folder(folder: str | Path, config: TrainConfig, *, resume: bool = False) -> None:
    """Raise ValueError unless a training of a configuration can begin in a folder, or with `resume` continue.

    Whether the checkpoint in it is of this configuration is found out when it is read.
    """
    place = Path(folder)
    if (place / CHECKPOINT).exists():
        if not resume:
            raise ValueError(f"resume must be set to continue the training in {place}")
    elif not (resume and _only_begun(place, config)):
        hint = "give another folder, or resume an interrupted training of this configuration"
        check_result_folder(place, hint=hint)


def check_init(config: TrainConfig) -> None:
    """Raise FileNotFoundError if the weights that a training begins with are a file that does not exist."""
    if config.init not in NAMED_INITS and not Path(config.init).is_file():
        raise FileNotFoundError(f"no weights at {config.init}")


def _only_begun(folder: Path, config: TrainConfig) -> bool:
    """Whether a training of this configuration ended before its first checkpoint: there is nothing to lose."""
    if (folder / WEIGHTS).exists():
        return False
    try:
        before = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["parameters"]
    except (OSError, ValueError, KeyError, TypeError):
        return folder.is_dir() and all(map(is_unfinished, folder.iterdir()))
    return bool(before == config.to_json())
