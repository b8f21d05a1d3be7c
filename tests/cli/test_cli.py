from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command import run, run_fresh
from pictures import board, encoded, picture, write, write_tree
from PIL import Image
from typer.main import get_command

from freqforensics.cli.app import app
from freqforensics.spectra import MeanSpectrum, SpectrumSpec

# Detectors are trained and used here; what the network makes of images is tested elsewhere.
pytestmark = pytest.mark.usefixtures("thin", "bare_pdf")


@pytest.fixture
def tree(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two generators; the fakes of one have a line at (1/4, 0)."""
    line = np.rint(6 * np.cos(np.pi / 2 * np.arange(64)))[None, :, None]
    return write_tree(tmp_path / "data", rng, ("biggan", "crn"), count=12, shape=(64, 64), traces={"crn": line})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.mark.long
def test_a_folder_to_fingerprints(tree, out):
    done = run("spectrum", tree, "--out", out, "--crop", 64)
    assert (done.returncode, done.stderr) == (0, "")
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert files == [
        "fingerprints.pdf",
        "fingerprints.png",
        "manifest.json",
        "profiles.pdf",
        "profiles.png",
        "spectra/biggan-fake.npz",
        "spectra/biggan-real.npz",
        "spectra/crn-fake.npz",
        "spectra/crn-real.npz",
        "summary.csv",
    ]
    spectrum = MeanSpectrum.load(out / "spectra" / "crn-fake.npz")
    assert (spectrum.images, spectrum.spec) == (12, SpectrumSpec(size=64))
    with (out / "summary.csv").open() as file:
        rows = {(row["generator"], row["label"]): row for row in csv.DictReader(file)}
    assert list(rows) == [("biggan", "real"), ("biggan", "fake"), ("crn", "real"), ("crn", "fake")]
    line = rows["crn", "fake"]
    assert (float(line["line_fx"]), float(line["line_fy"])) == (0.25, 0)
    assert float(line["line_p_corrected"]) < 1e-6
    assert re.search(r"crn +fake +12 +0\.2500, \+0\.0000", done.stdout)
    about = json.loads((out / "manifest.json").read_text())
    assert about["parameters"]["spec"]["size"] == [64, 64]
    assert about["inputs"]["crn-fake"]["sha256"] == spectrum.inputs_sha256
    assert about["command"].startswith("freqforensics spectrum")
    inside = json.loads(Image.open(out / "fingerprints.png").text["freqforensics"])
    assert inside["inputs"] == about["inputs"]


@pytest.mark.long
def test_every_field_of_the_spec_is_an_option(tree, out):
    options = {
        "size": (48, 32),
        "crop": "random",
        "align": 8,
        "residual": "gaussian",
        "kernel": 7,
        "channel": "rgb",
        "window": "hann",
        "normalisation": "amplitude",
    }
    names = {"size": "crop", "crop": "placement", "align": "grid"}
    values = {**options, "size": "48x32"}
    flags = [part for name, value in values.items() for part in (f"--{names.get(name, name)}", value)]
    done = run("spectrum", tree, "--out", out, *flags, "--shuffle", "--seed", 1, "--limit", 5)
    assert (done.returncode, done.stderr) == (0, "")
    stored = MeanSpectrum.load(out / "spectra" / "crn-real.npz")
    assert stored.spec == SpectrumSpec(**options)
    assert stored.images == 5


@pytest.mark.long
def test_json_is_all_that_is_printed(tree, out):
    done = run("spectrum", tree, "--out", out, "--crop", 64, "--json", "--label", "fake")
    result = json.loads(done.stdout)
    assert [(group["generator"], group["label"]) for group in result["groups"]] == [("biggan", "fake"), ("crn", "fake")]
    line = result["groups"][1]["line"]
    assert (line["fx"], line["fy"]) == (0.25, 0)
    assert result["groups"][1]["images"] == 12


@pytest.mark.long
def test_the_same_command_writes_the_same_bytes(tree, tmp_path):
    for place, workers in (("a", 1), ("b", 2)):
        (tmp_path / place).mkdir()
        options = ("--crop", 48, "--limit", 7, "--seed", 5, "--placement", "random", "--workers", workers)
        assert run("spectrum", tree, "--out", "out", *options, cwd=tmp_path / place).returncode == 0
    for path in (tmp_path / "a" / "out").rglob("*.*"):
        if path.name != "manifest.json":  # holds the command
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes(), path


@pytest.mark.long
def test_bad_files_are_listed_and_the_run_goes_on(tree, out, rng):
    fakes = tree / "crn" / "1_fake"
    (fakes / "cut.png").write_bytes(encoded(picture(rng), "PNG")[:-50])
    (fakes / "cut.jpg").write_bytes(encoded(picture(rng), "JPEG")[:-50])
    (fakes / "empty.png").write_bytes(b"")
    (fakes / "text.png").write_bytes(b"not a picture")
    (fakes / "two\nlines.png").write_bytes(b"")
    write(fakes / "small.png", picture(rng, 20, 20))
    (fakes / "alpha.png").write_bytes(encoded(np.dstack([picture(rng), picture(rng)[..., 0]]), "PNG"))
    (fakes / "notes.txt").write_text("x")
    done = run_fresh("spectrum", tree, "--out", out, "--crop", 64, "--format", "png")
    assert done.returncode == 1
    listed = [line for line in done.stderr.splitlines() if line.startswith("skipped: ")]
    assert len(listed) == 5
    assert any("cut.png: truncated PNG" in line for line in listed)
    assert any("text.png: text, not an image that can be read" in line for line in listed)
    assert "note: " in done.stderr
    assert "notes.txt" in done.stderr
    assert all(line.startswith(("skipped: ", "note: ")) for line in done.stderr.splitlines())
    assert re.search(r"crn +fake +13 +1 smaller than 64x64, 5 unreadable", done.stdout)
    assert "note: alpha channel dropped: 1 image" in done.stdout
    assert (out / "fingerprints.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no such file or folder: nowhere"),
        (["{tree}", "--crop", "9000"], "48 are smaller than 9000x9000, the first 64x64: --crop must be at most 64"),
        (["{tree}", "--crop", "big"], "--crop must be a number or HEIGHTxWIDTH, got 'big'"),
        (["{tree}", "--crop", "1"], "--crop must be one or two integers"),
        (["{tree}", "--kernel", "4"], "--kernel must be odd, from 3 to 99, got 4"),
        (["{tree}/notes.pdf"], "notes.pdf is not an image by its suffix '.pdf', and no .csv, .tsv or .txt"),
        (["{tree}", "--out", "{tree}/biggan/0_real/0.png/x"], "0.png is a file, not a folder"),
        (["{tree}", "--kernel", "301"], "--kernel must be odd, from 3 to 99, got 301"),
        (["{tree}", "--crop", "300000"], "48 are smaller than 300000x300000"),
    ],
)
def test_bad_input_is_one_clear_line(tree, out, arguments, message):
    (tree / "notes.pdf").touch()
    done = run("spectrum", "--out", out, *(a.replace("{tree}", str(tree)) for a in arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    first = done.stderr.splitlines()[0]
    assert first.startswith("freqforensics: ")
    assert message in first
    assert "Traceback" not in done.stderr
    assert not out.exists()


def test_a_source_without_images_shows_the_layouts(tmp_path, out):
    (tmp_path / "void").mkdir()
    done = run("spectrum", tmp_path / "void", "--out", out)
    assert done.returncode == 2
    assert "0_real,1_fake" in done.stderr


def test_a_label_nobody_has(tree, out):
    done = run("spectrum", tree / "crn" / "0_real", "--out", out, "--label", "fake")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no image with label 'fake'" in done.stderr


def test_a_folder_that_holds_something_is_refused(tree, out):
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    done = run("spectrum", tree, "--out", out, "--crop", 64)
    assert done.returncode == 2
    assert "is not empty: --overwrite must be set" in done.stderr
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@pytest.mark.long
def test_overwrite_replaces_results_and_nothing_else(tree, out):
    short = ("--format", "png")
    assert run("spectrum", tree, "--out", out, "--crop", 64, *short).returncode == 0
    (out / "mine.txt").write_text("keep")
    assert run("spectrum", tree / "crn", "--out", out, "--crop", 32, "--overwrite", *short).returncode == 0
    names = {path.name for path in (out / "spectra").iterdir()}
    assert names == {"crn-real.npz", "crn-fake.npz"}
    assert (out / "mine.txt").read_text() == "keep"
    assert MeanSpectrum.load(out / "spectra" / "crn-fake.npz").spec.shape == (32, 32)


@pytest.mark.long
def test_several_named_sources_and_awkward_names(tree, out, tmp_path, rng):
    write(tmp_path / "plain" / "ünï [red]" / "a.png", picture(rng, 64, 64))
    write(tmp_path / "plain" / "a b" / "a.png", picture(rng, 64, 64))
    write(tmp_path / "plain" / "a/b" / "a.png", picture(rng, 64, 64))
    done = run(
        "spectrum", tree / "crn", f"mine={tmp_path / 'plain' / 'a b'}", tmp_path / "plain", "--out", out,
        "--crop", 64, "--format", "png",
    )  # fmt: skip
    assert done.returncode == 0
    names = sorted(path.name for path in (out / "spectra").iterdir())
    assert names == ["a-unknown.npz", "crn-fake.npz", "crn-real.npz", "mine-unknown.npz", "ünï-red-unknown.npz"]
    assert "ünï [red]" in done.stdout


@pytest.mark.long
def test_awkward_generator_names_reach_figures_and_tables(tmp_path, out, rng):
    for name in ("we$ird_$x", "two\nlines", os.fsdecode(b"bytes\xff"), "a" * 200):
        write(tmp_path / "data" / name / "1_fake" / "a.png", picture(rng, 64, 64))
    done = run("spectrum", tmp_path / "data", "--out", out, "--crop", 64)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((out / "spectra").iterdir())) == 4
    assert r"two\nlines" in done.stdout


@pytest.mark.long
def test_results_inside_a_source_are_not_averaged(tmp_path, rng):
    write(tmp_path / "photos" / "a.png", picture(rng, 64, 64))
    for _ in range(2):
        options = ("--crop", 64, "--overwrite", "--format", "png")
        done = run("spectrum", ".", "--out", "results", *options, cwd=tmp_path / "photos")
        assert done.returncode == 0
        assert re.search(r"photos +unknown +1 ", done.stdout)
        assert not re.search(r"^ *results +(unknown|real|fake)", done.stdout, flags=re.M)
    assert "results holds results of freqforensics: left out" in done.stderr


@pytest.mark.long
def test_results_can_be_linked_to_another_file_system(tree, tmp_path):
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=elsewhere) as place:
        (tmp_path / "link").symlink_to(place)
        for _ in range(2):
            options = ("--crop", 64, "--overwrite", "--format", "png")
            done = run("spectrum", tree, "--out", tmp_path / "link", *options)
            assert (done.returncode, done.stderr) == (0, "")
        assert (Path(place) / "fingerprints.png").exists()
        assert not list(Path(place).glob(".unfinished*"))


@pytest.mark.long
def test_a_group_without_usable_images_is_named(tree, out, rng):
    write(tree / "tiny" / "1_fake" / "a.png", picture(rng, 20, 20))
    done = run("spectrum", tree, "--out", out, "--crop", 64, "--format", "png")
    assert (done.returncode, done.stderr) == (0, "note: no image could be used of: tiny fake\n")


@pytest.fixture
def upsampled(tmp_path, rng):
    """Real images, and fakes with a pattern of period 4 from their origin."""
    tile = np.tile(rng.normal(0, 6, (4, 4, 1)), (16, 16, 1))
    return write_tree(tmp_path / "data", rng, ("gan",), count=30, shape=(64, 64), traces={"gan": tile})


@pytest.mark.long
def test_what_made_a_lattice(upsampled, out):
    done = run("upsampling", upsampled, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"gan +real +30 +64 +none .* no lattice", done.stdout)
    assert re.search(r"gan +fake +30 +64 +4 .* lattice of 1/4", done.stdout)
    assert sorted(path.name for path in out.iterdir()) == [
        "lattices.pdf",
        "lattices.png",
        "manifest.json",
        "upsampling.json",
    ]
    printed = json.loads(run("upsampling", upsampled, "--json").stdout)
    assert printed == json.loads((out / "upsampling.json").read_text())
    real, fake = printed
    assert (real["generator"], real["label"], real["n"], real["factor"]) == ("gan", "real", 30, None)
    assert (fake["label"], fake["factor"], fake["explained_by"]) == ("fake", 4, None)
    evidence = {e["denominator"]: e for e in fake["denominators"]}
    assert set(evidence) == {2, 4, 8, 16}
    assert evidence[4]["p_value"] < 1e-6 < evidence[8]["p_value"]
    assert [a["name"] for a in fake["alternatives"]] == ["jpeg-grid", "resampling", "layout"]


def test_a_control_is_taken_into_account(upsampled):
    fake, real = (upsampled / "gan" / side for side in ("1_fake", "0_real"))
    (against_real,) = json.loads(run("upsampling", fake, "--real", real, "--json").stdout)
    assert (against_real["factor"], against_real["denominators"][0]["denominator"]) == (4, 2)
    assert against_real["controlled"]
    plain = upsampled.parent / "plain"
    shutil.copytree(fake, plain)  # of unknown label, so it may be a control
    (against_itself,) = json.loads(run("upsampling", fake, "--real", plain, "--json").stdout)
    assert against_itself["factor"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--crop", "40"], "--crop must be a multiple of 16 from 32, got 40"),
        (["--crop", "128"], "no image is as large as 128x128"),
        (["--real", "{tree}/gan/1_fake"], "--real must hold real images, got none in"),
        (["--real", "nowhere"], "no such file or folder: nowhere"),
        (["--out", "{tree}"], "is a source: give another place"),
    ],
)
def test_bad_input_of_upsampling_is_one_line(upsampled, arguments, message):
    done = run("upsampling", upsampled, *(a.replace("{tree}", str(upsampled)) for a in arguments))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


@pytest.mark.long
def test_ctrl_c_leaves_nothing_behind(tmp_path, out, rng):
    image = picture(rng, 512, 512)
    (tmp_path / "set").mkdir()
    for index in range(60):
        image[0, 0] = index, 0, 0  # equal files would count once
        Image.fromarray(image).save(tmp_path / "set" / f"{index}.bmp")  # which takes next to no time
    code = (
        "from freqforensics.cli import main; from freqforensics.spectra import files; whole = files.map_reduce\n"
        "def at_length(items, function, merge, **options):\n"
        "    print('at work', flush=True)\n"
        "    return whole(items * 500, function, merge, **options)\n"
        "files.map_reduce = at_length; main()"
    )
    command = [sys.executable, "-c", code, "spectrum", tmp_path / "set", "--out", out, "--residual", "wavelet"]
    # Shells have what they start in the background ignore it, and children inherit that.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1] == "freqforensics: interrupted: no half-written file was left"
    assert "Traceback" not in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


@pytest.mark.long
def test_help_has_an_example_for_every_command():
    top = run("--help")
    assert (top.returncode, top.stderr) == (0, "")
    commands = [name for name, command in get_command(app).commands.items() if not command.hidden]  # type: ignore[attr-defined]
    assert {"spectrum", "upsampling", "demo"} <= set(commands)
    for command in commands:
        assert re.search(rf"^  {command}  ", top.stdout, flags=re.M)
        shown = run(command, "--help")
        assert shown.returncode == 0
        assert f"Example: freqforensics {command}" in shown.stdout


def test_version_and_nonsense():
    import freqforensics

    assert run("--version").stdout.splitlines()[0] == f"freqforensics {freqforensics.__version__}"
    done = run("spectrum", ".", "--out", "x", "--residual", "mean")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['freqforensics', '--help']\nfrom freqforensics.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('numpy', 'scipy', 'cv2', 'matplotlib', 'torch') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_too_little_memory_is_one_line(monkeypatch, tmp_path, capsys):
    from freqforensics import cli
    from freqforensics.studies import spectrum as survey

    def starve(*arguments, **options):
        raise MemoryError("Unable to allocate 74.5 GiB")

    write(tmp_path / "a.png", picture(np.random.default_rng(0)))
    monkeypatch.setattr(survey, "spectrum_study", starve)
    monkeypatch.setattr(sys, "argv", ["freqforensics", "spectrum", str(tmp_path), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "freqforensics: out of memory: Unable to allocate 74.5 GiB\n"


@pytest.mark.long
def test_a_closed_pipe_is_no_error(tree, out):
    words = f"spectrum {tree} --out {out} --crop 64 --format png --json"
    command = f"{sys.executable} -m freqforensics {words} | head -c 5"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env={**os.environ})
    assert done.stderr == ""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    source = np.random.default_rng(4)
    folder = tmp_path_factory.mktemp("photographs")
    for index in range(12):
        write(folder / f"{index}.png", picture(source, 200, 160))
    return folder


@pytest.fixture(scope="module")
def miniatures(photographs, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("miniatures")
    arguments = ["--family", "crn", "--family", "san", "--steps", 2, "--crop", 32, "--about", "drawn"]
    done = run("fit-generator", photographs, "--out", folder, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["crn", "san"]
    return folder


def test_fitting_leaves_weights_and_cards(miniatures, photographs):
    names = ["crn.json", "crn.safetensors", "san.json", "san.safetensors"]
    assert sorted(path.name for path in miniatures.iterdir()) == names
    card = json.loads((miniatures / "crn.json").read_text())
    assert card["photos"]["source"] == "drawn, made 2 times smaller by area averaging"
    assert (card["photos"]["training"], card["photos"]["held_out"]) == (10, 2)
    arguments = ["--family", "crn", "--steps", 2, "--crop", 32]
    again = run("fit-generator", photographs, "--out", miniatures, *arguments, "--json")
    assert json.loads(again.stdout) == [card]
    other = run("fit-generator", photographs, "--out", miniatures, *arguments[:-1], 64)
    assert other.returncode == 2
    assert other.stderr.startswith("freqforensics: ")
    assert "--overwrite" in other.stderr


@pytest.mark.long
def test_simulated_images_are_averaged(miniatures, photographs, out, tmp_path):
    arguments = ["--miniatures", miniatures, "--family", "all", "--crop", 64]
    done = run("simulate", photographs, "--out", tmp_path / "tree", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "12 crops on each side of 2 families" in done.stdout
    assert len(list((tmp_path / "tree" / "san" / "1_fake").glob("*.png"))) == 12
    averaged = run("spectrum", tmp_path / "tree", "--out", out, "--crop", 64, "--format", "png")
    assert (averaged.returncode, averaged.stderr) == (0, "")
    found = run("upsampling", tmp_path / "tree", "--predict", "by-name", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    assert [group["predicted"] for group in json.loads(found.stdout) if group["label"] == "fake"] == [
        {"family": "crn", "factor": 4},
        {"family": "san", "factor": 4},
    ]
    again = run("simulate", photographs, "--out", tmp_path / "tree", *arguments, "--overwrite", "--json", "--limit", 3)
    assert json.loads(again.stdout)["images"] == 3
    assert len(list((tmp_path / "tree" / "san" / "1_fake").glob("*.png"))) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--family", "glow"], "family must be one of progan"),
        (["--family", "crn", "--crop", "512"], "no photo is as large as 512x512"),
        (["--family", "crn", "--crop", "50"], "--crop must be a multiple of 16"),
        (["--family", "crn", "--quality", "0"], "quality must lie between 1 and 100"),
        (["--miniatures", "nowhere"], "no fitted miniature in nowhere"),
        (["--miniatures", "nowhere", "--family", "crn"], "no fitted miniature at nowhere"),
    ],
)
def test_simulate_says_in_one_line_what_is_wrong(photographs, out, arguments, said):
    done = run("simulate", photographs, "--out", out, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--family", "glow"], "family must be one of progan"),
        (["--family", "crn", "--crop", "30"], "--crop must be a multiple of 4"),
        (["--family", "crn", "--crop", "256"], "at least two photos of 256x256"),
        (["--family", "crn", "--device", "nonsense"], "device"),
    ],
)
def test_fit_generator_says_in_one_line_what_is_wrong(photographs, out, arguments, said):
    done = run("fit-generator", photographs, "--out", out, "--steps", 1, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_photograph_that_cannot_be_read_is_left_out_and_named(photographs, miniatures, out, tmp_path):
    shutil.copytree(photographs, tmp_path / "photos")
    (tmp_path / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run(
        "simulate", tmp_path / "photos", "--out", out, "--miniatures", miniatures, "--family", "crn", "--crop", 64
    )
    assert done.returncode == 1
    assert "skipped: " in done.stderr
    assert "broken.png" in done.stderr
    assert len(list((out / "crn" / "1_fake").glob("*.png"))) == 12


# --- the detector --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A tree of images with a grid on every fake, and a detector that was trained on them."""
    folder, names = tmp_path_factory.mktemp("detector"), ("biggan", "crn")
    grids = dict.fromkeys(names, 10 * board(40, 40))
    write_tree(folder / "data", np.random.default_rng(5), names, count=6, shape=(40, 40), traces=grids, paired=True)
    done = run("train", folder / "data", "--out", folder / "run", *TRAINING)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"epoch 1: step \d+, rate 1e-03, loss \d.*AP [\d.]+, kept", done.stdout)
    assert re.search(r"best: epoch \d, validation AP \d", done.stdout)
    return folder


