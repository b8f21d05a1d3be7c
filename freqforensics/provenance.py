"""What is stored beside a result, and how a result is put in place whole or not at all."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from freqforensics import __version__

_LIBRARIES: Final = (
    "numpy",
    "scipy",
    "opencv-python-headless",
    "pillow",
    "simplejpeg",
    "imagecodecs",
    "tifffile",
    "matplotlib",
    "scikit-image",
    "PyWavelets",
)
DETECTOR_LIBRARIES: Final = ("torch", "torchvision", "lightning-fabric", "scikit-learn")
_UNFINISHED: Final = ".unfinished-"
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
        Same folder, same suffix.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{_UNFINISHED}{target.stem[:40]}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def result_folder(out: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a scratch folder to fill; on success its files take their places in `out`, else all of it goes.

    Parameters
    ----------
    out : str or Path
        Made if need be. With `overwrite`, the files that the ``manifest.json`` found in it lists as its outputs are
        replaced or removed; nothing else ever is.
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
    """
    check_result_folder(out, overwrite=overwrite)
    target = Path(out)
    made_target = not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    try:
        # Inside `out`, for what is beside it may be another file system.
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=target) as scratch:
            made = Path(scratch)
            yield made
            outputs = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
            if (made / "manifest.json").exists():
                outputs.remove("manifest.json")
                about = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
                write_json(made / "manifest.json", {**about, "outputs": outputs})
                outputs.append("manifest.json")
            stale = set(_outputs(target)) - set(outputs)
            for name in outputs:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).replace(target / name)
            for name in stale:
                (target / name).unlink(missing_ok=True)
    except BaseException:
        if made_target and not any(target.iterdir()):
            target.rmdir()
        raise


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
    folder, note = Path(out), Path(out) / "work.json"
    asked = json.loads(json.dumps({**identity, "freqforensics": __version__}))
    if note.exists() and not resume:
        raise ValueError(f"{folder} holds unfinished or finished work: --resume goes on with it")
    if not note.exists():
        # A process that was killed may have left an unfinished note.
        if not _only_unfinished(folder):
            check_result_folder(folder, hint="give another folder")
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


def _only_unfinished(folder: Path) -> bool:
    return folder.is_dir() and all(path.name.startswith(_UNFINISHED) for path in folder.iterdir())


def clear_unfinished(folder: str | Path) -> None:
    """Remove what killed processes left half written below a folder; none may be at work there."""
    for left in list(Path(folder).rglob(f"{_UNFINISHED}*")):
        if left.is_file():
            left.unlink(missing_ok=True)


def check_result_folder(
    out: str | Path,
    *,
    overwrite: bool = False,
    hint: str = "give --overwrite to replace the results in it, or another folder",
) -> None:
    """Raise ValueError unless results can be written to `out`.

    That is, if it or a folder above it is a file or may not be written to, or it holds something and `overwrite` is
    not given.
    """
    target = Path(out)
    place = target.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise ValueError(f"{target if place == target.absolute() else place} is a file, not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ValueError(f"no permission to write to {place}")
    if target.is_dir() and any(target.iterdir()) and not overwrite:
        raise ValueError(f"{target} is not empty: {hint}")


def _outputs(folder: Path) -> list[str]:
    """What an earlier run says it wrote to `folder`, as far as it lies inside it."""
    try:
        listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["outputs"]
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


def write_csv(path: str | Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table, whole or not at all."""
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
