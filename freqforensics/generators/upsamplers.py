"""The linear upsamplers of CNN generators: the operators, their gains and the lines they cause, in closed form.

Every one is zero insertion followed by a filter, the same along both axes: y[n] = sum_k h[k] z[n - k + c] with
z[s i] = x[i]. So a plane's spectrum is tiled s times along each axis and multiplied by H(f), and n layers on a constant
leave lines at multiples of s^-n whose heights are products of H.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boundary = Literal["wrap", "reflect", "edge"]
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Upsampler:
    """One separable linear upsampler.

    Parameters
    ----------
    name : str
        Name, for messages and figures.
    factor : int
        s, along each axis.
    taps : tuple of float
        h, along each axis.
    offset : int
        c, the tap that multiplies the sample at the origin.

    Raises
    ------
    ValueError
        A factor below 1, no taps, or an offset that is not one of them.

    Examples
    --------
    >>> nearest(2)(np.array([[1.0, 2.0], [3.0, 4.0]]))[0].tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    name: str
    factor: int
    taps: tuple[float, ...]
    offset: int

    def __post_init__(self) -> None:
        if self.factor < 1:
            raise ValueError(f"factor must be at least 1, got {self.factor}")
        if not self.taps or not 0 <= self.offset < len(self.taps):
            raise ValueError(f"offset must be the index of one of {len(self.taps)} taps, got {self.offset}")

    def __call__(self, planes: NDArray[Any], *, boundary: Boundary = "reflect") -> NDArray[Any]:
        """Upsample planes.

        Parameters
        ----------
        planes : ndarray of floating point, shape (..., H, W)
            Image planes.
        boundary : {"wrap", "reflect", "edge"}
            What lies beyond the borders; with "wrap" the closed forms hold exactly.

        Returns
        -------
        ndarray, shape (..., factor H, factor W)
            Type of `planes`, or float64 for integers.
        """
        if boundary not in get_args(Boundary):
            raise ValueError(f"boundary must be one of {', '.join(get_args(Boundary))}; got {boundary!r}")
        result = np.asarray(planes)
        if not np.issubdtype(result.dtype, np.floating):
            result = result.astype(np.float64)
        for axis in (-2, -1):
            result = self._along(result, axis, boundary)
        return result

    def gain(self, f: ArrayLike) -> Float:
        """Compute the modulus of H at frequencies of the output: the gain on the tiled spectrum, per axis.

        Parameters
        ----------
        f : array
            Frequencies, cycles per pixel.

        Returns
        -------
        ndarray, shape of `f`
            Gain, not negative.
        """
        return np.abs(self._response(np.asarray(f, np.float64)))

    def lattice(self, layers: int = 1) -> Float:
        """Compute the heights of the lines that `layers` of this upsampler leave on a constant image, relative to DC.

        Parameters
        ----------
        layers : int
            n, from 1.

        Returns
        -------
        ndarray, shape (s^n, s^n)
            At [a, b] the height of the line at (a / s^n, b / s^n) cycles per pixel: the product of |H(s^i f)| / |H(0)|
            over the layers i = 0 .. n - 1 and both axes. One at [0, 0]; zero elsewhere iff all polyphase components of
            the taps have equal sums (Odena et al. 2016: kernels divisible by their stride).

        Raises
        ------
        ValueError
            `layers` below 1, or taps that sum to zero.
        """
        if layers < 1:
            raise ValueError(f"layers must be at least 1, got {layers}")
        total = abs(sum(self.taps))
        if total < 1e-12:
            raise ValueError("the taps sum to zero: there is no DC to measure lines against")
        count = self.factor**layers
        f = np.arange(count) / count
        height = np.ones(count)
        for layer in range(layers):
            height = height * self.gain(f * self.factor**layer % 1.0) / total
        height[height < 1e-12] = 0.0
        return np.outer(height, height)

    def _response(self, f: Float) -> NDArray[np.complex128]:
        k = np.arange(len(self.taps)) - self.offset
        return np.exp(-2j * np.pi * f[..., None] * k) @ np.asarray(self.taps)

    def _along(self, x: NDArray[Any], axis: int, boundary: Boundary) -> NDArray[Any]:
        x = np.moveaxis(x, axis, -1)
        length = x.shape[-1]
        margin = 0 if boundary == "wrap" else -(-(len(self.taps) - 1) // self.factor)
        if margin:
            if boundary == "reflect" and margin >= length:
                raise ValueError(f"a side of {length} pixels is too short to reflect {margin} of them")
            x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(margin, margin)], mode=boundary)
        zeros = np.zeros((*x.shape[:-1], x.shape[-1] * self.factor), x.dtype)
        zeros[..., :: self.factor] = x
        result = np.zeros_like(zeros)
        for k, tap in enumerate(self.taps):
            result += np.roll(zeros, k - self.offset, axis=-1) * x.dtype.type(tap)
        cut = result[..., margin * self.factor : (margin + length) * self.factor]
        return np.moveaxis(cut, -1, axis)


