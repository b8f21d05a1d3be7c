"""Parts of a study, computed apart and put together: the files of one run, or one line that says why not."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command import run
from pictures import write_tree

from freqforensics.runtime.executors import PassesEnded, Shared, end_of_passes
from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.parts import PartError, PartWriter, read_node, read_part
from freqforensics.runtime.reduction import Node
from freqforensics.runtime.shards import find_parts, job_key, parsed_shard, part_path, shard, stored_parts

pytestmark = pytest.mark.usefixtures("bare_pdf")


def bracketed(left: str, right: str) -> str:
    return f"({left}{right})"


def joined(chunk):
    return "".join(chunk)


def study(text: str = "abcdefghijk") -> str:
    """Two passes, of which the second has one chunk only."""
    first = map_reduce(text, joined, bracketed, chunk_size=1, workers=1)
    second = map_reduce("xyz", joined, bracketed, chunk_size=3, workers=1)
    end_of_passes()
    return first + second


def compute_shards(folder: Path, count: int) -> None:
    for number in range(1, count + 1):
        with contextlib.suppress(PassesEnded), shard(number, count, folder, command=["study"]) as is_there:
            study()
            pytest.fail("the study went on behind its passes")
        assert not is_there


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
def test_parts_give_the_tree_of_one_run_and_nothing_is_computed_again(tmp_path, count):
    compute_shards(tmp_path, count)
    with stored_parts(find_parts([tmp_path])) as stored:
        assert study() == "((((ab)(cd))((ef)(gh)))((ij)k))xyz" == study()
    assert (stored.taken, stored.computed) == (28, 0)  # 14 items, twice


def test_what_no_part_holds_is_computed(tmp_path):
    compute_shards(tmp_path, 3)
    with stored_parts(find_parts([tmp_path])) as stored:
        assert map_reduce("abc", joined, bracketed, chunk_size=1) == "((ab)c)"
    assert (stored.taken, stored.computed) == (0, 3)


def test_a_part_that_is_there_is_not_computed_again_and_a_torn_one_never_stays(tmp_path):
    with pytest.raises(ZeroDivisionError), shard(1, 2, tmp_path, command=["study"]):
        map_reduce([1, 0, 2, 0], lambda chunk: 1 / chunk[0], max, chunk_size=1)
    assert list(tmp_path.iterdir()) == []
    compute_shards(tmp_path, 2)
    before = part_path(tmp_path, 1, 2).read_bytes()
    with shard(1, 2, tmp_path, command=["study"]) as is_there:
        assert is_there
    assert part_path(tmp_path, 1, 2).read_bytes() == before
    with pytest.raises(ValueError, match="is part of another command"), shard(1, 2, tmp_path, command=["other"]):
        pass


def test_keys_follow_from_what_is_computed():
    from functools import partial

    from freqforensics.runtime.executors import Job
    from freqforensics.sources import ImageRecord
    from freqforensics.spectra import SpectrumSpec

    def key(function, items, size=2):
        return job_key(Job(items, function, bracketed, size, 1))

    record = ImageRecord(Path("a"), "real", "x")
    work = partial(joined, SpectrumSpec(size=64))
    assert key(work, [record]) == key(partial(joined, SpectrumSpec(size=64)), [ImageRecord(Path("a"), "real", "x")])
    others = [
        key(partial(joined, SpectrumSpec(size=32)), [record]),
        key(partial(bracketed, SpectrumSpec(size=64)), [record]),
        key(work, [ImageRecord(Path("b"), "real", "x")]),
        key(work, [record], 3),
        key(partial(joined, Shared(1, key="one")), [record]),
        key(partial(joined, Shared(1, key="two")), [record]),
    ]
    assert len({key(work, [record]), *others}) == 7


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/2/3"])
def test_shards_that_are_none(text):
    with pytest.raises(ValueError, match="shard must be I/N"):
        parsed_shard(text)


class Hostile:
    """Unpickled, it would run a command."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "value",
    [
        Hostile(os.system, "touch hostile"),
        Hostile(eval, "open('hostile', 'w')"),
        Hostile(write_tree, Path("hostile"), None),
        Hostile(map_reduce, "abc", joined, bracketed),  # a function of ours
        Hostile(shutil.rmtree, "x"),
    ],
)
def test_a_hostile_pickle_runs_nothing(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    writer = PartWriter(tmp_path / "x.ffpart")
    writer.add("key", Node(0, 0), [value])
    writer.describe(number=1, count=1, command=["study"], folder=".")
    writer.close()
    with pytest.raises(PartError, match="is not a result"):
        read_node(read_part(tmp_path / "x.ffpart"), "key", Node(0, 0))
    assert not (tmp_path / "hostile").exists()


@pytest.mark.parametrize(
    "name",
    [
        ("freqforensics.runtime.results", "shutil.rmtree"),
        ("freqforensics.runtime.results", "Path"),
        ("freqforensics.runtime.parts", "PartWriter"),
        ("freqforensics.runtime.writing", "write_json"),
    ],
)
def test_what_modules_of_ours_import_or_do_is_no_result(tmp_path, name):
    writer = PartWriter(tmp_path / "x.ffpart")
    writer.add("key", Node(0, 0), 0)
    writer.describe(number=1, count=1, command=["study"], folder=".")
    writer.close()
    # Protocol 4: two strings, and the global they name.
    code = b"\x80\x04" + b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in name) + b"\x93."
    with zipfile.ZipFile(tmp_path / "x.ffpart") as file:
        about = file.read("part.json")
    with zipfile.ZipFile(tmp_path / "y.ffpart", "w") as file:
        file.writestr("part.json", about)
        file.writestr("nodes/0", code)
    with pytest.raises(PartError, match="is not a result"):
        read_node(read_part(tmp_path / "y.ffpart"), "key", Node(0, 0))


