"""Sources -> what upsampling left in the spectra of all their generators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.generators import FAMILIES, PredictedLattice, predicted_lattice
from freqforensics.runtime.executors import end_of_passes
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import Skipped, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.sources.facts import header_sizes
from freqforensics.sources.records import ImageRecord, by_generator
from freqforensics.sources.selection import SourcesLike, as_paths, listed_paths
from freqforensics.sources.shared import real_sides
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

CROPS: Final = (256, 128, 64)
"""Sides of crops that are tried by default: a group gets the largest that nine tenths of its images have."""

_HEADERS: Final = 9
"""Most files of a group whose headers are read before it is measured."""

BY_NAME: Final = "by-name"
"""For `predict`: every generator's own family."""

Group = tuple[str, str]


@dataclass(frozen=True, repr=False)
class UpsamplingStudy(Drawn):
    """Upsampling reports of every generator and label of some sources.

    Parameters
    ----------
    spectra : dict of (generator, label) to MeanSpectrum
        Averaged spectra that the reports are computed from.
    reports : dict of (generator, label) to UpsamplingReport
        Groups without a usable image have a spectrum and no report.
    notes : tuple of str
        Files that indexing skipped or found ambiguous.
    parameters : dict
        The parameters of the study, JSON values.
    predicted : dict of (generator, label) to PredictedLattice
        Predictions for the groups that are not real, where a family was named.
    """

    spectra: dict[Group, MeanSpectrum]
    reports: dict[Group, UpsamplingReport]
    notes: tuple[str, ...]
    parameters: dict[str, Any]
    predicted: dict[Group, PredictedLattice] = field(default_factory=dict)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every file that could not be read."""
        return tuple(Skipped(*failure) for spectrum in self.spectra.values() for failure in spectrum.failures)

    def to_json(self) -> list[dict[str, Any]]:
        """Give one object for each generator and label that has a report, JSON values."""
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
                "predicted": _prediction(self.predicted.get(key)),
            }
            for key, report in self.reports.items()
        ]

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.upsampling import plot_lattices

        return (drawing("lattices", plot_lattices, self.spectra, self.reports, predicted=self.predicted),)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``upsampling.json``, ``lattices.{png,pdf}`` and ``manifest.json`` to a folder.

        Parameters
        ----------
        out : str or Path
            Folder for the results; an existing one is treated as by `result_folder`.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace an earlier result in the folder.

        Raises
        ------
        ValueError
            `out` is not empty and `overwrite` is not set, or `out` is not a folder.
        """
        inputs = {" ".join(key): {"images": s.images, "sha256": s.inputs_sha256} for key, s in self.spectra.items()}
        about = manifest(self.parameters, inputs={**inputs, **real_sides(self.notes)})
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            folder.json("upsampling.json", self.to_json())
            save_drawings(folder, self.drawings)


