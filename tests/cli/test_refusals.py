"""What is refused is refused before torch is loaded, in one line, by every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import picture, write

HEAVY = ("torch", "torchvision", "sklearn", "matplotlib", "lightning_fabric", "scipy.stats", "skimage")

# Runs each command line in turn, and says of each how it ended and what heavy libraries it loaded.
DRIVER = (
    f"HEAVY = {HEAVY!r}"
    """
import contextlib, functools, io, json, os, sys
import typer.main
from freqforensics.cli import main

typer.main.get_command = functools.cache(typer.main.get_command)  # builds all commands again for each line
access, told = os.access, []
os.access = lambda path, mode: "locked" not in str(path) and access(path, mode)  # the superuser may write everywhere
for arguments in json.load(sys.stdin):
    before, sys.argv = set(sys.modules), ["freqforensics", *arguments]
    out, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as end:
            code = end.code
        except BaseException as error:
            code = repr(error)
    heavy = [name for name in HEAVY if name in set(sys.modules) - before]
    told.append([code, out.getvalue(), errors.getvalue(), heavy])
print(json.dumps(told))
"""
)

# What each command needs besides what is refused; {x} are the places of `places`.
SOURCE = {
    "spectrum": "{photos} --out {new}",
    "upsampling": "{photos} --out {new}",
    "compare": "{tree} --out {new}",
    "origin": "{tree} --known {tree2} --out {new}",
    "audit": "{tree} --out {new}",
    "score": "{photos} --out {new}.csv",
    "evaluate": "{tree} --out {new}",
    "robustness": "{tree} --out {new}",
    "baselines": "{tree} --photographs {photos2} --out {new}",
    "false-alarms": "{photos} --out {new}",
    "quality": "{tree} --out {new}",
    "paper-figures": "{tree} --out {new}",
    "population": "{photos} --out {new}.npz",
    "simulate": "{photos} --out {new}",
    "fit-generator": "{photos} --out {new}",
    "train": "{tree} --out {new} --init scratch",
    "ablate": "{tree} --test {tree2} --axis recipe --out {new} --init scratch",
    "inspect": "{image} --out {new}",
}
EVERYDAY = "--photographs {photos} --trees {tree} --calibration-photographs {photos2} --out {new}"
DEMO = "--photographs {photos} --out {new}"
WEIGHTED = ("score", "evaluate", "robustness", "false-alarms", "quality", "paper-figures", "inspect")
CALIBRATED = ("score", "evaluate", "robustness", "false-alarms", "inspect")


def cases() -> list[tuple[str, str]]:
    """Command lines, and what their refusals say."""
    found: list[tuple[str, str]] = []
    for command, line in {**SOURCE, "train-everyday": EVERYDAY, "demo": DEMO}.items():
        first = "{image}" if command == "inspect" else "{tree}" if "{tree}" in line.split()[:2] else "{photos}"
        full = f"{command} {line}"
        found.append((full.replace(first, "{missing}", 1), "missing"))
        suffix = {"score": ".csv", "population": ".npz"}.get(command, "")
        if command not in ("inspect", "train-everyday", "demo"):
            found += [
                (full.replace(first, "{mixed}", 1), "--labels must say what 'photos' and 'diffusion' are"),
                (full.replace(first, "{list}", 1), "list.txt line 1: no such file"),
                (f"{full} --labels nonsense", "--labels must be LABEL=WORD"),
            ]
        if command != "inspect":
            found.append((full.replace(first, "{empty}", 1), "no image in"))
        # In a file, where nobody may write, what is there already, the source itself.
        found.append((full.replace("{new}", "{file}/new"), "is a file"))
        found.append((full.replace("{new}", "{locked}/new"), "no permission"))
        there = {"score": "{table}", "population": "{table}", "demo": "{fulldemo}", "paper-figures": "{fulldemo}"}
        holds = "{fulleveryday}" if command == "train-everyday" else there.get(command, "{full}")
        if command != "fit-generator":  # which fills a folder bit by bit
            said = "exists" if suffix else "is not empty"
            found.append((full.replace("{new}" + suffix, holds), said))
        if not suffix:
            found.append((full.replace("{new}", first), "is a source"))
    for command in WEIGHTED:
        found.append((f"{command} {SOURCE[command]} --weights nonsense", "no weights at nonsense"))
        found.append((f"{command} {SOURCE[command]} --weights wang2020-blur-jpeg-0.5", "weights fetch"))
    found += [(f"{command} {SOURCE[command]} --calibration {{missing}}", "no such file") for command in CALIBRATED]
    for line, said in OPTIONS.items():
        command = next(name for name in ["train-everyday", "demo", *SOURCE] if line.split()[0] == name)
        whole = {**SOURCE, "train-everyday": EVERYDAY, "demo": DEMO}[command]
        found.append((f"{command} {whole} {line.partition(' ')[2]}", said))
    return found + list(WHOLE.items())


# Options that are out of range, or name what there is not.
OPTIONS = {
    "spectrum --crop x": "--crop must be",
    "spectrum --kernel 4": "kernel",
    "spectrum --width 30": "--width must be 84 to 1000 mm, got 30",
    "spectrum --width 89 --columns 2": "--width must be 168 to 1000 mm for 2 columns, got 89",
    "spectrum --format jpg": "--format must be of png, pdf, svg, got jpg",
    "upsampling --crop 33": "multiple of 16",
    "upsampling --real {missing}": "missing",
    "upsampling --predict nonsense": "--predict must be one of",
    "compare --crop 40": "multiple of 16",
    "compare --groups {missing}": "no such file",
    "origin --crop 40": "multiple of 16",
    "origin --groups {missing}": "no such file",
    "audit --crop 64": "go together",
    "audit --match {table}": "exists",
    "audit --match {file}/x.csv": "is a file",
    "audit --reencode {full} --crop 64": "is not empty",
    "score --region 1,2": "--region must be",
    "score --region 0,0,64,64 --view none": "--region must go with view 'views'",
    "evaluate --ways nonsense": "--ways must be of",
    "evaluate --photographs {missing}": "missing",
    "evaluate --validation {empty}": "no image in",
    "robustness --sweep nonsense": "--sweep must be of",
    "false-alarms --carrier nonsense": "--carrier must be",
    "quality --score nonsense": "score must be one of",
    "quality --logits {missing}": "no such file",
    "quality --clusters {missing}": "no such file",
    "paper-figures --ablation recipe": "--ablation must be",
    "paper-figures --ablation nonsense={table}": "axis must be one of",
    "paper-figures --ablation band={missing}": "no such file",
    "population --fake {missing}": "missing",
    "population --calibration-out {new}.npz --carrier nonsense": "carrier must be",
    "population --calibration-out {new}.npz --weights nonsense": "no weights at nonsense",
    "population --calibration-out {table}": "exists",
    "simulate --crop 40": "multiple of 16",
    "simulate --quality 101": "quality",
    "simulate --family nonsense": "family must be one of",
    "simulate --miniatures {empty}": "no fitted miniature",
    "fit-generator --family nonsense": "family must be one of",
    "fit-generator --crop 30": "multiple of 4",
    "train --held-out 2": "--held-out must lie",
    "train --crop 16": "--crop must be at least",
    "train --precision nonsense": "--precision must be one of",
    "train --band 1": "--band must be",
    "train --init {missing}": "no weights at",
    "train --validation {missing}": "missing",
    "train --simulate nonsense": "--simulate must be of",
    "train --simulate miniature --miniatures {empty}": "no fitted miniature",
    "train --decay cosine": "--epochs must be set",
    "train --dry-run --init {missing}": "no weights at",
    "ablate --values nonsense": "recipe",
    "train --preset w20 --held-out 2": "--held-out must lie",
    "train --preset shipped --batch 3": "--batch must be even",
    "ablate --init {missing}": "no weights at",
    "ablate --preset w20 --resize 100": "--resize must be at least",
    "inspect --thresholds 2:1": "ascend",
    "inspect --region 1,2,0,4": "--region must",
    "inspect --population {missing}": "no such file",
    "train-everyday --part nonsense": "--part must be of",
    "train-everyday --trained local": "--trained must be PART=FILE",
    "train-everyday --trained local={missing}": "no such file",
    "train-everyday --each 100": "--each must lie",
    "train-everyday --learning-rate=-1": "--learning-rate must be positive",
}
# Commands without sources, and folders of work that is under way.
WHOLE = {
    "ablate {tree} --test {missing} --axis band --out {new}": "missing",
    "ablate {tree} --test {tree2} --axis band --values x --out {new}": "band must be",
    "ablate {tree} --test {tree2} --axis classes --values 0 --out {new}": "at least 1",
    "ablate {tree} --test {tree2} --axis band --out {working}": "--resume must be set",
    "robustness {tree} --out {working}": "--resume must be set",
    "false-alarms {photos} --out {working}": "--resume must be set",
    "score {photos} --resume": "--resume must come with --out",
    "robustness {tree} --resume": "--resume must come with --out",
    "false-alarms {photos} --resume": "--resume must come with --out",
    "train {tree} --out {working} --init scratch": "--resume must be set",
    "population {photos}": "give --out FILE",
    "merge {missing}": "no such file",
    "merge {tree}": "parts must be files of --shard",
    "merge {table}": "is not a part of a shard",
    "spectrum {photos} --shard 1/2": "--shard must come with --out DIR",
    "spectrum {photos} --shard 3/2 --out {new}": "--shard must be I/N",
    "score {photos} --shard 1/2 --out {photos}": "is a source",
    "audit {tree} --shard 1/2 --out {locked}/new": "no permission",
    "quality {tree} --cluster nonsense": "--cluster must be 'local' or an address",
    "population {photos} --shard 1/2 --cluster local --out {new}": "--shard must not come with --cluster",
    "inspect": "give at least one image",
    "app --port 99999": "--port must lie between 0 and 65535",
    "app --weights nonsense": "no weights at nonsense",
    "app --weights wang2020-blur-jpeg-0.5": "weights fetch",
    "app --calibration {missing}": "no such file",
    "inspect {image} {missing} --out {file}": "is a file",
    "weights fetch nonsense": "no weights are called",
    "weights verify nonsense": "no weights are called",
    "weights verify wang2020-blur-jpeg-0.5": "weights fetch",
    "weights quantise nonsense --out {new}.safetensors": "no weights at",
    "weights quantise everyday --out {new}.pth": ".safetensors",
    "weights quantise everyday --out {weights}": "exists",
    "weights quantise everyday --out {file}/x.safetensors": "is a file",
    "weights pack {missing} --out {new}.safetensors": "holds no training",
    "weights pack {working} --out {new}.pth": ".safetensors",
    "weights pack {working} --out {weights}": "exists",
    "weights pack {working} --out {new}.safetensors --evaluation {missing}": "no such file",
    "weights pack {working} --out {new}.safetensors --baseline x": "--baseline must be",
    "weights card {missing}": "no such file",
}


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, str]:
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("refused")
    for name in ("photos", "photos2"):
        write(root / name / "a.png", picture(rng, 64, 64))
    for name in ("tree", "tree2"):
        for side in ("0_real", "1_fake"):
            write(root / name / "progan" / side / "a.png", picture(rng, 64, 64))
    (root / "empty").mkdir()
    for name in ("table.csv", "x.safetensors", "file", "full/mine.txt", "fulldemo/images/mine.txt",
                 "fulldemo/miniatures/mine.txt", "fulleveryday/local/mine.txt", "working/last.ckpt",
                 "working/detector.safetensors"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("kept")
    for name in ("work.json", "manifest.json"):
        (root / "working" / name).write_text("{}")
    (root / "locked").mkdir()
    for side in ("photos", "diffusion"):
        write(root / "mixed" / side / "a.png", picture(rng, 64, 64))
    (root / "list.txt").write_text("gone.png\n")
    names = ("photos", "photos2", "tree", "tree2", "empty", "missing", "new", "file", "full", "fulldemo",
             "fulleveryday", "working", "locked")  # fmt: skip
    names = (*names, "mixed")
    own = {name: str(root / name) for name in names}
    return {**own, "image": f"{own['photos']}/a.png", "table": f"{root}/table.csv",
            "list": f"{root}/list.txt", "weights": f"{root}/x.safetensors", "root": str(root)}  # fmt: skip


@pytest.fixture(scope="module")
def told(places, tmp_path_factory) -> dict[str, list]:
    lines = [line for line, _ in cases()]
    arguments = [line.format(**places).split() for line in lines]
    environment = {**os.environ, "FREQFORENSICS_CACHE": str(tmp_path_factory.mktemp("cache"))}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(arguments), capture_output=True, text=True, env=environment,
        check=True, timeout=300,
    )  # fmt: skip
    return dict(zip(lines, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(("line", "said"), cases(), ids=[line for line, _ in cases()])
def test_a_refusal_is_one_line_and_loads_no_torch(line, said, told):
    code, out, errors, heavy = told[line]
    assert (code, heavy) == (2, []), errors
    assert out == ""
    assert errors.startswith("freqforensics: ")
    assert said in errors
    # The layouts of sources are shown in lines of their own.
    assert len(errors.splitlines()) == 1 or "layouts understood" in errors


def test_refusals_write_nothing(places, told):
    root = Path(places["root"])
    assert not list(root.glob("new*"))
    assert (root / "full" / "mine.txt").read_text() == (root / "table.csv").read_text() == "kept"
    assert not list(root.rglob(".unfinished-*"))


def test_every_command_is_tried(told):
    from typer.main import get_command

    from freqforensics.cli.app import app

    names = set()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        names |= {f"{name} {one}" for one in below} if below else {name}
    tried = {" ".join(line.split()[: 2 if line.startswith("weights") else 1]) for line in told}
    assert names - tried == {"doctor", "weights list"}  # which take nothing to refuse
