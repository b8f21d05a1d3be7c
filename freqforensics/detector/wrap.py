"""Any network or function as a detector: what it is fed with, and which of its numbers is the logit of fake."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final, Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from freqforensics.detector.resnet import IMAGENET_MEAN, IMAGENET_STD, Detector, InputKind, evaluating
from freqforensics.detector.uncallable import why_no_model

Uint8 = NDArray[np.uint8]
Channels = Literal["rgb", "bgr"]
Takes = Literal["tensors", "arrays"]
Output = int | Callable[[Any], Any] | None
Size = tuple[int, int]

UNSEEN: Final = "Its weights cannot be seen: it is known by its name and its preparation alone."
"""Notice of a detector that is a function."""
_PROBE: Final = 224
_OTHER_PROBE: Final = 96
_DIFFERENCE: Final = "output=lambda z: z[:, 1] - z[:, 0]"


@dataclass(frozen=True)
class Preparation:
    """What is done to grey levels 0 .. 255 before a model sees them.

    Parameters
    ----------
    mean, std : tuple of float, or None
        Taken off, and divided by, on the scale 0 .. 1. None: the model takes grey levels.
    size : (int, int) or None
        Height and width that the model takes; None: any.
    resize : int, (int, int) or None
        Shorter side, or height and width, to which images are resized first; antialiased, bilinear.
    crop : (int, int) or None
        Height and width of the centre that is cut out then; smaller images are filled up with zeros.
    channels : {"rgb", "bgr"}
        Order of the colours.
    """

    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    size: Size | None
    resize: int | Size | None
    crop: Size | None
    channels: Channels

    def shape(self, shape: Size) -> Size:
        """Give the height and width that an image of a height and width has after resizing and cropping."""
        if isinstance(self.resize, int):
            scale = self.resize / min(shape)
            shape = max(self.resize, round(shape[0] * scale)), max(self.resize, round(shape[1] * scale))
        elif self.resize is not None:
            shape = self.resize
        return self.crop or shape

    def misfit(self, shape: Size) -> str:
        """Say why an image of a height and width cannot be taken; empty if it can."""
        if self.size is None or self.shape(shape) == self.size:
            return ""
        return (
            f"the model takes {_sides(self.size)} pixels, and {_sides(shape)} give {_sides(self.shape(shape))}: resize"
            " or crop of wrap must say how they become that"
        )

    def __call__(self, pixels: Tensor) -> Tensor:
        """Prepare images (N, 3, H, W) of grey levels in floating point; has a gradient.

        Raises
        ------
        ValueError
            Images of a size that the model does not take.
        """
        height, width = pixels.shape[-2:]
        if reason := self.misfit((height, width)):
            raise ValueError(reason)
        if self.resize is not None:
            whole = Preparation(None, None, None, self.resize, None, "rgb").shape((height, width))
            if whole != (height, width):
                pixels = functional.interpolate(pixels, whole, mode="bilinear", antialias=True, align_corners=False)
        if self.crop is not None:
            pixels = _centre(pixels, self.crop)
        if self.channels == "bgr":
            pixels = pixels.flip(1)
        if self.mean is None or self.std is None:
            return pixels
        mean, std = (
            torch.tensor(values, dtype=pixels.dtype, device=pixels.device)[:, None, None]
            for values in (self.mean, self.std)
        )
        return (pixels / 255 - mean) / std


class WrappedDetector(Detector):
    """A model of the user's as a detector; see `wrap`.

    Parameters
    ----------
    network : nn.Module
        The model, or a module that calls it.
    preparation : Preparation
        What is done to grey levels before the model sees them.
    output : int, callable or None
        Which number is the logit; see `wrap`.
    name : str
        Name of the model, as pages show it.
    gradient : bool
        Whether the logit has a gradient by the pixels.
    """

    def __init__(
        self, network: nn.Module, preparation: Preparation, *, output: Output, name: str, gradient: bool
    ) -> None:
        super().__init__(network)
        self.input = cast("InputKind", "wrapped")
        self.preparation = preparation
        self.output = output
        self.name = name
        self.gradient = gradient

    @property
    def early_down(self) -> Literal[4]:
        """4, for every network from outside this package."""
        return 4

    @property
    def identity(self) -> str:
        """Text that distinguishes this detector from others with the same weights."""
        return f"wrapped {self.preparation} {_identity_of(self.output)}" + ("" if self.has_weights else f" {self.name}")

    @property
    def has_weights(self) -> bool:
        """Whether the model's weights can be seen."""
        return any(True for _ in self.network.parameters())

    @property
    def gradient_free(self) -> str:
        """Why the logit has no gradient by the pixels; empty if it has one."""
        if self.gradient:
            return ""
        if isinstance(self.network, _OfArrays):
            return "the detector is a function of arrays, which has no gradient"
        return "the model's logit has no gradient"

    def misfit(self, shape: Size) -> str:
        """Say why an image of a height and width cannot be taken; empty if it can.

        Parameters
        ----------
        shape : (int, int)
            Height and width of the image, pixels.
        """
        return self.preparation.misfit(shape)

    def prepare_pixels(self, pixels: Tensor) -> Tensor:
        """Prepare images (N, 3, H, W) of grey levels 0 .. 255; has a gradient.

        Parameters
        ----------
        pixels : Tensor, shape (N, 3, H, W)
            Images in grey levels 0 .. 255.
        """
        return self.preparation(pixels)

    def forward(self, prepared: Tensor) -> Tensor:
        """Give logits, (N,), of prepared images; ValueError if the model fails on them.

        Parameters
        ----------
        prepared : Tensor
            Images as `prepare_pixels` gives them.
        """
        try:
            given = self.network(prepared)
        except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
            height, width = prepared.shape[-2:]
            raise ValueError(
                f"the model fails on {width}x{height} pixels ({_first_line(error)}): size, resize or crop of wrap must"
                " say which it takes"
            ) from error
        return _logits_of(given, self.output, len(prepared))

    @torch.no_grad()
    def logits(self, images: Sequence[Uint8]) -> NDArray[np.float32]:
        """Score images as they are, as `Detector.logits`.

        Parameters
        ----------
        images : sequence of ndarray of uint8, (H, W, 3)
            Images of one size.

        Raises
        ------
        ValueError
            Images that are not uint8 of one shape (H, W, 3), or of a size that the model does not take.
        """
        shapes = {(image.shape, str(image.dtype)) for image in images}
        if len(shapes) != 1 or any(len(s) != 3 or s[2] != 3 or t != "uint8" for s, t in shapes):
            raise ValueError(f"images must be uint8 of one shape (H, W, 3), got {sorted(shapes)}")
        pixels = torch.from_numpy(np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))).float()
        with evaluating(self):
            logits = self(self.beside(self.prepare_pixels(pixels)))
        return np.asarray(logits.float().cpu().numpy())

    def __repr__(self) -> str:
        """Name the model, its input and its weights in one line."""
        size = "any size" if self.preparation.size is None else _sides(self.preparation.size)
        count = sum(parameter.numel() for parameter in self.network.parameters())
        weights = f"{count:,} weights" if count else "weights unseen"
        return f"WrappedDetector({self.name}: {size}, {self.preparation.channels}, {weights})"


