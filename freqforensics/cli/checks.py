"""What commands check before they load torch: sources, weights, files, and where results go."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from freqforensics.cli.app import complain
from freqforensics.cli.options import quiet

if TYPE_CHECKING:
    from freqforensics.sources.records import Label
    from freqforensics.sources.selection import SourcesLike

_NAMED: Final = 3
_SMALL_TABLE: Final = 1 << 20
_LOOKED_AT: Final = 10_000
"""Entries of folders that are looked at for names that need labels."""


def check_sources(*sources: SourcesLike | None) -> None:
    """Raise what `index_sources` does of sources that do not exist, hold no image, or need labels."""
    from freqforensics.sources.selection import as_sources
    from freqforensics.sources.sources import index_sources

    for several in sources:
        if several is not None:
            given = as_sources(several)
            for source in (*given, *given.real):
                path = source_path(str(source))
                if not _holds_images(path) or _needs_labels(path, given.labels):
                    index_sources(given.alike(source), on_note=lambda _: None)  # says what is wrong, or that nothing is


def source_path(source: str) -> Path:
    """Give the path of a source, which may be NAME=PATH."""
    from freqforensics.storage.locations import as_path, is_address

    name, _, rest = source.partition("=")
    named = name and rest and not is_address(name) and not Path(source).exists()
    return as_path(rest) if named else as_path(source)


def check_files(paths: Iterable[str | Path | None]) -> None:
    """Raise OSError unless all files, but those that are None, can be opened."""
    for path in paths:
        if path is not None:
            with Path(path).open("rb"):
                pass


def check_weights(names: Iterable[str | Path]) -> None:
    """Raise what `find_weights` does of weights that are not here; their content is not looked at."""
    from freqforensics.detector.weights import KNOWN, find_weights, stored_weights

    for name in names:
        known = str(name) in KNOWN and stored_weights(str(name)).present
        if not (known or Path(name).is_file()):
            find_weights(name)


def check_images(paths: Sequence[str]) -> None:
    """Raise ValueError if there is no file at any of the paths of images; folders and lists are checked as sources."""
    from freqforensics.images import ImageReadError, read_file, shown_path
    from freqforensics.sources.containers import holds_several
    from freqforensics.sources.listing import is_list
    from freqforensics.sources.sources import image_files
    from freqforensics.storage.locations import as_path

    several = [path for path in paths if holds_several(path) or is_list(path)]
    for path in several:
        if not _holds_images(as_path(path)):
            image_files(path, on_note=lambda _: None)  # says what is wrong, or that nothing is
    if several:
        return
    reasons = []
    for path in paths:
        if Path(path).is_file():
            return
        try:
            read_file(path)
        except ImageReadError as error:
            reasons.append(f"{shown_path(path)}: {error.reason}")
        except OSError as error:
            reasons.append(f"{shown_path(path)}: {(error.strerror or str(error)).lower()}")
    if len(reasons) == len(paths):
        raise ValueError("; ".join(reasons))


def check_safetensors(out: Path) -> None:
    """Raise ValueError unless a file of weights has the name that `save_detector` wants."""
    if out.suffix != ".safetensors":
        raise ValueError(f"weights are written as .safetensors, got {out.name}")


def check_carriers(names: Sequence[str], *, each: int = 0) -> None:
    """Raise ValueError unless there are carriers of these names, and `each` of them besides files as they are."""
    from freqforensics.perturbations.carriers import AS_IS, chosen_carriers

    count = len(set(chosen_carriers(names)) - {AS_IS})
    if each > count:
        raise ValueError(f"each must lie between 0 and {count}, the number of carriers, got {each}")


def check_backend(backend: str) -> None:
    """Raise ValueError if the extra that a backend needs is not installed."""
    if backend == "onnx" and importlib.util.find_spec("onnxruntime") is None:
        raise ValueError("backend 'onnx' needs the extra: pip install 'freqforensics[onnx]'")


def check_scoring(weights: Iterable[str], calibration: Sequence[Path] | None = None, backend: str = "torch") -> None:
    """Check what every command that scores images takes."""
    check_backend(backend)
    check_weights(weights)
    check_files(calibration or ())


def say_what_they_are(weights: Iterable[str]) -> None:
    """Print what weights that ship are good for, which is no published detector's job."""
    from freqforensics.detector.weights import KNOWN

    for name in weights:
        if name in KNOWN and KNOWN[name].bundled and not Path(name).is_file() and not quiet():
            complain(KNOWN[name].notice)


def check_out(out: Path | None, sources: Iterable[str | Path], *, overwrite: bool, parts: Sequence[str] = ()) -> None:
    """Raise ValueError unless results can be written to a folder or its `parts`; clear what a killed run left."""
    from freqforensics.runtime.destinations import check_parts, check_result_folder
    from freqforensics.runtime.results import clear_unfinished_results

    if out is None:
        return
    check_apart(out, sources)
    places = [out / part for part in parts] or [out]
    if parts:
        check_parts(out, parts, overwrite=overwrite)
    else:
        check_result_folder(out, overwrite=overwrite)
    for place in places:
        _tell_cleared(clear_unfinished_results(place), place)


