"""From sources of images to what made their lattices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from freqforensics.generators import FAMILIES, PredictedLattice, predicted_lattice
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.writing import write_json
from freqforensics.sources.records import ImageRecord, by_generator
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import (
    FileEvidence,
    MeanSpectrum,
    SpectrumSpec,
    UpsamplingReport,
    estimate_upsampling,
    file_evidence,
)
from freqforensics.spectra.files import COPIES, NEAR_COPIES

SIZES: Final = (256, 128, 64)
"""Crop sizes tried where none is asked for: the largest that nine tenths of a group's images have."""

BY_NAME: Final = "by-name"
"""For `predict`: every generator's own family."""

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
    predicted : dict of (generator, label) to PredictedLattice
        Of the fake sides, where a family was named.
    """

    spectra: dict[Group, MeanSpectrum]
    reports: dict[Group, UpsamplingReport]
    notes: tuple[str, ...]
    parameters: dict[str, Any]
    predicted: dict[Group, PredictedLattice] = field(default_factory=dict)

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
                "predicted": _predicted(self.predicted.get(key)),
            }
            for key, report in self.reports.items()
        ]

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``upsampling.json``, ``lattices.{png,pdf}`` and ``manifest.json`` to a folder.

        Parameters
        ----------
        out, command, overwrite
            As for `SpectrumStudy.save`.

        Raises
        ------
        ValueError
            As `result_folder`.
        """
        from freqforensics import figures

        inputs = {" ".join(key): {"images": s.images, "sha256": s.inputs_sha256} for key, s in self.spectra.items()}
        shown = manifest(self.parameters, inputs=inputs)
        with scratch_folder(out, overwrite=overwrite) as made:
            write_json(made / "upsampling.json", self.groups())
            figure = figures.plot_lattices(
                self.spectra, self.reports, predicted=self.predicted, fig=figures.new_figure()
            )
            for suffix in (".png", ".pdf"):
                figures.save_figure(figure, made / f"lattices{suffix}", manifest=shown)
            write_json(made / "manifest.json", {**shown, "command": command})


def survey_lattices(
    sources: Sequence[str | Path],
    *,
    control: str | Path | None = None,
    predict: str | None = None,
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
    predict : str, optional
        A family whose predicted lattice is put beside what is measured on every side that is not real; "by-name" takes
        for each generator the family of its name.
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
    if predict not in (None, BY_NAME):
        predicted_lattice(str(predict))
    notes: list[str] = []
    real = [] if control is None else _real_side(index_sources([control], on_note=notes.append), control)
    controls: dict[int, MeanSpectrum] = {}
    spectra: dict[Group, MeanSpectrum] = {}
    reports: dict[Group, UpsamplingReport] = {}
    for key, records in by_generator(index_sources(sources, on_note=notes.append)).items():
        name = " ".join(key) if progress else None
        found = _largest(records, (size,) if size else SIZES, limit, workers, name)
        spectrum = found.spectrum
        spectra[key] = spectrum
        notes += [
            f"{' '.join(key)}: {text}: {spectrum.notes[text]} images"
            for text in (COPIES, NEAR_COPIES)
            if text in spectrum.notes
        ]
        if not spectrum.images:
            continue
        side = spectrum.spec.shape[0]
        if real and side not in controls:
            shown = "control" if progress else None
            controls[side] = file_evidence(real, spec=SpectrumSpec(size=side), workers=workers, progress=shown).spectrum
            if not controls[side].images:
                raise ValueError(f"no image of the control {control} is as large as {side}x{side}")
        reports[key] = estimate_upsampling(
            spectrum,
            trace=found.trace,
            jpeg_qualities=found.jpeg_qualities,
            unchanged=found.unchanged,
            control=controls.get(side),
        )
    if not reports:
        raise ValueError(f"no image is as large as {size or min(SIZES)}x{size or min(SIZES)}, or none can be read")
    empty = [" ".join(key) for key in spectra if key not in reports]
    if empty:
        notes.append(f"no image could be used of: {', '.join(empty)}")
    predicted = {
        (generator, label): predicted_lattice(generator if predict == BY_NAME else predict)
        for generator, label in reports
        if predict is not None and label != "real" and (predict != BY_NAME or generator in FAMILIES)
    }
    parameters = {"size": size, "limit": limit, "control": None if control is None else str(control)}
    if predict is not None:
        parameters["predict"] = predict
    return LatticeSurvey(spectra, reports, tuple(notes), parameters, predicted)


def _predicted(lattice: PredictedLattice | None) -> dict[str, Any] | None:
    return None if lattice is None else {"family": lattice.family, "factor": lattice.factor}


def _real_side(records: Sequence[ImageRecord], source: str | Path) -> list[ImageRecord]:
    real = [record for record in records if record.label in ("real", "unknown")]
    if not real:
        raise ValueError(f"the control {source} holds no real image")
    return real


def _largest(
    records: Sequence[ImageRecord], sizes: Sequence[int], limit: int | None, workers: int | None, name: str | None
) -> FileEvidence:
    for size in sizes:
        found = file_evidence(records, spec=SpectrumSpec(size=size), limit=limit, workers=workers, progress=name)
        skipped = found.spectrum.skipped
        if not skipped or sum(skipped.values()) <= 0.1 * min(len(records), limit or len(records)):
            break
    return found
