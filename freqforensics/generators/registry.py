"""The registry of generator families: their upsampling, and where it can leave lines. Loads no torch."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from freqforensics.runtime.showing import Summarised

if TYPE_CHECKING:
    from freqforensics.generators.families.decoder import Decoder

SHELF: Final = Path(__file__).parent / "weights"
"""Folder of the miniatures that ship."""

Operator = Literal["nearest", "bilinear", "transposed", "shuffle", "alias-free"]


@dataclass(frozen=True)
class Plan:
    """Sizes of a miniature.

    Parameters
    ----------
    layers : int
        x2 layers; the content has 2^-layers the side of the photo.
    width : int
        Channels at full resolution; twice as many at half of it, four times as many below.
    content : int
        Channels of the content. An up-path that could give a photo back without loss would leave no lattice: pixel
        shuffles and U-Nets get fewer than they could use.
    style : int
        Length of the style vector.
    skips : int
        Channels of each skip connection of a U-Net.
    layout : int
        Levels of the layout.

    Examples
    --------
    >>> [Plan(width=24).channels(remaining) for remaining in (2, 1, 0)]
    [96, 48, 24]
    """

    layers: int = 2
    width: int = 24
    content: int = 32
    style: int = 32
    skips: int = 12
    layout: int = 8

    def __post_init__(self) -> None:
        for name in ("layers", "width", "content", "style", "skips", "layout"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def check_size(self, size: int) -> None:
        """Raise ValueError unless a miniature can be fitted to crops of `size` pixels.

        Parameters
        ----------
        size : int
            Side of the crops, pixels.
        """
        if size < 16 or size % 2**self.layers:
            raise ValueError(f"size must be a multiple of {2**self.layers} from 16, got {size}")

    def channels(self, remaining: int) -> int:
        """Give the number of channels before the last `remaining` x2 layers.

        Parameters
        ----------
        remaining : int
            Number of x2 layers that are still to come.
        """
        return self.width << min(remaining, 2)


@dataclass(frozen=True)
class Family:
    """One generator family.

    Parameters
    ----------
    name : str
        Name of the family.
    path : str
        Module and class of the decoder below ``generators/families``.
    operator : {"nearest", "bilinear", "transposed", "shuffle", "alias-free"}
        Main upsampling operator; families with the same one are twins.
    upsampling : str
        The up-path in a few words.
    plan : Plan
        Sizes of the miniature that ships.
    adversarial : bool
        Whether the miniature is fitted against a discriminator too, as its family is, except for the alias-free one.
    leaves_lattice : bool
        False for alias-free upsampling.
    steps : int
        Steps of the fit of the miniature that ships.
    """

    name: str
    path: str
    operator: Operator
    upsampling: str
    plan: Plan = field(default_factory=Plan)
    adversarial: bool = True
    leaves_lattice: bool = True
    steps: int = 8000

    @property
    def decoder(self) -> type[Decoder]:
        """The up-path. Its docstring says how it differs from the paper's. Loads torch."""
        module, name = self.path.split(":")
        return getattr(importlib.import_module(f"freqforensics.generators.families.{module}"), name)

    @property
    def factor(self) -> int | None:
        """Denominator of the finest lines the up-path can leave: 2^layers, or None."""
        return 2**self.plan.layers if self.leaves_lattice else None


_LISTED = (
    Family("progan", "interpolated:ProGAN", "nearest", "nearest, convolution", Plan(content=48)),
    Family("stylegan", "styled:StyleGAN", "nearest", "nearest, convolution, blur", Plan(content=48)),
    Family("biggan", "interpolated:BigGAN", "nearest", "nearest in residual blocks", Plan(content=48)),
    Family("cyclegan", "transposed:CycleGAN", "transposed", "transposed convolution k=3"),
    Family("stargan", "transposed:StarGAN", "transposed", "transposed convolution k=4"),
    Family("gaugan", "interpolated:GauGAN", "nearest", "nearest before SPADE blocks", Plan(width=16, content=48)),
    Family(
        "crn",
        "interpolated:CRN",
        "bilinear",
        "bilinear, corners aligned",
        Plan(content=48, layout=24),
        adversarial=False,
    ),
    Family(
        "imle",
        "interpolated:IMLE",
        "bilinear",
        "bilinear, corners aligned",
        Plan(content=48, layout=24),
        adversarial=False,
    ),
    Family(
        "sitd",
        "transposed:SITD",
        "transposed",
        "transposed convolution k=2, pixel shuffle",
        Plan(content=6, skips=1),
        adversarial=False,
    ),
    Family("san", "shuffled:SAN", "shuffle", "convolution, pixel shuffle", Plan(content=12), adversarial=False),
    Family(
        "deepfake",
        "shuffled:Deepfake",
        "shuffle",
        "convolution, leaky ReLU, pixel shuffle",
        Plan(content=12),
        adversarial=False,
    ),
    Family("stylegan2", "styled:StyleGAN2", "transposed", "transposed convolution, FIR [1,3,3,1]", Plan(content=48)),
    Family(
        "stylegan3",
        "styled:StyleGAN3",
        "alias-free",
        "Kaiser filter, alias-free, x2",
        Plan(layers=1, width=16, content=48),
        adversarial=False,
        leaves_lattice=False,
        steps=2400,
    ),
    Family("alae", "styled:ALAE", "transposed", "fused transposed convolution, blur", Plan(content=48), steps=12000),
    Family("dcgan", "transposed:DCGAN", "transposed", "transposed convolution k=4", Plan(width=32, content=12)),
    Family(
        "pix2pix",
        "transposed:Pix2pix",
        "transposed",
        "transposed convolution k=4, skips",
        Plan(width=32, content=16, skips=3),
    ),
    Family(
        "ldm_vae",
        "interpolated:LDMVAE",
        "nearest",
        "nearest, convolution, x8",
        Plan(layers=3, width=12, content=40),
        steps=14000,
    ),
)