def upsampling_study(
    sources: SourcesLike,
    *,
    real: SourcesLike = (),
    predict: str | None = None,
    crop: int | None = None,
    limit: int | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> UpsamplingStudy:
    """Report for every generator and label of some sources whether it was upsampled, and by what factor.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders, tables and files of images, as for `index_sources`.
    real : Sources, str, Path, or sequence of str or Path
        Sources of real images of similar content and format, as a control for lattices. Images labelled fake are
        skipped.
    predict : str, optional
        A generator family whose predicted lattice is drawn over every group that is not real; "by-name" takes the
        family with the generator's name.
    crop : int, optional
        Side of the crops, pixels, a multiple of 16 from 32. Default for each group the largest of `CROPS` that nine
        tenths of its images have.
    limit : int, optional
        At most this number of images per generator and label.
    workers : int, optional
        Number of threads.
    progress : bool
        Show progress bars.

    Returns
    -------
    UpsamplingStudy
        Residual: 5x5 median of the luma.

    Raises
    ------
    ValueError
        No image, none large enough, or a parameter out of range.
    FileNotFoundError
        A source does not exist.
    """
    check_choices(crop, predict)
    notes: list[str] = []
    controls = _Controls(_real_records(real, notes), workers, progress)
    measured: dict[Group, FileEvidence] = {}
    for group, records in by_generator(index_sources(sources, on_note=notes.append)).items():
        evidence = _largest(records, (crop,) if crop else CROPS, limit, workers, " ".join(group) if progress else None)
        measured[group] = evidence
        if evidence.spectrum.images:
            controls.measure(evidence.spectrum.spec.shape[0])
    end_of_passes()
    spectra: dict[Group, MeanSpectrum] = {}
    reports: dict[Group, UpsamplingReport] = {}
    for key, evidence in measured.items():
        spectrum = evidence.spectrum
        spectra[key] = spectrum
        notes += [
            f"{' '.join(key)}: {text}: {spectrum.notes[text]} images"
            for text in (COPIES, NEAR_COPIES)
            if text in spectrum.notes
        ]
        if spectrum.images:
            reports[key] = estimate_upsampling(
                spectrum,
                trace=evidence.trace,
                jpeg_qualities=evidence.jpeg_qualities,
                unchanged=evidence.unchanged,
                control=controls.of_side(spectrum.spec.shape[0]),
            )
    if not reports:
        side = crop or min(CROPS)
        raise ValueError(f"no image is as large as {side}x{side}, or none can be read")
    empty = [" ".join(key) for key in spectra if key not in reports]
    if empty:
        notes.append(f"no image could be used of: {', '.join(empty)}")
    predicted = {
        (generator, label): predicted_lattice(generator if predict == BY_NAME else predict)
        for generator, label in reports
        if predict is not None and label != "real" and (predict != BY_NAME or generator in FAMILIES)
    }
    parameters: dict[str, Any] = {
        "size": crop,
        "limit": limit,
        "control": [str(source) for source in as_paths(real)] or None,
    }
    if predict is not None:
        parameters["predict"] = predict
    return UpsamplingStudy(spectra, reports, tuple(notes), parameters, predicted)


def check_choices(crop: int | None, predict: str | None) -> None:
    """Raise ValueError if a side of crops cannot be used, or there is no such family."""
    if crop is not None and (crop < 32 or crop % 16):
        raise ValueError(f"crop must be a multiple of 16 from 32, got {crop}")
    if predict not in (None, BY_NAME):
        predicted_lattice(str(predict))


class _Controls:
    """Spectra of the real images, by the side of the crops."""

    def __init__(self, records: Sequence[ImageRecord], workers: int | None, progress: bool) -> None:
        self._records, self._workers, self._progress = records, workers, "real" if progress else None
        self._spectra: dict[int, MeanSpectrum] = {}

    def measure(self, side: int) -> None:
        """Average the real images with crops of a side, unless that is done or there are none."""
        if self._records and side not in self._spectra:
            spec = SpectrumSpec(size=side)
            evidence = file_evidence(self._records, spec=spec, workers=self._workers, progress=self._progress)
            self._spectra[side] = evidence.spectrum

    def of_side(self, side: int) -> MeanSpectrum | None:
        """Give the average with crops of a side; None without real images."""
        if not self._records:
            return None
        if not self._spectra[side].images:
            raise ValueError(f"real must hold images of {side}x{side} pixels or more, got none")
        return self._spectra[side]


def _prediction(lattice: PredictedLattice | None) -> dict[str, Any] | None:
    return None if lattice is None else {"family": lattice.family, "factor": lattice.factor}


def _real_records(sources: SourcesLike, notes: list[str]) -> list[ImageRecord]:
    if not sources:
        return []
    records = [record for record in index_sources(sources, on_note=notes.append) if record.label != "fake"]
    if not records:
        raise ValueError(f"real must hold real images, got none in {listed_paths(sources)}")
    return records


def _largest(
    records: Sequence[ImageRecord], sides: Sequence[int], limit: int | None, workers: int | None, name: str | None
) -> FileEvidence:
    """Measure a group with the largest crops that nine tenths of its images have; else with the smallest."""

    def measured(side: int) -> FileEvidence:
        return file_evidence(records, spec=SpectrumSpec(size=side), limit=limit, workers=workers, progress=name)

    # Images of a group mostly are alike: a few headers say what the pass, which sees every size, then confirms.
    side = sides[0]
    if len(sides) > 1:
        chosen = records[:limit]
        sizes = Counter(map(min, header_sizes(chosen[:: -(-len(chosen) // _HEADERS)])))
        side = _fitting(sides, sizes, most=0.2 * sum(sizes.values()))
    evidence = measured(side)
    fitting = _fitting(sides, evidence.sides, most=0.1 * min(len(records), limit or len(records)))
    return evidence if fitting == side else measured(fitting)


def _fitting(sides: Sequence[int], images: Mapping[int, int], *, most: float) -> int:
    """Give the first side that at most `most` images are smaller than, by their shorter sides; else the last."""
    return next((side for side in sides if sum(images[other] for other in images if other < side) <= most), sides[-1])
