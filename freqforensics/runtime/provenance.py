"""What is stored beside a result, and how a result is put in place whole or not at all."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from freqforensics._version import __version__
from freqforensics.runtime.destinations import check_result_folder as check_result_folder, errors_name
from freqforensics.runtime.unfinished import (
    abandon,
    abandoned_beside,
    abandoned_in,
    remove_abandoned,
    unfinished_prefix,
)

_LIBRARIES: Final = (
    "numpy",
    "scipy",
    "opencv-python-headless",
    "pillow",
    "simplejpeg",
    "imagecodecs",
    "tifffile",
    "pillow-heif",
    "matplotlib",
    "scikit-image",
    "PyWavelets",
)
DETECTOR_LIBRARIES: Final = ("torch", "torchvision", "lightning-fabric", "scikit-learn")
_MANIFEST: Final = "manifest.json"
_WORK: Final = "work.json"
_JOURNAL: Final = "replaced.json"
FORMAT: Final = 1
"""Version of the manifest's form."""


def manifest(
    parameters: Mapping[str, Any],
    *,
    inputs: Mapping[str, Any],
    seed: int | None = None,
    command: str | None = None,
    also: Sequence[str] = (),
) -> dict[str, Any]:
    """Describe how a result was made.

    It holds no time and no host name, so the same run writes the same manifest.

    Parameters
    ----------
    parameters : mapping
        What was asked for, JSON values.
    inputs : mapping
        What went in: counts and hashes, JSON values.
    seed : int, optional
    command : str, optional
        The command line.
    also : sequence of str
        Distributions that the result depends on besides those that all results do, as `DETECTOR_LIBRARIES`.

    Returns
    -------
    dict
        With the keys format, freqforensics, python, libraries, parameters, seed, inputs, command.
    """
    return {
        "format": FORMAT,
        "freqforensics": __version__,
        "python": platform.python_version(),
        "libraries": library_versions(also),
        "parameters": dict(parameters),
        "seed": seed,
        "inputs": dict(inputs),
        "command": command,
    }


