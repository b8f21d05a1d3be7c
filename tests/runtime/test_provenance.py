from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import dead_prefix

import freqforensics
from freqforensics.runtime.destinations import check_parts, check_result_file, check_result_folder
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import (
    clear_results,
    clear_unfinished_file,
    clear_unfinished_results,
    drop_manifest,
    scratch_folder,
)
from freqforensics.runtime.unfinished import unfinished_prefix
from freqforensics.runtime.writing import replacing, write_json


def test_manifest_says_what_made_a_result_and_nothing_that_changes():
    about = manifest({"size": 64}, inputs={"sha256": "00"}, seed=3, command="freqforensics spectrum x")
    assert about["freqforensics"] == freqforensics.__version__
    assert about["libraries"]["numpy"] == np.__version__
    assert (about["parameters"], about["seed"], about["inputs"]) == ({"size": 64}, 3, {"sha256": "00"})
    assert about == manifest({"size": 64}, inputs={"sha256": "00"}, seed=3, command="freqforensics spectrum x")
    json.dumps(about)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "sub" / "x.json"
    write_json(target, {"freqforensics": "0", "a": 1})

    def break_off() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert json.loads(target.read_text()) == {"freqforensics": "0", "a": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(target, float("nan"))
    assert [path.name for path in target.parent.iterdir()] == ["x.json"]
    write_json(target, {"a": 2})
    assert json.loads(target.read_text()) == {"a": 2}
    plain = tmp_path / "plain"
    plain.write_text("")
    assert target.stat().st_mode == plain.stat().st_mode


def test_a_result_folder_appears_whole_or_not_at_all(tmp_path):
    out = tmp_path / "deep" / "out"

    def fill(*names: str, fail: bool = False, overwrite: bool = False) -> None:
        with scratch_folder(out, overwrite=overwrite) as made:
            for name in names:
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_text(name)
            write_json(made / "manifest.json", {"freqforensics": "0", "a": 1})
            if fail:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill("x.txt", fail=True)
    assert list(tmp_path.rglob("*")) == [tmp_path / "deep"]

    fill("x.txt", "sub/y.txt")
    assert json.loads((out / "manifest.json").read_text()) == {
        "freqforensics": "0",
        "a": 1,
        "outputs": ["sub/y.txt", "x.txt"],
    }
    (out / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="is not empty: overwrite must"):
        fill("x.txt")
    with pytest.raises(KeyboardInterrupt):
        fill("z.txt", fail=True, overwrite=True)
    fill("z.txt", overwrite=True)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()) == [
        "manifest.json",
        "mine.txt",
        "z.txt",
    ]
    with pytest.raises(ValueError, match="is a file"), scratch_folder(out / "mine.txt"):
        pass


def test_a_forged_manifest_removes_nothing_outside(tmp_path):
    out, other = tmp_path / "out", tmp_path / "precious.txt"
    other.write_text("keep")
    write_json(out / "manifest.json", {"freqforensics": "0", "outputs": ["../precious.txt", str(other), 3]})
    with scratch_folder(out, overwrite=True) as made:
        (made / "x.txt").write_text("")
    assert other.read_text() == "keep"


def test_somebody_elses_manifest_lists_nothing_of_ours(tmp_path):
    out = tmp_path / "out"
    write_json(out / "manifest.json", {"name": "web", "outputs": ["precious.txt"]})
    (out / "precious.txt").write_text("keep")
    with scratch_folder(out, overwrite=True) as made:
        (made / "x.txt").write_text("")
    assert (out / "precious.txt").read_text() == "keep"
    drop_manifest(out)
    assert json.loads((out / "manifest.json").read_text())["name"] == "web"