TRAINING = [
    "--init", "scratch", "--input", "residual", "--crop", "32", "--batch", "8", "--passes", "4", "--epochs", "2",
    "--held-out", "0.3", "--learning-rate", "1e-3", "--device", "cpu",
]  # fmt: skip


@pytest.mark.long
def test_a_detector_is_trained_scored_and_evaluated(trained, tmp_path):
    weights = ["--weights", trained / "run" / "detector.safetensors"]
    done = run("score", trained / "data", *weights, "--view", "none", "--out", tmp_path / "scores.csv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    groups = json.loads(done.stdout)["groups"]
    assert [(group["generator"], group["label"], group["images"]) for group in groups] == [
        ("biggan", "fake", 6), ("biggan", "real", 6), ("crn", "fake", 6), ("crn", "real", 6),
    ]  # fmt: skip
    again = run("score", trained / "data", *weights, "--view", "none", "--out", tmp_path / "scores.csv")
    assert (again.returncode, again.stderr) == (
        2,
        f"freqforensics: {tmp_path / 'scores.csv'} exists: --resume must be set to add to it\n",
    )
    arguments = ["--view", "center", "--out", tmp_path / "e"]
    done = run("evaluate", trained / "data", *weights, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"biggan +6 +6 +[01]\.\d{3} ", done.stdout)
    assert "W20 blur+jpeg-0.5" in done.stdout
    written = json.loads((tmp_path / "e" / "evaluation.json").read_text())
    assert [row["generator"] for row in written["generators"]] == ["biggan", "crn"]


def test_verdicts_are_counted_in_place_of_called_fake(trained, tmp_path, rng):
    for index in range(3):
        write(tmp_path / "photos" / f"{index}.png", picture(rng, 100, 120))
    write(tmp_path / "photos" / "flat.png", np.full((100, 120, 3), 90, np.uint8))
    arguments = ["score", tmp_path / "photos", "--weights", trained / "run" / "detector.safetensors"]
    done = run(*arguments, "--out", tmp_path / "scores.csv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    (group,) = told["groups"]
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    verdicts = [row["verdict"] for row in rows]
    names = ("evidence", "inconclusive", "none")
    assert [group[name] for name in names] == [verdicts.count(name) for name in names]
    assert (group["images"], group["cannot_judge"]) == (4, 1)
    assert verdicts.count("cannot-judge") == 1
    assert "calibrated on nothing" in told["verdicts_from"]
    logits = [float(row["logit"]) for row in rows if row["verdict"] != "cannot-judge"]
    assert group["mean_logit"] == pytest.approx(np.mean(logits))
    part = run(*arguments, "--region", "8,0,80,96", "--out", tmp_path / "part.csv")
    assert (part.returncode, part.stderr) == (0, "")
    assert re.search(r"evidence +inconclusive +none found +cannot be judged", part.stdout)
    with (tmp_path / "part.csv").open(newline="") as file:
        assert {row["region"] for row in csv.DictReader(file)} == {"8,0,80,96"}
    other = run(*arguments, "--region", "0,0,80,96", "--out", tmp_path / "part.csv", "--resume")
    assert (other.returncode, "holds scores of other regions" in other.stderr) == (2, True)


@pytest.mark.long
def test_robustness_and_ablation(trained, tmp_path):
    done = run(
        "robustness", trained / "data", "--weights", trained / "run" / "detector.safetensors", "--view", "none",
        "--sweep", "webp", "--out", tmp_path / "r", "--json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["rows"]) == 16
    done = run(
        "ablate", trained / "data", "--test", trained / "data", "--limit", 4, "--view", "none", "--axis", "band",
        "--values", "all, 0.25:", "--out", tmp_path / "a", *TRAINING,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"0\.25: +\d\.\d{3} +\d\.\d{3} +(biggan|crn)", done.stdout)
    assert (tmp_path / "a" / "ablation.png").exists()


def test_a_dry_run_trains_nothing(trained, tmp_path):
    done = run("train", trained / "data", "--out", tmp_path / "run", "--dry-run", "--json", *TRAINING)
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert shown["config"]["input"] == "residual"
    assert sum(sum(v for v in row.values() if isinstance(v, int)) for row in shown["images"]) == 24
    assert not (tmp_path / "run").exists()
    published = run("train", trained / "data", "--out", tmp_path / "run", "--dry-run", "--preset", "w20")
    assert '"as_published"' in published.stdout
    assert 'recipe: "blur+jpeg-0.5"' in published.stdout
    assert "resize: 256" in published.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["train", "{data}/crn/0_real", "--out", "{out}"], "crn has no fake image for training"),
        (["train", "{data}", "--out", "{out}"], "images are smaller than the crop of 224 pixels"),
        (["train", "{data}", "--out", "{out}", "--band", "high"], "--band must be LOW:HIGH"),
        (["train", "{data}", "--out", "{out}", "--classes", "9"], "classes must lie between 1 and 2"),
        (["train", "{data}", "--out", "{data}", "--crop", "32"], "is a source"),
        (["train", "{data}", "--out", "{out}", "--crop", "32", "--init", "no.pth"], "no weights at no.pth"),
        (["train", "{data}", "--out", "{out}", "--crop", "32", "--precision", "8"], "precision must be one of"),
        (["score", "{data}", "--weights", "best", "--out", "{out}"], "no weights at best, and no known ones"),
        (["score", "{data}", "--weights", "wang2020-blur-jpeg-0.5", "--out", "{out}"], "weights fetch wang2020-blur"),
        (
            ["score", "{data}", "--weights", "{weights}", "--region", "1,2,3", "--out", "{out}"],
            "--region must be X,Y,W,H",
        ),
        (["score", "{data}", "--weights", "{weights}", "--region", "0,0,0,9", "--out", "{out}"], "or be empty"),
        (
            ["score", "{data}", "--weights", "{weights}", "--region", "0,0,9,9", "--view", "none", "--out", "{out}"],
            "--region must go with view 'views'",
        ),
        (["score", "{data}", "--weights", "{weights}", "--calibration", "no.npz", "--out", "{out}"], "no.npz"),
        (["evaluate", "{data}", "--weights", "{weights}", "--ways", "as-is,x"], "--ways must be of as-is, re-encoded"),
        (["evaluate", "{data}", "--weights", "{weights}", "--out", "{out}"], "(24 images cannot be judged)"),
        (["evaluate", "{data}/crn/0_real", "--weights", "{weights}", "--out", "{out}"], "no generator has both"),
        (["robustness", "{data}", "--weights", "{weights}", "--sweep", "rain", "--out", "{out}"], "--sweep must be of"),
        (
            ["ablate", "{data}", "--test", "{data}", "--axis", "recipe", "--values", "x", "--out", "{out}"],
            "recipe must",
        ),
        (
            ["score", "{data}", "--weights", "{weights}", "--device", "abacus", "--out", "{out}"],
            "device 'abacus' cannot be used",
        ),
        (["weights", "verify", "wang2020-blur-jpeg-0.1"], "is not here: freqforensics weights fetch"),
        (["weights", "fetch", "best"], "no weights are called 'best'"),
    ],
)
def test_what_the_detector_is_not_given(trained, out, tmp_path, arguments, line, monkeypatch):
    monkeypatch.setenv("FREQFORENSICS_CACHE", str(tmp_path / "cache"))
    weights = trained / "run" / "detector.safetensors"
    done = run(*(part.format(data=trained / "data", out=out, weights=weights) for part in arguments))
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.startswith("freqforensics: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_known_weights_are_listed(monkeypatch, tmp_path):
    monkeypatch.setenv("FREQFORENSICS_CACHE", str(tmp_path))
    shown = json.loads(run("weights", "list", "--json").stdout)
    names = ["everyday", "miniature-resnet50", "wang2020-blur-jpeg-0.5", "wang2020-blur-jpeg-0.1"]
    assert [item["name"] for item in shown] == names
    assert [item["present"] for item in shown] == [item["bundled"] for item in shown] == [True, True, False, False]
    assert "CC BY-NC-SA 4.0" in run("weights", "list").stdout
