"""One tree in a folder, a zip, ten tars, a parquet file and on S3: the same numbers to the last bit."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import files_of, s3_server, write_parquet, write_shards, write_tar, write_zip
from command import run_fresh
from pictures import encoded, write_tree

from freqforensics.detector import make_detector, save_detector
from freqforensics.sources import index_images, records_sha256
from freqforensics.sources.records import path_text
from freqforensics.spectra import SpectrumSpec
from freqforensics.storage.locations import ordering_name
from freqforensics.studies.audit import audit_study
from freqforensics.studies.score import score_study
from freqforensics.studies.spectrum import spectrum_study

pytestmark = pytest.mark.usefixtures("thin", "bare_pdf")
KINDS = ("zip", "tars", "parquet", "s3", "s3 zip", "s3 tars")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Sources by their kind, and the weights of a thin network."""
    folder = tmp_path_factory.mktemp("everywhere")
    rng = np.random.default_rng(7)
    tree = write_tree(folder / "tree", rng, ("biggan", "progan/cat", "progan/dog"), count=(7, 6), shape=(80, 96))
    (tree / "biggan" / "0_real" / "0.png").unlink()
    (tree / "biggan" / "0_real" / "x.jpg").write_bytes(encoded(rng.integers(0, 255, (90, 80, 3), np.uint8), "JPEG"))
    (tree / "progan" / "notes.txt").write_text("no image")
    save_detector(make_detector(seed=1), folder / "w.safetensors")
    files = files_of(tree)
    found = {"folder": str(tree), "weights": str(folder / "w.safetensors")}
    found["zip"] = str(write_zip(folder / "set.zip", files))
    found["tars"] = write_shards(folder / "shards", files, 10)
    if importlib.util.find_spec("pyarrow"):
        images = {name: data for name, data in reversed(files.items()) if not name.endswith("txt")}
        found["parquet"] = str(write_parquet(folder / "set.parquet", images, 5))
    if not all(map(importlib.util.find_spec, ("s3fs", "moto", "flask"))):
        yield found
        return
    shards = {f"shards/{path.name}": path.read_bytes() for path in (folder / "shards").iterdir()}
    with s3_server({**files, **shards, "set.zip": (folder / "set.zip").read_bytes()}) as bucket:
        found |= {"s3": f"{bucket}/tree", "s3 zip": f"{bucket}/set.zip", "s3 tars": f"{bucket}/shards/{{000..009}}.tar"}
        yield found


def source(places: dict[str, str], kind: str) -> str:
    if kind not in places:
        pytest.skip(f"the extra of {kind} is not installed")
    return places[kind]


def inner(path: str) -> str:
    return ordering_name(path).rpartition("tree/")[2]


@pytest.mark.parametrize("kind", KINDS)
def test_records(places, kind):
    def listed(text: str) -> tuple[list[object], list[str]]:
        notes: list[str] = []
        records = index_images(text, on_note=notes.append)
        rows = [(inner(path_text(r)), r.label, r.generator, r.category, r.split) for r in records]
        return rows, [note.partition(": ")[2] for note in notes]

    rows, notes = listed(source(places, kind))
    expected, expected_notes = listed(places["folder"])
    assert rows == expected
    assert notes == ([] if kind == "parquet" else expected_notes)


def spectra(text: str, file: Path) -> dict[object, dict[str, bytes]]:
    study = spectrum_study([text], spec=SpectrumSpec(size=(64, 64)), limit=5)
    arrays = {}
    for key, spectrum in study.spectra.items():
        spectrum.save(file)
        with np.load(file) as stored:
            arrays[key] = {name: stored[name].tobytes() for name in stored.files}
    assert len(arrays) == 4
    return arrays


@pytest.mark.parametrize("kind", KINDS)
def test_spectra(places, kind, tmp_path):
    expected = spectra(places["folder"], tmp_path / "expected.npz")
    assert spectra(source(places, kind), tmp_path / "found.npz") == expected


@pytest.mark.parametrize("kind", KINDS)
def test_scores(places, kind, tmp_path):
    def scores(text: str) -> list[object]:
        study = score_study(
            [text], weights=places["weights"], view="none", workers=2, out=tmp_path / f"{len(text)}.csv"
        )
        assert not study.skipped
        return [repr(replace(score, path=inner(score.path))) for score in study.table.scores]

    assert sorted(scores(source(places, kind))) == sorted(scores(places["folder"]))


def audited(text: str, out: Path) -> dict[str, Any]:
    audit_study([text]).save(out)
    audit: dict[str, Any] = json.loads((out / "audit.json").read_text())
    for duplicate in audit["duplicates"]:
        duplicate |= {side: inner(duplicate[side]) for side in ("first", "second")}
    audit["notes"] = [note for note in audit.get("notes", []) if not note.startswith("left out of")]
    return audit


@pytest.fixture(scope="module")
def audit_of_folder(places, tmp_path_factory):
    return audited(places["folder"], tmp_path_factory.mktemp("audit") / "out")


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_audits(places, audit_of_folder, kind, tmp_path):
    assert audited(source(places, kind), tmp_path / "out") == audit_of_folder


def test_sizes_are_hashed_wherever_files_lie(places):
    records = index_images(places["folder"], on_note=lambda _: None)
    archived = index_images(places["zip"], on_note=lambda _: None)
    assert len(records_sha256(archived)) == 64
    assert records_sha256(archived) != records_sha256(records)  # the paths differ


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("kind", ["zip", "tar", "parquet"])
def test_memory_stays_under_500_mb(tmp_path, rng, kind):
    # In archives few and large ones, for what is averaged of each is small.
    side, count = (512, 600) if kind == "parquet" else (1640, 52)
    data = encoded(rng.integers(0, 255, (side, side, 3), np.uint8), "BMP")
    names = [(label, index) for label in ("0_real", "1_fake") for index in range(count // 2)]
    # All differ in one byte, or copies would count once.
    files = {f"{label}/{index:03}.bmp": data[:-2] + bytes((index % 256, index // 256)) for label, index in names}
    path = {"zip": write_zip, "tar": write_tar, "parquet": write_parquet}[kind](tmp_path / f"set.{kind}", files)
    assert path.stat().st_size > 400e6
    code = (
        "import sys; from pathlib import Path; from freqforensics.studies.spectrum import spectrum_study;"
        f"study = spectrum_study([{str(path)!r}]);"
        "print(sum(s.images for s in study.spectra.values()), 'torch' in sys.modules, *[line.split()[1]"
        " for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM')])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    images, torch, kilobytes = ended.stdout.split()
    assert (images, torch) == (str(count), "False")
    assert int(kilobytes) < 500_000


@pytest.mark.long
def test_the_command_line_shows_members(places):
    ended = run_fresh("spectrum", places["zip"] + "::tree/biggan/0_real/x.jpg", "--crop", 64, "--json")
    assert ended.returncode == 0, ended.stderr
    group = json.loads(ended.stdout)["groups"][0]
    assert (group["generator"], group["label"], group["images"]) == ("biggan", "real", 1)
