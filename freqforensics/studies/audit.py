"""Sources -> what their real and fake sides differ in; matched subsets, and both sides written alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from freqforensics.evaluation.confounds import Audit, audit_facts, matched_records
from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.images import ImageReadError, read_image
from freqforensics.perturbations.perturb import Crop
from freqforensics.runtime.executors import end_of_passes
from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import Skipped, result_folder, scratch_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.tables import write_csv
from freqforensics.runtime.writing import write_json
from freqforensics.sources.facts import FileFacts, read_facts_and_image
from freqforensics.sources.records import ImageRecord, first_of_each
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.shared import real_sides
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import TraceAccumulator, resampling_alternative

if TYPE_CHECKING:
    from freqforensics.report.builder import Report

TRACED: Final = 200
"""Images of a side in which interpolation is looked for."""
_TRACE: Final = 128
_FEWEST: Final = 5
"""Images of a side, large enough, below which no interpolation is looked for."""


@dataclass(frozen=True, repr=False)
class AuditStudy(Drawn):
    """Technical differences between the real and fake images of some sources.

    Parameters
    ----------
    audit : Audit
        Differences and duplicates, as figures take them.
    facts : tuple of FileFacts
        Facts about each file, for `matched_records`.
    notes : tuple of str
        Files that indexing skipped.
    skipped : tuple of Skipped
        Every file that could not be read.
    """

    audit: Audit
    facts: tuple[FileFacts, ...]
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    @property
    def records(self) -> list[ImageRecord]:
        """The files that could be read."""
        return [facts.record for facts in self.facts]

    def to_json(self) -> dict[str, Any]:
        """Give groups, duplicates and files that could not be read as JSON values."""
        return {
            "groups": [{**asdict(group), "verdict": group.verdict} for group in self.audit.groups],
            "duplicates": [asdict(pair) for pair in self.audit.duplicates],
            "failures": [{"path": path, "reason": reason} for path, reason in self.audit.failures],
        }

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.audit import plot_audit

        return (drawing("audit", plot_audit, self.audit),)

    def report(self, pictures: Mapping[str, bytes]) -> Report:
        """Give the page that `save` writes, of the PNG files of `drawings` by name.

        Parameters
        ----------
        pictures : mapping of str to bytes
            PNG files of `drawings`, by name.
        """
        from freqforensics.report.study_pages import audit_page

        return audit_page(self.audit, self.notes, pictures)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``index.html``, ``audit.{json,csv,png,pdf}``, ``duplicates.csv`` and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            Folder for the results; an existing one is treated as by `result_folder`.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` is not empty and `overwrite` is not set, or `out` is not a folder.
        """
        from freqforensics.report.study_pages import read_pictures

        inputs = {"images": len(self.facts), "sha256": sorted({facts.sha256 for facts in self.facts})[:1]}
        with result_folder(
            out, about=manifest({}, inputs={**inputs, **real_sides(self.notes)}), command=command, overwrite=overwrite
        ) as folder:
            folder.json("audit.json", self.to_json())
            folder.table("audit.csv", _CONFOUNDS, _confound_rows(self.audit))
            duplicates = [(pair.first, pair.second, pair.kind, " ".join(pair.across)) for pair in self.audit.duplicates]
            folder.table("duplicates.csv", ("first", "second", "kind", "across"), duplicates)
            save_drawings(folder, self.drawings)
            folder.text("index.html", self.report(read_pictures(folder)).render())


_CONFOUNDS: Final = ("generator", "real", "fake", "confound", "effect", "p_value", "verdict", "real_side", "fake_side")


def _confound_rows(audit: Audit) -> Iterator[tuple[object, ...]]:
    for group in audit.groups:
        for confound in group.confounds:
            yield (
                group.generator, group.real, group.fake, confound.name, f"{confound.effect:.4f}",
                f"{confound.p_value:.4g}", confound.verdict, confound.real, confound.fake,
            )  # fmt: skip


def audit_study(
    sources: SourcesLike,
    *,
    limit: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = False,
) -> AuditStudy:
    """Find technical differences between the real and fake images of some sources.

    Every file is read and decoded once.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders or tables, see `index_sources`.
    limit : int, optional
        Maximum number of images of each generator and label; the first are taken.
    seed : int
        Random seed, for permutations and the forest of `audit_facts`.
    workers : int, optional
        Number of threads; default all processors. The result does not depend on it.
    progress : bool
        Show a bar if it takes over two seconds, on a terminal.

    Returns
    -------
    AuditStudy
        Differences of every generator, and duplicates.

    Raises
    ------
    ValueError, FileNotFoundError
        A source holds no image, or does not exist.
    """
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    traced = {record for members in _sides(records).values() for record in _sample(members)}
    evidence = map_reduce(
        [(record, record in traced) for record in records],
        _evidence,
        _merged,
        workers=workers,
        progress="audit" if progress else None,
    )
    end_of_passes()
    resampled = _resampled([facts.record for facts in evidence.facts], evidence.traces)
    audit = audit_facts(evidence.facts, failures=evidence.skipped, seed=seed, workers=workers)
    groups = (replace(group, resampled=resampled.get(group.generator, {})) for group in audit.groups)
    return AuditStudy(
        replace(audit, groups=tuple(groups)), tuple(evidence.facts), tuple(notes), tuple(evidence.skipped)
    )


@dataclass
class _Evidence:
    """What some files gave: of those that are asked for it, by record, the trace of interpolation."""

    facts: list[FileFacts] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    traces: dict[ImageRecord, TraceAccumulator] = field(default_factory=dict)


