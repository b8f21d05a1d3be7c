from ._version import __version__ as __version__
from .detector.calibrated import open_detector as open_detector
from .detector.checkpoint import load_detector as load_detector
from .detector.score import score_files as score_files
from .detector.weights import find_weights as find_weights
from .detector.wrap import wrap as wrap
from .figures.plane import plot_spectrum as plot_spectrum
from .figures.profiles import plot_profiles as plot_profiles
from .figures.spectrum import plot_fingerprints as plot_fingerprints
from .figures.style import save_figure as save_figure
from .figures.upsampling import plot_lattices as plot_lattices
from .generators.simulation import simulate as simulate
from .generators.storage import load_miniature as load_miniature
from .images.arrays import as_image as as_image
from .images.reading import (
    AlphaDroppedWarning as AlphaDroppedWarning,
    ImageReadError as ImageReadError,
    ImageReadWarning as ImageReadWarning,
    read_image as read_image,
)
from .images.testimony.testimony import Testimony as Testimony, read_testimony as read_testimony
from .inspection.finding import Finding as Finding
from .inspection.inspection import inspect as inspect
from .report.page import Page as Page, write_report as write_report
from .sources.records import ImageRecord as ImageRecord, by_generator as by_generator
from .sources.selection import Sources as Sources
from .sources.sources import (
    FolderWarning as FolderWarning,
    index_images as index_images,
    index_sources as index_sources,
)
from .spectra.accumulate import SpectrumAccumulator as SpectrumAccumulator
from .spectra.files import mean_spectrum as mean_spectrum
from .spectra.lattice import (
    UpsamplingReport as UpsamplingReport,
    estimate_upsampling as estimate_upsampling,
    lattice_test as lattice_test,
)
from .spectra.peaks import SpectralLine as SpectralLine, find_peaks as find_peaks, strongest_line as strongest_line
from .spectra.population import shipped_population as shipped_population
from .spectra.power import MeanSpectrum as MeanSpectrum
from .spectra.profile import Profile as Profile, angular_profile as angular_profile, radial_profile as radial_profile
from .spectra.resampling import resampling_trace as resampling_trace
from .spectra.residual import high_pass_residual as high_pass_residual
from .spectra.spec import SpectrumSpec as SpectrumSpec
from .studies.ablate import AblationStudy as AblationStudy, ablate_study as ablate_study
from .studies.audit import AuditStudy as AuditStudy, audit_study as audit_study
from .studies.baselines import BaselinesStudy as BaselinesStudy, baselines_study as baselines_study
from .studies.compare import ComparisonStudy as ComparisonStudy, compare_study as compare_study
from .studies.evaluate import EvaluationStudy as EvaluationStudy, evaluate_study as evaluate_study
from .studies.false_alarms import FalseAlarmsStudy as FalseAlarmsStudy, false_alarms_study as false_alarms_study
from .studies.inspect import InspectStudy as InspectStudy, inspect_study as inspect_study
from .studies.origin import OriginStudy as OriginStudy, origin_study as origin_study
from .studies.population import (
    CalibrationStudy as CalibrationStudy,
    PopulationStudy as PopulationStudy,
    calibration_study as calibration_study,
    population_study as population_study,
)
from .studies.quality import QualityStudy as QualityStudy, quality_study as quality_study
from .studies.robustness import RobustnessStudy as RobustnessStudy, robustness_study as robustness_study
from .studies.score import ScoreStudy as ScoreStudy, score_study as score_study
from .studies.spectrum import SpectrumStudy as SpectrumStudy, spectrum_study as spectrum_study
from .studies.upsampling import UpsamplingStudy as UpsamplingStudy, upsampling_study as upsampling_study
from .training.recipe import TrainConfig as TrainConfig
from .training.train import train_detector as train_detector
