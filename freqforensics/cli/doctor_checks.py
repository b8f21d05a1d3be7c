"""Whether freqforensics can work here: versions, libraries that fit each other, processors, weights, folders.

Nothing heavy is imported before its check runs, so that an installation that is broken can still be examined.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from freqforensics._version import __version__
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, LIBRARIES

Status = Literal["ok", "note", "problem"]

OLDEST_PYTHON: Final = (3, 11)
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "heic": ("pillow-heif",),
    "notebook": ("ipywidgets", "jupyterlab"),
    "onnx": ("onnx", "onnxruntime"),
    "scale": ("dask", "distributed"),
    "tensorboard": ("tensorboard",),
}
"""What each extra of the package installs."""

MAIN_LIBRARIES: Final = tuple(
    name for name in (*DETECTOR_LIBRARIES, *LIBRARIES, "captum", "safetensors") if name not in EXTRAS["heic"]
)
"""Distributions that results depend on; all are needed."""

_OPENCV: Final = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
"""Distributions that all install the same module, cv2."""

_FEW_BYTES: Final = 1_000_000_000
_TOO_FEW_BYTES: Final = 50_000_000


@dataclass(frozen=True)
class Check:
    """What was found about one thing.

    Parameters
    ----------
    name : str
    status : {"ok", "note", "problem"}
        A note is worth knowing and breaks nothing; with a problem, some command will fail.
    found : str
        One line.
    advice : str
        One line, what to do; empty where there is nothing to do.
    """

    name: str
    status: Status
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Requirement:
    """One line of a package's requirements: `oldest` is empty where any version will do, `extra` where none asks."""

    name: str
    oldest: str = ""
    extra: str = ""


@dataclass
class _Findings:
    """Gathered while one thing is looked at; its status is that of the worst of them."""

    found: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    status: Status = "ok"

    def note(self, found: str, advice: str = "", *, status: Status = "note") -> None:
        self.found.append(found)
        if advice and advice not in self.advice:
            self.advice.append(advice)
        if self.status != "problem":
            self.status = status

    def problem(self, found: str, advice: str = "") -> None:
        self.note(found, advice, status="problem")


def examine() -> tuple[Check, ...]:
    """Look at everything that freqforensics needs here, in a few seconds; most of them are the import of torch.

    Nothing is changed, downloaded or left behind. An error inside a check is that check's problem, in its own words.

    Returns
    -------
    tuple of Check
        In a fixed order, one for each thing.
    """
    checks: list[tuple[str, Callable[[_Findings], None]]] = [
        ("Python", _python),
        ("libraries", _libraries),
        ("torch, torchvision", _torch_pair),
        ("threads", _threads),
        ("GPU", _gpu),
        ("OpenCV", _opencv),
        ("weights that ship", _shipped_weights),
        ("weights fetched", _fetched_weights),
        ("current folder", _current_folder),
        ("temporary folder", _temporary_folder),
        *((f"extra {extra}", _extra(extra)) for extra in EXTRAS),
        ("FREQFORENSICS_DATA", _data),
    ]
    return tuple(_checked(name, look) for name, look in checks)


def main_versions() -> dict[str, str | None]:
    """Give the versions of Python and of `MAIN_LIBRARIES`, importing none of them; None of those not installed.

    Of OpenCV's distributions, every one that is installed is named.
    """
    versions: dict[str, str | None] = {"Python": platform.python_version()}
    for name in MAIN_LIBRARIES:
        if name == _OPENCV[0]:
            present = [other for other in _OPENCV if _version(other) is not None]
            versions.update({other: _version(other) for other in present or [name]})
        else:
            versions[name] = _version(name)
    return versions


