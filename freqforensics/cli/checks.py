"""What commands check before they load torch: sources, weights, files, and where results go."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from freqforensics.cli.app import complain
from freqforensics.cli.options import quiet
from freqforensics.sources.presence import check_images as check_images, check_sources as check_sources
from freqforensics.sources.selection import split_name

_NAMED: Final = 3


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
    if out.resolve() in {split_name(source)[1].resolve() for source in sources}:
        raise ValueError(f"{out} is a source: give another place for the results")


def _tell_cleared(names: Sequence[str], place: Path) -> None:
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        complain(f"note: cleared what a killed run left in {place}: {', '.join(names[:_NAMED])}{more}")
