from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import warnings
from pathlib import Path
from types import SimpleNamespace

import command
import pytest
from packaging.requirements import Requirement

import freqforensics
from freqforensics.runtime.versions import main_versions
from freqforensics.studies import installation
from freqforensics.studies.installation import Check, examine

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
NAMES = [
    "Python",
    "libraries",
    "torch, torchvision",
    "threads",
    "GPU",
    "OpenCV",
    "weights that ship",
    "weights fetched",
    "current folder",
    "temporary folder",
    "extra app",
    "extra c2pa",
    "extra heic",
    "extra notebook",
    "extra onnx",
    "extra parquet",
    "extra remote",
    "extra scale",
    "extra tensorboard",
    "FREQFORENSICS_DATA",
]


def found(name: str) -> Check:
    return {check.name: check for check in examine()}[name]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "freqforensics", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment})


@pytest.fixture
def versions(monkeypatch) -> dict[str, str]:
    """Distributions that seem to be installed, to be changed by a test; at first all, and new enough."""
    seeming = {
        name: "9999.0" for names in (installation.MAIN_LIBRARIES, *installation.EXTRAS.values()) for name in names
    }

    def version(name: str) -> str:
        if name not in seeming:
            raise importlib.metadata.PackageNotFoundError(name)
        return seeming[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(
        importlib.metadata,
        "requires",
        lambda _: [f"{name}>=2.4" for name in installation.MAIN_LIBRARIES] + ["onnx>=1.16; extra == 'onnx'"],
    )
    return seeming


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("FREQFORENSICS_CACHE", str(tmp_path))
    folder = tmp_path / "weights"
    folder.mkdir()
    return folder


def free_bytes(monkeypatch, number: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=number))


def nothing_can_be_written(monkeypatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)


def test_one_check_for_each_thing_in_order():
    checks = examine()
    assert [check.name for check in checks] == NAMES
    for check in checks:
        assert check.status in ("ok", "note", "problem")
        assert check.found
        assert "\n" not in check.found + check.advice


def test_the_lists_are_those_of_the_project_file():
    about = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    needed = {Requirement(line).name for line in about["dependencies"]}
    assert set(installation.MAIN_LIBRARIES) <= needed
    assert about["requires-python"] == ">=" + ".".join(map(str, installation.OLDEST_PYTHON))
    extras = about["optional-dependencies"]
    assert set(installation.EXTRAS) == set(extras) - {"all", "dev", "docs"}  # the sum of them, and what developers use
    for extra, names in installation.EXTRAS.items():
        listed = {Requirement(line).name for line in extras[extra]}
        assert listed <= set(names)
        assert set(names) - listed <= {"distributed"}  # itself an extra, of dask


@pytest.mark.parametrize(
    ("line", "extra", "bounds"),
    [
        ("numpy>=1.26", "", ">=1.26"),
        ('onnx >= 1.16 ; extra == "onnx"', "onnx", ">=1.16"),
        ("torch (>=2.14.0)", "", ">=2.14.0"),
        ("dask[distributed]>=2024.5; extra == 'scale'", "scale", ">=2024.5"),
        ("tqdm", "", ""),
    ],
)
def test_a_requirement_is_read(monkeypatch, line, extra, bounds):
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: [line, "tomli>=2; python_version < '3.0'"])
    (name,) = installation._required(extra)
    assert name == Requirement(line).name
    assert str(installation._required(extra)[name]) == bounds
    assert (installation._required() == {}) == bool(extra)
    assert installation._required("nonsense") == {}


@pytest.mark.parametrize(
    ("version", "bound", "older"),
    [
        ("1.9", "1.10", True),
        ("2.15.0+cu132", "2.4", False),
        ("2.4", "2.4.0", False),
        ("2.4.0", "2.4.1", True),
        ("5.0.0.93", "4.10", False),
        ("2.0.0rc1", "2", False),
        ("2.5.0a0+git1234", "2.5", False),
        ("1!0.1", "0.2", False),
    ],
)
def test_versions_are_compared_by_numbers(monkeypatch, version, bound, older):
    monkeypatch.setattr(importlib.metadata, "version", lambda _: version)
    requirement = Requirement(f"tqdm>={bound}")
    assert bool(installation._shortcoming("tqdm", requirement.specifier)) == older


