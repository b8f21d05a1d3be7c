"""Arrays in, arrays out: residuals, averaged spectra, profiles, lines. Only `files` knows image files."""

from freqforensics.spectra.alignment import match_radial_power
from freqforensics.spectra.bands import Band, keep_band, notch_mask
from freqforensics.spectra.crops import Crop, crop_origins
from freqforensics.spectra.files import FileEvidence, file_evidence, image_spectra, mean_spectrum
from freqforensics.spectra.fingerprint import (
    Cluster,
    Fingerprint,
    Measure,
    Similarity,
    clusters,
    shared_map,
    similarity,
)
from freqforensics.spectra.grouping import Grouping, group
from freqforensics.spectra.lattice import (
    Alternative,
    LatticeEvidence,
    LatticeTest,
    UpsamplingReport,
    estimate_upsampling,
    lattice_test,
    resampling_alternative,
)
from freqforensics.spectra.nulls import coherence_p_value, full_plane, half_plane_weights, self_conjugate_bins
from freqforensics.spectra.origin import Candidate, KnownGenerators, Origin
from freqforensics.spectra.peaks import SpectralLine, find_peaks, line_bins, strongest_line
from freqforensics.spectra.population import Population, measure_population
from freqforensics.spectra.power import MeanSpectrum, SpectrumAccumulator, SpectrumKind, combine
from freqforensics.spectra.profile import Profile, angular_profile, radial_profile
from freqforensics.spectra.resampling import ResamplingTrace, TraceAccumulator, resampling_trace
from freqforensics.spectra.residual import Residual, high_pass_residual
from freqforensics.spectra.spec import Channel, Normalisation, SpectrumSpec
from freqforensics.spectra.stability import Influence, LearningCurve, influence, learning_curve
from freqforensics.spectra.tiles import log_coherence, tile_coherence
from freqforensics.spectra.windows import Window

__all__ = [
    "Alternative",
    "Band",
    "Candidate",
    "Channel",
    "Cluster",
    "Crop",
    "FileEvidence",
    "Fingerprint",
    "Grouping",
    "Influence",
    "KnownGenerators",
    "LatticeEvidence",
    "LatticeTest",
    "LearningCurve",
    "MeanSpectrum",
    "Measure",
    "Normalisation",
    "Origin",
    "Population",
    "Profile",
    "ResamplingTrace",
    "Residual",
    "Similarity",
    "SpectralLine",
    "SpectrumAccumulator",
    "SpectrumKind",
    "SpectrumSpec",
    "TraceAccumulator",
    "UpsamplingReport",
    "Window",
    "angular_profile",
    "clusters",
    "coherence_p_value",
    "combine",
    "crop_origins",
    "estimate_upsampling",
    "file_evidence",
    "find_peaks",
    "full_plane",
    "group",
    "half_plane_weights",
    "high_pass_residual",
    "image_spectra",
    "influence",
    "keep_band",
    "lattice_test",
    "learning_curve",
    "line_bins",
    "log_coherence",
    "match_radial_power",
    "mean_spectrum",
    "measure_population",
    "notch_mask",
    "radial_profile",
    "resampling_alternative",
    "resampling_trace",
    "self_conjugate_bins",
    "shared_map",
    "similarity",
    "strongest_line",
    "tile_coherence",
]
