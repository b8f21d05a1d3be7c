from .accumulate import SpectrumAccumulator as SpectrumAccumulator, combine as combine
from .alignment import match_radial_power as match_radial_power
from .bands import Band as Band, keep_band as keep_band, notch_mask as notch_mask
from .crops import Crop as Crop, crop_origins as crop_origins
from .files import (
    FileEvidence as FileEvidence,
    file_evidence as file_evidence,
    mean_spectrum as mean_spectrum,
)
from .lattice import (
    UpsamplingReport as UpsamplingReport,
    estimate_upsampling as estimate_upsampling,
    lattice_test as lattice_test,
    resampling_alternative as resampling_alternative,
)
from .nulls import (
    coherence_p_value as coherence_p_value,
    full_plane as full_plane,
    half_plane_weights as half_plane_weights,
    self_conjugate_bins as self_conjugate_bins,
)
from .peaks import (
    SpectralLine as SpectralLine,
    find_peaks as find_peaks,
    line_bins as line_bins,
    strongest_line as strongest_line,
)
from .population import (
    Nearest as Nearest,
    Population as Population,
    Standing as Standing,
    measure_population as measure_population,
    shipped_population as shipped_population,
)
from .power import MeanSpectrum as MeanSpectrum
from .profile import Profile as Profile, angular_profile as angular_profile, radial_profile as radial_profile
from .resampling import (
    ResamplingTrace as ResamplingTrace,
    TraceAccumulator as TraceAccumulator,
    resampling_trace as resampling_trace,
)
from .residual import Residual as Residual, high_pass_residual as high_pass_residual
from .spec import (
    Channel as Channel,
    Normalisation as Normalisation,
    SpectrumSpec as SpectrumSpec,
    channel_planes as channel_planes,
)
from .tiles import log_coherence as log_coherence, tile_coherence as tile_coherence
from .windows import Window as Window