def check_out_file(
    out: Path | None,
    sources: Iterable[str | Path],
    *,
    overwrite: bool,
    hint: str = "overwrite must be set to replace it",
) -> None:
    """Raise ValueError unless a result can be written to a file; clear what a killed run left beside it."""
    from freqforensics.runtime.destinations import check_result_file
    from freqforensics.runtime.results import clear_unfinished_file

    if out is None:
        return
    check_apart(out, sources)
    check_result_file(out, overwrite=overwrite, hint=hint)
    _tell_cleared(clear_unfinished_file(out), out.parent)


def check_out_scores(out: Path | None, sources: Iterable[str | Path], *, resume: bool) -> None:
    """Raise ValueError unless scores can be written to a CSV file or a folder of parquet; `resume` adds to either."""
    from freqforensics.detector.score_parquet import check_parquet, is_parquet

    hint = "resume must be set to add to it"
    if out is None or not is_parquet(out):
        check_out_file(out, sources, overwrite=resume, hint=hint)
        return
    from freqforensics.runtime.destinations import check_result_folder

    check_parquet()
    check_apart(out, sources)
    check_result_folder(out, overwrite=resume, hint=hint)


def check_claim(out: Path | None, sources: Iterable[str | Path], *, resume: bool) -> None:
    """Raise ValueError unless long work can begin in a folder, or be resumed; clear what a killed run left there."""
    from freqforensics.runtime import results

    if out is None:
        if resume:
            raise ValueError("resume must come with --out DIR")
        return
    check_apart(out, sources)
    results.check_claim(out, resume=resume)
    _tell_cleared(results.clear_unfinished(out), out)


def check_filled(out: Path, sources: Iterable[str | Path]) -> None:
    """Raise ValueError unless files can be written to a folder, whatever it holds; clear what a killed run left."""
    from freqforensics.runtime.destinations import check_result_folder
    from freqforensics.runtime.results import clear_unfinished

    check_apart(out, sources)
    check_result_folder(out, overwrite=True)
    _tell_cleared(clear_unfinished(out), out)


def check_apart(out: Path, sources: Iterable[str | Path]) -> None:
    """Raise ValueError if results would be written over a source."""
    if out.resolve() in {source_path(str(source)).resolve() for source in sources}:
        raise ValueError(f"{out} is a source: give another place for the results")


def _tell_cleared(names: Sequence[str], place: Path) -> None:
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        complain(f"note: cleared what a killed run left in {place}: {', '.join(names[:_NAMED])}{more}")


def _holds_images(path: Path) -> bool:
    """Whether there is an image below a folder, as its first files tell, or a table too large to be read twice."""
    from freqforensics.images.headers import SUFFIXES
    from freqforensics.sources.containers import holds_images, names_an_image
    from freqforensics.sources.leftovers import is_image_name
    from freqforensics.sources.listing import is_list, listed_files
    from freqforensics.storage.opening import is_collection

    if is_collection(str(path)):
        return not names_an_image(str(path)) and holds_images(str(path))
    if is_list(path):
        return bool(listed_files(path))
    if path.is_file() and is_image_name(path.name):
        return True
    if path.is_file():
        return path.suffix.lower() in (".csv", ".tsv") and path.stat().st_size > _SMALL_TABLE
    for folder, below, files in os.walk(path):
        below[:] = [name for name in below if not name.startswith(".")]
        if "manifest.json" in files:  # of results, perhaps, which are not images
            below.clear()
            continue
        if any(Path(folder, name).suffix.lower() in SUFFIXES and not name.startswith(".") for name in files):
            return True
    return False


def _needs_labels(path: Path, labels: Mapping[str, Label]) -> bool:
    """Whether the first folders of a tree have names that `index_sources` would ask about, as it seems."""
    from freqforensics.sources.sides import possible_side, tell_sides
    from freqforensics.storage.locations import is_address
    from freqforensics.storage.opening import is_collection

    if is_collection(str(path)):
        return not is_address(str(path))  # listed in no time

    pending, count = [path] if path.is_dir() else [], 0
    while pending and count < _LOOKED_AT:
        folders = []
        try:
            with os.scandir(pending.pop(0)) as entries:
                for entry in islice(entries, _LOOKED_AT):
                    count += 1
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
        except OSError:
            continue
        names = [folder.name for folder in folders]
        sides = tell_sides(names, labels=labels)
        possible = {side[1] for name in names if (side := possible_side([name], labels))}
        if sides.unclear or (len(possible) == 2 and not sides.labels):
            return True
        if not sides.labels:
            pending += folders
    return False
