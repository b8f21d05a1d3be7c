"""Checks of the installation: whether freqforensics can work here.

What is heavy is imported by the check that needs it, so that a broken installation can be examined, too.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from freqforensics._version import __version__
from freqforensics.runtime.versions import MAIN_LIBRARIES, OPENCV, installed_versions

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

Status = Literal["ok", "note", "problem"]
Findings = Iterator[tuple[Status, str, str]]
"""Status, what was found, advice."""
STATUSES: Final = ("ok", "note", "problem")
OLDEST_PYTHON: Final = (3, 11)
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "app": ("starlette", "uvicorn"),
    "c2pa": ("c2pa-python",),
    "heic": ("pillow-heif",),
    "notebook": ("ipywidgets", "jupyterlab"),
    "onnx": ("onnx", "onnxruntime"),
    "parquet": ("pyarrow",),
    "remote": ("aiohttp", "fsspec", "s3fs"),
    "scale": ("dask", "distributed"),
    "tensorboard": ("tensorboard",),
}
"""Distributions that each extra installs."""
_TORCH_AGAIN: Final = "pip install --upgrade --force-reinstall torch torchvision"
_LITTLE_SPACE: Final = 1_000_000_000
_TOO_LITTLE_SPACE: Final = 50_000_000


@dataclasses.dataclass(frozen=True)
class Check:
    """Result of one check.

    Parameters
    ----------
    name : str
        What was checked.
    status : {"ok", "note", "problem"}
        A note breaks nothing; with a problem, some command will fail.
    found : str
        One line.
    advice : str
        One line, empty where nothing needs to be done.
    """

    name: str
    status: Status
    found: str
    advice: str = ""


def examine() -> tuple[Check, ...]:
    """Run all checks, in a few seconds.

    Returns
    -------
    tuple of Check
        Results in a fixed order. An exception in a check is its problem.
    """
    checks: dict[str, Callable[[], Findings]] = {
        "Python": _python,
        "libraries": _libraries,
        "torch, torchvision": _torch_pair,
        "threads": _threads,
        "GPU": _gpu,
        "OpenCV": _opencv,
        "weights that ship": _shipped_weights,
        "weights fetched": _fetched_weights,
        "current folder": partial(_folder, Path.cwd, "give --out a folder elsewhere", least=0),
        # Raises where no folder at all can be written to.
        "temporary folder": partial(_folder, tempfile.gettempdir, "set TMPDIR to a folder elsewhere"),
        **{f"extra {extra}": partial(_extra, extra) for extra in EXTRAS},
        "FREQFORENSICS_DATA": _data,
    }
    return tuple(_run_check(name, check) for name, check in checks.items())


def _run_check(name: str, check: Callable[[], Findings]) -> Check:
    findings: list[tuple[Status, str, str]] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            for finding in check():
                findings.append(finding)  # noqa: PERF402 - those before an exception count
        findings += [("note", str(warning.message), "") for warning in caught]
    except Exception as error:  # an installation can be broken in any way
        findings.append(("problem", f"{type(error).__name__}: {error}", _remedy(error)))
    text, advice = (
        "; ".join(_one_line(words) for words in dict.fromkeys(column) if words)
        for column in ([finding[1] for finding in findings], [finding[2] for finding in findings])
    )
    return Check(name, max((finding[0] for finding in findings), key=STATUSES.index), text, advice)


def _remedy(error: Exception) -> str:
    """Give advice on the errors that broken installations are known for."""
    if "torchvision::nms" in str(error):
        return f"torchvision was built for another torch: {_TORCH_AGAIN}"
    if "libGL" in str(error) or "libgthread" in str(error):
        return f"pip uninstall opencv-python opencv-contrib-python, then pip install --force-reinstall {OPENCV[0]}"
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is missing: install freqforensics again, with all that it requires"
    if isinstance(error, ImportError):
        return "it is installed and cannot be loaded: install it again (pip install --force-reinstall)"
    return ""


def _required(extra: str = "") -> dict[str, SpecifierSet]:
    """What the installed package requires, or an extra adds to it; empty where it is not installed."""
    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires("freqforensics") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    requirements = {
        requested: {
            item.name: item.specifier
            for item in map(Requirement, lines)
            if item.marker is None or item.marker.evaluate({"extra": requested})
        }
        for requested in ("", extra)
    }
    return {name: bounds for name, bounds in requirements[extra].items() if not extra or name not in requirements[""]}


def _shortcoming(name: str, bounds: SpecifierSet | None) -> str:
    """Say what is wrong with a distribution, empty if nothing is; pre-releases count as their release."""
    from packaging.version import Version

    versions = installed_versions(name)
    if not versions:
        return f"{name} missing"
    if bounds and not any(bounds.contains(Version(version).base_version) for version in versions.values()):
        return f"{name} {next(iter(versions.values()))} is not {bounds}"
    return ""


def _python() -> Findings:
    here = f"{platform.python_version()}, {platform.system()} {platform.machine()}, {sys.executable}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield "problem", here, f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed"
    elif sys.maxsize < 2**32:
        yield "problem", f"{here}, 32 bits", "torch needs a Python of 64 bits"
    else:
        yield "ok", here, ""


def _libraries() -> Findings:
    from packaging.utils import canonicalize_name

    required = _required()
    names = {canonicalize_name(name) for name in required}
    unlisted = [name for name in MAIN_LIBRARIES if canonicalize_name(name) not in names]
    bounds: dict[str, SpecifierSet | None] = {**required, **dict.fromkeys(unlisted)}
    wrong = {name: words for name in bounds if (words := _shortcoming(name, bounds[name]))}
    if wrong:
        mend = [f'"{name}{bounds[name]}"' if bounds[name] else name for name in wrong]
        yield "problem", ", ".join(wrong.values()), f"pip install --upgrade {' '.join(mend)}"
    else:
        yield "ok", f"freqforensics {__version__}; {len(bounds)} libraries, none missing or too old", ""
    if not required:
        here = f"freqforensics {__version__} runs from its folder and is not installed: oldest versions unknown"
        yield "note", here, "pip install -e . in that folder"
    elif unlisted:
        missing = f"freqforensics was installed before its requirements changed ({', '.join(unlisted)} not among them)"
        yield "note", missing, "install it again (in its folder: pip install -e .)"


def _extra(extra: str) -> Findings:
    bounds = _required(extra)
    for name in EXTRAS[extra]:
        wrong = _shortcoming(name, bounds.get(name))
        if wrong:
            yield "note", wrong, f'pip install "freqforensics[{extra}]"'
        else:
            yield "ok", f"{name} {installed_versions(name)[name]}", ""


def _torch_pair() -> Findings:
    import torch
    import torchvision
    from torchvision.ops import nms

    yield "ok", f"torch {torch.__version__}, torchvision {torchvision.__version__}", ""
    # Called, not only looked up: without its compiled part torchvision may import and fail at the first use.
    indices = nms(torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]]), torch.tensor([0.1, 0.9]), 0.5).tolist()
    if indices != [1]:
        yield "problem", f"torchvision.ops.nms keeps {indices}, not [1]", _TORCH_AGAIN


def _threads() -> Findings:
    import torch

    from freqforensics.runtime.processors import default_workers

    usable, of_torch, set_to = default_workers(), torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    variable = "not set" if set_to is None else set_to or "empty"
    processors = f"{usable} of {os.cpu_count() or usable} processors usable"
    yield "ok", f"{processors}, torch takes {of_torch}, OMP_NUM_THREADS {variable}", ""
    advice = f"export OMP_NUM_THREADS={usable}, or 1 where several commands run at once"
    if set_to and not re.fullmatch(r"\s*[1-9]\d*\s*(,.*)?", set_to):
        yield "note", "OMP_NUM_THREADS is not a number above 0", advice
    elif of_torch > usable:
        yield "note", "more threads than processors: much slower than as many", advice
    share = _processor_share()
    if share is not None and share < usable:
        advice = f"export OMP_NUM_THREADS={max(1, int(share))}, and give --workers where a command has it"
        yield "note", f"the container allows the time of {share:g} processors", advice


def _processor_share() -> float | None:
    """Processors' worth of time that a Linux control group allows; None where it sets no limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _gpu() -> Findings:
    import torch

    from freqforensics.runtime.device import check_device

    devices = {}
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            devices[f"cuda:{index}"] = f"{about.name}, {about.total_memory / 2**30:.0f} GiB"
    if torch.backends.mps.is_available():
        devices["mps"] = "Apple GPU, shares the computer's memory"
    if not devices:
        built = f"torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "torch is built without CUDA"
        yield "note", f"none that torch can use ({built}); everything works on the processor", ""
    for device, words in devices.items():
        try:
            check_device(device)
        except ValueError as error:
            advice = "use --device cpu, or install a torch that fits the driver"
            yield "problem", f"{device} ({words}): {_one_line(error)}", advice
        else:
            yield "ok", f"{device} ({words})", ""