def test_damaged_and_foreign_files_are_named(tmp_path):
    compute_shards(tmp_path, 2)
    path = part_path(tmp_path, 1, 2)
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:-30], pickle.dumps(1)):
        path.write_bytes(content)
        with pytest.raises(PartError, match=r"part-1-of-2\.ffpart is not a part of a shard"):
            find_parts([tmp_path])
    damaged = bytearray(whole)
    damaged[60] ^= 255  # inside the first node
    path.write_bytes(bytes(damaged))
    with pytest.raises(PartError, match=r"part-1-of-2\.ffpart"), stored_parts(find_parts([tmp_path])):
        study()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("part.json", json.dumps({"format": 1, "freqforensics": "0.0.1"}))
    with pytest.raises(PartError, match=r"was written by freqforensics 0\.0\.1"):
        find_parts([tmp_path])


def test_reading_parts_has_a_bar_where_it_is_labelled(tmp_path, monkeypatch):
    compute_shards(tmp_path, 3)
    bars = []

    def recorded(files, **options):
        bars.append((len(files), options["desc"], options["delay"], options["disable"]))
        return files

    monkeypatch.setattr("freqforensics.runtime.shards.tqdm", recorded)
    assert len(find_parts([tmp_path], progress="parts")) == len(find_parts([tmp_path])) == 3
    assert bars == [(3, "parts", 2, None), (3, None, 2, True)]


