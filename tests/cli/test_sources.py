"""Sources on the command line: --labels, --real, single files, lists, standard input."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command import run
from pictures import picture, write

from freqforensics.cli.app import app
from freqforensics.cli.sources import parsed_labels

WITH_REAL = {"spectrum", "compare", "origin", "audit", "score", "evaluate", "robustness", "baselines", "quality"}
WITHOUT_REAL = {"false-alarms", "population", "simulate", "fit-generator"}


@pytest.fixture
def root(tmp_path: Path, rng: np.random.Generator) -> Path:
    for folder in ("photos", "set/adm/diffusion", "set/ldm/diffusion", "mixed/photos", "mixed/diffusion"):
        for number in range(2):
            write(tmp_path / folder / f"{number}.png", picture(rng, 64, 64))
    (tmp_path / "list.txt").write_text("mixed/photos/0.png\nmixed/gone.png\n", encoding="utf-8")
    return tmp_path


@pytest.mark.long
def test_a_real_side_is_shared_and_the_manifest_names_it(root):
    labels = ["--labels", "fake=diffusion"]
    done = run("spectrum", "set", "--real", "photos", *labels, "--crop", 64, "--out", "out", "--json", cwd=root)
    assert done.returncode == 0
    assert "note: real side shared by 2 generators: photos, 2 images" in done.stderr.splitlines()
    groups = {(group["generator"], group["label"]): group["images"] for group in json.loads(done.stdout)["groups"]}
    assert groups == {("adm", "real"): 2, ("adm", "fake"): 2, ("ldm", "real"): 2, ("ldm", "fake"): 2}
    about = json.loads((root / "out" / "manifest.json").read_text(encoding="utf-8"))
    sides = about["inputs"]["real_sides"]
    assert sides == [{"path": "photos", "images": 2, "generators": ["adm", "ldm"]}]
    audited = run("audit", "set", "--real", "photos", *labels, "--out", "audited", "--json", cwd=root)
    assert audited.returncode == 0
    about = json.loads((root / "audited" / "manifest.json").read_text(encoding="utf-8"))
    assert about["inputs"]["real_sides"] == sides


@pytest.mark.parametrize("command", ["spectrum", "audit"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mixed"], "--labels must say what 'photos' and 'diffusion' are, e.g. real=photos,fake=diffusion ("),
        (["mixed", "--labels", "photos"], "--labels must be LABEL=WORD, where LABEL is real, fake or unknown, got 'ph"),
        (
            ["mixed", "--labels", "real=photos,fake=Photos"],
            "--labels must give 'Photos' one meaning, got real and fake",
        ),
        (["set", "--labels", "fake=diffusion", "--real", "gone"], "no such file or folder: gone"),
        (["photos", "--real", "photos"], "--real must go with generated images that have no real side, got none"),
        (["list.txt"], "list.txt line 2: no such file: mixed/gone.png"),
    ],
)
def test_refusals(root, command, arguments, said):
    done = run(command, *arguments, cwd=root)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"freqforensics: {said}")
    assert len(done.stderr.splitlines()) == 1


def test_labels_are_given_by_commas_and_by_repeating(root):
    assert parsed_labels(["real=A,Fake=b", " unknown = c "]) == {"a": "real", "b": "fake", "c": "unknown"}
    for given in (["real=photos,fake=diffusion"], ["real=photos", "fake=diffusion"]):
        options = [word for labels in given for word in ("--labels", labels)]
        done = run("spectrum", "mixed", *options, "--crop", 64, "--json", cwd=root)
        groups = json.loads(done.stdout)["groups"]
        assert [(group["generator"], group["label"], group["images"]) for group in groups] == [
            ("mixed", "real", 2),
            ("mixed", "fake", 2),
        ]


def test_a_file_and_a_list_on_standard_input(root, monkeypatch):
    done = run("spectrum", "mixed/photos/0.png", "--crop", 64, "--json", cwd=root)
    (group,) = json.loads(done.stdout)["groups"]
    assert (group["generator"], group["label"], group["images"]) == ("photos", "unknown", 1)
    for separator in ("\n", "\0"):
        names = [f"mixed/{side}/{number}.png" for side in ("photos", "diffusion") for number in range(2)]
        data = io.BytesIO(separator.join(names).encode())
        monkeypatch.setattr("sys.stdin", SimpleInput(data))
        labels = ["--labels", "real=photos,fake=diffusion"]
        done = run("spectrum", "-", *labels, "--crop", 64, "--json", cwd=root)
        groups = json.loads(done.stdout)["groups"]
        assert [(group["label"], group["images"]) for group in groups] == [("real", 2), ("fake", 2)]
    monkeypatch.setattr("sys.stdin", SimpleInput(io.BytesIO(b"\n# nothing\n")))
    done = run("score", "-", cwd=root)
    assert (done.returncode, done.stderr) == (2, "freqforensics: no image in standard input\n")


class SimpleInput(SimpleNamespace):
    """Standard input that gives bytes once."""

    def __init__(self, data: io.BytesIO) -> None:
        super().__init__(buffer=data)

    __hash__ = object.__hash__


@pytest.mark.long
def test_standard_input_of_a_process(root):
    command = [sys.executable, "-m", "freqforensics", "spectrum", "-", "--crop", "64", "--json"]
    done = subprocess.run(command, input="photos/0.png\nphotos/1.png\n", capture_output=True, text=True, cwd=root)
    (group,) = json.loads(done.stdout)["groups"]
    assert (group["generator"], group["images"]) == ("photos", 2)


def test_inspect_takes_lists(root, monkeypatch):
    """Without the explanation; what is no file is refused before torch is loaded."""
    done = run("inspect", "list.txt", cwd=root)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "freqforensics: list.txt line 2: no such file: mixed/gone.png\n"
    from freqforensics.studies.inspect import _files_of

    monkeypatch.chdir(root)
    Path("good.txt").write_text("photos/0.png\nmixed/photos/1.png\n", encoding="utf-8")
    files, notes = _files_of("good.txt")
    assert list(map(str, files)) == ["photos/0.png", "mixed/photos/1.png"]
    assert notes == ()
    # What images are real does not matter there.
    assert sorted(map(str, _files_of("mixed")[0])) == [
        f"mixed/{side}/{number}.png" for side in ("diffusion", "photos") for number in range(2)
    ]
    assert _files_of("photos/0.png") == (["photos/0.png"], ())


def test_every_command_with_sources_has_the_options():
    from typer.main import get_command

    commands = get_command(app).commands  # type: ignore[attr-defined]
    options = {name: {word for item in command.params for word in item.opts} for name, command in commands.items()}
    for name in WITH_REAL | WITHOUT_REAL | {"upsampling", "paper-figures"}:
        assert "--labels" in options[name], name
    for name in WITH_REAL | {"paper-figures", "upsampling"}:  # upsampling has its own
        assert "--real" in options[name], name
    assert not {name for name in WITHOUT_REAL if "--real" in options[name]}
