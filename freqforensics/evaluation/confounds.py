"""Do real and fake files differ in anything but who made them: format, size, compression, duplicates.

A detector, or a spectrum, can take such a difference for a generator's trace (Grommelt et al. 2024, "Fake or JPEG?").
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from freqforensics.evaluation.forests import Fold, fold_scores, folds_of, forest_aucs
from freqforensics.images.reading import ImageReadError
from freqforensics.runtime.parallel import call_all
from freqforensics.runtime.showing import Drawn
from freqforensics.sources.copies import NEAR_BITS
from freqforensics.sources.facts import FileFacts, read_facts
from freqforensics.sources.records import ImageRecord

Verdict = Literal["none", "mild", "serious"]
Alike = Literal["exact", "near"]

FEWEST: Final = 10
"""Images a side below which nothing is judged."""
PERMUTATIONS: Final = 999
MILD, SERIOUS = 0.2, 0.5
"""Effect sizes from which a significant difference is called so."""
LEVEL: Final = 0.01
_AT_ONCE: Final = 1 << 17
"""Labels exchanged at a time."""
_SAMPLED: Final = 40
"""Files of a side, evenly spread, whose headers tell of serious differences."""


@dataclass(frozen=True)
class Confound:
    """A difference between the real and the fake files of a generator.

    Parameters
    ----------
    name : str
    effect : float
        0 to 1. Of numbers Cliff's delta, |2 AUC - 1|; of kinds the total variation distance. 1: this alone tells all.
    p_value : float
        Probability of as large an effect if labels were shuffled, times the number of differences looked at.
    verdict : {"none", "mild", "serious"}
        Serious from 0.5, mild from 0.2, at p below 0.01.
    real, fake : str
        What the sides are, in short.
    """

    name: str
    effect: float
    p_value: float
    verdict: Verdict
    real: str
    fake: str


@dataclass(frozen=True)
class GroupAudit:
    """Real against fake files of one generator.

    Parameters
    ----------
    generator : str
    real, fake : int
        Files.
    confounds : tuple of Confound
        From the greatest effect; empty with too few files on a side.
    auc, auc_low, auc_high : float or None
        How well these facts alone tell real from fake: cross-validated AUC of a random forest, with the 95 % score
        interval of an AUC (`score_interval`) for what such a forest is worth on average.
    resampled : dict of str to float
        Of "real" and "fake" the side whose images were interpolated, with the frequency of its trace, cycles per pixel.
        Empty if none was found, or it was not looked for. One side alone is a serious difference.
    """

    generator: str
    real: int
    fake: int
    confounds: tuple[Confound, ...]
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    resampled: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst of the confounds'."""
        verdicts = {confound.verdict for confound in self.confounds}
        if len(self.resampled) == 1:
            return "serious"
        return "serious" if "serious" in verdicts else "mild" if "mild" in verdicts else "none"


@dataclass(frozen=True)
class Duplicate:
    """Two files that are the same, or nearly.

    Parameters
    ----------
    first, second : str
        Paths.
    kind : {"exact", "near"}
        Files of the same bytes, or pictures that look alike.
    across : tuple of str
        What they lie on both sides of: "labels", "splits", "generators"; empty within one group.
    """

    first: str
    second: str
    kind: Alike
    across: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Audit(Drawn):
    """What the real and the fake side of some image sets differ in.

    Parameters
    ----------
    groups : tuple of GroupAudit
    duplicates : tuple of Duplicate
    failures : tuple of (str, str)
        Path and reason of every file that could not be read.
    """

    groups: tuple[GroupAudit, ...]
    duplicates: tuple[Duplicate, ...]
    failures: tuple[tuple[str, str], ...]