def _opencv() -> Findings:
    import cv2

    versions = installed_versions(OPENCV[0])
    names = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield "ok", f"cv2 {cv2.__version__} of {names or 'no distribution that pip knows'}", ""
    if len(versions) > 1:
        advice = f"pip uninstall {' '.join(versions)}, then pip install {OPENCV[0]}"
        yield "note", "they write over each other's files", advice


def _shipped_weights() -> Findings:
    from freqforensics.detector.weights import KNOWN, WeightsError, verify_weights

    for known in KNOWN.values():
        if known.bundled:
            try:
                megabytes = verify_weights(known.name).path.stat().st_size / 1e6
            except WeightsError as error:
                yield "problem", str(error), ""  # it says what to do
            else:
                yield "ok", f"{known.name}, {megabytes:.1f} MB, SHA-256 as in its model card", ""


def _fetched_weights() -> Findings:
    """Look for weights; hashes of hundreds of megabytes are left to `weights verify`."""
    from freqforensics.detector.weights import KNOWN, stored_weights, weights_folder

    folder = weights_folder()
    stored = [stored_weights(name) for name in KNOWN if not KNOWN[name].bundled]
    here = [f"{item.known.name} ({item.path.stat().st_size / 1e6:.0f} MB)" for item in stored if item.present]
    yield "ok", f"{folder}: {', '.join(here) or 'none, and none is needed'}", ""
    for item in stored:
        fetch = f"freqforensics weights fetch {item.known.name}"
        if item.present and item.sha256 is None:
            unknown = f"no hash is recorded of {item.known.name}: it will not be used"
            yield "note", unknown, f"delete {item.path}, then {fetch}"
        if item.path.with_suffix(".part").exists():
            yield "note", f"a download of {item.known.name} was interrupted", f"{fetch} resumes it"
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if reason := _unwritable(folder):
        advice = "to fetch weights, set FREQFORENSICS_CACHE to a folder of your own"
        yield "note", f"{folder} cannot be written to ({reason})", advice
    elif not here:
        yield _space(folder, "weights to be fetched take up to 300 MB each")