def test_any_exception_is_a_problem_in_its_own_words(monkeypatch):
    def broken() -> None:
        raise RuntimeError("the sky\nis falling")

    monkeypatch.setattr(installation, "_threads", broken)
    assert found("threads") == Check("threads", "problem", "RuntimeError: the sky is falling")


def test_a_warning_is_a_note(monkeypatch):
    def warns():
        yield "ok", "something", ""
        warnings.warn("the driver is too old", stacklevel=1)

    monkeypatch.setattr(installation, "_gpu", warns)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert found("GPU") == Check("GPU", "note", "something; the driver is too old")


def test_a_path_of_any_characters_stays_on_the_line(monkeypatch, tmp_path):
    monkeypatch.setenv("FREQFORENSICS_DATA", str(tmp_path / "a\nb\x1b[31m"))
    assert found("FREQFORENSICS_DATA").found == f"{tmp_path}/a b\\x1b[31m is not a folder"


def test_python(monkeypatch):
    assert found("Python").status == "ok"
    assert sys.executable in found("Python").found
    monkeypatch.setattr(installation, "OLDEST_PYTHON", (4, 0))
    assert found("Python").status == "problem"
    assert found("Python").advice == "Python 4.0 or newer is needed"


def test_python_of_32_bits(monkeypatch):
    monkeypatch.setattr(installation.sys, "maxsize", 2**31 - 1)
    assert (found("Python").status, found("Python").advice) == ("problem", "torch needs a Python of 64 bits")


def test_libraries(versions):
    check = found("libraries")
    assert check.status == "ok"
    assert f"{len(installation.MAIN_LIBRARIES)} libraries, none missing or too old" in check.found


def test_libraries_missing_and_too_old(versions):
    del versions["scipy"]
    versions["captum"] = "0.7.1"
    check = found("libraries")
    assert check.status == "problem"
    assert check.found == "scipy missing, captum 0.7.1 is not >=2.4"
    assert check.advice == 'pip install --upgrade "scipy>=2.4" "captum>=2.4"'


def test_another_distribution_of_opencv_will_do(versions):
    del versions["opencv-python-headless"]
    versions["opencv-python"] = "5.0"
    assert found("libraries").status == "ok"
    versions["opencv-python"] = "2.3"
    assert "opencv-python-headless 2.3 is not >=2.4" in found("libraries").found


def test_requirements_of_an_older_installation(versions, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: ["numpy>=1.26"])
    check = found("libraries")
    assert check.status == "note"
    assert "installed before its requirements changed" in check.found
    del versions["torch"]
    assert found("libraries").status == "problem"
    assert "torch missing" in found("libraries").found


