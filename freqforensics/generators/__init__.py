"""Upsampling as CNN generators do it, with the lattice it leaves known in advance."""

from freqforensics.generators.polyphase import random_polyphase
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

__all__ = [
    "Upsampler",
    "bilinear",
    "fir",
    "kaiser",
    "linear",
    "nearest",
    "pixel_shuffle",
    "pixel_shuffle_lattice",
    "random_polyphase",
    "transposed_convolution",
    "zero_insertion",
]