def audit_facts(
    facts: Sequence[FileFacts],
    *,
    failures: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    forest: bool = True,
    least: float = 0.0,
    workers: int | None = None,
) -> Audit:
    """Compare the real with the fake files of every generator, and look for duplicates.

    Parameters
    ----------
    facts : sequence of FileFacts
    failures : sequence of (str, str)
        Kept.
    seed : int
        Random seed, for the permutations and the forest.
    forest : bool
        Measure what all facts together tell.
    least : float
        Effects below this are left out.
    workers : int, optional
        Number of threads that fit forests; default all processors. The result does not depend on it.

    Returns
    -------
    Audit
    """
    groups: dict[str, dict[str, list[FileFacts]]] = defaultdict(lambda: defaultdict(list))
    for file in facts:
        groups[file.record.generator][file.record.label].append(file)
    sides = {name: (groups[name]["real"], groups[name]["fake"]) for name in sorted(groups)}
    enough = {name: both for name, both in sides.items() if min(map(len, both)) >= FEWEST}
    folds: list[Fold] = []
    for name, (real, fake) in enough.items() if forest else ():
        folds += folds_of(name, _columns([*real, *fake]), np.repeat([0.0, 1.0], [len(real), len(fake)]))
    calls: list[Callable[[], Any]] = [partial(_confounds_of, enough, seed, least)]
    calls += [partial(fold_scores, fold, seed=seed) for fold in folds]
    confounds, *scores = call_all(calls, workers=workers if folds else 1)
    aucs = forest_aucs(folds, scores)
    audits = [
        GroupAudit(name, len(real), len(fake), confounds.get(name, ()), *aucs.get(name, (None, None, None)))
        for name, (real, fake) in sides.items()
    ]
    return Audit(tuple(audits), tuple(find_duplicates(facts)), tuple(failures))


def find_duplicates(facts: Sequence[FileFacts]) -> list[Duplicate]:
    """Find files of the same bytes, and pictures that look alike.

    Returns
    -------
    list of Duplicate
        Exact ones first. Of near ones the difference hashes (64 bits) differ in at most 3 bits.
    """
    # A real image may be listed once for each of several generators.
    distinct: dict[Path, FileFacts] = {}
    for file in facts:
        distinct.setdefault(file.record.path, file)
    facts = list(distinct.values())
    duplicates = []
    by_bytes: dict[str, list[FileFacts]] = defaultdict(list)
    for file in facts:
        by_bytes[file.sha256].append(file)
    for same in by_bytes.values():
        duplicates += [_pair(same[0], other, "exact") for other in same[1:]]
    # Hashes that differ in at most 3 bits agree in at least one of four quarters.
    near: set[tuple[int, int]] = set()
    for quarter in range(4):
        buckets: dict[int, list[int]] = defaultdict(list)
        for index, file in enumerate(facts):
            if file.content >= 0:
                buckets[file.content >> (16 * quarter) & 0xFFFF].append(index)
        for members in buckets.values():
            for place, first in enumerate(members):
                for second in members[place + 1 :]:
                    a, b = facts[first], facts[second]
                    if a.sha256 != b.sha256 and (a.content ^ b.content).bit_count() <= NEAR_BITS:
                        near.add((first, second))
    duplicates += [_pair(facts[first], facts[second], "near") for first, second in sorted(near)]
    return duplicates