def test_a_page_in_the_way_is_refused(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(ValueError, match=r"index\.html exists"):
        check_parts(tmp_path, ["one", "two"])
    check_parts(tmp_path, ["one", "two"], overwrite=True)
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for check in (check_result_folder, check_result_file):
        with pytest.raises(ValueError, match="broken link"):
            check(tmp_path / "link")


# --- runs that are killed ------------------------------------------------------------------------------------------

# Overwrites a result, and dies before the n-th time that it touches a file of the folder.
KILLED = """
import os, sys
from pathlib import Path
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.writing import write_json

steps, last = 0, int(sys.argv[2])

def dying(function):
    def call(*arguments, **options):
        global steps
        steps += 1
        if steps > last:
            os._exit(9)
        return function(*arguments, **options)
    return call

with scratch_folder(sys.argv[1], overwrite=True) as made:
    for name in ("both.txt", "sub/new.txt", "z.txt"):
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text("new")
    write_json(made / "manifest.json", {"freqforensics": "0", "run": "new"})
    for name in ("replace", "unlink", "rmdir"):
        setattr(Path, name, dying(getattr(Path, name)))
"""


def _write_old(out: Path) -> None:
    with scratch_folder(out, overwrite=True) as made:
        for name in ("a.txt", "both.txt", "old/sub.txt"):
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text("old")
        write_json(made / "manifest.json", {"freqforensics": "0", "run": "old"})


def _content(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): path.read_text()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".unfinished" not in str(path) and path.name != "manifest.json"
    }


OLD = {"a.txt": "old", "both.txt": "old", "mine.txt": "mine", "old/sub.txt": "old"}
NEW = {"both.txt": "new", "mine.txt": "mine", "sub/new.txt": "new", "z.txt": "new"}


@pytest.mark.long
def test_a_manifest_is_never_beside_files_of_another_run(tmp_path):
    """Killed before each step of an overwrite: what has a manifest is whole, and what has none is replaced whole."""
    broken = 0
    for last in range(100):
        out = tmp_path / str(last)
        _write_old(out)
        (out / "mine.txt").write_text("mine")
        died = subprocess.run([sys.executable, "-c", KILLED, str(out), str(last)]).returncode
        assert died in (0, 9)
        if (out / "manifest.json").exists():
            run = json.loads((out / "manifest.json").read_text())["run"]
            assert _content(out) == {"old": OLD, "new": NEW}[run], last
        else:
            broken += 1
            assert list(out.glob(".unfinished-*"))
            with pytest.raises(ValueError, match="is not empty"), scratch_folder(out):
                pass
        if died == 0:
            assert (run, list(out.glob(".unfinished-*"))) == ("new", [])
            break
        # The next run, of another result: nothing is left of either.
        with scratch_folder(out, overwrite=True) as made:
            (made / "x.txt").write_text("x")
            write_json(made / "manifest.json", {"freqforensics": "0", "run": "next"})
        assert _content(out) == {"mine.txt": "mine", "x.txt": "x"}, last
        assert not list(out.glob(".unfinished-*"))
        assert {path.name for path in out.iterdir()} == {"manifest.json", "mine.txt", "x.txt"}
    assert died == 0
    assert broken >= 5


def test_an_error_while_results_are_put_in_place_is_as_a_kill(tmp_path, monkeypatch):
    out = tmp_path / "out"
    _write_old(out)
    replace, count = Path.replace, iter(range(100))

    def refused(self, target):
        if Path(target).parent.parent == tmp_path and next(count) == 1:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return replace(self, target)

    def overwrite() -> None:
        with scratch_folder(out, overwrite=True) as made:
            (made / "both.txt").write_text("new")
            (made / "c.txt").write_text("new")
            write_json(made / "manifest.json", {"freqforensics": "0", "run": "new"})

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(PermissionError):
        overwrite()
    monkeypatch.undo()
    assert not (out / "manifest.json").exists()
    assert set(clear_unfinished_results(out)) >= {"both.txt"}
    assert _content(out) == {}
    overwrite()
    assert _content(out) == {"both.txt": "new", "c.txt": "new"}