def test_parts_that_do_not_go_together_are_named(tmp_path):
    compute_shards(tmp_path / "a", 12)
    paths = [part_path(tmp_path / "a", number, 12) for number in range(1, 13)]
    with pytest.raises(PartError, match="parts must be all 12: missing 3, 5"):
        find_parts(paths[:2] + paths[3:4] + paths[5:])
    with pytest.raises(PartError, match="got several of 2"):
        find_parts([tmp_path / "a", paths[1]])
    with pytest.raises(PartError, match="got none in"):
        find_parts([tmp_path])
    with pytest.raises(PassesEnded), shard(1, 12, tmp_path / "b", command=["other"]):
        study()
    with pytest.raises(PartError, match="are parts of different runs"):
        find_parts([*paths[1:], tmp_path / "b"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = write_tree(
        tmp_path_factory.mktemp("tree"), np.random.default_rng(3), ("one", "two"), count=23, shape=(64, 72)
    )
    (root / "one" / "1_fake" / "damaged.png").write_bytes(b"none")
    (root / "two" / "1_fake" / "copy.png").write_bytes((root / "two" / "1_fake" / "0.png").read_bytes())
    return root


COMMANDS = {
    "spectrum": "--crop 64",
    "upsampling": "--crop 64",
    "compare": "--crop 64 --bootstrap 5 --permutations 9",
    "audit": "",
    "score": "--weights everyday",
    "quality": "--score entropy,noise_sigma --bootstrap 5 --permutations 9",
    "false-alarms": "--carrier as-is,webp",
    "population": "",
}
SLOW = ("compare", "false-alarms", "quality")


@pytest.mark.parametrize(
    "command",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else pytest.mark.long) for name in COMMANDS],
)
def test_merged_commands_write_the_files_of_one_run(tree, tmp_path, command):
    suffix = {"score": ".csv", "population": ".npz"}.get(command, "")
    line = [command, tree, *COMMANDS[command].split()]
    whole = run(*line, "--out", tmp_path / f"whole{suffix}")
    for number in (3, 1, 2):
        ended = run(*line, "--shard", f"{number}/3", "--out", tmp_path / "parts", "-q")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    merged = run("merge", tmp_path / "parts", "--out", tmp_path / f"of-parts{suffix}")
    notes = [text for text in merged.stderr.splitlines() if "merging 3 parts of" not in text]
    assert (merged.returncode, notes) == (whole.returncode, whole.stderr.splitlines())
    assert merged.stdout.replace("of-parts", "whole") == whole.stdout
    names = {path.relative_to(tmp_path / f"whole{suffix}") for path in (tmp_path / f"whole{suffix}").rglob("*")}
    for name in names | {Path()}:
        first, second = tmp_path / f"whole{suffix}" / name, tmp_path / f"of-parts{suffix}" / name
        if name.name == "manifest.json":
            about = [json.loads(path.read_text()) for path in (first, second)]
            assert about[0].pop("command") != about[1].pop("command")
            assert about[0] == about[1]
        elif first.is_file():
            assert first.read_bytes() == second.read_bytes(), name


@pytest.mark.long
def test_parts_may_speak_of_addresses(tree, tmp_path):
    """Locations are kept in what an audit stores of files."""
    pytest.importorskip("fsspec")
    address = tree.as_uri()
    for number in (1, 2):
        run("audit", address, "--shard", f"{number}/2", "--out", tmp_path / "parts", "-q")
    run("merge", tmp_path / "parts", "--out", tmp_path / "of-parts", "-q")
    run("audit", address, "--out", tmp_path / "whole", "-q")
    first, second = ((tmp_path / name / "audit.json").read_bytes() for name in ("whole", "of-parts"))
    assert first == second


def test_refusals_are_one_line(tree, tmp_path):
    for words, said in [
        (["spectrum", tree, "--shard", "1/2"], "--shard must come with --out DIR"),
        (["spectrum", tree, "--shard", "3/2", "--out", tmp_path / "x"], "--shard must be I/N with I from 1 to N"),
        (["spectrum", tree, "--shard", "1/2", "--cluster", "local"], "--shard must not come with --cluster"),
        (["spectrum", tree, "--shard", "1/2", "--out", tree], "is a source"),
        (["spectrum", tree, "--shard", "1/2", "--out", tree / "one" / "1_fake" / "damaged.png"], "is a file"),
        (["merge", tmp_path / "missing"], "no such file"),
        (["merge", tree], "got none in"),
    ]:
        ended = run(*words)
        assert ended.returncode == 2
        assert said in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_a_command_that_has_no_shards_is_not_run_by_a_part(tmp_path):
    with pytest.raises(PassesEnded), shard(1, 1, tmp_path, command=["weights", "fetch", "x"]):
        study()
    ended = run("merge", tmp_path)
    assert ended.returncode == 2
    assert "is part of the command 'weights', which has no --shard" in ended.stderr
