"""Weights in and out: published checkpoints and safetensors in, safetensors out; nothing that could run code."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast, get_args

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from freqforensics.detector.fusion import FusedDetector, Part
from freqforensics.detector.local import NETWORKS, make_small_detector
from freqforensics.detector.resnet import Detector, EarlyDown, InputKind, make_detector
from freqforensics.detector.weights import KNOWN, find_weights
from freqforensics.images import shown_path
from freqforensics.runtime.archives import foreign_content, read_head
from freqforensics.runtime.device import chosen_device
from freqforensics.runtime.writing import replacing
from freqforensics.spectra import Band

FORMAT: Final = "freqforensics-detector-1"

_WRAPPED: Final = ("model", "state_dict")
_PREFIXES: Final = ("module.", "network.")
_SCALE: Final = ":scale"
_FLOATS: Final = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
LARGEST: Final = 1 << 31
"""Bytes, 2 GiB, that a checkpoint may take unpacked; Wang et al.'s, with their optimiser, take a seventh of it."""


class CheckpointError(ValueError):
    """A file does not hold the weights of a detector; the message says why.

    Parameters
    ----------
    path : str or Path
        The file.
    reason : str
        Why, in one line.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{shown_path(path)}: {reason}")
        self.path, self.reason = Path(path), reason

    def __reduce__(self) -> tuple[type[CheckpointError], tuple[Path, str]]:
        """Processes send it to each other."""
        return type(self), (self.path, self.reason)


def load_detector(path: str | Path, *, input: InputKind | None = None, device: str = "cpu") -> Detector:  # noqa: A002
    """Load a detector from known weights or a file.

    Parameters
    ----------
    path : str or Path
        A name of known weights (`find_weights`), or a file: a checkpoint of Wang et al. (``{'model', 'optimizer',
        'total_steps'}``), a bare state dict, with or without the prefix ``module.`` of data parallel training, as
        ``.pth``; or ``.safetensors``. Files are recognised by their
        content. Pickles are unpickled as tensors and plain containers only.
    input : {"rgb", "residual", "coherence", "local"}, optional
        What the network was trained on. Default: what the file says, or "rgb".
    device : str
        Device of torch, such as "cpu" or "cuda".

    Returns
    -------
    Detector
        In evaluation mode.

    Raises
    ------
    CheckpointError
        The file holds something else, or could run code, or is not whole; weights are missing, left over or of another
        shape; or it says another input than is asked for.
    FileNotFoundError
        No such file.
    ValueError
        No such device here.

    Examples
    --------
    >>> load_detector("everyday").training
    False
    """
    device = chosen_device(device)
    place = Path(path)
    if str(path) in KNOWN and not place.is_file():
        place = find_weights(path)
    if place.is_dir():
        raise CheckpointError(place, "is a folder, not a file of weights")
    if not place.is_file():
        raise FileNotFoundError(f"no weights at {shown_path(place)}")
    state, metadata = _read(place)
    stored = metadata.get("input")
    if stored is not None and stored not in get_args(InputKind):
        raise CheckpointError(place, f"its input is {stored!r}, which this version does not know")
    if input is not None and stored is not None and input != stored:
        raise CheckpointError(place, f"was trained on {stored} input, not {input}")
    if "parts" in metadata:
        if input is not None:
            raise CheckpointError(place, "holds several detectors, each with an input of its own")
        return _fused(state, metadata["parts"], place).to(device).eval()
    chosen = input or cast("InputKind | None", stored) or "rgb"
    network = metadata.get("network", "resnet50")
    if network in NETWORKS:
        detector = make_small_detector(network)
    elif network == "resnet50":
        down = _early_down(metadata.get("early_down"), place)
        detector = make_detector(input=chosen, band=_band(metadata.get("band"), place), early_down=down, seed=0)
    else:
        raise CheckpointError(place, f"its network is {network!r}, which this version does not know")
    _fill(detector, state, place)
    return detector.to(device).eval()


def save_detector(
    detector: Detector,
    path: str | Path,
    *,
    quantise: bool = False,
    halve: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a detector's weights as safetensors, whole or not at all.

    Parameters
    ----------
    detector : Detector
        Detector whose weights are written.
    path : str or Path
        Ends in ``.safetensors``.
    quantise : bool
        Round the weights of convolutions and of the last layer to 8 bits, with one scale for each output channel: 24 MB
        for a ResNet-50 instead of 94. `load_detector` gives them in single precision; what was rounded is lost.
    halve : bool
        Round what has output channels to half precision: half the size, and hardly another logit.
    metadata : mapping of str to str, optional
        Stored beside the format, the input, the band and what the stem does.

    Raises
    ------
    ValueError
        Another ending, or metadata that would replace one of these.
    """
    place = Path(path)
    if place.suffix != ".safetensors":
        raise ValueError(f"weights are written as .safetensors, got {place.name}")
    facts = {"format": FORMAT}
    if isinstance(detector, FusedDetector):
        facts["parts"] = " ".join(f"{name}:{kind_of(part)}" for name, part in detector.parts.items())
    else:
        facts["input"] = detector.input
        if kind_of(detector) != "resnet50":
            facts["network"] = kind_of(detector)
    if detector.band is not None:
        facts["band"] = f"{detector.band.low!r} {detector.band.high!r}"
    if detector.early_down != 4:
        facts["early_down"] = str(detector.early_down)
    if set(metadata or {}) & set(facts):
        raise ValueError(f"metadata must not set {', '.join(sorted(set(metadata or {}) & set(facts)))}")
    state = {name: value.detach().cpu().contiguous() for name, value in detector.network.state_dict().items()}
    if quantise:
        state = _quantised(state)
    elif halve:
        state = {name: value.half() if value.ndim >= 2 else value for name, value in state.items()}
    with replacing(place) as temporary:
        save_file(state, temporary, metadata={**facts, **(metadata or {})})


