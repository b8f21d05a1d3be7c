"""The images of a training: indexed, split and checked before the first step. Loads no torch."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.images import ImageReadError, read_image, shown_path
from freqforensics.runtime.parallel import map_reduce
from freqforensics.sources.records import ImageRecord, records_sha256
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import index_sources
from freqforensics.training.recipe import Imbalance

GREATEST_IMBALANCE: Final = 0.1
"""Part of the larger side by which real and fake images may differ in number."""

_Unusable = tuple[list[tuple[ImageRecord, str]], list[tuple[ImageRecord, str]]]


@dataclass(frozen=True)
class TrainingSet:
    """Records to learn from and records to validate on.

    Parameters
    ----------
    training, validation : tuple of ImageRecord
        No unknown label; each has real and fake images.
    notes : tuple of str
        What was left out.
    unreadable : tuple of str
        Paths of the images that were left out because they cannot be read.
    """

    training: tuple[ImageRecord, ...]
    validation: tuple[ImageRecord, ...]
    notes: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Hashes of the two sides: of paths, labels and sizes in bytes."""
        return f"{records_sha256(self.training)} {records_sha256(self.validation)}"

    def without(self, paths: Collection[str], *, pairs: bool = False) -> TrainingSet:
        """Leave out images that cannot be read, with `pairs` also what shares their names."""
        if pairs:
            alone = {_pair(record) for record in self.training if str(record.path) in paths}
            paths = {*paths, *(str(record.path) for record in self.training if _pair(record) in alone)}
        training = tuple(record for record in self.training if str(record.path) not in paths)
        validation = tuple(record for record in self.validation if str(record.path) not in paths)
        return replace(self, training=training, validation=validation, unreadable=tuple(sorted(paths)))

    def counts(self) -> list[dict[str, Any]]:
        """Images by generator and category: JSON values with the keys generator, category, then real and fake."""
        table: dict[tuple[str, str], Counter[str]] = {}
        for side, records in (("training", self.training), ("validation", self.validation)):
            for record in records:
                table.setdefault(_folder(record), Counter())[f"{side}_{record.label}"] += 1
        columns = [f"{side}_{label}" for side in ("training", "validation") for label in ("real", "fake")]
        return [
            {"generator": generator, "category": category, **{column: counts[column] for column in columns}}
            for (generator, category), counts in sorted(table.items())
        ]