def parse_requirement(line: str) -> Requirement | None:
    """Read a line of a package's requirements; None where it has a condition other than an extra.

    >>> parse_requirement("dask[distributed]>=2024.5; extra == 'scale'")
    Requirement(name='dask', oldest='2024.5', extra='scale')
    """
    whole = re.fullmatch(r"\s*([\w.-]+)\s*(?:\[[^]]*])?\s*([^;]*?)\s*(?:;\s*(.*?)\s*)?", line)
    if whole is None:
        return None
    name, bounds, condition = whole.groups()
    extra = re.fullmatch(r"""extra\s*==\s*(["'])([\w.-]+)\1""", condition or "")
    if condition and extra is None:
        return None
    lower = re.search(r"(?:>=|~=|===?)\s*([\w.!+]+)", bounds)
    return Requirement(name, lower[1] if lower else "", extra[2] if extra else "")


def is_older(version: str, bound: str) -> bool:
    """Whether a version's release is before another's; what follows the numbers (a0, +cpu) is not looked at.

    >>> is_older("2.4.0+cpu", "2.4"), is_older("0.9", "0.19"), is_older("2.4rc1", "2.4")
    (False, True, False)
    """
    here, there = _release(version), _release(bound)
    length = max(len(here), len(there))
    return here + (0,) * (length - len(here)) < there + (0,) * (length - len(there))


def _checked(name: str, look: Callable[[_Findings], None]) -> Check:
    """Run one check; whatever it raises or warns of becomes part of what it found."""
    findings = _Findings()
    try:
        with warnings.catch_warnings(record=True) as warned:
            look(findings)
        for warning in warned:
            findings.note(_one_line(warning.message))
    except Exception as error:  # an installation can be broken in any way
        findings.problem(f"{type(error).__name__}: {_one_line(error)}", _cure(error))
    found, advice = ("; ".join(map(_one_line, words)) for words in (findings.found, findings.advice))
    return Check(name, findings.status, found, advice)


def _cure(error: Exception) -> str:
    """Advice for the errors that a broken installation is known for."""
    words = str(error)
    if "torchvision::nms" in words:
        return "torchvision was built for another torch: pip install --upgrade --force-reinstall torch torchvision"
    if "libGL" in words or "libgthread" in words:
        return "pip uninstall opencv-python opencv-contrib-python, then pip install --force-reinstall " + _OPENCV[0]
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is missing: install freqforensics again, with all that it requires"
    if isinstance(error, ImportError):
        return "it is installed and cannot be loaded: install it again (pip install --force-reinstall)"
    return ""


def _python(findings: _Findings) -> None:
    where = f"{platform.python_version()}, {platform.system()} {platform.machine()}, {sys.executable}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        findings.problem(where, f"Python {oldest} or newer is needed")
    elif sys.maxsize < 2**32:
        findings.problem(f"{where}, 32 bits", "torch needs a Python of 64 bits")
    else:
        findings.found.append(where)


def _libraries(findings: _Findings) -> None:
    """Every library that the package's metadata asks for, and those that the code is known to need."""
    requirements = _requirements()
    bounds = {_key(item.name): item for item in requirements if not item.extra}
    if not requirements:
        findings.note(
            f"freqforensics {__version__} runs from its folder and is not installed: oldest versions unknown",
            "pip install -e . in that folder",
        )
    elif missing := [name for name in MAIN_LIBRARIES if _key(name) not in bounds]:
        findings.note(
            f"freqforensics was installed before its requirements changed ({', '.join(missing)} not among them)",
            "install it again (in its folder: pip install -e .)",
        )
    needed = {**bounds, **{_key(name): Requirement(name) for name in MAIN_LIBRARIES if _key(name) not in bounds}}
    _compare(findings, list(needed.values()))
    if findings.status != "problem":
        findings.found.insert(0, f"freqforensics {__version__}; {len(needed)} libraries, none missing or too old")


def _compare(findings: _Findings, needed: Sequence[Requirement]) -> None:
    """Add a problem for what is missing or too old, with the one command that mends all of it."""
    wrong, mend = [], []
    for item in needed:
        # Any distribution of OpenCV gives the module cv2.
        names = _OPENCV if _key(item.name) == _OPENCV[0] else (item.name,)
        versions = [version for name in names if (version := _version(name)) is not None]
        if versions and not (item.oldest and all(is_older(version, item.oldest) for version in versions)):
            continue
        wrong.append(f"{item.name} {versions[0]} is older than {item.oldest}" if versions else f"{item.name} missing")
        mend.append(f'"{item.name}>={item.oldest}"' if item.oldest else item.name)
    if wrong:
        findings.problem(", ".join(wrong), f"pip install --upgrade {' '.join(mend)}")


