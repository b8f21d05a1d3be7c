from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from processors import give_processors

from freqforensics.runtime.companion import CompanionError, companion


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    give_processors(monkeypatch, 2)


def test_it_answers_in_a_process_of_its_own():
    with companion() as second:
        assert second is not None
        first, last = second.submit(os.getpid), second.submit(math.hypot, 3.0, 4.0)
        assert first.result() == second.process.pid != os.getpid()
        assert last.result() == 5.0


def test_errors_are_told_and_the_next_call_is_answered():
    with companion() as second:
        assert second is not None
        with pytest.raises(CompanionError, match="ValueError: math domain error"):
            second.submit(math.sqrt, -1.0).result()
        with pytest.raises(CompanionError, match="pickle"):
            second.submit(lambda: None).result()
        with pytest.raises(CompanionError, match="pickle"):
            second.submit(memoryview, b"cannot be sent back").result()
        assert second.submit(math.sqrt, 4.0).result() == 2.0


def test_what_is_printed_is_no_answer():
    with companion() as second:
        assert second is not None
        assert second.submit(print, "a line", flush=True).result() is None
        assert second.submit(os.write, 1, b"another").result() == 7
        assert second.submit(math.sqrt, 4.0).result() == 2.0


def test_warnings_are_repeated_here():
    with companion() as second:
        assert second is not None
        with pytest.warns(RuntimeWarning, match="beware"):
            second.submit(warnings.warn, "beware", RuntimeWarning).result()
        with pytest.raises(RuntimeWarning, match="beware"):  # warnings are errors in tests
            second.submit(warnings.warn, "beware", RuntimeWarning).result()
        assert second.submit(math.sqrt, 4.0).result() == 2.0


def test_it_ends_with_the_block_whatever_it_is_at():
    with contextlib.suppress(KeyError), companion() as second:
        assert second is not None
        busy, waiting = second.submit(time.sleep, 600.0), second.submit(time.sleep, 600.0)
        while not busy.running():
            time.sleep(0.001)
        raise KeyError
    assert second.process.poll() == -signal.SIGKILL
    assert isinstance(busy.exception(timeout=60), CompanionError)
    assert waiting.cancelled() or isinstance(waiting.exception(timeout=60), CompanionError)


def test_a_companion_that_was_killed_is_an_error():
    with companion() as second:
        assert second is not None
        second.process.kill()
        second.process.wait()
        with pytest.raises(CompanionError):
            second.submit(math.sqrt, 4.0).result()


def test_one_processor_is_not_shared(monkeypatch):
    give_processors(monkeypatch, 1)
    with companion() as second:
        assert second is None
    give_processors(monkeypatch, 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with companion() as second:
        assert second is None


def test_without_an_interpreter_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with companion() as second:
        assert second is None


SCRIPT = """
import os, sys, time
import freqforensics.runtime.companion as module
print("once", flush=True)
module.default_workers = lambda: 2
with module.companion() as second:
    print(second.submit(os.getpid).result(), flush=True)
    second.submit(time.sleep, 600)
    if "killed" in sys.argv:
        os.kill(os.getpid(), 9)
"""


def is_running(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("end", ["killed", "done"])
def test_a_plain_script_runs_once_and_leaves_no_process(tmp_path, end):
    """Killed, too, while the companion is busy; and a module of the user's folder is not taken for another."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "random.py").write_text("raise SystemExit", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-P", tmp_path / "script.py", end]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stderr) == (-signal.SIGKILL if end == "killed" else 0, "")
    once, pid = ran.stdout.split()
    assert once == "once"
    limit = time.monotonic() + 60
    while is_running(int(pid)) and time.monotonic() < limit:
        time.sleep(0.02)
    assert not is_running(int(pid))
