"""One order of computing: logits that depend on neither the number of threads nor the batches that were asked for.

The sums inside a convolution are cut by the number of threads and by the size of the batch, and single precision is
not associative: the last digits move. Here every batch has one thread and a size that follows from its images alone;
several batches run side by side instead.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from freqforensics.detector.inference import Scorer

Uint8 = NDArray[np.uint8]

LANE: Final = 8
"""Images in a batch of images that are scored by one part each; empty places are filled with zeros."""
SMALL: Final = 128 * 128
"""Pixels up to which such batches are worth their empty places for images of any size."""


Item = TypeVar("Item")
Result = TypeVar("Result")

_ON_DONE: ContextVar[Callable[[], None] | None] = ContextVar("on_done", default=None)
_LOCK: Final = threading.Lock()
_BEFORE: Final[list[tuple[int, int]]] = []
"""The numbers of threads of torch and OpenCV before the first of those who are at work, once for each of them."""


@contextmanager
def one_thread_each() -> Iterator[int]:
    """Let every thread compute with torch and OpenCV by itself; gives the number of threads torch had.

    The numbers are the process's: the first to come sets them, the last to go restores them.
    """
    with _LOCK:
        _BEFORE.append(_BEFORE[0] if _BEFORE else (torch.get_num_threads(), cv2.getNumThreads()))
        threads, of_opencv = _BEFORE[0]
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
    try:
        yield threads
    finally:
        with _LOCK:
            _BEFORE.pop()
            if not _BEFORE:
                torch.set_num_threads(threads)
                cv2.setNumThreads(of_opencv)


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do the same work on many items, on as many threads as torch has, each of which computes by itself.

    Items are taken as they are needed, at most two for each thread: memory does not grow with their number.

    Parameters
    ----------
    work : callable
        From an item to a result. Runs in several threads at once, and should switch gradients on or off itself.
    items : iterable

    Returns
    -------
    list
        Results in the order of the items; they do not depend on the number of threads.
    """
    on_done, results = _ON_DONE.get(), []
    waiting: deque[Future[Result]] = deque()

    def take() -> None:
        results.append(waiting.popleft().result())
        if on_done is not None:
            on_done()

    with (
        one_thread_each() as threads,
        ThreadPoolExecutor(
            threads,
            thread_name_prefix="freqforensics",
            initializer=torch.set_num_threads,  # holds for the thread that says it
            initargs=(1,),
        ) as pool,
    ):
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * threads:
                    take()
            while waiting:
                take()
        finally:
            for future in waiting:
                future.cancel()
    return results


@contextmanager
def counting(on_done: Callable[[], None]) -> Iterator[None]:
    """Call a function after each item that `side_by_side` has done within the block."""
    token = _ON_DONE.set(on_done)
    try:
        yield
    finally:
        _ON_DONE.reset(token)


def shares_batch(parts: Sequence[Uint8], *, fixed: bool) -> bool:
    """Say whether an image of these parts goes through the network beside other images.

    Parameters
    ----------
    parts : sequence of ndarray of uint8, (H, W, 3)
        The parts of the image, all of one size.
    fixed : bool
        All images of the work have this size, so that batches will be full.
    """
    height, width = parts[0].shape[:2]
    return len(parts) == 1 and (fixed or height * width <= SMALL)


def lane_batches(images: Sequence[Sequence[Uint8]], *, fixed: bool) -> list[tuple[list[Uint8], list[int]]]:
    """Cut the parts of images into batches by the images alone.

    Parameters
    ----------
    images : sequence of sequences of ndarray of uint8, (H, W, 3)
        The parts of each image, all of one size.
    fixed : bool
        Whether batches have a fixed size, see `shares_batch`.

    Returns
    -------
    list of (list of ndarray, list of int)
        The parts of each batch, and the images that they are of; empty places, at the end, are of none.
    """
    laned = [shares_batch(parts, fixed=fixed) for parts in images]
    singles = [place for place, shared in enumerate(laned) if shared]
    batches: list[tuple[list[Uint8], list[int]]] = []
    for start in range(0, len(singles), LANE):
        lane = singles[start : start + LANE]
        empty = np.zeros_like(images[lane[0]][0])
        batches.append(([images[place][0] for place in lane] + [empty] * (LANE - len(lane)), lane))
    for place, parts in enumerate(images):
        for start in range(0, 0 if laned[place] else len(parts), LANE):
            batch = list(parts[start : start + LANE])
            batches.append((batch, [place] * len(batch)))
    return batches


def score_batch(scorer: Scorer, batch: Sequence[Uint8]) -> NDArray[np.float32]:
    """Score a batch by one thread, without gradients; runs in any thread."""
    torch.set_num_threads(1)  # holds for the thread that says it
    with torch.inference_mode():
        return scorer(batch)


def in_lanes(scorer: Scorer, images: Sequence[Sequence[Uint8]], *, fixed: bool) -> list[NDArray[np.float32]]:
    """Score the parts of images, all of one size, by this thread.

    Parameters
    ----------
    scorer : callable
        As `make_scorer` gives it, on the CPU.
    images, fixed
        Batches, see `lane_batches`.

    Returns
    -------
    list of ndarray of float32
        The logits of the parts of each image.
    """
    logits_of: list[list[np.float32]] = [[] for _ in images]
    for batch, places in lane_batches(images, fixed=fixed):
        for place, value in zip(places, score_batch(scorer, batch), strict=False):  # empty places have no image
            logits_of[place].append(value)
    return [np.array(values, np.float32) for values in logits_of]