def library_versions(also: Sequence[str] = ()) -> dict[str, str]:
    """Versions of the libraries that results depend on, by distribution name; those not installed are left out."""
    versions = {}
    for name in (*_LIBRARIES, *also):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes `path`'s place on success and goes on failure.

    Parameters
    ----------
    path : str or Path
        Its folder is made if need be.

    Yields
    ------
    Path
        Same folder, same suffix. The name begins with ``.unfinished-`` and says which process holds it.

    Raises
    ------
    OSError
        The file cannot be written, as on a full disk. Its `filename` is `path`.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with errors_name(target, target):
        handle, name = tempfile.mkstemp(
            prefix=unfinished_prefix(target.stem or "file"), suffix=target.suffix, dir=target.parent
        )
        os.close(handle)
    temporary = Path(name)
    try:
        with errors_name(target, temporary):
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def result_folder(out: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a scratch folder to fill; on success its files take their places in `out`, else all of it goes.

    A folder with a ``manifest.json`` is whole. An old manifest goes before any other file is touched, then the files it
    lists that the new result lacks, and the new manifest comes last. A run killed in between leaves a folder without a
    manifest, and beside the files a scratch folder that names them: the next run with `overwrite` removes them.

    Parameters
    ----------
    out : str or Path
        Made if need be. With `overwrite`, the files that the ``manifest.json`` found in it lists as its outputs are
        replaced or removed. Any other file stays, unless one of the new result has its name.
    overwrite : bool
        Allow a folder that holds something.

    Yields
    ------
    Path
        What is written below it becomes the result. A ``manifest.json`` in it gets the list of the other files
        ("outputs").

    Raises
    ------
    ValueError
        As `check_result_folder`.
    OSError
        The results cannot be written, as on a full disk. Its `filename` is their place in `out`.
    """
    check_result_folder(out, overwrite=overwrite)
    target = Path(out)
    made_target = not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    clear_unfinished_results(target)
    try:
        with errors_name(target, target):
            # Inside `out`, for what is beside it may be another file system.
            scratch = Path(tempfile.mkdtemp(prefix=unfinished_prefix(), dir=target))
        try:
            made = scratch / "results"
            made.mkdir()
            with errors_name(target, made):
                yield made
                outputs = _listed_outputs(made)
                before = _outputs(target)
                journal = {"outputs": before, "moved": sorted(set(outputs) - set(before))}
                write_json(scratch / _JOURNAL, journal)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        try:
            _move_results(made, target, outputs)
        except BaseException:
            abandon(scratch)  # the journal says which files are half of a result
            raise
        shutil.rmtree(scratch, ignore_errors=True)
    except BaseException:
        if made_target and not any(target.iterdir()):
            target.rmdir()
        raise


def _listed_outputs(made: Path) -> list[str]:
    """Give the names of the files of a result, which its manifest gets, too."""
    outputs = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    if _MANIFEST in outputs:
        about = json.loads((made / _MANIFEST).read_text(encoding="utf-8"))
        write_json(made / _MANIFEST, {**about, "outputs": [name for name in outputs if name != _MANIFEST]})
    return outputs


def _move_results(made: Path, target: Path, outputs: Sequence[str]) -> None:
    """Put results in place: the old manifest goes first, the new one comes last."""
    before = _outputs(target)
    if before or _MANIFEST in outputs:
        (target / _MANIFEST).unlink(missing_ok=True)
    _remove_outputs(target, sorted(set(before) - set(outputs)))
    for name in (*(name for name in outputs if name != _MANIFEST), *(name for name in outputs if name == _MANIFEST)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).replace(target / name)


def _remove_outputs(target: Path, names: Iterable[str]) -> None:
    """Remove files of a result, and the folders below `target` that are empty then."""
    for name in names:
        (target / name).unlink(missing_ok=True)
        _remove_empty_folders(target, [name])


def _remove_empty_folders(target: Path, names: Iterable[str]) -> None:
    for name in names:
        for folder in (target / name).parents:
            if folder == target or (folder.is_dir() and any(folder.iterdir())):
                break
            if folder.is_dir():
                folder.rmdir()


def clear_results(folder: str | Path) -> None:
    """Remove the result that a folder's manifest lists, the manifest first; nothing else in it."""
    target = Path(folder)
    outputs = _outputs(target)
    if outputs:
        (target / _MANIFEST).unlink(missing_ok=True)
        _remove_outputs(target, outputs)


def drop_manifest(folder: str | Path) -> None:
    """Remove a folder's manifest before its results are written anew, for it would describe others meanwhile.

    Somebody else's stays.
    """
    place = Path(folder) / _MANIFEST
    try:
        ours = "freqforensics" in json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return
    if ours:
        place.unlink(missing_ok=True)


def clear_unfinished_results(folder: str | Path) -> tuple[str, ...]:
    """Remove what a killed run of `result_folder` left in a folder.

    That is its scratch folder and, where it was killed while results were put in place, the files of the incomplete
    result. What a live process holds stays, as does what another machine left.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    tuple of str
        Names of what was removed, relative to `folder`.
    """
    target = Path(folder)
    removed: list[str] = []
    for left in abandoned_in(target):
        # With a manifest in place nothing was touched yet, or all was done.
        if not (target / _MANIFEST).exists():
            # Of the old result, or moved: what still waits has not taken the place of somebody's file of its name.
            outputs, moved = (_outputs(target, left / _JOURNAL, key=key) for key in ("outputs", "moved"))
            outputs += [name for name in moved if not (left / "results" / name).exists()]
            removed += [name for name in outputs if (target / name).is_file()]
            _remove_outputs(target, outputs)
            _remove_empty_folders(target, moved)
        remove_abandoned([left])
        removed.append(left.name)
    return tuple(removed)


def clear_unfinished_file(path: str | Path) -> tuple[str, ...]:
    """Remove the temporary files that killed runs left of a file; give their names."""
    left = abandoned_beside(Path(path))
    remove_abandoned(left)
    return tuple(one.name for one in left)


def claim_folder(out: str | Path, identity: Mapping[str, Any], *, resume: bool = False) -> Path:
    """Make a folder that a long piece of work fills bit by bit, or find one of the same work to go on with.

    Parameters
    ----------
    out : str or Path
    identity : mapping
        What the work's result depends on, JSON values; kept as ``work.json``.
    resume : bool
        Go on with what is there.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    ValueError
        It holds something and `resume` is not given, or the work it holds is another.
    """
    folder, note = Path(out), Path(out) / _WORK
    asked = json.loads(json.dumps({**identity, "freqforensics": __version__}))
    check_claim(folder, resume=resume)
    if not note.exists():
        clear_unfinished(folder)  # a process that was killed may have left an unfinished note
        write_json(note, asked)
        return folder
    try:
        before = dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{note} cannot be read: {error}") from error
    different = [key for key in {**before, **asked} if before.get(key) != asked.get(key)]
    if different:
        raise ValueError(f"{folder} holds other work (another {', '.join(different)}): give another folder")
    clear_unfinished(folder)
    return folder


def check_claim(out: str | Path, *, resume: bool = False) -> None:
    """Raise ValueError if `claim_folder` would, whatever the work is."""
    if not (Path(out) / _WORK).exists():
        check_result_folder(out, hint="give another folder")
    elif not resume:
        raise ValueError(f"{out} holds unfinished or finished work: --resume goes on with it")


def clear_unfinished(folder: str | Path) -> tuple[str, ...]:
    """Remove what killed processes left half written in a folder and those below it.

    Names that this package does not give stay, as does what a live process holds.

    Returns
    -------
    tuple of str
        Names of what was removed, relative to `folder`.
    """
    left = abandoned_in(Path(folder), deep=True)
    remove_abandoned(left)
    return tuple(path.relative_to(folder).as_posix() for path in left)


def _outputs(folder: Path, listing: Path | None = None, *, key: str = "outputs") -> list[str]:
    """What an earlier run says, in its manifest or another listing, it wrote to `folder`, as far as it lies inside."""
    try:
        listed = json.loads((listing or folder / _MANIFEST).read_text(encoding="utf-8"))
        if listing is None and "freqforensics" not in listed:
            return []  # somebody else's
        listed = listed.get(key, ())
        return [
            name
            for name in listed
            if isinstance(name, str) and (folder / name).resolve().is_relative_to(folder.resolve())
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