def _torch_pair(findings: _Findings) -> None:
    import torch
    import torchvision
    from torchvision.ops import nms

    findings.found.append(f"torch {torch.__version__}, torchvision {torchvision.__version__}")
    # Called, not only looked up: without its compiled part torchvision may import and fail at the first use.
    kept = nms(torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]]), torch.tensor([0.1, 0.9]), 0.5)
    if kept.tolist() != [1]:
        findings.problem(
            f"torchvision.ops.nms keeps {kept.tolist()}, not [1]",
            "pip install --upgrade --force-reinstall torch torchvision",
        )


def _threads(findings: _Findings) -> None:
    import torch

    from freqforensics.runtime.parallel import default_workers

    usable, of_torch, asked = default_workers(), torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    findings.found.append(
        f"{usable} of {os.cpu_count() or usable} processors usable, torch takes {of_torch}, "
        f"OMP_NUM_THREADS {'not set' if asked is None else asked or 'empty'}"
    )
    advice = f"export OMP_NUM_THREADS={usable}, or 1 where several commands run at once"
    if asked and not re.fullmatch(r"\s*[1-9]\d*\s*(,.*)?", asked):
        findings.note("OMP_NUM_THREADS is no number above 0", advice)
    elif of_torch > usable:
        findings.note("more threads than processors: much slower than as many", advice)
    share = _processor_share()
    if share is not None and share < usable:
        findings.note(
            f"the container allows the time of {share:g} processors",
            f"export OMP_NUM_THREADS={max(1, int(share))}, and give --workers where a command has it",
        )


def _processor_share() -> float | None:
    """Processors' worth of time that a Linux control group allows; None where it sets no limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _gpu(findings: _Findings) -> None:
    import torch

    from freqforensics.runtime.device import check_device

    devices = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            devices.append((f"cuda:{index}", f"{about.name}, {about.total_memory / 2**30:.0f} GiB"))
    if torch.backends.mps.is_available():
        devices.append(("mps", "Apple GPU, shares the computer's memory"))
    if not devices:
        built = f"torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "torch is built without CUDA"
        findings.note(f"none that torch can use ({built}); everything works on the processor")
    for device, words in devices:
        try:
            check_device(device)
        except ValueError as error:
            findings.problem(
                f"{device} ({words}): {_one_line(error)}",
                "use --device cpu, or install a torch that fits the driver",
            )
        else:
            findings.found.append(f"{device} ({words})")


def _opencv(findings: _Findings) -> None:
    import cv2

    present = [f"{name} {version}" for name in _OPENCV if (version := _version(name)) is not None]
    findings.found.append(f"cv2 {cv2.__version__} of {', '.join(present) or 'no distribution that pip knows'}")
    if len(present) > 1:
        others = " ".join(name for name in _OPENCV if _version(name) is not None)
        findings.note(
            "they write over each other's files",
            f"pip uninstall {others}, then pip install {_OPENCV[0]}",
        )


def _shipped_weights(findings: _Findings) -> None:
    from freqforensics.detector.weights import KNOWN, WeightsError, verify_weights

    for known in KNOWN.values():
        if known.bundled:
            try:
                stored = verify_weights(known.name)
            except WeightsError as error:
                findings.problem(str(error))  # its words say what to do
            else:
                megabytes = stored.path.stat().st_size / 1e6
                findings.found.append(f"{known.name}, {megabytes:.1f} MB, SHA-256 as in its model card")


def _fetched_weights(findings: _Findings) -> None:
    """What the folder holds; hashes of hundreds of megabytes are left to `weights verify`."""
    from freqforensics.detector.weights import KNOWN, stored_weights, weights_folder

    folder = weights_folder()
    stored = [stored_weights(name) for name in KNOWN if not KNOWN[name].bundled]
    here = [f"{item.known.name} ({item.path.stat().st_size / 1e6:.0f} MB)" for item in stored if item.present]
    findings.found.append(f"{folder}: {', '.join(here) or 'none, and none is needed'}")
    for item in stored:
        if item.present and item.sha256 is None:
            findings.note(
                f"no hash is recorded of {item.known.name}: it will not be used",
                f"delete {item.path}, then freqforensics weights fetch {item.known.name}",
            )
        if item.path.with_suffix(".part").exists():
            findings.note(
                f"a download of {item.known.name} was broken off",
                f"freqforensics weights fetch {item.known.name} goes on with it",
            )
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if reason := _unwritable(place):
        findings.note(
            f"{place} cannot be written to ({reason})",
            "to fetch weights, set FREQFORENSICS_CACHE to a folder of your own",
        )
    elif not here:
        _look_at_space(findings, place, "weights to be fetched take up to 300 MB each")


def _current_folder(findings: _Findings) -> None:
    folder = Path.cwd()
    findings.found.append(str(folder))
    if reason := _unwritable(folder):
        findings.note(f"cannot be written to ({reason})", "give --out a folder elsewhere")
    else:
        _look_at_space(findings, folder, "make room, or give --out a folder elsewhere")


def _temporary_folder(findings: _Findings) -> None:
    # Raises, and so is a problem, where no folder at all can be written to.
    folder = Path(tempfile.gettempdir())
    findings.found.append(str(folder))
    if reason := _unwritable(folder):
        findings.problem(f"cannot be written to ({reason})", "set TMPDIR to a folder of your own")
    else:
        _look_at_space(findings, folder, "make room, or set TMPDIR to a folder elsewhere", must=True)


def _unwritable(folder: Path) -> str:
    """Why nothing can be written to a folder, empty if something can; tried, for permissions do not tell all."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
            file.flush()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def _look_at_space(findings: _Findings, folder: Path, advice: str, *, must: bool = False) -> None:
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:.1f} GB free"
    if must and free < _TOO_FEW_BYTES:
        findings.problem(words, advice)
    elif free < _FEW_BYTES:
        findings.note(words, advice)
    else:
        findings.found.append(words)