def index_training(
    sources: SourcesLike,
    *,
    validation: SourcesLike = (),
    held_out: float = 0.1,
    classes: int | tuple[str, ...] | None = None,
    imbalance: Imbalance = "error",
    simulated: bool = False,
    seed: int = 0,
) -> TrainingSet:
    """Index and split sources for training.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        As for `index_sources`. ``train`` folders are learnt from, ``val`` folders validated on, ``test`` left out.
    validation : Sources, str, Path, or sequence of str or Path
        Images to validate on in place of ``val`` folders.
    held_out : float
        Share of the images that is held out where there is neither, drawn by file name: images that share a name, as a
        photograph and its miniature do, stay together.
    classes : int or tuple of str, optional
        Categories (generators, where a set has no categories) to learn from: these, or the first N by name.
    imbalance : {"error", "undersample", "allow"}
        What to do where real and fake differ in number by more than a tenth.
    simulated : bool
        The sources are photographs to make fakes of: each is listed as real and as fake, fake images are left out, and
        labels do not matter. The same goes for what is held out, not for `validation`.
    seed : int
        Random seed of what is held out or left out.

    Returns
    -------
    TrainingSet

    Raises
    ------
    ValueError
        Images without a label, a side or a category with one kind only, an imbalance, no such class.
    FileNotFoundError
        A source does not exist.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie between 0 and 1, got {held_out}")
    notes: list[str] = []
    records = index_sources(sources, on_note=notes.append)
    if simulated:
        records = _twofold(records)
    _check_labels(records)
    tests = sum(record.split == "test" for record in records)
    if tests:
        notes.append(f"images of test folders, left out: {tests}")
    training = [record for record in records if record.split in (None, "train")]
    validating = [record for record in records if record.split == "val"]
    split = bool(validation or validating)
    if validation:
        if validating:
            notes.append(f"images of val folders, left out for the validation set named: {len(validating)}")
        validating = index_sources(validation, on_note=notes.append)
        _check_labels(validating)
        both = {record.path.resolve() for record in training} & {record.path.resolve() for record in validating}
        if both:
            first = shown_path(min(both))
            raise ValueError(f"{len(both)} images are in both training and validation, first {first}")
    if classes is not None:
        chosen = _chosen_classes(training, classes)
        training = [record for record in training if _class(record) in chosen]
        if not validation:
            validating = [record for record in validating if _class(record) in chosen]
    _check_sides(training, "training")
    training = _balanced(training, imbalance, seed, notes)
    if not simulated:
        notes += serious_confounds(training)
    if not split:
        validating = [record for record in training if _drawn(record, seed) < held_out]
        training = [record for record in training if _drawn(record, seed) >= held_out]
    _check_sides(training, "training")
    _check_sides(validating, "validation")
    return TrainingSet(tuple(training), tuple(validating), tuple(notes))


def check_images(
    training_set: TrainingSet,
    *,
    smallest: int,
    resize: int | None = None,
    skip_unreadable: bool = False,
    pairs: bool = False,
    workers: int | None = None,
    progress: str | None = None,
) -> TrainingSet:
    """Read every image once.

    Parameters
    ----------
    training_set : TrainingSet
    smallest : int
        Least shorter side, pixels.
    resize : int, optional
        Shorter side that images are resized to before.
    skip_unreadable : bool
        Leave out what cannot be read instead of raising.
    pairs : bool
        Leave out what shares a name with it too.
    workers : int, optional
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    TrainingSet
        Without what was left out; that is noted.

    Raises
    ------
    ValueError
        Images that cannot be read, or are too small; the message names the first ones.
    """
    # A photograph that is simulated with is listed twice, and read once.
    records = list({record.path: record for record in (*training_set.training, *training_set.validation)}.values())

    def unusable(chunk: Sequence[ImageRecord]) -> _Unusable:
        small, broken = [], []
        for record in chunk:
            try:
                height, width = read_image(record.path, on_note=lambda _: None).shape[:2]
            except ImageReadError as error:
                broken.append((record, error.reason))
                continue
            if resize is None and min(height, width) < smallest:
                small.append((record, f"{width}x{height}"))
        return small, broken

    small, broken = map_reduce(
        records, unusable, lambda a, b: (a[0] + b[0], a[1] + b[1]), workers=workers, progress=progress
    )
    if small:
        record, size = small[0]
        raise ValueError(
            f"crop must be no larger than the images, or resize be set: {len(small)} of {len(records)} images are"
            f" smaller than the crop of {smallest} pixels, first {shown_path(record.path)} ({size})"
        )
    if broken and not skip_unreadable:
        listed = "; ".join(f"{shown_path(record.path)}: {reason}" for record, reason in broken[:3])
        more = f"; and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise ValueError(f"skip_unreadable must be set where {len(broken)} images cannot be read: {listed}{more}")
    readable = training_set.without({str(record.path) for record, _ in broken}, pairs=pairs)
    notes = (f"{shown_path(record.path)}: {reason}, left out" for record, reason in broken)
    readable = replace(readable, notes=(*readable.notes, *notes))
    _check_sides(readable.training, "training")
    _check_sides(readable.validation, "validation")
    return readable


def pair_up(records: Sequence[ImageRecord]) -> list[list[int]]:
    """Group the indices of images of one generator and category that share a file name, as photo and miniature do.

    Raises
    ------
    ValueError
        A group without a real or a fake image.
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for index, record in enumerate(records):
        groups.setdefault(_pair(record), []).append(index)
    single = [group for group in groups.values() if len({records[index].label for index in group}) == 1]
    if single:
        first = shown_path(records[single[0][0]].path)
        raise ValueError(f"{len(single)} images have no counterpart of their name on the other side, first {first}")
    return list(groups.values())


