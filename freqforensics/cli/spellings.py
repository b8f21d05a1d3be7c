"""Names: of options for parameters of the library, and former ones of commands and options."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

OLD_COMMANDS: Final[Mapping[str, str]] = {"figures": "paper-figures"}
"""Former names of commands."""
_VIEW_AND_BACKEND: Final = {"--crop": "--view", "--engine": "--backend"}
_SETS: Final = {"--size": "--crop"}
OLD_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "spectrum": {"--crop": "--placement", "--size": "--crop", "--align": "--grid"},
    "upsampling": {"--control": "--real", **_SETS},
    "compare": {"--resamples": "--bootstrap", **_SETS},
    "origin": _SETS,
    "audit": _SETS,
    "simulate": {"--weights": "--miniatures", **_SETS},
    "fit-generator": {"--origin": "--about", **_SETS},
    "score": _VIEW_AND_BACKEND,
    "evaluate": _VIEW_AND_BACKEND,
    "robustness": _VIEW_AND_BACKEND,
    "false-alarms": {"--jobs": "--workers", "--engine": "--backend"},
    "quality": {"--resamples": "--bootstrap", **_VIEW_AND_BACKEND},
    "paper-figures": {**_SETS, **_VIEW_AND_BACKEND},
    "inspect": {"--baseline": "--reference"},
    "population": {"--generators": "--fake", "--calibrate": "--calibration-out"},
    "baselines": {"--photos": "--photographs"},
    "demo": {"--photos": "--photographs"},
    "train": {"--shelf": "--miniatures"},
    "ablate": {"--seeds": "--runs", "--scored": "--view"},
    "train-everyday": {"--pairs": "--trees", "--calibrate": "--calibration-photographs"},
    "weights pack": {"--runs": "--run-table"},
    "weights card": {"--runs": "--run-table"},
}
"""By command: former names of options. One that means something else now is recognised by its values, see `_IS_OLD`."""
_IS_OLD: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ("spectrum", "--crop"): ("center", "tiles", "random"),
    ("paper-figures", "--crop"): ("views", "center", "none", "tiles", "resize"),
}
"""Values by which a name that has another meaning now is known for the former one."""
OLD_FLAGS: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    (command, "--as-published"): ("--preset", "w20", "--recipe", "no-aug") for command in ("train", "ablate")
}
"""By command: former options without a value, and what they stand for; options beside them override it."""
GONE: Final[Mapping[str, Sequence[str]]] = {"evaluate": ("--resamples",)}
"""By command: options with a value that do nothing any more."""
PARAMETERS: Final[Mapping[str, str]] = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *("limit", "seed", "workers", "batch", "device", "view", "backend", "bootstrap", "permutations", "crop"),
        *("region", "resume", "overwrite", "ways", "carrier", "labels", "real"),
        *("cluster", "shard", "model"),
    )
}
"""Options of the library's parameters, in all commands."""
_TRAINING: Final[Mapping[str, str]] = {
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            "preset", "held_out", "classes", "imbalance", "recipe", "resize", "pairs", "simulate", "ramp", "ranking",
            "input", "early_down", "band", "init", "passes", "learning_rate", "decay", "epochs", "precision", "values",
            "axis", "runs", "devices", "resume", "skip_unreadable",
        )
    },
    "kinds": "--simulate",
    "alignment": "--align",
    "shelf": "--miniatures",
}  # fmt: skip
COMMAND_PARAMETERS: Final[Mapping[str, Mapping[str, str]]] = {
    "spectrum": {
        "size": "--crop",
        "crop": "--placement",
        "align": "--grid",
        "kernel": "--kernel",
        "columns": "--columns",
        "width": "--width",
        "formats": "--format",
    },
    "upsampling": {"family": "--predict"},
    "population": {"fake": "--fake", "carrier": "--carrier"},
    "simulate": {"size": "--crop", "family": "--family", "quality": "--quality"},
    "paper-figures": {"size": "--crop", "axis": "--ablation"},
    "fit-generator": {"size": "--crop", "family": "--family"},
    "robustness": {"sweeps": "--sweep"},
    "false-alarms": {"carriers": "--carrier"},
    "train": _TRAINING,
    "ablate": _TRAINING,
    "demo": {"labels": "labels"},
    "train-everyday": {"labels": "labels"}
    | {name: f"--{name.replace('_', '-')}" for name in ("part", "trained", "steps", "learning_rate", "each", "resume")},
    "compare": {"size": "--crop"},
    "origin": {"size": "--crop"},
    "app": {"port": "--port"},
    "quality": {"score": "--score", "scores": "--score"},
    "inspect": {"region": "--region", "thresholds": "--thresholds", "population": "--population"},
}
"""The same in one command."""


def respelled(command: str, arguments: Sequence[str]) -> list[str]:
    """Give options of a command their names of today; each former one is named on standard error."""
    words = list(arguments)
    new: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            return [*new, word, *words]
        name, equals, value = word.partition("=")
        after = value if equals else (words[0] if words else "")
        today = OLD_OPTIONS.get(command, {}).get(name)
        marks = _IS_OLD.get((command, name))
        if (command, word) in OLD_FLAGS:
            flag = OLD_FLAGS[command, word]
            _warn(f"{word} is called {' '.join(flag)} now; the old name goes with the next release")
            new[:0] = flag
        elif name in GONE.get(command, ()):
            _warn(f"{name} does nothing any more")
            if not equals and words:
                words.pop(0)
        elif today is not None and (marks is None or after in marks):
            _warn(f"{name} is called {today} now; the old name goes with the next release")
            new.append(today + equals + value)
        else:
            new.append(word)
    return new


def _warn(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
