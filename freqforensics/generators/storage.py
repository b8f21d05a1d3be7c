"""Fitted miniatures as files: safetensors in half precision, and a model card beside each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from freqforensics.generators.miniature import Miniature, make_miniature
from freqforensics.generators.registry import FAMILIES, SHELF as SHELF, Plan, find_family
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.writing import replacing, write_json

FORMAT: Final = "freqforensics-miniature-1"


@dataclass(frozen=True, eq=False, repr=False)
class FittedMiniature(Summarised):
    """A miniature that has been fitted to photos.

    Parameters
    ----------
    model : Miniature
        In evaluation mode, its weights rounded to half precision.
    card : dict
        JSON values: family, photos and their hash, steps, seed, PSNR and sharpness on held-out photos, versions.
    """

    model: Miniature
    card: dict[str, Any]

    def save(self, folder: str | Path) -> Path:
        """Write ``<family>.safetensors`` and ``<family>.json`` to a folder; return the first's path.

        Parameters
        ----------
        folder : str or Path
            Folder for the two files.
        """
        path = Path(folder) / f"{self.model.family.name}.safetensors"
        plan = {name: getattr(self.model.plan, name) for name in Plan.__dataclass_fields__}
        metadata = {"format": FORMAT, "family": self.model.family.name, "plan": json.dumps(plan)}
        state = {name: _half(value).contiguous() for name, value in self.model.state_dict().items()}
        path.with_suffix(".json").unlink(missing_ok=True)  # the card goes first and comes last
        with replacing(path) as temporary:
            save_file(state, temporary, metadata=metadata)
        write_json(path.with_suffix(".json"), self.card)
        return path


def load_miniature(name: str | Path, *, device: str = "cpu") -> FittedMiniature:
    """Load a fitted miniature.

    Parameters
    ----------
    name : str or Path
        A family that ships with the package, or the path of a ``.safetensors`` file.
    device : str
        Where torch computes.

    Returns
    -------
    FittedMiniature
        The card is empty where no JSON file lies beside the weights.

    Raises
    ------
    ValueError
        No such family, or a file that holds no miniature.
    FileNotFoundError
        No such file.

    Examples
    --------
    >>> fitted = load_miniature("progan")
    >>> fitted.card["family"], fitted.card["upsampling"], fitted.card["factor"]
    ('progan', 'nearest, convolution', 4)
    """
    path = Path(name)
    if path.suffix != ".safetensors":
        path = SHELF / f"{find_family(str(name)).name}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"no fitted miniature at {path}: freqforensics fit-generator makes one")
    try:
        with safe_open(path, framework="pt", device=device) as stored:
            metadata = stored.metadata() or {}
            state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from error
    if metadata.get("format") != FORMAT or metadata.get("family") not in FAMILIES:
        raise ValueError(f"{path} holds no miniature of {FORMAT}")
    try:
        model = make_miniature(metadata["family"], plan=Plan(**json.loads(metadata["plan"])))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no miniature: its plan is not one ({error})") from error
    try:
        model.load_state_dict({key: _whole(value) for key, value in state.items()})
    except RuntimeError as error:
        differences = len(str(error).splitlines()) - 1
        reason = f"does not fit a {metadata['family']} miniature of this version ({differences} kinds of differences)"
        raise ValueError(f"{path} {reason}: fit it again") from error
    beside = path.with_suffix(".json")
    card = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    return FittedMiniature(model.to(device).eval(), card)


def rounded(model: Miniature) -> Miniature:
    """Round a model's weights to half precision in place, as `FittedMiniature.save` stores them."""
    model.load_state_dict({name: _whole(_half(value)) for name, value in model.state_dict().items()})
    return model


def _half(value: Tensor) -> Tensor:
    return value.to(torch.float16) if value.is_floating_point() else value


def _whole(value: Tensor) -> Tensor:
    return value.to(torch.float32) if value.is_floating_point() else value