FAMILIES: Final[dict[str, Family]] = {family.name: family for family in _LISTED}
"""Every family by name: those of ForenSynths, the alias-free control, and four more."""


_SAME_DECODER: Final = {"stable_diffusion": "ldm_vae"}


def operator_of(name: str) -> Operator | None:
    """Give the upsampling operator of a generator of this name, real or miniature; None if it is not known.

    Parameters
    ----------
    name : str
        Name of a generator, such as "progan".

    Examples
    --------
    >>> operator_of("progan"), operator_of("stargan"), operator_of("camera")
    ('nearest', 'transposed', None)
    """
    family = FAMILIES.get(_SAME_DECODER.get(name, name))
    return None if family is None else family.operator


def find_family(name: str) -> Family:
    """Find a family by name.

    Parameters
    ----------
    name : str
        Name of the family.

    Returns
    -------
    Family

    Raises
    ------
    ValueError
        No such family; lists them all.
    """
    if name not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}; got {name!r}")
    return FAMILIES[name]


def named_families(names: Sequence[str]) -> list[str]:
    """Check names of families; "all" stands for every family. A ValueError lists them.

    Parameters
    ----------
    names : sequence of str
        Names of families, or "all".

    Examples
    --------
    >>> named_families(["progan", "biggan"]), len(named_families(["all"]))
    (['progan', 'biggan'], 17)
    """
    chosen = list(FAMILIES) if "all" in names else list(dict.fromkeys(names))
    return [find_family(name).name for name in chosen]


def fitted_families(names: Sequence[str], folder: str | Path | None = None) -> list[str]:
    """Check that families exist and are fitted.

    Parameters
    ----------
    names : sequence of str
        Names of families; "all" stands for every fitted one.
    folder : str or Path, optional
        Folder of fitted miniatures; default the one that ships.

    Returns
    -------
    list of str
        Names, in the order of the registry.

    Raises
    ------
    ValueError
        An unknown family.
    FileNotFoundError
        A family is not fitted, or with "all" none is.

    Examples
    --------
    >>> fitted_families(["progan"])
    ['progan']
    """
    shelf = SHELF if folder is None else Path(folder)
    chosen = named_families(names)
    missing = [name for name in chosen if not (shelf / f"{name}.safetensors").is_file()]
    if "all" in names:
        chosen = [name for name in chosen if name not in missing]
        if not chosen:
            raise FileNotFoundError(f"no fitted miniature in {shelf}: freqforensics fit-generator makes them")
    elif missing:
        path = shelf / f"{missing[0]}.safetensors"
        raise FileNotFoundError(f"no fitted miniature at {path}: freqforensics fit-generator makes one")
    return chosen


@dataclass(frozen=True, eq=False, repr=False)
class PredictedLattice(Summarised):
    """Frequencies at which a family's up-path can leave lines.

    Parameters
    ----------
    family : str
        Name of the family.
    factor : int or None
        2^layers, or None for alias-free upsampling.
    denominators : tuple of int
        2 .. factor.
    points : ndarray, shape (n, 2)
        Frequencies (fy, fx) in -1/2 .. 1/2 cycles per pixel, DC left out.
    """

    family: str
    factor: int | None
    denominators: tuple[int, ...]
    points: NDArray[np.float64]


def predicted_lattice(family: str, *, layers: int | None = None) -> PredictedLattice:
    """Give the frequencies (a / 2^n, b / 2^n) at which a family's up-path can leave lines.

    Parameters
    ----------
    family : str
        Name of the family.
    layers : int, optional
        n; default those of the family's miniature.

    Returns
    -------
    PredictedLattice
        Empty for alias-free upsampling. The fitted kernels decide how high the lines are; `Upsampler.lattice` has the
        closed form for given taps.

    Raises
    ------
    ValueError
        No such family, or `layers` below 1.

    Examples
    --------
    Two layers of upsampling by 2 leave lines at multiples of 1/2 and 1/4. Alias-free upsampling leaves none.

    >>> predicted_lattice("progan").denominators, predicted_lattice("stylegan3").denominators
    ((2, 4), ())
    """
    entry = find_family(family)
    count = entry.plan.layers if layers is None else layers
    if count < 1:
        raise ValueError(f"layers must be at least 1, got {layers}")
    if not entry.leaves_lattice:
        return PredictedLattice(family, None, (), np.zeros((0, 2)))
    factor = 2**count
    f = np.arange(-factor // 2, factor // 2) / factor
    points = np.array([(y, x) for y in f for x in f if (y, x) != (0.0, 0.0)])
    return PredictedLattice(family, factor, tuple(2**k for k in range(1, count + 1)), points)
