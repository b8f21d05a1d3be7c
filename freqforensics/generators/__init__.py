"""Upsampling as CNN generators do it, with the lattice it leaves known in advance.

What needs torch is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freqforensics.generators.polyphase import random_polyphase
from freqforensics.generators.registry import FAMILIES, Family, Plan, PredictedLattice, predicted_lattice
from freqforensics.generators.upsamplers import (
    Upsampler,
    bilinear,
    fir,
    kaiser,
    linear,
    nearest,
    pixel_shuffle,
    pixel_shuffle_lattice,
    transposed_convolution,
    zero_insertion,
)
from freqforensics.lazy import lazy_names

_HOME = {
    "ALAEMiniature": "miniature",
    "FitConfig": "fit",
    "FittedMiniature": "storage",
    "Miniature": "miniature",
    "Photos": "photos",
    "Simulation": "simulation",
    "bundled_families": "storage",
    "fit_families": "fit",
    "fit_from_sources": "fit",
    "fit_miniature": "fit",
    "load_miniature": "storage",
    "make_miniature": "miniature",
    "measure_fit": "fit",
    "read_photos": "photos",
    "simulate": "simulation",
    "simulate_from_sources": "simulation",
}

__all__ = [
    "FAMILIES",
    "Family",
    "Plan",
    "PredictedLattice",
    "Upsampler",
    "bilinear",
    "fir",
    "kaiser",
    "linear",
    "nearest",
    "pixel_shuffle",
    "pixel_shuffle_lattice",
    "predicted_lattice",
    "random_polyphase",
    "transposed_convolution",
    "zero_insertion",
    *sorted(_HOME),
]

if TYPE_CHECKING:
    from freqforensics.generators.fit import (
        FitConfig as FitConfig,
        fit_families as fit_families,
        fit_from_sources as fit_from_sources,
        fit_miniature as fit_miniature,
        measure_fit as measure_fit,
    )
    from freqforensics.generators.miniature import (
        ALAEMiniature as ALAEMiniature,
        Miniature as Miniature,
        make_miniature as make_miniature,
    )
    from freqforensics.generators.photos import Photos as Photos, read_photos as read_photos
    from freqforensics.generators.simulation import (
        Simulation as Simulation,
        simulate as simulate,
        simulate_from_sources as simulate_from_sources,
    )
    from freqforensics.generators.storage import (
        FittedMiniature as FittedMiniature,
        bundled_families as bundled_families,
        load_miniature as load_miniature,
    )


__getattr__ = lazy_names(__name__, _HOME, globals())
