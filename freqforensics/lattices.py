"""From sources of images to what made their lattices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from freqforensics.images import ImageRecord, by_generator, index_sources
from freqforensics.provenance import manifest, result_folder, write_json
from freqforensics.spectra import (
    MeanSpectrum,
    SpectrumSpec,
    UpsamplingReport,
    estimate_upsampling,
    mean_spectrum,
    resampling_trace_of_files,
)

SIZES: Final = (256, 128, 64)
"""Crop sizes tried where none is asked for: the largest that nine tenths of a group's images have."""

Group = tuple[str, str]


@dataclass(frozen=True)
class LatticeSurvey:
    """Upsampling reports of every generator and label of some sources.

    Parameters
    ----------
    spectra : dict of (generator, label) to MeanSpectrum
    reports : dict of (generator, label) to UpsamplingReport
        Groups without a usable image have a spectrum and no report.
    notes : tuple of str
        What indexing left out or found doubtful.
    parameters : dict
        What was asked for, JSON values.
    """

    spectra: dict[Group, MeanSpectrum]
    reports: dict[Group, UpsamplingReport]
    notes: tuple[str, ...]
    parameters: dict[str, Any]

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Path and reason of every file that could not be read."""
        return [failure for spectrum in self.spectra.values() for failure in spectrum.failures]

    def groups(self) -> list[dict[str, Any]]:
        """What a program would read, as JSON values: one object for each generator and label that has a report."""
        return [
            {
                "generator": key[0],
                "label": key[1],
                "n": report.lattice.images,
                "size": self.spectra[key].spec.shape[0],
                "factor": report.factor,
                "verdict": report.verdict,
                "p_value": report.lattice.p_value,
                "controlled": report.lattice.controlled,
                "denominators": [asdict(evidence) for evidence in report.lattice.evidence],
                "alternatives": [asdict(alternative) for alternative in report.alternatives],
                "explained_by": report.explained_by,
            }
            for key, report in self.reports.items()
        ]

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``upsampling.json``, ``lattices.{png,pdf}`` and ``manifest.json`` to a folder.

        Parameters
        ----------
        out, command, overwrite
            As for `Survey.save`.

        Raises
        ------
        ValueError
            As `result_folder`.
        """
        from freqforensics import figures

        inputs = {" ".join(key): {"images": s.images, "sha256": s.inputs_sha256} for key, s in self.spectra.items()}
        shown = manifest(self.parameters, inputs=inputs)
        with result_folder(out, overwrite=overwrite) as made:
            write_json(made / "upsampling.json", self.groups())
            figure = figures.plot_lattices(self.spectra, self.reports, fig=figures.new_figure())
            for suffix in (".png", ".pdf"):
                figures.save_figure(figure, made / f"lattices{suffix}", manifest=shown)
            write_json(made / "manifest.json", {**shown, "command": command})


def survey_lattices(
    sources: Sequence[str | Path],
    *,
    control: str | Path | None = None,
    size: int | None = None,
    limit: int | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> LatticeSurvey:
    """Report for every generator and label of some sources whether it was upsampled, and by what factor.

    Parameters
    ----------
    sources : sequence of str or Path
        As for `index_sources`.
    control : str or Path, optional
        A source of real images of like content and format; of a labelled one the real side is taken.
    size : int, optional
        Side of the crops, a multiple of 16 from 32. Default for each group the largest of `SIZES` that nine tenths of
        its images have.
    limit : int, optional
        The first so many images of each group.
    workers : int, optional
    progress : bool

    Returns
    -------
    LatticeSurvey
        Residual: 5x5 median of the luma.

    Raises
    ------
    ValueError
        No image, none large enough, or a parameter out of range.
    FileNotFoundError
        A source does not exist.
    """
    if size is not None and (size < 32 or size % 16):
        raise ValueError(f"size must be a multiple of 16 from 32, got {size}")
    notes: list[str] = []
    real = [] if control is None else _real_side(index_sources([control], on_note=notes.append), control)
    controls: dict[int, MeanSpectrum] = {}
    spectra: dict[Group, MeanSpectrum] = {}
    reports: dict[Group, UpsamplingReport] = {}
    for key, records in by_generator(index_sources(sources, on_note=notes.append)).items():
        name = " ".join(key) if progress else None
        spectrum = _largest(records, (size,) if size else SIZES, limit, workers, name)
        spectra[key] = spectrum
        if not spectrum.images:
            continue
        side = spectrum.spec.shape[0]
        if real and side not in controls:
            controls[side] = _average(real, side, None, workers, "control" if progress else None)
            if not controls[side].images:
                raise ValueError(f"no image of the control {control} is as large as {side}x{side}")
        trace = resampling_trace_of_files(records, size=side, limit=limit, workers=workers, progress=name)
        reports[key] = estimate_upsampling(spectrum, trace=trace, control=controls.get(side))
    if not reports:
        raise ValueError(f"no image is as large as {size or min(SIZES)}x{size or min(SIZES)}, or none can be read")
    parameters = {"size": size, "limit": limit, "control": None if control is None else str(control)}
    return LatticeSurvey(spectra, reports, tuple(notes), parameters)


def _real_side(records: Sequence[ImageRecord], source: str | Path) -> list[ImageRecord]:
    real = [record for record in records if record.label in ("real", "unknown")]
    if not real:
        raise ValueError(f"the control {source} holds no real image")
    return real


def _largest(
    records: Sequence[ImageRecord], sizes: Sequence[int], limit: int | None, workers: int | None, name: str | None
) -> MeanSpectrum:
    for size in sizes:
        spectrum = _average(records, size, limit, workers, name)
        if not spectrum.skipped or sum(spectrum.skipped.values()) <= 0.1 * min(len(records), limit or len(records)):
            break
    return spectrum


def _average(
    records: Sequence[ImageRecord], size: int, limit: int | None, workers: int | None, name: str | None
) -> MeanSpectrum:
    spec = SpectrumSpec(size=size)
    return mean_spectrum(records, spec=spec, limit=limit, workers=workers, on_error="skip", progress=name)