def _folder(place: Callable[[], str | Path], advice: str, *, least: int = _TOO_LITTLE_SPACE) -> Findings:
    """Look at a folder for results or temporary files; without `least` bytes, or rights, commands fail."""
    folder = Path(place())
    yield "ok", str(folder), ""
    if reason := _unwritable(folder):
        yield "problem" if least else "note", f"cannot be written to ({reason})", advice
    else:
        yield _space(folder, f"make room, or {advice}", least=least)


def _unwritable(folder: Path) -> str:
    """Say why nothing can be written to a folder, empty if something can; tried, for permissions do not tell all."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
            file.flush()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def _space(folder: Path, advice: str, *, least: int = 0) -> tuple[Status, str, str]:
    free = shutil.disk_usage(folder).free
    status: Status = "problem" if free < least else "note" if free < _LITTLE_SPACE else "ok"
    return status, f"{free / 1e9:.1f} GB free", "" if status == "ok" else advice


def _data() -> Findings:
    value = os.environ.get("FREQFORENSICS_DATA")
    advice = "set it to a folder in the ForenSynths layout"
    if not value:
        yield "note", "not set; only tests on real generators' images read it", ""
    elif not Path(value).is_dir():
        yield "problem", f"{value} is not a folder", f"{advice}, or unset it"
    else:
        names = sorted(path.name for path in Path(value).iterdir() if path.is_dir() and not path.name.startswith("."))
        if names:
            listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            yield "ok", f"{value}: {len(names)} folders ({listed})", ""
        else:
            yield "note", f"{value} holds no folder of a generator", advice


def _one_line(words: object, longest: int = 300) -> str:
    """Words, or a path of whatever characters, made fit for one line of a terminal."""
    text = " ".join(str(words).split())
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