def kind_of(detector: Detector) -> str:
    """Name the network of a detector: one of `NETWORKS`, or "resnet50"."""
    network = detector.network.network if isinstance(detector.network, Part) else detector.network
    return next((name for name, (kind, _) in NETWORKS.items() if type(network) is kind), "resnet50")


def _fused(state: dict[str, Tensor], listed: str, path: Path) -> FusedDetector:
    """Make a fused detector of the parts that a file lists as ``name:network``."""
    parts: dict[str, Detector] = {}
    for entry in listed.split():
        name, _, network = entry.partition(":")
        if network not in NETWORKS:
            raise CheckpointError(path, f"its part {entry!r} is a network that this version does not know")
        parts[name] = make_small_detector(network)
    fused = FusedDetector(parts, scales=dict.fromkeys(parts, (1.0, 0.0)))
    _fill(fused, state, path)
    return fused


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    head = read_head(path)
    foreign = foreign_content(head)
    if foreign and foreign != "text":
        raise CheckpointError(path, f"is {foreign}: no weights")
    # safetensors: eight bytes of length, then JSON. Pickles and zip archives begin otherwise.
    if head[8:9] == b"{":
        try:
            with safe_open(path, framework="pt") as stored:
                metadata = stored.metadata() or {}
                if metadata.get("format", "pt") not in ("pt", FORMAT):
                    raise CheckpointError(path, f"its format is {metadata['format']!r}: no detector of this version")
                state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 - no mapping
        except CheckpointError:
            raise
        except Exception as error:  # of damaged files it raises errors of several kinds
            raise CheckpointError(path, f"is not a complete safetensors file ({error})") from error
        return _dequantised(state, path), metadata
    _check_archive(path)
    neither = f"holds no weights, or is not whole{' (it is text)' if foreign else ''}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickle protocols: what cannot be read raises
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error) or ("Unsupported" in str(error) and "operand" not in str(error)):
            reason = "holds Python objects beside tensors, which could run code when loaded: refused"
        else:
            reason = neither
        raise CheckpointError(path, reason) from error
    except MemoryError:
        raise
    except Exception as error:  # of damaged files it raises whatever comes; nothing of them was run
        reason = "is a TorchScript program, which is code: refused" if "TorchScript" in str(error) else ""
        raise CheckpointError(path, reason or neither) from error
    return _state_dict(content, path), {}