def zero_insertion(factor: int = 2) -> Upsampler:
    """Put zeros between the samples: the spectrum repeats s times along each axis, with gain 1.

    Parameters
    ----------
    factor : int
        s.

    Examples
    --------
    The line at 1/2 is as high as the mean.

    >>> zero_insertion(2).lattice().tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    return Upsampler("zero insertion", factor, (1.0,), 0)


def nearest(factor: int = 2) -> Upsampler:
    """Every sample s times: gain |sin(pi s f) / sin(pi f)|, a null at every line (ProGAN, BigGAN, GauGAN).

    Parameters
    ----------
    factor : int
        s.

    Examples
    --------
    >>> nearest(2)(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 4.0], [3.0, 3.0, 4.0, 4.0]]
    """
    return Upsampler("nearest", factor, (1.0,) * factor, 0)


def bilinear(convention: Literal["half-pixel", "aligned"] = "half-pixel") -> Upsampler:
    """Linear interpolation by 2.

    Parameters
    ----------
    convention : {"half-pixel", "aligned"}
        "half-pixel": taps [1, 3, 3, 1] / 4, gain 2 |cos(pi f)|^3 (OpenCV; torch with align_corners=False).
        "aligned": samples stay where they are, taps [1, 2, 1] / 2, gain 2 cos^2(pi f).

    Examples
    --------
    >>> bilinear().taps, bilinear("aligned").taps
    ((0.25, 0.75, 0.75, 0.25), (0.5, 1.0, 0.5))
    """
    if convention == "half-pixel":
        return Upsampler("bilinear", 2, (0.25, 0.75, 0.75, 0.25), 1)
    if convention == "aligned":
        return linear(2)
    raise ValueError(f"convention must be half-pixel or aligned, got {convention!r}")


def linear(factor: int) -> Upsampler:
    """Linear interpolation by s, samples kept: gain (sin(pi s f) / sin(pi f))^2 / s.

    Parameters
    ----------
    factor : int
        s.

    Examples
    --------
    >>> linear(2)(np.array([[0.0, 4.0], [0.0, 4.0]]))[0].tolist()
    [0.0, 2.0, 4.0, 2.0]
    """
    ramp = np.arange(1, factor + 1) / factor
    return Upsampler("linear", factor, (*ramp.tolist(), *ramp[-2::-1].tolist()), factor - 1)


def fir(taps: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)) -> Upsampler:
    """Zero insertion by 2 and a normalised low-pass filter: StyleGAN2's [1, 3, 3, 1] (gain 2 |cos(pi f)|^3).

    Parameters
    ----------
    taps : tuple of float
        Taps of the filter; their sum is scaled to 2.

    Examples
    --------
    >>> fir((1.0, 2.0, 1.0)).taps == linear(2).taps
    True
    """
    scale = 2.0 / sum(taps)
    return Upsampler("filtered", 2, tuple(tap * scale for tap in taps), (len(taps) - 1) // 2)


def transposed_convolution(taps: tuple[float, ...], *, stride: int = 2, padding: int = 0) -> Upsampler:
    """A transposed convolution with the kernel outer(taps, taps), as in DCGAN, CycleGAN, or (k = 2) U-Net decoders.

    On a constant the line at m / s is |H(m/s)| / |H(0)| relative to DC. All ones at stride 2: nothing for k = 2 or 4,
    1/3 for k = 3, 1/5 for k = 5.

    Parameters
    ----------
    taps : tuple of float
        Kernel along each axis.
    stride, padding : int
        As in torch.nn.ConvTranspose2d; the output is not cropped, but starts `padding` samples in.

    Examples
    --------
    >>> transposed_convolution((1.0, 1.0, 1.0)).lattice()[0].round(3).tolist()
    [1.0, 0.333]
    >>> transposed_convolution((1.0, 1.0, 1.0, 1.0), stride=4).taps == nearest(4).taps
    True
    """
    return Upsampler(f"transposed k={len(taps)} s={stride}", stride, tuple(map(float, taps)), padding)


def kaiser(
    factor: int = 2,
    *,
    taps: int | None = None,
    transition: float | None = None,
    equal_phases: bool = False,
) -> Upsampler:
    """Zero insertion and a Kaiser-windowed sinc: the nearly alias-free upsampling of StyleGAN3 (Karras et al. 2021).

    Parameters
    ----------
    factor : int
        s.
    taps : int, optional
        Length of the filter, of the parity of `factor`; default 6 s.
    transition : float, optional
        Width of the transition band around 0.5 / s, cycles per pixel of the output. Default (sqrt(2) - 1) / s, as in
        StyleGAN3's first layers.
    equal_phases : bool
        Scale each polyphase component to sum to 1, so that a constant stays a constant to the last digit: no line.
        A windowed sinc alone leaves lines some 50 dB below it.

    Raises
    ------
    ValueError
        An odd difference of `taps` and `factor`: samples would move by half a pixel.

    Examples
    --------
    Its lines are far below the lines of zero insertion, which are as high as the mean.

    >>> bool(kaiser(2).lattice()[0, 1] < 0.01), float(zero_insertion(2).lattice()[0, 1])
    (True, 1.0)
    """
    from scipy.signal import firwin

    count = 6 * factor if taps is None else taps
    if (count - factor) % 2 or count < factor:
        raise ValueError(f"taps must be at least factor and of its parity, got taps={count}, factor={factor}")
    width = (np.sqrt(2) - 1) / factor if transition is None else transition
    h = firwin(count, 0.5 / factor, width=width, fs=1.0) * factor
    if equal_phases:
        for phase in range(factor):
            h[phase::factor] /= h[phase::factor].sum()
    return Upsampler("kaiser", factor, tuple(h.tolist()), (count - factor) // 2)


def pixel_shuffle(channels: NDArray[Any], factor: int) -> NDArray[Any]:
    """Interleave r^2 channels to one plane r times as large (Shi et al. 2016).

    Parameters
    ----------
    channels : ndarray, shape (..., r^2, H, W)
        Channel r i + j goes to the pixels (r m + i, r n + j).
    factor : int
        r.

    Returns
    -------
    ndarray, shape (..., r H, r W)
        The plane.

    Raises
    ------
    ValueError
        Another number of channels.

    Examples
    --------
    >>> pixel_shuffle(np.arange(4.0).reshape(4, 1, 1), 2).tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    if channels.ndim < 3 or channels.shape[-3] != factor**2:
        raise ValueError(f"channels must have shape (..., {factor**2}, H, W), got {channels.shape}")
    *front, _, height, width = channels.shape
    split = channels.reshape(*front, factor, factor, height, width)
    split = np.moveaxis(split, (-4, -3, -2, -1), (-3, -1, -4, -2))
    return split.reshape(*front, height * factor, width * factor)


def pixel_shuffle_lattice(means: ArrayLike) -> Float:
    """Compute the heights of the lines that pixel shuffle leaves where its channels have these means.

    Parameters
    ----------
    means : array, shape (r, r)
        Mean of the channel that goes to phase (i, j).

    Returns
    -------
    ndarray, shape (r, r)
        |DFT of the means| / r^2: at [a, b] the amplitude at (a / r, b / r) cycles per pixel, the mean at [0, 0].

    Examples
    --------
    Rows of channels that differ leave a line at (1/2, 0) alone.

    >>> pixel_shuffle_lattice([[3.0, 3.0], [1.0, 1.0]]).tolist()
    [[2.0, 0.0], [1.0, 0.0]]
    """
    grid = np.asarray(means, np.float64)
    if grid.ndim != 2 or grid.shape[0] != grid.shape[1]:
        raise ValueError(f"means must have shape (r, r), got {grid.shape}")
    return np.abs(np.fft.fft2(grid)) / grid.size
