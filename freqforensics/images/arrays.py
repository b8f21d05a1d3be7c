"""Images that are no files: arrays, tensors and pictures of PIL, to grey levels in one layout."""

from __future__ import annotations

import sys
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Uint8 = NDArray[np.uint8]
Layout = Literal["HWC", "CHW"]
Values = Literal["unit", "levels"]

_COLOURS: Final = (1, 3)
_MODES: Final = ("RGB", "L", "1", "P")


def is_array(image: object) -> bool:
    """Tell whether an object is an ndarray, a torch tensor or a PIL image.

    Parameters
    ----------
    image : object
        Object of any class.

    Examples
    --------
    >>> is_array(np.zeros((4, 4))), is_array("photo.png")
    (True, False)
    """
    return isinstance(image, np.ndarray) or _is_tensor(image) or _is_picture(image)


def as_image(image: Any, *, layout: Layout | None = None, values: Values | None = None) -> Uint8:
    """Convert an array, a tensor or a PIL image to uint8 (H, W, 3).

    Parameters
    ----------
    image : ndarray, torch.Tensor or PIL.Image.Image
        Grey (H, W), or colours R, G, B along the last or the first axis, (H, W, 3) or (3, H, W); one channel, or a
        leading axis of one image, is allowed.
    layout : {"HWC", "CHW"}, optional
        Axis of the colours. Default the axis of length 1 or 3; required where both have it.
    values : {"unit", "levels"}, optional
        "unit": 0 .. 1, which are multiplied by 255. "levels": 0 .. 255. Both are rounded. Default "levels" for uint8,
        and "unit" for floating point from 0 to 1 that is not all 0 or 1; needed for anything else.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        A uint8 array (H, W, 3) is given back as it is, not copied.

    Raises
    ------
    TypeError
        Something that is no array.
    ValueError
        Another shape, several images, alpha, values out of range, or a layout or range that cannot be told.

    Examples
    --------
    >>> as_image(np.full((3, 40, 60), 0.5)).shape, as_image(np.zeros((40, 60), np.uint8)).shape
    ((40, 60, 3), (40, 60, 3))
    """
    if layout is not None and layout not in get_args(Layout):
        raise ValueError(f"layout must be one of {', '.join(get_args(Layout))}, got {layout!r}")
    if values is not None and values not in get_args(Values):
        raise ValueError(f"values must be one of {', '.join(get_args(Values))}, got {values!r}")
    if _is_picture(image):
        if image.mode not in _MODES:
            raise ValueError(f"image must be RGB or grey, got mode {image.mode}: convert it, as image.convert('RGB')")
        return np.asarray(image.convert("RGB"), np.uint8)
    if _is_tensor(image):
        tensor = image.detach().cpu()
        array = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    elif isinstance(image, np.ndarray):
        array = image
    else:
        raise TypeError(f"image must be an array, a tensor or a picture of PIL, got {type(image).__name__}")
    levels = _levels(_last_colours(array, layout), values)
    return np.ascontiguousarray(levels if levels.shape[2] == 3 else levels.repeat(3, axis=2))


def _last_colours(array: NDArray[Any], layout: Layout | None) -> NDArray[Any]:
    """(H, W, 1) or (H, W, 3)."""
    shape = array.shape
    if array.ndim == 4:
        if shape[0] != 1:
            raise ValueError(f"image must be one image, got {shape[0]} of them, shape {shape}")
        array = array[0]
    if array.ndim == 2:
        return array[..., None]
    if array.ndim != 3 or 0 in shape:
        raise ValueError(f"image must be (H, W), (H, W, 3) or (3, H, W), got shape {shape}")
    first, last = (array.shape[axis] in _COLOURS for axis in (0, 2))
    if layout is None:
        if first and last:
            raise ValueError(f"layout must be given, HWC or CHW: it cannot be told from shape {shape}")
        if not first and not last:
            alpha = "; leave alpha out" if 4 in (array.shape[0], array.shape[2]) else ""
            raise ValueError(f"image must have 1 or 3 channels, first or last, got shape {shape}{alpha}")
        layout = "HWC" if last else "CHW"
    if not (last if layout == "HWC" else first):
        raise ValueError(f"image must have 1 or 3 channels where layout {layout} has them, got shape {shape}")
    return array if layout == "HWC" else np.moveaxis(array, 0, -1)


def _levels(planes: NDArray[Any], values: Values | None) -> Uint8:
    if planes.dtype == np.uint8 and values != "unit":
        return planes
    if planes.dtype.kind not in "fiu":
        raise ValueError(f"image must be of numbers, got {planes.dtype}")
    low, high = float(planes.min()), float(planes.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("image must be finite, got NaN or infinity")
    if values is None:
        whole = planes.dtype.kind != "f" or bool((planes == np.rint(planes)).all())
        if whole or low < 0 or high > 1:
            raise ValueError(
                f"values must be given, 'unit' for 0 to 1 or 'levels' for 0 to 255, got {planes.dtype} from {low:g} to"
                f" {high:g}"
            )
        values = "unit"
    most = 1 if values == "unit" else 255
    if low < 0 or high > most:
        raise ValueError(f"image must lie between 0 and {most}, got {low:g} to {high:g}")
    return np.rint(planes.astype(np.float64) * (255 / most)).astype(np.uint8)


def _is_tensor(image: object) -> bool:
    torch = sys.modules.get("torch")  # without it nobody has a tensor
    return torch is not None and isinstance(image, torch.Tensor)


def _is_picture(image: object) -> bool:
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(image, pil.Image)
