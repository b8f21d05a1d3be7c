from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Iterator

import chunks
import cv2
import pytest
from processors import await_companions, give_processors

from freqforensics.runtime.companion import Companion, current_companion, two_processes
from freqforensics.runtime.executors import Shared
from freqforensics.runtime.parallel import call_all, library_threads, map_in_order, map_reduce


def join(left: list[int], right: list[int]) -> list[int]:
    return left + right


@pytest.mark.parametrize("backend", ["serial", "threads"])
@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_order_does_not_depend_on_the_workers(backend, workers, chunk_size):
    def slow_first(chunk):
        time.sleep(0.01 if chunk[0] == 0 else 0)
        return [item * item for item in chunk]

    result = map_reduce(list(range(50)), slow_first, join, backend=backend, workers=workers, chunk_size=chunk_size)
    assert result == [item * item for item in range(50)]


def test_few_chunks_are_under_way_at_once():
    waiting = merged = most = 0
    lock = threading.Lock()

    def work(chunk):
        nonlocal waiting
        with lock:
            waiting += 1
        return list(chunk)

    def merge(left, right):
        nonlocal merged, most
        merged += 1
        most = max(most, waiting - merged)
        return left + right

    map_reduce(list(range(500)), work, merge, workers=3, chunk_size=1)
    # Besides those under way a node of each level of the tree may wait for its sibling.
    assert most <= 2 * 3 + 1 + (500).bit_length()


def test_library_threads_are_one_inside_and_restored_after():
    before = cv2.getNumThreads()
    seen = map_reduce([0, 1], lambda chunk: [cv2.getNumThreads()], join, workers=2, chunk_size=1)
    assert seen == [1, 1]
    assert cv2.getNumThreads() == before
    with pytest.raises(RuntimeError), library_threads(1):
        raise RuntimeError
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize("backend", ["serial", "threads"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_or_ctrl_c_stops_what_waits(backend, error):
    before = cv2.getNumThreads()
    done = []

    def work(chunk):
        if chunk[0] == 3:
            raise error("stop")
        time.sleep(0.002)
        done.append(chunk[0])
        return list(chunk)

    with pytest.raises(error, match="stop"):
        map_reduce(list(range(500)), work, join, backend=backend, workers=2, chunk_size=1)
    assert len(done) < 20
    assert cv2.getNumThreads() == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("freqforensics")]


def test_bad_parameters_are_named():
    for options, message in [
        ({"backend": "processes"}, "backend must be one of serial, threads; got 'processes'"),
        ({"chunk_size": 0}, "chunk_size must be at least 1"),
        ({"workers": 0}, "workers must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            map_reduce([1], list, join, **options)
    with pytest.raises(ValueError, match="items must"):
        map_reduce([], list, join)


def test_map_in_order_gives_positions_and_results():
    parts = list(map_in_order(list(range(10)), lambda chunk: [item * item for item in chunk], workers=2, chunk_size=4))
    assert parts == [(0, [0, 1, 4, 9]), (4, [16, 25, 36, 49]), (8, [64, 81])]


def test_who_stops_reading_leaves_no_thread_and_the_library_threads_as_they_were():
    before = cv2.getNumThreads()
    for _ in map_in_order(list(range(500)), list, workers=2, chunk_size=1):
        break
    assert cv2.getNumThreads() == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("freqforensics")]


def test_calls_are_answered_in_order():
    calls = [functools.partial(pow, base, 2) for base in range(9)]
    assert call_all(calls, workers=3) == call_all(calls, workers=1) == [base**2 for base in range(9)]
    assert call_all([]) == []
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        call_all(calls, workers=0)


class TestTwoProcesses:
    """Chunks that a companion computes in the place of a thread."""

    @pytest.fixture
    def second(self, monkeypatch) -> Iterator[Companion]:
        give_processors(monkeypatch, 2)
        await_companions(monkeypatch)
        with two_processes("chunks"):
            companion = current_companion()
            assert companion is not None
            yield companion

    def test_both_compute_and_the_order_stays(self, second):
        results = map_reduce(range(60), chunks.processes, chunks.join, workers=2, chunk_size=1)
        assert [item for item, _ in results] == list(range(60))
        assert {process for _, process in results} == {os.getpid(), second.process.pid}
        parts = list(map_in_order(range(60), chunks.processes, workers=2, chunk_size=2))
        assert [(start, result[0][0]) for start, result in parts] == [(item, item) for item in range(0, 60, 2)]
        assert call_all([functools.partial(pow, 2, number) for number in range(9)], workers=2) == [
            2**number for number in range(9)
        ]

    def test_one_worker_is_this_process(self, second):
        results = map_reduce(range(9), chunks.processes, chunks.join, workers=1, chunk_size=1)
        assert {process for _, process in results} == {os.getpid()}

    def test_the_libraries_have_one_thread_and_garbage_is_collected(self, second):
        results = map_reduce(range(60), chunks.conditions, chunks.join, workers=2, chunk_size=1)
        assert set(results) == {(os.getpid(), 1, True), (second.process.pid, 1, True)}

    def test_what_it_fails_at_is_computed_here(self, second, monkeypatch):
        monkeypatch.setenv(chunks.ONLY_IN, str(os.getpid()))
        second.submit(os.putenv, chunks.ONLY_IN, "0").result()
        results = map_reduce(range(9), chunks.demanding, chunks.join, workers=2, chunk_size=1)
        assert results == [(item, os.getpid()) for item in range(9)]

    def test_what_cannot_be_sent_is_computed_here(self, second):
        number = 3
        assert map_reduce(range(9), lambda chunk: [number * item for item in chunk], chunks.join, workers=2) == [
            number * item for item in range(9)
        ]

    def test_a_killed_companion_is_done_without(self, second):
        for start, _ in map_in_order(range(60), chunks.processes, workers=2, chunk_size=1):
            if start == 5:
                second.process.kill()
        results = map_reduce(range(9), chunks.processes, chunks.join, workers=2, chunk_size=1)
        assert results == [(item, os.getpid()) for item in range(9)]

    def test_an_error_is_that_of_the_function(self, second):
        for _ in range(4):  # whoever gets the chunk
            with pytest.raises(KeyError, match="seven"):
                map_reduce(range(20), chunks.refusing, chunks.join, workers=2, chunk_size=1)
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("freqforensics_")]

    def test_large_objects_travel_once(self, second):
        shared = Shared(1000, key="a thousand")
        results = map_reduce(range(60), functools.partial(chunks.added, shared), chunks.join, workers=2, chunk_size=1)
        assert [item for item, _ in results] == list(range(1000, 1060))
        assert second.process.pid in {process for _, process in results}
