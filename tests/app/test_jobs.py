from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import wait_for

from freqforensics.app.jobs import Job, JobQueue, StoppedError, one_line
from freqforensics.app.limits import RefusedError
from freqforensics.images import ImageReadError


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def queue(log) -> Iterator[JobQueue]:
    one = JobQueue(lambda: None, log.append)
    yield one
    assert one.close(30)


def job(tmp_path: Path, key: str, work: Any) -> Job:
    folder = tmp_path / key
    folder.mkdir()
    (folder / "picture").write_bytes(b"x")
    return Job(key, "image", f"{key}.png", folder, work)


def states(queue: JobQueue) -> list[str]:
    return [one.state for one in queue.jobs()]


def test_jobs_are_worked_on_one_at_a_time_in_order(tmp_path, queue, log):
    under_way, most, order = [], [], []

    def work(key):
        def run(on_stage):
            under_way.append(key)
            most.append(len(under_way))
            on_stage("reading", 1, 4)
            order.append(key)
            under_way.remove(key)
            return key.upper()

        return run

    for key in "abcde":
        queue.add(job(tmp_path, key, work(key)))
    wait_for(lambda: states(queue) == ["done"] * 5)
    assert order == list("abcde")
    assert max(most) == 1
    assert [one.result for one in queue.jobs()] == list("ABCDE")
    assert queue.job("a").stage == "reading"
    assert log[0] == "a.png: done in 0 s"


def test_a_waiting_job_is_cancelled_and_its_files_go(tmp_path, queue):
    go = threading.Event()
    queue.add(job(tmp_path, "first", lambda on_stage: go.wait(30)))
    queue.add(job(tmp_path, "second", lambda on_stage: pytest.fail("was cancelled")))
    wait_for(lambda: states(queue) == ["working", "waiting"])
    queue.remove("second")
    assert not (tmp_path / "second").exists()
    go.set()
    wait_for(lambda: states(queue) == ["done"])
    with pytest.raises(RefusedError, match="not in the list"):
        queue.remove("second")


def test_a_job_that_is_worked_on_stops_at_its_next_stage(tmp_path, queue, log):
    begun, go = threading.Event(), threading.Event()
    reached = []

    def work(on_stage):
        begun.set()
        go.wait(30)
        on_stage("next", 2, 3)
        reached.append("after it")

    queue.add(job(tmp_path, "one", work))
    assert begun.wait(30)
    queue.remove("one")
    assert queue.jobs() == []
    go.set()
    wait_for(lambda: not (tmp_path / "one").exists())
    assert reached == log == []


def test_an_error_is_one_line_and_the_next_job_begins(tmp_path, queue, log):
    def fail(on_stage):
        raise KeyError("internals")

    queue.add(job(tmp_path, "bad", fail))
    queue.add(job(tmp_path, "good", lambda on_stage: 1))
    wait_for(lambda: states(queue) == ["failed", "done"])
    assert queue.job("bad").error == "unexpected error (KeyError)"
    assert log[0] == "bad.png: unexpected error (KeyError)"


def test_what_cannot_be_prepared_is_said_for_every_job(tmp_path, log):
    def prepare():
        raise ValueError("no such weights")

    queue = JobQueue(prepare, log.append)
    queue.add(job(tmp_path, "one", lambda on_stage: 1))
    wait_for(lambda: states(queue) == ["failed"])
    assert (queue.broken, queue.ready, queue.job("one").error) == ("no such weights", False, "no such weights")
    assert queue.close(30)


def test_a_closed_queue_takes_nothing(tmp_path, log):
    queue = JobQueue(lambda: None, log.append)
    assert queue.close(30)
    with pytest.raises(RefusedError, match="closing"):
        queue.add(job(tmp_path, "late", lambda on_stage: 1))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImageReadError("/secret/3f.png", "empty file"), "empty file"),
        (ValueError("first\nTraceback"), "first"),
        (ValueError("a\u202eb"), "a\ufffdb"),
        (PermissionError(13, "Permission denied", "/secret"), "permission denied"),
        (MemoryError(), "there is not enough memory for it"),
        (ZeroDivisionError("x"), "unexpected error (ZeroDivisionError)"),
        (ValueError(""), "unexpected error (ValueError)"),
        (ValueError("\n"), "unexpected error (ValueError)"),
        (ValueError("x" * 1000), "x" * 300),
        (StoppedError(), "unexpected error (StoppedError)"),
    ],
)
def test_errors_are_one_line_without_paths_of_stored_files(error, line):
    assert one_line(error) == line
