"""The demonstration's spectra: of photographs upsampled in plain ways, and of miniatures; without torch.

Figures are drawn on one core. So `demo_study` lets another process compute and draw these while it makes miniatures,
scores and inspects.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from freqforensics.generators.plain import SIZE
from freqforensics.spectra import SpectrumSpec
from freqforensics.studies.compare import compare_study
from freqforensics.studies.spectrum import spectrum_study

PAGE_MM: Final = 183.0
"""Width of figures whose text is to be read on a page of 860 pixels."""


def write_upsampled(root: Path) -> None:
    """Write ``upsampled``, the spectra of the trees in ``images``.

    Parameters
    ----------
    root : Path
        Folder of the demonstration.
    """
    _write_spectra(root / "images", root / "upsampled")


def write_fingerprints(root: Path) -> None:
    """Write ``fingerprints`` of the trees in ``miniatures``, and ``likeness``: how alike they are.

    Parameters
    ----------
    root : Path
        Folder of the demonstration.
    """
    _write_spectra(root / "miniatures", root / "fingerprints")
    compare_study([root / "miniatures"], permutations=39, bootstrap=40).save(root / "likeness", overwrite=True)


def _write_spectra(source: Path, out: Path) -> None:
    spectrum_study([source], spec=SpectrumSpec(size=SIZE)).save(out, overwrite=True, width=PAGE_MM)
