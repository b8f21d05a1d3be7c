from .fit import (
    fit_families as fit_families,
    fit_from_sources as fit_from_sources,
    fit_miniature as fit_miniature,
    measure_fit as measure_fit,
)
from .miniature import ALAEMiniature as ALAEMiniature, make_miniature as make_miniature
from .optimisation import FitConfig as FitConfig
from .photos import Photos as Photos, read_photos as read_photos
from .plain import write_upsampled_photographs as write_upsampled_photographs
from .polyphase import random_polyphase as random_polyphase
from .randomised import Faker as Faker
from .registry import (
    FAMILIES as FAMILIES,
    Plan as Plan,
    PredictedLattice as PredictedLattice,
    fitted_families as fitted_families,
    named_families as named_families,
    operator_of as operator_of,
    predicted_lattice as predicted_lattice,
)
from .simulation import Simulation as Simulation, simulate as simulate, simulate_from_sources as simulate_from_sources
from .storage import (
    FittedMiniature as FittedMiniature,
    load_miniature as load_miniature,
)
from .upsamplers import (
    Upsampler as Upsampler,
    bilinear as bilinear,
    fir as fir,
    kaiser as kaiser,
    linear as linear,
    nearest as nearest,
    pixel_shuffle as pixel_shuffle,
    pixel_shuffle_lattice as pixel_shuffle_lattice,
    transposed_convolution as transposed_convolution,
    zero_insertion as zero_insertion,
)
