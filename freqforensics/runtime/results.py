"""Folders of results: complete with a manifest, or unchanged."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from freqforensics._version import __version__
from freqforensics.runtime.destinations import check_result_folder, errors_name
from freqforensics.runtime.tables import write_csv
from freqforensics.runtime.unfinished import (
    abandon,
    abandoned_beside,
    abandoned_in,
    remove_abandoned,
    unfinished_prefix,
)
from freqforensics.runtime.writing import write_json

_MANIFEST: Final = "manifest.json"
_WORK: Final = "work.json"
_JOURNAL: Final = "replaced.json"


class Skipped(NamedTuple):
    """A file that a study could not use, and why.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        Why it was skipped.
    """

    path: str
    reason: str


class ResultFolder:
    """A result that is being written, before it takes its place in a folder.

    Parameters
    ----------
    path : Path
        Scratch folder, whose content becomes the result.
    about : dict
        The manifest that `manifest` gives, without the command line. It is also stored in figures.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path, self.about = path, dict(about)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def json(self, name: str, value: Any) -> None:
        """Write JSON values, indented."""
        write_json(self.path / name, value)

    def text(self, name: str, text: str) -> None:
        """Write text in UTF-8."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a CSV table; see `write_csv`."""
        write_csv(self.path / name, header, rows)


@contextmanager
def result_folder(
    out: str | Path, *, about: Mapping[str, Any], command: str | None = None, overwrite: bool = False
) -> Iterator[ResultFolder]:
    """Write a result; on success its files and ``manifest.json`` take their places in `out`.

    Parameters
    ----------
    out, overwrite
        Folder of the result and whether to replace one, as for `scratch_folder`.
    about : mapping
        The manifest that `manifest` gives.
    command : str, optional
        The command line, for the manifest.

    Yields
    ------
    ResultFolder

    Raises
    ------
    ValueError, OSError
        `out` is refused, or the results cannot be written, as for `scratch_folder`.
    """
    with scratch_folder(out, overwrite=overwrite) as scratch:
        folder = ResultFolder(scratch, about)
        yield folder
        folder.json(_MANIFEST, {**folder.about, "command": command})


