"""Commands that are interrupted at any moment, find what a killed run left, or write to a full disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pictures import dead_prefix, picture, write, write_tree

from freqforensics.runtime.processors import default_workers
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.writing import write_json

pytestmark = pytest.mark.usefixtures("bare_pdf")

# Says when the program has begun, for starting Python is not what is tested.
BEGUN = "import freqforensics.__main__ as line; print('begun', flush=True); line.main()"
INTERRUPTED = "freqforensics: interrupted: no half-written file was left"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", np.random.default_rng(3), count=8, shape=(40, 48))


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "freqforensics", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload]


@pytest.mark.long
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.4, 0.8, 1.6, 3.0])
def test_ctrl_c_is_one_line_from_the_first_import_on(tree, tmp_path, delay):
    """While typer, OpenCV, torch and the others are imported, and at work."""
    command = [sys.executable, "-c", BEGUN, "train", tree, "--out", tmp_path / "out", "--init", "scratch", "--crop",
               "32", "--batch", "4", "--held-out", "0.4", "--epochs", "500", "--device", "cpu"]  # fmt: skip
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what starts in the background ignores it
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.02 + delay)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, f"{INTERRUPTED}\n")
    assert not list(tmp_path.rglob(".unfinished-*"))


def is_gone(group: int) -> bool:
    """Whether a group has no process, at last: what has ended may not have been waited for yet."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.long
@pytest.mark.skipif(default_workers() < 2, reason="no second process with one processor")
def test_ctrl_c_while_figures_are_drawn_is_one_line_and_leaves_no_process(tmp_path):
    """In both processes, to which a terminal sends it."""
    names = [f"generator{number}" for number in range(9)]
    tree = write_tree(tmp_path / "tree", np.random.default_rng(3), names, count=2, shape=(40, 48))
    command = [sys.executable, "-m", "freqforensics", "spectrum", tree, "--crop", "32", "--out", tmp_path / "out"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed, start_new_session=True
    )
    while process.poll() is None and not list(tmp_path.glob("out/.unfinished-*")):
        time.sleep(0.005)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, f"{INTERRUPTED}\n")
    assert not list(tmp_path.rglob(".unfinished-*"))
    assert is_gone(process.pid)


DROPPED = """
import sys, time

def work():
    try:
        print("begun", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        pass  # as extension modules do that call Python
    try:
        time.sleep(60)
    finally:
        time.sleep(1)
        try:
            {}["nothing"]
        except KeyError:
            time.sleep(1)
        sys.stderr.write("cleaned\\n")
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_an_interrupt_that_was_dropped_is_repeated_and_cleaning_up_is_not_disturbed():
    code = (
        "import freqforensics.__main__ as line, freqforensics.cli as cli\n"
        "names = {'__name__': 'freqforensics.of_a_test'}\n"
        f"exec({DROPPED!r}, names)\n"
        "cli.main = names['work']; line.main()"
    )
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (130, f"cleaned\n{INTERRUPTED}\n")


@pytest.mark.long
def test_ctrl_c_is_ignored_where_the_shell_says_so():
    """As under nohup."""
    command = [sys.executable, "-c", BEGUN, "weights", "list"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 0


@pytest.mark.long
def test_what_a_killed_run_left_is_named_and_cleared(tree, tmp_path):
    out, dead = tmp_path / "out", dead_prefix()
    (out / f"{dead}x" / "results").mkdir(parents=True)
    (out / f"{dead}x" / "results" / "fingerprints.png").write_bytes(b"half")
    command = ("spectrum", tree, "--crop", 32, "--out", out)
    done = run(*command)
    assert (done.returncode, done.stderr) == (0, f"note: cleared what a killed run left in {out}: {dead}x\n")
    assert not list(out.glob(".unfinished-*"))


@pytest.mark.long
def test_what_a_killed_run_left_beside_a_table_is_named_and_cleared(tmp_path):
    source = np.random.default_rng(3)
    for index in range(20):
        write(tmp_path / "photos" / f"{index}.png", picture(source, 256, 256))
    left = tmp_path / f"{dead_prefix()}population-abcdefgh.npz"
    left.touch()
    done = run("population", tmp_path / "photos", "--out", tmp_path / "population.npz")
    assert done.stderr.splitlines()[0] == f"note: cleared what a killed run left in {tmp_path}: {left.name}"
    assert not left.exists()


@pytest.mark.long
def test_a_full_disk_is_one_line_with_the_path_and_old_results_stay(tree, tmp_path):
    """A limit of the size of files gives the same error as a full disk, but for its number."""
    out = tmp_path / "out"
    with scratch_folder(out) as made:
        (made / "fingerprints.png").write_bytes(b"old")
        write_json(made / "manifest.json", {"run": "old"})
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = run("spectrum", tree, "--crop", 32, "--out", out, "--overwrite", preexec_fn=limit)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"freqforensics: {out}/")
    assert done.stderr.endswith(": file too large\n")
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    done = run("score", tree, "--view", "none", "--out", tmp_path / "scores.csv",
               preexec_fn=lambda: (limit(), resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))))  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"freqforensics: {tmp_path / 'scores.csv'}: file too large"


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_standard_output_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "freqforensics", "weights", "list"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (2, "freqforensics: standard output: no space left on device\n")