def wrap(
    model: nn.Module | Callable[..., Any],
    *,
    output: Output = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    size: int | Size | None = None,
    resize: int | Size | None = None,
    crop: int | Size | None = None,
    channels: Channels = "rgb",
    name: str | None = None,
    takes: Takes | None = None,
) -> WrappedDetector:
    """Make a detector of any network or function.

    Parameters
    ----------
    model : nn.Module or callable
        Model of torchvision, timm, transformers or your own: called with a batch, it gives a logit for each image, (N,)
        or (N, 1), or an object or mapping with `logits`. It is shared, not copied, and scored in evaluation mode.
    output : int or callable, optional
        Which of several numbers is the logit: the greater, the more likely fake. An int is a column. A callable takes
        what the model gives, or its `logits`, to (N,). For two columns of a softmax, real and fake, take the difference
        ``lambda z: z[:, 1] - z[:, 0]``; of probabilities, the difference of their logarithms.
    mean, std : float or sequence of 3 floats, optional
        Mean and standard deviation of the colours, on the scale 0 .. 1, in the order of `channels`. Default those of a
        timm model's `pretrained_cfg`, else ImageNet's.
    size : int or (int, int), optional
        Height and width of the only images that the model takes. Others are refused, unless `resize` or `crop` make
        them fit. Default any size, or what `crop` or `resize` give.
    resize : int or (int, int), optional
        Resize images first, antialiased: an int is the shorter side, a pair height and width. It moves and blurs all
        traces of upsampling: give it only if the model was trained so.
    crop : int or (int, int), optional
        Then cut out the centre; smaller images are filled up with zeros.
    channels : {"rgb", "bgr"}
        Order in which the model takes the colours.
    name : str, optional
        Default the name of the model's class.
    takes : {"tensors", "arrays"}, optional
        "tensors": float, (N, 3, H, W), normalised, on the device and in the precision of the model's weights. "arrays":
        ndarray of uint8, (N, H, W, 3), not normalised; no gradient is taken through it, and calls are made one at a
        time. Default tensors for an nn.Module, arrays for another callable.

    Returns
    -------
    WrappedDetector
        For `inspect`, `score_files` and all that takes a detector.

    Raises
    ------
    TypeError
        Something that cannot be called.
    ValueError
        Two or more numbers an image without `output`; a model that does not take the images, or gives something else;
        a parameter out of range.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    >>> wrap(network, output=lambda z: z[:, 1] - z[:, 0], name="two logits")
    WrappedDetector(two logits: any size, rgb, 122 weights)
    """
    _check_model(model)
    if channels not in get_args(Channels):
        raise ValueError(f"channels must be one of {', '.join(get_args(Channels))}, got {channels!r}")
    if takes is not None and takes not in get_args(Takes):
        raise ValueError(f"takes must be one of {', '.join(get_args(Takes))}, got {takes!r}")
    if output is not None and (isinstance(output, bool) or not (isinstance(output, int) or callable(output))):
        raise ValueError(f"output must be a column or a function of what the model gives, got {output!r}")
    arrays = takes == "arrays" or (takes is None and not isinstance(model, nn.Module))
    if arrays and (mean is not None or std is not None):
        raise ValueError("mean and std must be left out for a function of arrays, which gets grey levels 0 to 255")
    preset = getattr(model, "pretrained_cfg", None)
    preset = preset if isinstance(preset, Mapping) else {}
    preparation = Preparation(
        None if arrays else _colours("mean", mean, preset.get("mean"), IMAGENET_MEAN),
        None if arrays else _colours("std", std, preset.get("std"), IMAGENET_STD),
        None if size is None else _pair("size", size),
        None if resize is None else resize if _is_side("resize", resize) else _pair("resize", resize),
        None if crop is None else _pair("crop", crop),
        channels,
    )
    label = name if name is not None else getattr(model, "__name__", type(model).__name__)
    if arrays:
        network: nn.Module = _OfArrays(model)
    else:
        network = model if isinstance(model, nn.Module) else _OfTensors(model)
    detector = WrappedDetector(network, _fixed(preparation), output=output, name=label, gradient=False)
    detector.gradient = _probed(detector, _probe_side(detector.preparation))
    if detector.preparation.size is None and detector.preparation.resize is None:
        _probed_elsewhere(detector)
    return detector


