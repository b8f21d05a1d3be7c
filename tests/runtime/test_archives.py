"""Arrays in files: read to the last bit, or refused before anything large is unpacked."""

from __future__ import annotations

import io
import json
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from freqforensics.detector.calibration import Calibration
from freqforensics.quality.niqe import shipped_model
from freqforensics.regions.kinds import ImageKind
from freqforensics.runtime.archives import foreign_content, read_facts, read_npz
from freqforensics.spectra import MeanSpectrum, SpectrumAccumulator, SpectrumSpec
from freqforensics.spectra.population import POPULATION, Population


def member(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24.0).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.zeros((3, 0, 0)),
        np.array("text"),
        np.arange(5, dtype=">f4"),
        np.float64(2.5),
        np.array([1 + 2j]),
    ],
)
def test_arrays_are_those_of_numpy(tmp_path, array):
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", one=array, other=np.zeros(3))
        read = read_npz(tmp_path / "a.npz", ["one"])
        expected = np.load(tmp_path / "a.npz")["one"]
        assert list(read) == ["one"]
        assert read["one"].dtype == expected.dtype
        np.testing.assert_array_equal(read["one"], expected)


class Bad:
    def __reduce__(self):
        return (Path("ran").touch, ())


def hostile(tmp_path: Path) -> dict[str, bytes]:
    """Files that are no npz with a float array called x."""
    whole = write_zip(tmp_path / "whole.npz", {"x.npy": member(np.arange(400.0))}).read_bytes()
    header = member(np.zeros(4))
    more = header.replace(b"(4,)", b"(9,)")
    files = {
        "empty": b"",
        "zeros": bytes(600),
        "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "a page": b"\n<!DOCTYPE html><html>",
        "one array": member(np.zeros(3)),
        "a pickle": pickle.dumps({"x": 1}),
        "cut": whole[: len(whole) // 2],
        "a byte changed": whole[:150] + bytes([whole[150] ^ 255]) + whole[151:],
    }
    for name, members in {
        "objects": {"x.npy": member(np.array([Bad()], object))},
        "a record": {"x.npy": member(np.zeros(2, [("a", "f8")]))},
        "a header of another size": {"x.npy": more},
        "a member without a header": {"x.npy": b"nothing"},
        "a negative side": {"x.npy": header.replace(b"(4,)", b"(-4,)"[:4] + b")")},
        "another name": {"y.npy": header},
        "many members": {f"{index}.npy": header for index in range(100)} | {"x.npy": header},
        "a bomb": {"x.npy": member(np.zeros(50_000_000, np.uint8))},
        "code in the header": {"x.npy": header.replace(b"(4,)", b"f()")},
    }.items():
        files[name] = write_zip(tmp_path / "made.npz", members).read_bytes()
    return files


def test_hostile_files_end_in_one_line_that_names_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, data in hostile(tmp_path).items():
        path = tmp_path / "input.npz"
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"input\.npz") as raised:
            read_npz(path, ["x"], limit=1_000_000)
        assert "\n" not in str(raised.value), name
        for load in (MeanSpectrum.load, Population.load, Calibration.load):
            with pytest.raises(ValueError, match=r"input\.npz"):
                load(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.long
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = write_zip(tmp_path / "bomb.npz", {"x.npy": member(np.zeros(200_000_000, np.uint8))})
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="would take 200000128 bytes unpacked, over the limit of 100000000"):
        read_npz(path, ["x"], limit=100_000_000)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_mutations_are_refused_or_change_nothing(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("m") / "a.npz"
    np.savez(path, x=np.arange(300.0), y=np.zeros(3))
    data = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 4)):
        data[rng.integers(len(data))] = rng.integers(256)
    path.write_bytes(data[: rng.integers(len(data) // 2, len(data))] if rng.random() < 0.2 else data)
    reason = ""
    try:
        np.testing.assert_array_equal(read_npz(path, ["x"])["x"], np.arange(300.0))
    except ValueError as error:
        reason = str(error)
    assert not reason or str(path) in reason


def test_what_a_file_is():
    for head, name in (
        (b"", "empty"),
        (bytes(9), "nothing but zero bytes"),
        (b"\xef\xbb\xbf <HTML>", "a web page"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (bytes(1) + b"x" * 256 + b"ustar", "a tar archive"),
        (b"hello\n", "text"),
    ):
        assert foreign_content(head).startswith(name)
    assert foreign_content(b"PK\x03\x04\x14\x00") == ""


# --- what reads them -----------------------------------------------------------------------------------------------


@pytest.fixture
def spectrum(tmp_path: Path, rng: np.random.Generator) -> Path:
    accumulator = SpectrumAccumulator(SpectrumSpec(size=32))
    accumulator.update(rng.normal(100, 10, (3, 40, 40)))
    accumulator.save(tmp_path / "spectrum.npz")
    return tmp_path / "spectrum.npz"


def changed(path: Path, *, about: dict | None = None, **arrays: object) -> Path:
    """Write an npz again with other facts and arrays; None leaves one out."""
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored}
    as_bytes = kept["about"].dtype == np.uint8
    facts = {**read_facts(kept["about"]), **(about or {})}
    text = json.dumps({name: value for name, value in facts.items() if value is not Ellipsis})
    kept["about"] = np.frombuffer(text.encode(), np.uint8) if as_bytes else np.array(text)
    kept |= arrays
    out = path.with_name("changed.npz")
    np.savez(out, **{name: value for name, value in kept.items() if value is not None})
    return out


def refused(load, path: Path, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_spectra_are_checked(spectrum):
    whole = MeanSpectrum.load(spectrum)
    assert whole.images == 3
    power = whole.sums.power
    for about, arrays, message in (
        ({"format": 2}, {}, "format 2 is not known"),
        ({"format": ...}, {}, "it has no 'format'"),
        ({"images": -1}, {}, "images is -1"),
        ({"images": 2.5}, {}, "images is 2.5"),
        ({"images": True}, {}, "images is True"),
        ({"crops": 2}, {}, "crops is 2, not an integer of at least 3"),
        ({"skipped": {"small": -1}}, {}, "small is -1"),
        ({"spec": {"size": 64}}, {}, "shape"),
        ({"inputs_sha256": "xyz"}, {}, "inputs_sha256"),
        ({}, {"power": power[:, :-1]}, "power has shape"),
        ({}, {"power": power * np.nan}, "power is not finite"),
        ({}, {"power": -power}, "negative"),
        ({}, {"power": power.astype(int)}, "power is of int64"),
        ({}, {"f": power}, "f is of float64"),
        ({}, {"log_power": None}, "no array called log_power"),
        ({}, {"power": np.zeros((1, 4000, 4000))}, "over the limit"),
    ):
        refused(MeanSpectrum.load, changed(spectrum, about=about, **arrays), message)
    np.testing.assert_array_equal(MeanSpectrum.load(changed(spectrum)).power, whole.power)
    with pytest.raises(FileNotFoundError):
        MeanSpectrum.load(spectrum.with_name("none.npz"))


def test_populations_are_checked(tmp_path):
    shipped = Population.load(POPULATION)
    path = tmp_path / "population.npz"
    path.write_bytes(POPULATION.read_bytes())
    for about, arrays, message in (
        ({"format": 7}, {}, "format 7"),
        ({"photographs": shipped.photographs + 1}, {}, "likeness has shape"),
        ({"names": ["one"]}, {}, "lattices has shape"),
        ({"names": ["same"] * len(shipped.names)}, {}, "names are"),
        ({"about": ...}, {}, "it has no 'about'"),
        ({}, {"levels": shipped.levels[::-1]}, "percentiles do not ascend"),
        ({}, {"scale": shipped.scale * 0}, "standard deviation is not positive"),
        ({}, {"centre": shipped.centre[:, :16]}, "centre has shape"),
        ({}, {"natural": shipped.natural * np.inf}, "natural is not finite"),
        ({}, {"likeness": np.array(["x"])}, "likeness is of <U1"),
    ):
        refused(Population.load, changed(path, about=about, **arrays), message)
    np.testing.assert_array_equal(Population.load(changed(path)).levels, shipped.levels)


def test_calibrations_are_checked(tmp_path):
    path = tmp_path / "calibration.npz"
    kinds = (ImageKind("JPEG", "4:2:0", "high", "large"),) * 3
    Calibration(np.arange(3, dtype=np.float32), kinds, ("as-is",) * 3, ("mine",) * 3, "w" * 64).save(path)
    for about, arrays, message in (
        ({"format": 2}, {}, "format 2"),
        ({"kinds": [["JPEG"]]}, {}, "one kind, carrier and collection"),
        ({"kinds": [[1, 2, 3, 4]] * 3}, {}, "is not text"),
        ({"carriers": [1, 2, 3]}, {}, "is not text"),
        ({"weights": None}, {}, "is not text"),
        ({"weights": ...}, {}, "it has no 'weights'"),
        ({}, {"logits": np.array([1, np.nan, 2])}, "logits is not finite"),
        ({}, {"logits": np.zeros((3, 1))}, "logits has shape"),
        ({}, {"logits": None}, "no array called logits"),
    ):
        refused(Calibration.load, changed(path, about=about, **arrays), message)
    old = Calibration.load(changed(path, about={"format": ...}))  # as version 0.2 wrote them
    assert old.logits.tolist() == [0, 1, 2]


def test_models_of_photographs_are_checked(tmp_path):
    model = shipped_model()
    path = tmp_path / "model.npz"
    model.save(path)
    refused(type(model).load, changed(path, mean=model.mean * np.nan), "mean is not finite")
    refused(type(model).load, changed(path, about={"patches": 0}), "patches is 0")
