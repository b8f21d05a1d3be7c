"""The fingerprints of the demonstration's miniatures and how alike they are, without torch.

Figures are drawn on one core. So `demo_study` lets another process compute and draw these while it scores and inspects.
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


def write_fingerprints(root: Path) -> None:
    """Write ``fingerprints`` and ``likeness`` of the trees in ``miniatures``.

    Parameters
    ----------
    root : Path
        Folder of the demonstration.
    """
    sources = [root / "miniatures"]
    spectrum_study(sources, spec=SpectrumSpec(size=SIZE)).save(root / "fingerprints", overwrite=True, width=PAGE_MM)
    compare_study(sources, permutations=39, bootstrap=40).save(root / "likeness", overwrite=True)