def _check_archive(path: Path) -> None:
    """Refuse a zip archive that would take more than `LARGEST` bytes unpacked."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except Exception as error:
        raise CheckpointError(path, "holds no weights, or is not whole") from error
    if size > LARGEST:
        raise CheckpointError(path, f"would take {size} bytes unpacked, over the limit of {LARGEST}")


def _quantised(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Round what has output channels to int8, symmetrically, and put the scales beside."""
    stored: dict[str, Tensor] = {}
    for name, value in state.items():
        if value.ndim < 2:
            stored[name] = value
            continue
        scale = (value.flatten(1).abs().amax(dim=1) / 127).clamp(min=1e-12)
        spread = scale.reshape(-1, *[1] * (value.ndim - 1))
        stored[name] = (value / spread).round().to(torch.int8)
        stored[name + _SCALE] = scale
    return stored


def _dequantised(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Undo `_quantised`; what was not rounded stays as it is."""
    stored: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith(_SCALE):
            continue
        scale = state.get(name + _SCALE)
        if scale is not None:
            if value.ndim < 2 or scale.shape != value.shape[:1] or not scale.is_floating_point():
                raise CheckpointError(path, f"the scales of {name} are not one for each output channel")
            value = value.float() * scale.reshape(-1, *[1] * (value.ndim - 1))
        stored[name] = value
    return stored


def _check_plain(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that hold no plain numbers of the kind that a network has."""
    for name, value in state.items():
        if value.layout != torch.strided or value.is_quantized or value.is_nested or value.is_meta:
            what = "quantised by torch" if value.is_quantized else f"stored as {value.layout}, not as plain numbers"
            raise CheckpointError(path, f"{name} is {'without values' if value.is_meta else what}")
        wanted = expected.get(name)
        if wanted is not None and wanted.is_floating_point() and value.dtype not in _FLOATS:
            kind = str(value.dtype).removeprefix("torch.")
            scales = " without scales" if value.dtype in (torch.int8, torch.uint8) else ""
            raise CheckpointError(path, f"{name} is {kind}{scales}: weights are real numbers")


def _band(text: str | None, path: Path) -> Band | None:
    if text is None:
        return None
    try:
        low, high = map(float, text.split())
        return Band(low, high)
    except ValueError as error:
        raise CheckpointError(path, f"its band is {text!r}, which this version does not know") from error


def _early_down(text: str | None, path: Path) -> EarlyDown:
    for known in get_args(EarlyDown):
        if text in (None, str(known)):
            return cast("EarlyDown", known)
    raise CheckpointError(path, f"its early_down is {text!r}, which this version does not know")


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    for key in _WRAPPED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(path, "holds no state dict: names and tensors")
    return {str(key): value for key, value in content.items()}


def _fill(detector: Detector, state: dict[str, Tensor], path: Path) -> None:
    """Put weights in their places; every difference is named."""
    for prefix in _PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    expected = detector.network.state_dict()
    _check_plain(state, expected, path)
    last = state.get("fc.weight")
    if last is not None and last.ndim == 2 and last.shape[0] != 1:
        reason = f"has {last.shape[0]} classes: a detector has one logit (an ImageNet network has 1000)"
        raise CheckpointError(path, reason)
    missing, left_over = sorted(set(expected) - set(state)), sorted(set(state) - set(expected))
    if missing or left_over:
        parts = [
            f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for names, what in ((missing, "weights of a ResNet-50 are missing"), (left_over, "others are left over"))
            if names
        ]
        raise CheckpointError(path, " and ".join(parts))
    wrong = [name for name, value in expected.items() if state[name].shape != value.shape]
    if wrong:
        shapes = f"{wrong[0]} is {tuple(state[wrong[0]].shape)}, not {tuple(expected[wrong[0]].shape)}"
        raise CheckpointError(path, f"{len(wrong)} weights have another shape: {shapes}")
    broken = [name for name, value in state.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(path, f"{len(broken)} weights are not finite ({broken[0]})")
    detector.network.load_state_dict(state)  # in the network's own precision
