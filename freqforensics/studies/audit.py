"""Sources -> what their real and fake sides differ in -> a folder of results; and matched subsets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from tqdm import tqdm

from freqforensics.evaluation.confounds import Audit, audit_facts, matched_records
from freqforensics.images import ImageReadError, read_image
from freqforensics.perturbations.perturb import Crop
from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.tables import TableWriter
from freqforensics.runtime.writing import replacing, write_json
from freqforensics.sources.facts import FileFacts, read_facts
from freqforensics.sources.records import ImageRecord, first_of_each
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import TraceAccumulator, resampling_alternative

Failures = tuple[tuple[str, str], ...]
TRACED: Final = 200
"""Images of a side in which interpolation is looked for."""
_TRACE: Final = 128


def audit_sources(
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    limit: int | None = None,
    seed: int = 0,
    command: str | None = None,
    overwrite: bool = False,
    progress: str | None = None,
) -> tuple[Audit, tuple[FileFacts, ...], tuple[str, ...]]:
    """Say what the real and fake images of some sources differ in besides who made them.

    Parameters
    ----------
    sources : sequence of str or Path
        As for `index_sources`.
    out : str or Path, optional
        Gets ``audit.{json,csv}``, ``duplicates.csv``, ``audit.{png,pdf}`` and ``manifest.json``.
    limit : int, optional
        The first so many images of each generator and label.
    seed : int
        As for `audit_facts`.
    command : str, optional
    overwrite : bool
        As for `result_folder`.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Audit
    tuple of FileFacts
        For `matched_records`.
    tuple of str
        What indexing left out.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources` and `result_folder`.
    """
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    facts, failures = map_reduce(records, _facts_of, _merged, progress=progress)
    audit = audit_facts(facts, failures=failures, seed=seed)
    traced = _resampled([one.record for one in facts])
    audit = replace(
        audit, groups=tuple(replace(group, resampled=traced.get(group.generator, {})) for group in audit.groups)
    )
    if out is not None:
        _save(audit, facts, Path(out), command, overwrite)
    return audit, tuple(facts), tuple(notes)


def write_matched(facts: Sequence[FileFacts], path: str | Path) -> list[ImageRecord]:
    """Write a table of a matched subset, which every command takes for a source; see `matched_records`.

    Parameters
    ----------
    facts : sequence of FileFacts
    path : str or Path
        Ends in ``.csv``.

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
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = TableWriter(file)
        writer.row(["path", "label", "generator", "category", "split"])
        for record in chosen:
            place = record.path.absolute()
            writer.row([place, record.label, record.generator, record.category or "", record.split or ""])
    return chosen


def reencode(
    records: Sequence[ImageRecord],
    out: str | Path,
    *,
    size: int,
    quality: int | None = None,
    command: str | None = None,
    overwrite: bool = False,
    progress: str | None = None,
) -> tuple[int, Failures]:
    """Write both sides alike: central crops of one size, as PNG or as JPEG of one quality.

    It takes differences of format, size and later compression away; what an earlier compression or resizing left in
    the pixels stays.

    Parameters
    ----------
    records : sequence of ImageRecord
    out : str or Path
        Gets ``<generator>/{0_real,1_fake}/``, with a folder for each category where there are any.
    size : int
        Pixels a side; smaller images are listed as failures.
    quality : int, optional
        Of JPEG; default PNG.
    command, overwrite, progress
        As for `audit_sources`.

    Returns
    -------
    int
        Images written.
    tuple of (str, str)
        Path and reason of those that were not.
    """
    failures: list[tuple[str, str]] = []
    written = 0
    suffix = ".png" if quality is None else ".jpg"
    with scratch_folder(out, overwrite=overwrite) as folder:
        bar = tqdm(records, desc=progress, unit="image", delay=2, disable=None if progress else True)
        for index, record in enumerate(bar):
            if record.label == "unknown":
                continue
            try:
                image = read_image(record.path)
            except ImageReadError as error:
                failures.append((error.path, error.reason))
                continue
            if min(image.shape[:2]) < size:
                failures.append((str(record.path), f"smaller than {size}x{size} pixels"))
                continue
            side = "0_real" if record.label == "real" else "1_fake"
            place = (
                folder / record.generator / (record.category or "") / side / f"{index:06d}-{record.path.stem}{suffix}"
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(Crop(size)(image), place, quality)
            written += 1
        about = {"size": size, "quality": quality}
        made = manifest(about, inputs={"images": written}, command=command)
        write_json(folder / "manifest.json", {**made, "holds": "images"})
    return written, tuple(failures)


def _write(image: Any, place: Path, quality: int | None) -> None:
    options = [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality]
    encoded, data = cv2.imencode(place.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not encoded:
        raise OSError(f"{place} cannot be encoded")
    place.write_bytes(data.tobytes())


def _facts_of(records: Sequence[ImageRecord]) -> tuple[list[FileFacts], list[tuple[str, str]]]:
    facts, failures = [], []
    for record in records:
        try:
            facts.append(read_facts(record))
        except ImageReadError as error:
            failures.append((error.path, error.reason))
    return facts, failures


def _merged(
    first: tuple[list[FileFacts], list[tuple[str, str]]], second: tuple[list[FileFacts], list[tuple[str, str]]]
) -> tuple[list[FileFacts], list[tuple[str, str]]]:
    return first[0] + second[0], first[1] + second[1]


def _resampled(records: Sequence[ImageRecord]) -> dict[str, dict[str, float]]:
    """For each generator the sides whose images were interpolated, with the frequency of the trace."""
    sides: dict[tuple[str, str], list[ImageRecord]] = {}
    for record in records:
        if record.label != "unknown":
            sides.setdefault((record.generator, record.label), []).append(record)
    found: dict[str, dict[str, float]] = {}
    for (generator, label), members in sides.items():
        trace = TraceAccumulator(size=_TRACE)
        for record in members[:: max(1, len(members) // TRACED)][:TRACED]:
            image = read_image(record.path, on_note=lambda note: None)  # read before, for the facts
            if min(image.shape[:2]) >= _TRACE:
                trace.add(np.ascontiguousarray(image))
        if trace.images >= 5:
            alternative = resampling_alternative(trace.result())
            if alternative.found and alternative.frequency is not None:
                found.setdefault(generator, {})[label] = float(alternative.frequency)
    return found


def _save(audit: Audit, facts: Sequence[FileFacts], out: Path, command: str | None, overwrite: bool) -> None:
    from freqforensics.figures.audit import plot_audit
    from freqforensics.figures.style import new_figure, save_figure

    digest = {"images": len(facts), "sha256": sorted({one.sha256 for one in facts})[:1]}
    shown = manifest({}, inputs=digest)
    with scratch_folder(out, overwrite=overwrite) as folder:
        write_json(folder / "audit.json", audit_json(audit))
        (folder / "audit.csv").write_text(_table(audit), encoding="utf-8")
        with (folder / "duplicates.csv").open("w", encoding="utf-8", newline="") as file:
            writer = TableWriter(file)
            writer.row(["first", "second", "kind", "across"])
            for pair in audit.duplicates:
                writer.row([pair.first, pair.second, pair.kind, " ".join(pair.across)])
        figure = new_figure()
        plot_audit(audit, fig=figure)
        for suffix in (".png", ".pdf"):
            save_figure(figure, folder / f"audit{suffix}", manifest=shown)
        write_json(folder / "manifest.json", {**shown, "command": command})


def audit_json(audit: Audit) -> dict[str, Any]:
    """Give an audit as JSON values."""
    return {
        "groups": [{**asdict(group), "verdict": group.verdict} for group in audit.groups],
        "duplicates": [asdict(pair) for pair in audit.duplicates],
        "failures": [{"path": path, "reason": reason} for path, reason in audit.failures],
    }


def _table(audit: Audit) -> str:
    table = io.StringIO()
    writer = TableWriter(table)
    writer.row(["generator", "real", "fake", "confound", "effect", "p_value", "verdict", "real_side", "fake_side"])
    for group in audit.groups:
        for one in group.confounds:
            numbers = f"{one.effect:.4f}", f"{one.p_value:.4g}"
            sides = group.real, group.fake
            writer.row([group.generator, *sides, one.name, *numbers, one.verdict, one.real, one.fake])
    return table.getvalue()