@contextmanager
def scratch_folder(out: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Write to a scratch folder; on success its files take their places in `out`, otherwise it is removed.

    A folder with a ``manifest.json`` is whole. An old manifest goes before any other file is touched, then the files it
    lists that the new result lacks, and the new manifest comes last. A run killed in between leaves a folder without a
    manifest, and beside the files a scratch folder that names them: the next run with `overwrite` removes them.

    Parameters
    ----------
    out : str or Path
        Created if necessary. With `overwrite`, the outputs that its ``manifest.json`` lists are replaced or removed.
        Any other file stays, unless one of the new result has its name.
    overwrite : bool
        Allow a folder that is not empty.

    Yields
    ------
    Path
        The scratch folder, whose content becomes the result. A ``manifest.json`` in it gets the list of the other files
        ("outputs").

    Raises
    ------
    ValueError
        `out` is refused by `check_result_folder`.
    OSError
        The results cannot be written, as on a full disk. Its `filename` is the path in `out`.
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
            results = scratch / "results"
            results.mkdir()
            with errors_name(target, results):
                yield results
                outputs = _listed_outputs(results)
                before = _outputs(target)
                journal = {"outputs": before, "moved": sorted(set(outputs) - set(before))}
                write_json(scratch / _JOURNAL, journal)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        try:
            _move_results(results, target, outputs)
        except BaseException:
            abandon(scratch)  # the journal says which files are half of a result
            raise
        shutil.rmtree(scratch, ignore_errors=True)
    except BaseException:
        if made_target and not any(target.iterdir()):
            target.rmdir()
        raise


def _listed_outputs(results: Path) -> list[str]:
    """List the files of a result, and add the list to its manifest."""
    outputs = sorted(path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file())
    if _MANIFEST in outputs:
        about = json.loads((results / _MANIFEST).read_text(encoding="utf-8"))
        write_json(results / _MANIFEST, {**about, "outputs": [name for name in outputs if name != _MANIFEST]})
    return outputs


def _move_results(results: Path, target: Path, outputs: Sequence[str]) -> None:
    """Put results in place: the old manifest goes first, the new one comes last."""
    before = _outputs(target)
    if before or _MANIFEST in outputs:
        (target / _MANIFEST).unlink(missing_ok=True)
    _remove_outputs(target, sorted(set(before) - set(outputs)))
    for name in (*(name for name in outputs if name != _MANIFEST), *(name for name in outputs if name == _MANIFEST)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).replace(target / name)


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
    path = Path(folder) / _MANIFEST
    try:
        ours = "freqforensics" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return
    if ours:
        path.unlink(missing_ok=True)


def clear_unfinished_results(folder: str | Path) -> tuple[str, ...]:
    """Remove what a killed run of `result_folder` left in a folder.

    That is its scratch folder and, where it was killed while results were put in place, the files of the incomplete
    result. Files of live processes and of other machines stay.

    Parameters
    ----------
    folder : str or Path
        Folder of a result.

    Returns
    -------
    tuple of str
        Removed names, relative to `folder`.
    """
    target = Path(folder)
    removed: list[str] = []
    for abandoned in abandoned_in(target):
        # With a manifest in place nothing was touched yet, or all was done.
        if not (target / _MANIFEST).exists():
            # Files of the old result, or moved ones; a file that still waits has not replaced one of its name.
            outputs, moved = (_outputs(target, abandoned / _JOURNAL, key=key) for key in ("outputs", "moved"))
            outputs += [name for name in moved if not (abandoned / "results" / name).exists()]
            removed += [name for name in outputs if (target / name).is_file()]
            _remove_outputs(target, outputs)
            _remove_empty_folders(target, moved)
        remove_abandoned([abandoned])
        removed.append(abandoned.name)
    return tuple(removed)


def clear_unfinished_file(path: str | Path) -> tuple[str, ...]:
    """Remove the temporary files that killed runs left of a file; give their names."""
    abandoned = abandoned_beside(Path(path))
    remove_abandoned(abandoned)
    return tuple(temporary.name for temporary in abandoned)


def claim_folder(out: str | Path, identity: Mapping[str, Any], *, resume: bool = False) -> Path:
    """Create a folder that long work fills bit by bit, or find one of the same work to resume.

    Parameters
    ----------
    out : str or Path
        The folder.
    identity : mapping
        Everything that the result of the work depends on, JSON values; stored as ``work.json``.
    resume : bool
        Resume unfinished work.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        The folder is not empty and `resume` is not given, or it holds other work.
    """
    folder, note = Path(out), Path(out) / _WORK
    wanted = json.loads(json.dumps({**identity, "freqforensics": __version__}))
    check_claim(folder, resume=resume)
    if not note.exists():
        clear_unfinished(folder)  # a process that was killed may have left an unfinished note
        write_json(note, wanted)
        return folder
    try:
        before = dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{note} cannot be read: {error}") from error
    different = [key for key in {**before, **wanted} if before.get(key) != wanted.get(key)]
    if different:
        raise ValueError(f"{folder} holds other work (another {', '.join(different)}): give another folder")
    clear_unfinished(folder)
    return folder


def holds_work(out: str | Path, identity: Mapping[str, Any]) -> bool:
    """Say whether a folder was claimed, by `claim_folder`, for the work of this identity."""
    try:
        stored = json.loads((Path(out) / _WORK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(stored == json.loads(json.dumps({**identity, "freqforensics": __version__})))


def check_claim(out: str | Path, *, resume: bool = False) -> None:
    """Raise ValueError if `claim_folder` would for any work."""
    if not (Path(out) / _WORK).exists():
        check_result_folder(out, hint="give another folder")
    elif not resume:
        raise ValueError(f"{out} holds unfinished or finished work: resume must be set to continue it")


def clear_unfinished(folder: str | Path) -> tuple[str, ...]:
    """Remove the half-written files of killed processes in a folder and those below it.

    Other files stay, and those of live processes.

    Returns
    -------
    tuple of str
        Removed names, relative to `folder`.
    """
    abandoned = abandoned_in(Path(folder), deep=True)
    remove_abandoned(abandoned)
    return tuple(path.relative_to(folder).as_posix() for path in abandoned)


def _outputs(folder: Path, listing: Path | None = None, *, key: str = "outputs") -> list[str]:
    """List the outputs of an earlier run by its manifest or another listing; names must not lead out of `folder`."""
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
