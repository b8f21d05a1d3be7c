"""A folder of pictures -> average spectra of its groups, and counts of verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from freqforensics.app.jobs import OnStage
from freqforensics.app.limits import printable
from freqforensics.app.reports import SPECTRA
from freqforensics.app.results import FolderResult, Group
from freqforensics.app.wording import range_in_words, share_in_words
from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.detector.score import score_files
from freqforensics.detector.score_table import Score, ScoreTable
from freqforensics.evaluation.metrics import binomial_interval
from freqforensics.figures.spectrum import plot_fingerprints
from freqforensics.figures.style import new_figure, save_figure
from freqforensics.images import shown_path
from freqforensics.sources.records import first_of_each
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import SpectrumSpec
from freqforensics.studies.score import ScoreStudy
from freqforensics.studies.spectrum import SpectrumStudy, spectrum_study

SIDES: Final = {"real": "photographs", "fake": "generated", "unknown": "not said"}
_SIZES: Final = (256, 128, 64)
_CHUNK: Final = 16
_MOST_LISTED: Final = 24


def examine_folder(
    folder: Path, detector: CalibratedDetector, on_stage: OnStage, *, limit: int | None, out: Path
) -> FolderResult:
    """Average the spectra of a folder's groups, and count verdicts.

    Parameters
    ----------
    folder : Path
    detector : CalibratedDetector
    on_stage : callable
        Called with a stage in plain words, its number and the number of stages.
    limit : int or None
        At most this many pictures of each group.
    out : Path
        Folder for figures and tables.

    Returns
    -------
    FolderResult

    Raises
    ------
    ValueError
        No picture in the folder, or none that could be scored.
    """
    on_stage("Looking for pictures", 0, 1)
    notes: list[str] = []
    records = first_of_each(index_sources([folder], on_note=notes.append), limit)
    chunks = [records[start : start + _CHUNK] for start in range(0, len(records), _CHUNK)]
    steps = len(chunks) + 3
    scores: list[Score] = []
    failures: list[tuple[str, str]] = []
    for number, chunk in enumerate(chunks):
        on_stage(f"Scoring pictures: {number * _CHUNK:,} of {len(records):,}", number + 1, steps)
        table = score_files(chunk, detector)
        scores += table.scores
        failures += table.failures
    scored = ScoreStudy(ScoreTable(tuple(scores), tuple(failures)), detector.thresholds.source, tuple(notes))
    if not scores:
        raise ValueError(f"none of the {len(records)} pictures can be read, the first: {failures[0][1]}")
    on_stage("Averaging spectra", len(chunks) + 1, steps)
    spectra, reason = _spectra(folder, limit)
    on_stage("Drawing figures", len(chunks) + 2, steps)
    if spectra is not None:
        spectra.save(out / SPECTRA)
        figure = new_figure()
        plot_fingerprints(spectra.spectra, kinds=("log_power", "coherence"), fig=figure)
        save_figure(figure, out / SPECTRA / "overview.png")
        notes += [note for note in spectra.notes if note not in notes]
    else:
        notes.append(f"no average spectrum: {reason}")
    (out / SPECTRA).mkdir(exist_ok=True)
    scored.save(out / SPECTRA / "scores.csv")
    signs = _with_signs(scores)
    groups = tuple(sorted(map(_group, scored.groups()), key=lambda group: list(SIDES.values()).index(group.side)))
    return FolderResult(
        summary=summary_of(groups),
        groups=groups,
        crop=0 if spectra is None else spectra.spec.shape[0],
        notes=tuple(map(printable, notes)),
        skipped=tuple((_within(path, folder), reason) for path, reason in failures[:_MOST_LISTED]),
        signs=signs,
        shown=tuple(_within(path, folder) for path in signs),
    )


def summary_of(groups: Sequence[Group]) -> tuple[str, ...]:
    """Say in sentences how often verdicts were right and wrong, where the folder says what its pictures are."""
    sentences = []
    for side, sentence, what in (
        ("photographs", "False alarms: traces were found in {share}.", "photographs"),
        ("generated", "Noticed: traces were found in {share}.", "generated pictures"),
        ("not said", "Traces were found in {share}. The folder does not say what they are.", "pictures"),
    ):
        of_side = [group for group in groups if group.side == side]
        total = sum(group.pictures for group in of_side)
        if total:
            signs = sum(group.evidence for group in of_side)
            sentences.append(sentence.format(share=share_in_words(signs, total, what)))
            if side == "photographs":
                span = range_in_words(*binomial_interval(signs, total))
                sentences.append(f"In more photographs like these it may be {span}.")
    return tuple(sentences)


def _spectra(folder: Path, limit: int | None) -> tuple[SpectrumStudy | None, str]:
    """Average in the largest squares that all groups have, or most; or say why that cannot be done."""
    reason, best = "", None
    for size in _SIZES:
        try:
            study = spectrum_study([folder], spec=SpectrumSpec(size=size), limit=limit)
        except ValueError as error:
            reason = reason or str(error).splitlines()[0]
            continue
        if best is None or _groups_with_pictures(study) > _groups_with_pictures(best):
            best = study
        if _groups_with_pictures(best) == len(best.spectra):
            break
    return best, reason


def _groups_with_pictures(study: SpectrumStudy) -> int:
    return sum(spectrum.images > 0 for spectrum in study.spectra.values())


def _group(row: dict[str, Any]) -> Group:
    return Group(
        name=shown_path(row["generator"]) or "all",
        side=SIDES[row["label"]],
        pictures=row["images"],
        evidence=row["evidence"],
        inconclusive=row["inconclusive"],
        none=row["none"],
        cannot_judge=row["cannot_judge"],
    )


def _with_signs(scores: Sequence[Score]) -> tuple[str, ...]:
    signs = sorted((score for score in scores if score.verdict == "evidence"), key=lambda score: -score.logit)
    return tuple(score.path for score in signs[:_MOST_LISTED])


def _within(path: str, folder: Path) -> str:
    """Give a path relative to the folder, for people."""
    inside = Path(path)
    return shown_path(inside.relative_to(folder) if inside.is_relative_to(folder) else inside)