def _twofold(records: Sequence[ImageRecord]) -> list[ImageRecord]:
    """List each photograph twice, as what it is and as what is made of it."""
    photos = [record for record in records if record.label != "fake"]
    return [replace(record, label=label) for record in photos for label in ("real", "fake")]


def _folder(record: ImageRecord) -> tuple[str, str]:
    return record.generator, record.category or ""


def _pair(record: ImageRecord) -> tuple[str, str, str]:
    return (*_folder(record), record.path.stem)


def _class(record: ImageRecord) -> str:
    return record.category or record.generator


def _chosen_classes(records: Sequence[ImageRecord], classes: int | tuple[str, ...]) -> set[str]:
    names = sorted({_class(record) for record in records})
    if isinstance(classes, int):
        if not 1 <= classes <= len(names):
            raise ValueError(f"classes must lie between 1 and {len(names)}, the number there is, got {classes}")
        return set(names[:classes])
    unknown = sorted(set(classes) - set(names))
    if unknown:
        raise ValueError(f"classes must be of {', '.join(names)}, got {', '.join(unknown)}")
    return set(classes)


def _check_labels(records: Sequence[ImageRecord]) -> None:
    unlabelled = [record for record in records if record.label == "unknown"]
    if unlabelled:
        first = shown_path(unlabelled[0].path)
        raise ValueError(f"{len(unlabelled)} images are neither in 0_real nor in 1_fake, first {first}")


def _drawn(record: ImageRecord, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}|{record.path.stem}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _check_sides(records: Sequence[ImageRecord], name: str) -> None:
    """Both kinds must be there; in training, in every folder."""
    groups: dict[str, set[str]] = {}
    for record in records:
        folder = f"{record.generator}/{record.category}" if record.category else record.generator
        groups.setdefault(folder, set()).add(record.label)
    if not groups:
        raise ValueError(f"there is no image for {name}")
    if name != "training":
        groups = {"": set().union(*groups.values())}
    for folder, kinds in groups.items():
        if len(kinds) == 1:
            missing = "fake" if kinds == {"real"} else "real"
            raise ValueError(f"{f'{folder} has' if folder else 'there is'} no {missing} image for {name}")


def _balanced(records: Sequence[ImageRecord], imbalance: Imbalance, seed: int, notes: list[str]) -> list[ImageRecord]:
    counts = Counter(record.label for record in records)
    real, fake = counts["real"], counts["fake"]
    if abs(real - fake) <= GREATEST_IMBALANCE * max(real, fake) or imbalance == "allow":
        return list(records)
    if imbalance == "error":
        raise ValueError(
            "imbalance must be 'undersample', to take as many of each, or 'allow', to take them as they are: of"
            f" {real} real and {fake} fake images a detector would learn the odds"
        )
    paths: set[Path] = set()
    folders: dict[tuple[str, str], dict[str, list[ImageRecord]]] = {}
    for record in records:
        folders.setdefault(_folder(record), {}).setdefault(record.label, []).append(record)
    for sides in folders.values():
        few = min(len(side) for side in sides.values())
        shared = set.intersection(*({record.path.stem for record in side} for side in sides.values()))
        for side in sides.values():
            # What has a counterpart of its name first.
            order = sorted(side, key=lambda record: (record.path.stem not in shared, _drawn(record, seed + 1)))
            paths |= {record.path for record in order[:few]}
    balanced = [record for record in records if record.path in paths]
    notes.append(f"left out so that real and fake are as many: {len(records) - len(balanced)}")
    return balanced
