from ._version import __version__ as __version__
from .detector.calibrated import open_detector as open_detector
from .detector.checkpoint import load_detector as load_detector
from .detector.score import score_files as score_files
from .detector.weights import find_weights as find_weights
from .figures.plane import plot_spectrum as plot_spectrum
from .figures.profiles import plot_profiles as plot_profiles
from .figures.spectrum import plot_fingerprints as plot_fingerprints
from .figures.style import save_figure as save_figure
from .figures.upsampling import plot_lattices as plot_lattices
from .images.reading import (
    AlphaDroppedWarning as AlphaDroppedWarning,
    ImageReadError as ImageReadError,
    ImageReadWarning as ImageReadWarning,
    read_image as read_image,
)
from .inspection.finding import Finding as Finding
from .inspection.inspection import inspect as inspect
from .report.page import Page as Page, write_report as write_report
from .sources.records import ImageRecord as ImageRecord, by_generator as by_generator
from .sources.sources import (
    FolderWarning as FolderWarning,
    index_images as index_images,
    index_sources as index_sources,
)
from .spectra.files import mean_spectrum as mean_spectrum
from .spectra.lattice import (
    UpsamplingReport as UpsamplingReport,
    estimate_upsampling as estimate_upsampling,
    lattice_test as lattice_test,
)
from .spectra.peaks import SpectralLine as SpectralLine, find_peaks as find_peaks, strongest_line as strongest_line
from .spectra.population import shipped_population as shipped_population
from .spectra.power import MeanSpectrum as MeanSpectrum, SpectrumAccumulator as SpectrumAccumulator
from .spectra.profile import Profile as Profile, angular_profile as angular_profile, radial_profile as radial_profile
from .spectra.resampling import resampling_trace as resampling_trace
from .spectra.residual import high_pass_residual as high_pass_residual
from .spectra.spec import SpectrumSpec as SpectrumSpec
from .studies.audit import audit_sources as audit_sources
from .studies.compare import compare_sources as compare_sources
from .studies.evaluate import (
    ablate_sources as ablate_sources,
    evaluate_sources as evaluate_sources,
    sweep_sources as sweep_sources,
)
from .studies.false_alarms import measure_false_alarms as measure_false_alarms
from .studies.inspect import InspectStudy as InspectStudy, inspect_study as inspect_study
from .studies.origin import find_origins as find_origins
from .studies.quality import relate_quality as relate_quality
from .studies.spectrum import SpectrumStudy as SpectrumStudy, spectrum_study as spectrum_study
from .studies.upsampling import LatticeSurvey as LatticeSurvey, survey_lattices as survey_lattices
from .training.recipe import TrainConfig as TrainConfig
from .training.train import train_detector as train_detector
