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

import importlib
from typing import TYPE_CHECKING, Any

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
}

__all__ = ["__version__", *sorted(_HOME)]

if TYPE_CHECKING:
    from freqforensics.figures import (
        plot_fingerprints as plot_fingerprints,
    )
    from freqforensics.figures import (
        plot_profiles as plot_profiles,
    )
    from freqforensics.figures import (
        plot_spectrum as plot_spectrum,
    )
    from freqforensics.figures import (
        save_figure as save_figure,
    )
    from freqforensics.images import (
        AlphaDroppedWarning as AlphaDroppedWarning,
    )
    from freqforensics.images import (
        FolderWarning as FolderWarning,
    )
    from freqforensics.images import (
        ImageReadError as ImageReadError,
    )
    from freqforensics.images import (
        ImageReadWarning as ImageReadWarning,
    )
    from freqforensics.images import (
        ImageRecord as ImageRecord,
    )
    from freqforensics.images import (
        by_generator as by_generator,
    )
    from freqforensics.images import (
        index_images as index_images,
    )
    from freqforensics.images import (
        index_sources as index_sources,
    )
    from freqforensics.images import (
        read_image as read_image,
    )
    from freqforensics.spectra import (
        MeanSpectrum as MeanSpectrum,
    )
    from freqforensics.spectra import (
        Profile as Profile,
    )
    from freqforensics.spectra import (
        SpectralLine as SpectralLine,
    )
    from freqforensics.spectra import (
        SpectrumAccumulator as SpectrumAccumulator,
    )
    from freqforensics.spectra import (
        SpectrumSpec as SpectrumSpec,
    )
    from freqforensics.spectra import (
        angular_profile as angular_profile,
    )
    from freqforensics.spectra import (
        high_pass_residual as high_pass_residual,
    )
    from freqforensics.spectra import (
        mean_spectrum as mean_spectrum,
    )
    from freqforensics.spectra import (
        radial_profile as radial_profile,
    )
    from freqforensics.spectra import (
        strongest_line as strongest_line,
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"freqforensics.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'freqforensics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