def _evidence(items: Sequence[tuple[ImageRecord, bool]]) -> _Evidence:
    evidence = _Evidence()
    for record, traced in items:
        try:
            facts, image = read_facts_and_image(record)
        except ImageReadError as error:
            evidence.skipped.append(Skipped(error.path, error.reason))
            continue
        evidence.facts.append(facts)
        if traced:
            evidence.traces[record] = _trace(image)
    return evidence


def _merged(first: _Evidence, second: _Evidence) -> _Evidence:
    first.facts += second.facts
    first.skipped += second.skipped
    first.traces |= second.traces
    return first


def _trace(image: NDArray[np.uint8]) -> TraceAccumulator:
    """Trace one image; a small one adds nothing."""
    trace = TraceAccumulator(size=_TRACE)
    trace.add(image)
    return trace


def _sides(records: Sequence[ImageRecord]) -> dict[tuple[str, str], list[ImageRecord]]:
    """Sort real and fake files by generator and label, in order of appearance."""
    sides: dict[tuple[str, str], list[ImageRecord]] = {}
    for record in records:
        if record.label != "unknown":
            sides.setdefault((record.generator, record.label), []).append(record)
    return sides


def _sample(members: Sequence[ImageRecord]) -> Sequence[ImageRecord]:
    """Choose the files of a side in which interpolation is looked for."""
    return members[:: max(1, len(members) // TRACED)][:TRACED]


def _resampled(
    records: Sequence[ImageRecord], traces: Mapping[ImageRecord, TraceAccumulator]
) -> dict[str, dict[str, float]]:
    """For each generator the sides whose images were interpolated, with the frequency of the trace."""
    resampled: dict[str, dict[str, float]] = {}
    for (generator, label), members in _sides(records).items():
        side = TraceAccumulator(size=_TRACE)
        for record in _sample(members):
            trace = traces.get(record)
            # Files that cannot be read move the sample: what was not expected in it is decoded again.
            side.merge(_trace(read_image(record.path, on_note=lambda _: None)) if trace is None else trace)
        if side.images >= _FEWEST:
            alternative = resampling_alternative(side.result())
            if alternative.found and alternative.frequency is not None:
                resampled.setdefault(generator, {})[label] = float(alternative.frequency)
    return resampled


def write_matched(facts: Sequence[FileFacts], path: str | Path) -> list[ImageRecord]:
    """Write a table of a matched subset, which every command takes for a source; see `matched_records`.

    Parameters
    ----------
    facts : sequence of FileFacts
        What the files are, as `AuditStudy.facts`.
    path : str or Path
        A file that ends in ``.csv``.

    Returns
    -------
    list of ImageRecord

    Raises
    ------
    ValueError
        No real file is like a fake one.
    """
    chosen = matched_records(facts)
    if not chosen:
        raise ValueError("no real file has the format, size and quality of a fake one: re-encode both sides alike")
    rows = (
        (record.path.absolute(), record.label, record.generator, record.category or "", record.split or "")
        for record in chosen
    )
    write_csv(path, ("path", "label", "generator", "category", "split"), rows)
    return chosen


def reencode(
    records: Sequence[ImageRecord],
    out: str | Path,
    *,
    crop: int,
    quality: int | None = None,
    command: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> tuple[int, tuple[Skipped, ...]]:
    """Write both sides alike: central crops of one size, as PNG or as JPEG of one quality.

    It takes differences of format, size and later compression away; what an earlier compression or resizing left in
    the pixels stays.

    Parameters
    ----------
    records : sequence of ImageRecord
        Files, of which those of unknown label are left out.
    out : str or Path
        A folder, which gets ``<generator>/{0_real,1_fake}/``, with a folder for each category where there are any.
    crop : int
        Side of the crops in pixels; smaller images are skipped.
    quality : int, optional
        JPEG quality; default PNG.
    command : str, optional
        The command line, for the manifest.
    overwrite : bool
        Replace the results in `out`.
    progress : bool
        Show a bar if it takes over two seconds, on a terminal.

    Returns
    -------
    int
        Number of images written.
    tuple of Skipped
        Every file that was not written.
    """
    skipped: list[Skipped] = []
    written = 0
    suffix = ".png" if quality is None else ".jpg"
    about = {"size": crop, "quality": quality}
    with scratch_folder(out, overwrite=overwrite) as folder:
        bar = tqdm(records, desc="reencode", unit="image", delay=2, disable=None if progress else True)
        for index, record in enumerate(bar):
            if record.label == "unknown":
                continue
            try:
                image = read_image(record.path)
            except ImageReadError as error:
                skipped.append(Skipped(error.path, error.reason))
                continue
            if min(image.shape[:2]) < crop:
                skipped.append(Skipped(str(record.path), f"smaller than {crop}x{crop} pixels"))
                continue
            side = "0_real" if record.label == "real" else "1_fake"
            name = f"{index:06d}-{record.path.stem}{suffix}"
            place = folder / record.generator / (record.category or "") / side / name
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(Crop(crop)(image), place, quality)
            written += 1
        inputs = {"images": written}
        write_json(folder / "manifest.json", {**manifest(about, inputs=inputs, command=command), "holds": "images"})
    return written, tuple(skipped)


def _write(image: NDArray[np.uint8], place: Path, quality: int | None) -> None:
    options = [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality]
    encoded, data = cv2.imencode(place.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not encoded:
        raise OSError(f"{place} cannot be encoded")
    place.write_bytes(data.tobytes())