def _extra(extra: str) -> Callable[[_Findings], None]:
    def look(findings: _Findings) -> None:
        bounds = {_key(item.name): item.oldest for item in _requirements() if item.extra == extra}
        advice = f'pip install "freqforensics[{extra}]"'
        for name in EXTRAS[extra]:
            version, oldest = _version(name), bounds.get(_key(name), "")
            if version is None:
                findings.note(f"{name} not installed", advice)
            elif oldest and is_older(version, oldest):
                findings.note(f"{name} {version} is older than {oldest}", advice)
            else:
                findings.found.append(f"{name} {version}")

    return look


def _data(findings: _Findings) -> None:
    value = os.environ.get("FREQFORENSICS_DATA")
    if not value:
        findings.note("not set; only tests on real generators' images read it")
        return
    folder = Path(value)
    if not folder.is_dir():
        findings.problem(f"{folder} is no folder", "set it to a folder in the ForenSynths layout, or unset it")
        return
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    if names:
        findings.found.append(f"{folder}: {len(names)} folders ({shown})")
    else:
        findings.note(f"{folder} holds no folder of a generator", "set it to a folder in the ForenSynths layout")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _requirements() -> list[Requirement]:
    """Of the package, as installed; empty where it is not."""
    try:
        lines = importlib.metadata.requires("freqforensics") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [item for line in lines if (item := parse_requirement(line)) is not None]


def _key(name: str) -> str:
    """A distribution's name as it is compared: PyWavelets is pywavelets."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _release(version: str) -> tuple[int, ...]:
    numbers = re.match(r"(?:\d+!)?(\d+(?:\.\d+)*)", version.strip().removeprefix("v"))
    if numbers is None:
        raise ValueError(f"{version!r} is no version")
    return tuple(map(int, numbers[1].split(".")))


def _one_line(words: object, longest: int = 300) -> str:
    """Words, or a path of whatever characters, made fit for one line of a terminal."""
    text = " ".join(str(words).split())
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