def serious_confounds(
    records: Sequence[ImageRecord], *, facts: Mapping[Path, FileFacts | None] | None = None
) -> list[str]:
    """Say in a line for each generator what its sides seriously differ in, from the headers of up to 40 files a side.

    Bytes per pixel are left out: they depend on what is in the pictures.

    Parameters
    ----------
    records : sequence of ImageRecord
    facts : mapping of Path to FileFacts or None, optional
        Facts of files that were read already, None for one that cannot be read. Other files are read.

    Returns
    -------
    list of str
        Empty if nothing was found, or there is nothing to compare.
    """
    sides: dict[tuple[str, str], list[ImageRecord]] = defaultdict(list)
    for record in records:
        sides[record.generator, record.label].append(record)
    both = [name for name, label in sides if label == "fake" and (name, "real") in sides]
    sample = []
    for key, members in sides.items():
        if key[0] in both:
            chosen = members[:: max(1, len(members) // _SAMPLED)][:_SAMPLED]
            sample += [_facts_or_none(record, facts or {}) for record in chosen]
    lines = []
    readable = [file for file in sample if file is not None]
    for group in audit_facts(readable, forest=False, least=SERIOUS).groups:
        # Bytes per pixel are the content's, too: smooth images compress well.
        serious = [
            f"{confound.name} ({confound.real} / {confound.fake})"
            for confound in group.confounds
            if confound.verdict == "serious" and confound.name != "bytes per pixel"
        ]
        if serious:
            lines.append(
                f"{group.generator}: real and fake files differ in {', '.join(serious)}; freqforensics audit says more"
            )
    return lines


def matched_records(facts: Sequence[FileFacts]) -> list[ImageRecord]:
    """Choose as many real as fake files of each format, size and JPEG quality, generator by generator.

    Parameters
    ----------
    facts : sequence of FileFacts

    Returns
    -------
    list of ImageRecord
        In an order that depends on nothing but the files: of each kind those of the least hash are taken. Qualities
        within five of each other count as the same.
    """
    strata: dict[tuple[Any, ...], dict[str, list[FileFacts]]] = defaultdict(lambda: defaultdict(list))
    for file in facts:
        quality = None if file.quality is None else file.quality // 5
        kind = (file.record.generator, file.format, file.width, file.height, quality, file.subsampling)
        strata[kind][file.record.label].append(file)
    chosen: list[ImageRecord] = []
    for sides in strata.values():
        count = min(len(sides["real"]), len(sides["fake"]))
        for label in ("real", "fake"):
            ordered = sorted(sides[label], key=lambda file: (file.sha256, str(file.record.path)))
            chosen += [file.record for file in ordered[:count]]
    return sorted(chosen, key=lambda record: (record.generator, record.label, str(record.path)))


def _facts_or_none(record: ImageRecord, known: Mapping[Path, FileFacts | None]) -> FileFacts | None:
    if record.path in known:
        facts = known[record.path]
        return None if facts is None else replace(facts, record=record)
    try:
        return read_facts(record, content=False)
    except ImageReadError:
        return None


_Sides = tuple[Sequence[FileFacts], Sequence[FileFacts]]
"""Real and fake files of a group."""


def _confounds_of(groups: Mapping[str, _Sides], seed: int, least: float) -> dict[str, tuple[Confound, ...]]:
    """Give the confounds of each group."""
    rng = np.random.default_rng(seed)
    return {name: _confounds(real, fake, rng, least) for name, (real, fake) in groups.items()}


def _confounds(
    real: Sequence[FileFacts], fake: Sequence[FileFacts], rng: np.random.Generator, least: float
) -> tuple[Confound, ...]:
    is_fake = np.r_[np.zeros(len(real), bool), np.ones(len(fake), bool)]
    both = [*real, *fake]
    differences: list[tuple[str, float, float, str, str]] = []
    tested = 0
    for name, get in _KINDS.items():
        kinds = [get(file) for file in both]
        _, codes = np.unique(np.array([str(kind) for kind in kinds]), return_inverse=True)
        tested += 1
        if codes.max() == 0:
            continue
        effect, p = _permuted(partial(_variation, codes), is_fake, rng, least)
        differences.append((name, effect, p, _most_common(kinds[: len(real)]), _most_common(kinds[len(real) :])))
    for name, number in _NUMBERS.items():
        values = np.array([np.nan if (value := number(file)) is None else float(value) for file in both])
        known = np.isfinite(values)
        tested += 1
        sides = known & ~is_fake, known & is_fake
        if min(side.sum() for side in sides) < FEWEST or np.ptp(values[known]) == 0:
            continue
        effect, p = _permuted(partial(_delta, _ranks(values[known])), is_fake[known], rng, least)
        spans = (np.percentile(values[side], [25, 50, 75]) for side in sides)
        words = [f"{middle:.3g} ({low:.3g} to {high:.3g})" for low, middle, high in spans]
        differences.append((name, effect, p, words[0], words[1]))
    confounds = []
    for name, effect, p, real_kind, fake_kind in differences:
        if effect < least:
            continue
        p = min(1.0, p * tested)
        verdict: Verdict = "none"
        if p <= LEVEL + 1e-9 and effect >= MILD:  # which is the least that so many permutations can show
            verdict = "serious" if effect >= SERIOUS else "mild"
        confounds.append(Confound(name, effect, p, verdict, real_kind, fake_kind))
    return tuple(sorted(confounds, key=lambda confound: (-confound.effect, confound.name)))


_KINDS: Final[dict[str, Callable[[FileFacts], Any]]] = {
    "format": lambda file: file.format,
    "size": lambda file: f"{file.width}x{file.height}",
    "chroma subsampling": lambda file: file.subsampling,
    "bit depth": lambda file: file.bits,
    "colour profile": lambda file: "embedded" if file.profile else "none",
    "grey": lambda file: "grey" if file.grey else "colour",
}
_NUMBERS: Final[dict[str, Callable[[FileFacts], float | None]]] = {
    "pixels": lambda file: file.width * file.height,
    "aspect": lambda file: file.width / max(1, file.height),
    "bytes per pixel": lambda file: file.size / max(1, file.width * file.height),
    "JPEG quality": lambda file: file.quality,
}


def _permuted(
    measure: Callable[[NDArray[np.bool_]], NDArray[np.float64]],
    labels: NDArray[np.bool_],
    rng: np.random.Generator,
    least: float,
) -> tuple[float, float]:
    """Measure an effect, and how often it is as great with labels exchanged; the measure takes many labels at once."""
    effect = float(measure(labels[None])[0])
    if effect < least:
        return effect, 1.0
    beyond, left, several = 0, PERMUTATIONS, max(1, _AT_ONCE // len(labels))
    while left:
        exchanged = np.stack([rng.permutation(labels) for _ in range(min(several, left))])
        beyond += int(np.count_nonzero(measure(exchanged) >= effect - 1e-12))
        left -= len(exchanged)
    return effect, (1 + beyond) / (1 + PERMUTATIONS)


def _variation(codes: NDArray[np.intp], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Total variation distance of kinds, for rows of labels (K, N)."""
    rows, kinds = len(labels), int(codes.max()) + 1
    places = codes + kinds * np.arange(rows)[:, None]
    real, fake = (
        np.bincount(places[side], minlength=rows * kinds).reshape(rows, kinds) / side[0].sum()
        for side in (~labels, labels)
    )
    return np.asarray(np.abs(real - fake).sum(axis=1) / 2)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), np.float64)


def _delta(ranks: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Absolute value of Cliff's delta, for rows of labels (K, N)."""
    fake, real = int(labels[0].sum()), int((~labels[0]).sum())
    auc = (labels @ ranks - fake * (fake + 1) / 2) / (fake * real)  # ranks are halves: their sums are exact
    return np.asarray(np.abs(2 * auc - 1))


def _most_common(kinds: Iterable[Any]) -> str:
    counted = Counter(str(kind) for kind in kinds)
    total = sum(counted.values())
    shares = [f"{kind} {count / total:.0%}" for kind, count in counted.most_common(2)]
    return ", ".join(shares) + (f" and {len(counted) - 2} more" if len(counted) > 2 else "")


def _columns(files: Sequence[FileFacts]) -> NDArray[np.float64]:
    """Give facts as numbers, shape (N, columns): of kinds the most common eight, each a column."""
    columns: list[list[float]] = []
    for get in _KINDS.values():
        kinds = [str(get(file)) for file in files]
        columns += [[float(kind == value) for kind in kinds] for value, _ in Counter(kinds).most_common(8)]
    columns += [[-1.0 if (v := number(file)) is None else float(v) for file in files] for number in _NUMBERS.values()]
    return np.array(columns).T


def _pair(first: FileFacts, second: FileFacts, kind: Alike) -> Duplicate:
    a, b = first.record, second.record
    across = [name for name in ("label", "split", "generator") if getattr(a, name) != getattr(b, name)]
    return Duplicate(str(a.path), str(b.path), kind, tuple(f"{name}s" for name in across))