def test_only_what_a_dead_process_of_ours_left_is_cleared(tmp_path):
    out = tmp_path / "out"
    kept = [out / ".unfinished-novel.txt", out / f"{unfinished_prefix()}live"]
    left = out / f"{dead_prefix()}left"
    for folder in (left, *kept):
        folder.mkdir(parents=True)
        (folder / "x.txt").write_text("x")
    # A journal names nothing outside the folder.
    (tmp_path / "precious.txt").write_text("keep")
    write_json(left / "replaced.json", {"outputs": ["../precious.txt", "half.txt"]})
    (out / "half.txt").write_text("half")
    assert clear_unfinished_results(out) == ("half.txt", left.name)
    assert sorted(out.iterdir()) == sorted(kept)
    assert (tmp_path / "precious.txt").exists()
    mine, other = tmp_path / f"{dead_prefix()}t-abcdefgh.csv", tmp_path / f"{dead_prefix()}u-abcdefgh.csv"
    mine.touch()
    other.touch()
    assert clear_unfinished_file(tmp_path / "t.csv") == (mine.name,)
    assert (mine.exists(), other.exists()) == (False, True)


def test_what_was_left_does_not_fill_a_folder(tmp_path):
    (tmp_path / f"{dead_prefix()}left").mkdir()
    check_result_folder(tmp_path)
    with scratch_folder(tmp_path) as made:
        (made / "x.txt").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]
    (tmp_path / f"{unfinished_prefix()}live").mkdir()
    (tmp_path / "x.txt").unlink()
    with pytest.raises(ValueError, match="is not empty"):
        check_result_folder(tmp_path)


def test_a_result_is_cleared_by_its_manifest(tmp_path):
    _write_old(tmp_path / "out")
    (tmp_path / "out" / "old" / "mine.txt").write_text("mine")
    clear_results(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["old", "mine.txt"]


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "there").touch()
    check_result_file(tmp_path / "deep" / "new.csv")
    check_result_file(tmp_path / "there", overwrite=True)
    for path, said in ((tmp_path, "is a folder"), (tmp_path / "there" / "x", "is a file, not a folder"),
                       (tmp_path / "there", "exists: overwrite must"), ("/dev/full", "is a device")):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            check_result_file(path, overwrite="there" not in Path(path).name)


# --- disks that are full -------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_tied_to_the_path(tmp_path):
    def fill() -> None:
        with Path("/dev/full").open("wb") as file:
            file.write(b"x" * 100_000)

    target = tmp_path / "a" / "x.npz"
    for fail in (fill, lambda: (_ for _ in ()).throw(RuntimeError("No space left on device (os error 28)"))):

        def write(fail=fail) -> None:
            with replacing(target):
                fail()

        with pytest.raises(OSError, match="No space left") as raised:
            write()
        assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(target))
    assert list(target.parent.iterdir()) == []

    _write_old(tmp_path / "out")
    before = _content(tmp_path / "out")

    def overwrite() -> None:
        with scratch_folder(tmp_path / "out", overwrite=True) as made:
            (made / "both.txt").write_text("new")
            fill()

    with pytest.raises(OSError, match="No space left") as raised:
        overwrite()
    assert raised.value.filename == str(tmp_path / "out")
    assert _content(tmp_path / "out") == before
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["run"] == "old"


def test_errors_in_scratch_folders_name_the_place_of_the_result(tmp_path):
    def write() -> None:
        with scratch_folder(tmp_path / "out") as made:
            (made / "missing" / "x.txt").write_text("x")

    with pytest.raises(FileNotFoundError) as raised:
        write()
    assert raised.value.filename == str(tmp_path / "out" / "missing" / "x.txt")


def test_other_errors_stay_as_they_are(tmp_path):
    def fail(error: Exception) -> None:
        with replacing(tmp_path / "x"):
            raise error

    for error in (OSError("encoder error"), FileNotFoundError(2, "No such file", "source.png"), RuntimeError("other")):
        with pytest.raises(type(error)) as raised:
            fail(error)
        assert raised.value is error
        assert getattr(error, "filename", None) in (None, "source.png")
