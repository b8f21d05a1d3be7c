"""Arrays in, arrays out: residuals, averaged spectra, profiles, lines. Only `files` knows image files."""

from freqforensics.spectra.crops import Crop, crop_origins
from freqforensics.spectra.files import mean_spectrum
from freqforensics.spectra.nulls import coherence_p_value, full_plane, half_plane_weights, self_conjugate_bins
from freqforensics.spectra.peaks import SpectralLine, line_bins, strongest_line
from freqforensics.spectra.power import MeanSpectrum, SpectrumAccumulator, SpectrumKind
from freqforensics.spectra.profile import Profile, angular_profile, radial_profile
from freqforensics.spectra.residual import Residual, high_pass_residual
from freqforensics.spectra.spec import Channel, Normalisation, SpectrumSpec
from freqforensics.spectra.windows import Window

__all__ = [
    "Channel",
    "Crop",
    "MeanSpectrum",
    "Normalisation",
    "Profile",
    "Residual",
    "SpectralLine",
    "SpectrumAccumulator",
    "SpectrumKind",
    "SpectrumSpec",
    "Window",
    "angular_profile",
    "coherence_p_value",
    "crop_origins",
    "full_plane",
    "half_plane_weights",
    "high_pass_residual",
    "line_bins",
    "mean_spectrum",
    "radial_profile",
    "self_conjugate_bins",
    "strongest_line",
]
