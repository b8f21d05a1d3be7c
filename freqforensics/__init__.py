"""Frequency analysis and interpretability for CNN-generated images.

Names are imported when they are first used, so that importing the package costs next to nothing.

Examples
--------
>>> import freqforensics as ff
>>> spec = ff.SpectrumSpec(size=128, residual="median", kernel=5)
>>> spec.size
(128, 128)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freqforensics.lazy import lazy_names

__version__ = "0.1.0"

_HOME = {
    "AlphaDroppedWarning": "images",
    "FolderWarning": "images",
    "ImageReadError": "images",
    "ImageReadWarning": "images",
    "ImageRecord": "images",
    "MeanSpectrum": "spectra",
    "Profile": "spectra",
    "SpectralLine": "spectra",
    "SpectrumAccumulator": "spectra",
    "SpectrumSpec": "spectra",
    "angular_profile": "spectra",
    "by_generator": "images",
    "high_pass_residual": "spectra",
    "index_images": "images",
    "index_sources": "images",
    "mean_spectrum": "spectra",
    "plot_fingerprints": "figures",
    "plot_profiles": "figures",
    "plot_spectrum": "figures",
    "radial_profile": "spectra",
    "read_image": "images",
    "save_figure": "figures",
    "strongest_line": "spectra",
    "survey_sources": "survey",
    "Survey": "survey",
    "LatticeSurvey": "lattices",
    "UpsamplingReport": "spectra",
    "estimate_upsampling": "spectra",
    "find_peaks": "spectra",
    "lattice_test": "spectra",
    "plot_lattices": "figures",
    "resampling_trace": "spectra",
    "survey_lattices": "lattices",
    "TrainConfig": "detector",
    "ablate_sources": "experiments",
    "evaluate_sources": "experiments",
    "find_weights": "detector",
    "load_detector": "detector",
    "score_files": "detector",
    "sweep_sources": "experiments",
    "train_detector": "detector",
    "Finding": "finding",
    "Page": "report",
    "write_report": "report",
    "inspect": "inspection",
    "open_detector": "detector",
    "shipped_population": "population",
    "compare_sources": "comparing",
    "find_origins": "origins",
    "relate_quality": "relating",
    "measure_false_alarms": "false_alarms",
    "audit_sources": "auditing",
}

__all__ = ["__version__", *sorted(_HOME)]

if TYPE_CHECKING:
    from freqforensics.auditing import audit_sources as audit_sources
    from freqforensics.comparing import compare_sources as compare_sources
    from freqforensics.detector import (
        TrainConfig as TrainConfig,
        find_weights as find_weights,
        load_detector as load_detector,
        open_detector as open_detector,
        score_files as score_files,
        train_detector as train_detector,
    )
    from freqforensics.experiments import (
        ablate_sources as ablate_sources,
        evaluate_sources as evaluate_sources,
        sweep_sources as sweep_sources,
    )
    from freqforensics.false_alarms import measure_false_alarms as measure_false_alarms
    from freqforensics.figures import (
        plot_fingerprints as plot_fingerprints,
        plot_lattices as plot_lattices,
        plot_profiles as plot_profiles,
        plot_spectrum as plot_spectrum,
        save_figure as save_figure,
    )
    from freqforensics.finding import Finding as Finding
    from freqforensics.images import (
        AlphaDroppedWarning as AlphaDroppedWarning,
        FolderWarning as FolderWarning,
        ImageReadError as ImageReadError,
        ImageReadWarning as ImageReadWarning,
        ImageRecord as ImageRecord,
        by_generator as by_generator,
        index_images as index_images,
        index_sources as index_sources,
        read_image as read_image,
    )
    from freqforensics.inspection import inspect as inspect
    from freqforensics.lattices import LatticeSurvey as LatticeSurvey, survey_lattices as survey_lattices
    from freqforensics.origins import find_origins as find_origins
    from freqforensics.population import shipped_population as shipped_population
    from freqforensics.relating import relate_quality as relate_quality
    from freqforensics.report import Page as Page, write_report as write_report
    from freqforensics.spectra import (
        MeanSpectrum as MeanSpectrum,
        Profile as Profile,
        SpectralLine as SpectralLine,
        SpectrumAccumulator as SpectrumAccumulator,
        SpectrumSpec as SpectrumSpec,
        UpsamplingReport as UpsamplingReport,
        angular_profile as angular_profile,
        estimate_upsampling as estimate_upsampling,
        find_peaks as find_peaks,
        high_pass_residual as high_pass_residual,
        lattice_test as lattice_test,
        mean_spectrum as mean_spectrum,
        radial_profile as radial_profile,
        resampling_trace as resampling_trace,
        strongest_line as strongest_line,
    )
    from freqforensics.survey import (
        Survey as Survey,
        survey_sources as survey_sources,
    )


__getattr__ = lazy_names(__name__, _HOME, globals())


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
