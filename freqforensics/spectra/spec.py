"""How the spectrum of an image is computed before it is averaged; stored with every result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics.spectra.crops import Crop
from freqforensics.spectra.residual import Residual, check_residual
from freqforensics.spectra.windows import Window, window_sums

Channel = Literal["luma", "red", "green", "blue", "rgb"]
Normalisation = Literal["none", "amplitude", "density"]


@dataclass(frozen=True)
class SpectrumSpec:
    """How the spectrum of one image is computed; stored with every result.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the crops, in pixels, at least 2. Smaller images are skipped and counted; nothing is
        resized or padded.
    crop : {"center", "tiles", "random"}
        Where crops lie; see `crop_origins`.
    align : int
        Crop offsets are multiples of this from the image's origin, so that lattices keep their phase.
    residual : {"median", "gaussian", "laplacian", "wavelet", "npr", "none"}
        High-pass residual; see `high_pass_residual`. A margin around the crop enters, so that the result equals the
        crop of the whole image's residual.
    kernel : int
        Odd side of the residual's filter.
    channel : {"luma", "red", "green", "blue", "rgb"}
        "luma" is 0.299 R + 0.587 G + 0.114 B, unrounded; for a JPEG file it is the luma that the file stores, in whole
        grey levels and without any interpolated chroma. The two differ by a rounding, and by more only where the
        colours clip. "rgb" keeps three spectra apart.
    window : {"none", "hann", "periodic"}
        "periodic" takes the periodic component of Moisan's periodic plus smooth decomposition, which removes the
        cross of the borders and leaves lines sharp; "hann" widens every line to 3 x 3 bins.
    normalisation : {"none", "amplitude", "density"}
        Divides the DFT by 1; by the sum of the window (a cosine of amplitude A shows A/2 at each of its two bins);
        or by the root of the sum of the squared window (white noise of variance v has power v in every bin, so that
        sizes and windows can be compared).

    Raises
    ------
    ValueError
        A value that is not one of these.

    Examples
    --------
    >>> spec = SpectrumSpec(size=128, residual="wavelet")
    >>> spec.size, spec.residual, spec.channel
    ((128, 128), 'wavelet', 'luma')
    """

    size: int | tuple[int, int] = 256
    crop: Crop = "center"
    align: int = 16
    residual: Residual = "median"
    kernel: int = 5
    channel: Channel = "luma"
    window: Window = "none"
    normalisation: Normalisation = "density"

    def __post_init__(self) -> None:
        sides = tuple(self.size) if isinstance(self.size, (tuple, list)) else (self.size, self.size)
        size = tuple(int(side) if isinstance(side, (int, np.integer)) else 0 for side in sides)
        if len(size) != 2 or min(size) < 2:
            raise ValueError(f"size must be one or two integers (height, width) from 2, got {self.size!r}")
        object.__setattr__(self, "size", size)
        for name, choices in (
            ("crop", Crop),
            ("channel", Channel),
            ("window", Window),
            ("normalisation", Normalisation),
        ):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}; got {getattr(self, name)!r}")
        if not isinstance(self.align, int) or self.align < 1:
            raise ValueError(f"align must be an integer from 1, got {self.align!r}")
        check_residual(self.residual, self.kernel)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the crops."""
        return self.size  # type: ignore[return-value]  # __post_init__ made it a pair

    @property
    def planes(self) -> int:
        """Number of planes of one image: 3 for "rgb", else 1."""
        return 3 if self.channel == "rgb" else 1

    @property
    def scale(self) -> float:
        """Factor of an unnormalised DFT."""
        total, squares = window_sums(self.shape, self.window)
        return {"none": 1.0, "amplitude": 1.0 / total, "density": float(squares**-0.5)}[self.normalisation]


def channel_planes(image: NDArray[Any], channel: Channel) -> NDArray[Any]:
    """Take from an RGB image the planes to be transformed.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3) or (H, W)
        RGB, or one grey plane, which can only be taken as "luma".
    channel : {"luma", "red", "green", "blue", "rgb"}
        Planes to take.

    Returns
    -------
    ndarray, shape (1 or 3, H, W)
        uint8 as it came for the colours; float32, not rounded, for the luma of an RGB image.

    Raises
    ------
    ValueError
        Any other shape, or a colour of a grey plane.

    Examples
    --------
    >>> image = np.full((2, 2, 3), (200, 100, 0), np.uint8)
    >>> channel_planes(image, "luma")[0, 0].tolist(), channel_planes(image, "rgb").shape
    ([118.5, 118.5], (3, 2, 2))
    """
    if image.ndim == 2:
        if channel != "luma":
            raise ValueError(f"channel {channel!r} needs an RGB image, got one plane of shape {image.shape}")
        return image[None]
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image must have shape (H, W, 3) or (H, W), got {image.shape}")
    if channel == "luma":
        return cv2.cvtColor(np.asarray(image, np.float32), cv2.COLOR_RGB2GRAY)[None]
    planes = np.moveaxis(image, 2, 0)
    if channel == "rgb":
        return np.ascontiguousarray(planes)
    index = ("red", "green", "blue").index(channel)
    return np.ascontiguousarray(planes[index : index + 1])