def test_no_installation_at_all(versions, monkeypatch):
    def requires(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    check = found("libraries")
    assert check.status == "note"
    assert "is not installed" in check.found


def test_torch_and_torchvision(monkeypatch):
    import torch
    import torchvision

    check = found("torch, torchvision")
    assert (check.status, check.found) == ("ok", f"torch {torch.__version__}, torchvision {torchvision.__version__}")

    def built_for_another(*_: object) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("torchvision.ops.nms", built_for_another)
    check = found("torch, torchvision")
    assert check.status == "problem"
    assert "operator torchvision::nms does not exist" in check.found
    assert "built for another torch" in check.advice


def test_torchvision_that_answers_nonsense(monkeypatch):
    import torch

    monkeypatch.setattr("torchvision.ops.nms", lambda *_: torch.tensor([0, 1]))
    assert found("torch, torchvision").status == "problem"


@pytest.mark.parametrize("module", ["torch", "torchvision.ops", "cv2"])
def test_a_module_that_cannot_be_imported(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    checks = {check.name: check for check in examine()}
    assert list(checks) == NAMES
    check = checks["OpenCV" if module == "cv2" else "torch, torchvision"]
    assert check.status == "problem"
    assert module in check.found
    assert check.advice


def test_threads(monkeypatch):
    import torch

    monkeypatch.setattr("freqforensics.runtime.processors.default_workers", lambda: 4)
    monkeypatch.setattr(installation, "_processor_share", lambda: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert found("threads").status == "ok"
    assert found("threads").found.endswith("torch takes 4, OMP_NUM_THREADS not set")
    monkeypatch.setattr(installation, "_processor_share", lambda: 1.5)
    assert found("threads").status == "note"
    assert "the time of 1.5 processors" in found("threads").found
    assert found("threads").advice.startswith("export OMP_NUM_THREADS=1,")


@pytest.mark.parametrize(
    ("asked", "of_torch", "words"),
    [("64", 64, "more threads than processors"), ("all", 4, "not a number above 0"), ("0", 4, "not a number above 0")],
)
def test_threads_that_are_too_many(monkeypatch, asked, of_torch, words):
    import torch

    monkeypatch.setattr("freqforensics.runtime.processors.default_workers", lambda: 4)
    monkeypatch.setattr(torch, "get_num_threads", lambda: of_torch)
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert found("threads").status == "note"
    assert words in found("threads").found
    assert "export OMP_NUM_THREADS=4" in found("threads").advice


def test_no_gpu_is_a_note(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    check = found("GPU")
    assert check.status == "note"
    assert check.found.startswith("none that torch can use")


def test_gpus(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    about = SimpleNamespace(name="NVIDIA H200", total_memory=139 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: about)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr("freqforensics.runtime.device.check_device", lambda _: None)
    check = found("GPU")
    assert check.status == "ok"
    assert check.found == "cuda:0 (NVIDIA H200, 139 GiB); cuda:1 (NVIDIA H200, 139 GiB)"

    def refuse(device: str) -> None:
        if device == "cuda:1":
            raise ValueError("device 'cuda:1' cannot be used: no kernel image is available")

    monkeypatch.setattr("freqforensics.runtime.device.check_device", refuse)
    check = found("GPU")
    assert check.status == "problem"
    assert "no kernel image is available" in check.found
    assert "--device cpu" in check.advice


def test_an_apple_gpu(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr("freqforensics.runtime.device.check_device", lambda _: None)
    assert found("GPU").found.startswith("mps (Apple GPU")


def test_opencv(versions):
    import cv2

    assert found("OpenCV") == Check(
        "OpenCV", "ok", f"cv2 {cv2.__version__} of opencv-python-headless {versions['opencv-python-headless']}"
    )
    versions["opencv-python"] = "5.0"
    check = found("OpenCV")
    assert check.status == "note"
    assert "opencv-python-headless opencv-python," in check.advice


def test_opencv_without_libgl(monkeypatch):
    def broken() -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(installation, "_opencv", broken)
    assert "pip install --force-reinstall opencv-python-headless" in found("OpenCV").advice


def test_shipped_weights(monkeypatch, tmp_path):
    check = found("weights that ship")
    assert check.status == "ok"
    assert check.found.startswith("everyday, ")
    from freqforensics.detector import weights

    for path in weights.SHELF.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(weights, "SHELF", tmp_path)
    assert found("weights that ship").status == "ok"
    with (tmp_path / f"{weights.DEFAULT}.safetensors").open("ab") as file:
        file.write(b"\0")
    check = found("weights that ship")
    assert check.status == "problem"
    assert "install freqforensics again" in check.found
    (tmp_path / f"{weights.DEFAULT}.safetensors").unlink()
    assert "the installation is not whole" in found("weights that ship").found


def test_fetched_weights(cache, monkeypatch):
    free_bytes(monkeypatch, 2 * 10**9)
    check = found("weights fetched")
    assert check == Check("weights fetched", "ok", f"{cache}: none, and none is needed; 2.0 GB free")
    name = "wang2020-blur-jpeg-0.5"
    (cache / f"{name}.pth").write_bytes(b"0" * 1_000_000)
    (cache / "weights.lock.json").write_text(json.dumps({name: {"sha256": "0" * 64, "fetched": "2026-01-01"}}))
    check = found("weights fetched")
    assert check == Check("weights fetched", "ok", f"{cache}: {name} (1 MB)")
    (cache / "wang2020-blur-jpeg-0.1.part").write_bytes(b"0")
    check = found("weights fetched")
    assert check.status == "note"
    assert check.advice == "freqforensics weights fetch wang2020-blur-jpeg-0.1 resumes it"


def test_fetched_weights_that_cannot_be_used(cache):
    (cache / "wang2020-blur-jpeg-0.5.pth").write_bytes(b"0")
    assert found("weights fetched").status == "note"
    assert "no hash is recorded" in found("weights fetched").found
    (cache / "weights.lock.json").write_text("{")
    check = found("weights fetched")
    assert check.status == "problem"
    assert "weights.lock.json cannot be read" in check.found


def test_a_cache_that_is_not_there_yet_is_not_made(monkeypatch, tmp_path):
    monkeypatch.setenv("FREQFORENSICS_CACHE", str(tmp_path / "a" / "b"))
    assert found("weights fetched").status in ("ok", "note")  # the disk may be full
    assert list(tmp_path.iterdir()) == []


def test_folders_that_can_be_written_to(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    free_bytes(monkeypatch, 3 * 10**9)
    assert found("current folder") == Check("current folder", "ok", f"{tmp_path}; 3.0 GB free")
    assert found("temporary folder") == Check("temporary folder", "ok", f"{tempfile.gettempdir()}; 3.0 GB free")
    assert list(tmp_path.iterdir()) == []


def test_folders_that_cannot(monkeypatch, cache):
    nothing_can_be_written(monkeypatch)
    checks = {check.name: check for check in examine()}
    for name, status, advice in (
        ("weights fetched", "note", "set FREQFORENSICS_CACHE"),
        ("current folder", "note", "give --out a folder elsewhere"),
        ("temporary folder", "problem", "set TMPDIR"),
    ):
        assert checks[name].status == status
        assert "cannot be written to (permission denied)" in checks[name].found
        assert advice in checks[name].advice


def test_no_temporary_folder_at_all(monkeypatch):
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert found("temporary folder").status == "problem"
    assert "No usable temporary directory" in found("temporary folder").found


@pytest.mark.parametrize(("free", "of_temporary"), [(10**8, "note"), (10**6, "problem")])
def test_a_full_disk(monkeypatch, free, of_temporary):
    free_bytes(monkeypatch, free)
    assert found("current folder").status == "note"
    assert found("temporary folder").status == of_temporary
    assert "GB free" in found("temporary folder").found


def test_extras(versions):
    for extra, names in installation.EXTRAS.items():
        check = found(f"extra {extra}")
        assert (check.status, check.found) == ("ok", "; ".join(f"{name} 9999.0" for name in names))
    versions["onnx"] = "1.9"
    del versions["distributed"]
    check = found("extra onnx")
    assert (check.status, check.advice) == ("note", 'pip install "freqforensics[onnx]"')
    assert check.found == "onnx 1.9 is not >=1.16; onnxruntime 9999.0"
    assert found("extra scale").found == "dask 9999.0; distributed missing"


def test_real_images(monkeypatch, tmp_path):
    monkeypatch.delenv("FREQFORENSICS_DATA", raising=False)
    assert found("FREQFORENSICS_DATA").status == "note"
    monkeypatch.setenv("FREQFORENSICS_DATA", str(tmp_path))
    assert found("FREQFORENSICS_DATA").status == "note"
    assert "holds no folder" in found("FREQFORENSICS_DATA").found
    for name in "fbadceg":
        (tmp_path / name).mkdir()
    check = found("FREQFORENSICS_DATA")
    assert (check.status, check.found) == ("ok", f"{tmp_path}: 7 folders (a, b, c, d, e, ...)")
    monkeypatch.setenv("FREQFORENSICS_DATA", str(tmp_path / "nowhere"))
    assert found("FREQFORENSICS_DATA").status == "problem"


@pytest.mark.long
def test_the_command(tmp_path):
    done = run("doctor", FREQFORENSICS_DATA="", FREQFORENSICS_CACHE=str(tmp_path))
    lines = done.stdout.splitlines()
    assert len(lines) == len(NAMES) + 1
    width = max(map(len, NAMES))
    for name, line in zip(NAMES, lines, strict=False):
        assert line[:7].rstrip() in ("ok", "note", "problem")
        assert line[9 : 11 + width] == name.ljust(width) + "  "
    assert (done.returncode, lines[-1]) == (0, "no problem"), done.stdout
    assert done.stderr == ""
    assert str(tmp_path) in lines[NAMES.index("weights fetched")]


def test_the_command_on_a_problem_and_its_json(monkeypatch, tmp_path):
    monkeypatch.setenv("FREQFORENSICS_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("FREQFORENSICS_CACHE", str(tmp_path))
    done = command.run("doctor", "--json")
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    assert [check["name"] for check in shown] == NAMES
    assert all(list(check) == ["name", "status", "found", "advice"] for check in shown)
    assert [check["name"] for check in shown if check["status"] == "problem"] == ["FREQFORENSICS_DATA"]


def test_the_last_line_names_the_problems(monkeypatch, capsys):
    from freqforensics.cli.app import app

    monkeypatch.setattr(
        installation, "examine", lambda: (Check("a", "ok", "fine"), Check("bc", "problem", "bad", "mend it"))
    )
    with pytest.raises(SystemExit) as left:
        app(["doctor"])
    assert left.value.code == 1
    assert capsys.readouterr().out == "ok       a   fine\nproblem  bc  bad -> mend it\n1 problem: bc\n"


def test_version_lists_the_libraries_and_imports_none():
    done = run("--version")
    lines = done.stdout.splitlines()
    assert lines[0] == f"freqforensics {freqforensics.__version__}"
    assert lines[1] == f"Python {sys.version.split()[0]}"
    assert lines[1:] == [f"{name} {version or 'not installed'}" for name, version in main_versions().items()]
    assert f"torch {importlib.metadata.version('torch')}" in lines
    code = (
        "import sys; from freqforensics.runtime.versions import main_versions; main_versions();"
        "print([m for m in ('torch', 'numpy', 'cv2', 'scipy', 'matplotlib', 'PIL') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_versions_of_what_is_not_there(versions):
    del versions["torch"], versions["opencv-python-headless"]
    shown = main_versions()
    assert (shown["torch"], shown["opencv-python-headless"]) == (None, None)
    versions["opencv-python"] = "5.0"
    shown = main_versions()
    assert shown["opencv-python"] == "5.0"
    assert "opencv-python-headless" not in shown


def test_as_a_module_it_names_itself_so():
    done = run("nonsense")
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: python -m freqforensics [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", "complete -o default -F _freqforensics_completion freqforensics"),
        ("zsh", "#compdef freqforensics"),
        ("fish", "complete --command freqforensics "),
    ],
)
def test_completion_of_the_shell_that_is_named(shell, words):
    done = run("--show-completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert words in done.stdout
    assert f"_FREQFORENSICS_COMPLETE=complete_{shell}" in done.stdout
    if interpreter := shutil.which(shell):
        assert subprocess.run([interpreter, "-n"], input=done.stdout, text=True).returncode == 0


def test_completion_is_installed_for_the_shell_that_is_named(tmp_path):
    done = run("--install-completion", "fish", HOME=str(tmp_path), USERPROFILE=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [".config/fish/completions/freqforensics.fish"]


def test_a_shell_without_completion():
    done = run("--show-completion", "tcsh")
    assert done.returncode == 2
    assert "'tcsh'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
@pytest.mark.parametrize(("around", "words"), [(None, "no shell was found"), ("dash", "dash has no completion")])
def test_completion_without_a_shell_around_is_one_clear_line(monkeypatch, capsys, option, around, words):
    import shellingham

    from freqforensics.cli import main

    def detect() -> tuple[str, str]:
        if around is None:
            raise shellingham.ShellDetectionFailure
        return around, f"/bin/{around}"

    monkeypatch.setattr(shellingham, "detect_shell", detect)
    monkeypatch.setattr(sys, "argv", ["freqforensics", option])
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # set by main: taken back after
    monkeypatch.setenv("OPENCV_LOG_LEVEL", "SILENT")
    with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"freqforensics: {words}: name one, as in freqforensics {option} bash (")
    assert shown.err.count("\n") == 1


def test_completion_of_the_shell_around(monkeypatch):
    import shellingham

    from freqforensics.cli.app import _prepare_completion

    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("zsh", "/bin/zsh"))
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    arguments = ["freqforensics", "--show-completion"]
    assert _prepare_completion(arguments) == "freqforensics"
    assert arguments == ["freqforensics", "--show-completion", "zsh"]
    arguments = ["freqforensics", "doctor"]
    assert _prepare_completion(arguments) is None
    assert arguments == ["freqforensics", "doctor"]


def test_the_script_completes():
    script = Path(sys.executable).parent / "freqforensics"
    if not script.exists():
        pytest.skip("the console script is not beside the interpreter")
    asked = {"_FREQFORENSICS_COMPLETE": "complete_bash", "COMP_WORDS": "freqforensics doc", "COMP_CWORD": "1"}
    done = subprocess.run([script], capture_output=True, text=True, env={**os.environ, **asked}, timeout=60)
    assert done.stdout.split() == ["doctor"]