class _OfArrays(nn.Module):
    """A function of uint8 arrays (N, H, W, 3) as a module of grey levels (N, 3, H, W); one call at a time."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.lock: Any = _Lock()

    def forward(self, levels: Tensor) -> Any:
        pixels = levels.detach().cpu().float().numpy().transpose(0, 2, 3, 1)
        arrays = np.ascontiguousarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
        with self.lock.lock:
            return self.function(arrays)


class _OfTensors(nn.Module):
    """A function of tensors as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, prepared: Tensor) -> Any:
        return self.function(prepared)


class _Lock:
    """A lock that may be copied and pickled: the copy is a new one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[type[_Lock], tuple[()]]:
        return type(self), ()


def _logits_of(given: Any, output: Output, count: int) -> Tensor:
    """The logits, (N,), among what a model gives; ValueError if they cannot be told."""
    values = _values_of(given)
    if callable(output):
        try:
            values = output(values)
        except Exception as error:
            shape = tuple(getattr(values, "shape", ()))
            kind = f"{type(values).__name__} of shape {shape}" if shape else type(values).__name__
            raise ValueError(f"output must take the {kind} that the model gives, got {_first_line(error)}") from error
    elif not isinstance(values, (Tensor, np.ndarray)):
        raise ValueError(
            f"the model gives a {type(given).__name__}: output must be a function that takes it to one number an image"
        )
    logits = torch.as_tensor(values)
    if isinstance(output, int) and logits.ndim == 2 and logits.shape[0] == count:
        if not -logits.shape[1] <= output < logits.shape[1]:
            raise ValueError(f"output must be one of the model's {logits.shape[1]} columns, got {output}")
        logits = logits[:, output]
    if logits.shape == (count, 1) or (count == 1 and logits.ndim == 0):
        logits = logits.reshape(count)
    if logits.shape == (count,):
        return logits
    shape = tuple(logits.shape)
    if output is not None:
        raise ValueError(f"output must give one number an image, got shape {shape} for {count} images")
    if len(shape) == 2 and shape[0] == count:
        raise ValueError(
            f"the model gives {shape[1]} numbers an image: output must say which is the logit of fake, as {_DIFFERENCE}"
            " if column 1 is fake and column 0 real, or a column"
        )
    raise ValueError(f"the model gives shape {shape} for {count} images: output must make it one number an image")


def _values_of(given: Any) -> Any:
    if isinstance(given, Mapping) and "logits" in given:
        return given["logits"]
    logits = getattr(given, "logits", None)
    return given if logits is None else logits


def _probed(detector: WrappedDetector, side: Size) -> bool:
    """Run the model on one image; gives whether its logit has a gradient."""
    try:
        with evaluating(detector), torch.enable_grad():
            pixels = torch.full((1, 3, *side), 128.0, requires_grad=True)
            given = detector.network(detector.beside(detector.prepare_pixels(pixels)))
    except Exception as error:
        raise ValueError(
            f"the model must take {_sides(detector.preparation.shape(side))} pixels, got {_first_line(error)};"
            " pass size, resize or crop if it takes others, takes='tensors' or 'arrays' if it takes the other"
        ) from error
    with torch.enable_grad():
        return _logits_of(given, detector.output, 1).requires_grad


def _probed_elsewhere(detector: WrappedDetector) -> None:
    """Raise ValueError if the model does not take a second size."""
    try:
        with evaluating(detector), torch.no_grad():
            pixels = torch.full((1, 3, _OTHER_PROBE, _OTHER_PROBE), 128.0)
            detector.network(detector.beside(detector.prepare_pixels(pixels)))
    except Exception as error:
        raise ValueError(
            f"size must be given: the model takes {_PROBE}x{_PROBE} but not {_OTHER_PROBE}x{_OTHER_PROBE} pixels"
            f" ({_first_line(error)}); pass size={_PROBE}, and resize or crop if images of other sizes are to fit"
        ) from error


def _probe_side(preparation: Preparation) -> Size:
    if preparation.size is not None and preparation.resize is None and preparation.crop is None:
        return preparation.size
    return _PROBE, _PROBE


def _fixed(preparation: Preparation) -> Preparation:
    """The preparation with the size that resizing or cropping gives."""
    final = preparation.crop or (preparation.resize if isinstance(preparation.resize, tuple) else None)
    size = preparation.size or final
    if final is not None and size is not None and final != size:
        raise ValueError(f"size must be what resize and crop give, {_sides(final)}, got {_sides(size or final)}")
    return Preparation(
        preparation.mean, preparation.std, size, preparation.resize, preparation.crop, preparation.channels
    )


def _check_model(model: Any) -> None:
    if isinstance(model, Detector):
        raise TypeError(f"model must not be wrapped again, got a {type(model).__name__}")
    if reason := why_no_model(model):
        raise TypeError(f"model must be an nn.Module or a function, got {reason}")


def _colours(
    parameter: str, given: float | Sequence[float] | None, preset: Any, default: tuple[float, ...]
) -> tuple[float, ...]:
    if given is None:
        return tuple(map(float, preset)) if isinstance(preset, Sequence) and len(preset) == 3 else default
    values = (float(given),) * 3 if isinstance(given, (int, float)) else tuple(map(float, given))
    rule = "between 0 and 1" if parameter == "mean" else "positive"
    fits = all(0 <= value <= 1 if parameter == "mean" else 0 < value < math.inf for value in values)
    if len(values) != 3 or not fits:
        raise ValueError(
            f"{parameter} must be one or three numbers {rule}, of colours on the scale 0 to 1, got {given}"
        )
    return values


def _is_side(parameter: str, given: int | Size) -> bool:
    if isinstance(given, int) and not isinstance(given, bool) and given < 1:
        raise ValueError(f"{parameter} must be at least 1 pixel, got {given}")
    return isinstance(given, int)


def _pair(parameter: str, given: int | Size) -> Size:
    sides = (given, given) if isinstance(given, int) else tuple(given)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ValueError(f"{parameter} must be a number of pixels or (height, width), got {given!r}")
    return sides[0], sides[1]


def _centre(pixels: Tensor, crop: Size) -> Tensor:
    short = [max(0, want - side) for want, side in zip(crop, pixels.shape[-2:], strict=True)]
    if any(short):
        (top, left) = (missing // 2 for missing in short)
        pixels = functional.pad(pixels, (left, short[1] - left, top, short[0] - top))
    top, left = (round((side - want) / 2) for want, side in zip(crop, pixels.shape[-2:], strict=True))
    return pixels[..., top : top + crop[0], left : left + crop[1]]


def _identity_of(output: object) -> str:
    if not callable(output):
        return repr(output)
    code = getattr(output, "__code__", None)
    if not isinstance(code, CodeType):
        return f"{type(output).__module__}.{type(output).__qualname__}"
    # What a function closes over, and its defaults, change what it gives as much as its code.
    cells = [cell.cell_contents for cell in getattr(output, "__closure__", None) or ()]
    values = [*cells, getattr(output, "__defaults__", None), getattr(output, "__kwdefaults__", None)]
    return f"{_code_of(code)} {[_identity_of(value) for value in values if value is not None]}"


def _code_of(code: CodeType) -> str:
    constants = [_code_of(value) if isinstance(value, CodeType) else repr(value) for value in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _sides(size: Size) -> str:
    return f"{size[1]}x{size[0]}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
