"""The fingerprints of the demonstration's miniatures and how alike they are, by an interpreter of its own.

Figures are drawn on one core. So `demo_study` lets another process compute and draw them while it scores and inspects.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PAGE_MM: Final = 183.0
"""Width of figures whose text is to be read on a page of 860 pixels."""


@contextmanager
def fingerprints_beside(root: Path) -> Iterator[None]:
    """Run `write_fingerprints` in another process; the block ends when it has ended.

    Parameters
    ----------
    root : Path
        Folder of the demonstration.

    Raises
    ------
    RuntimeError
        The process failed: the last line that it said.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(root.resolve())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        yield
        _, said = process.communicate()
        if process.returncode:
            lines = said.strip().splitlines() or [f"exit status {process.returncode}"]
            raise RuntimeError(f"the fingerprints could not be computed: {lines[-1]}")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def write_fingerprints(root: Path) -> None:
    """Write ``fingerprints`` and ``likeness`` of the trees in ``miniatures``.

    Parameters
    ----------
    root : Path
        Folder of the demonstration.
    """
    from freqforensics.generators.plain import SIZE
    from freqforensics.spectra import SpectrumSpec
    from freqforensics.studies.compare import compare_study
    from freqforensics.studies.spectrum import spectrum_study

    sources = [root / "miniatures"]
    spectrum_study(sources, spec=SpectrumSpec(size=SIZE)).save(root / "fingerprints", overwrite=True, width=PAGE_MM)
    compare_study(sources, permutations=39, bootstrap=40).save(root / "likeness", overwrite=True)


if __name__ == "__main__":
    write_fingerprints(Path(sys.argv[1]))
