"""A queue: one job at a time, each with its stage, in one thread."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from freqforensics.app.limits import RefusedError, printable
from freqforensics.images import ImageReadError, shown_path

State = Literal["waiting", "working", "done", "failed"]
OnStage = Callable[[str, int, int], None]
"""Called with the name of a stage as it begins, its number, and the number of stages."""
_LONGEST_LINE: Final = 300


class StoppedError(Exception):
    """The job that is worked on was cancelled."""


@dataclass(eq=False)
class Job:
    """One entry of the list.

    Parameters
    ----------
    key : str
        Random name, also that of its folder.
    kind : {"image", "folder"}
    name : str
        Name for people.
    folder : Path
        Files of the job; deleted with it.
    work : callable
        Does the work: takes a callable for stages, gives the result. It raises `StoppedError` if that callable does.
    mode : str
        How thoroughly it works.
    size : int
        Bytes of its stored file.
    """

    key: str
    kind: Literal["image", "folder"]
    name: str
    folder: Path
    work: Callable[[OnStage], Any]
    mode: str = "quick"
    size: int = 0
    state: State = "waiting"
    stage: str = ""
    step: int = 0
    steps: int = 0
    error: str = ""
    seconds: float = 0.0
    result: Any = None
    stop: threading.Event = field(default_factory=threading.Event)


class JobQueue:
    """Jobs in the order in which they came, worked on one by one.

    Parameters
    ----------
    prepare : callable
        Called once in the queue's thread, before the first job: loads what all jobs need.
    on_event : callable
        Called with one line for every job that ends.
    """

    def __init__(self, prepare: Callable[[], None], on_event: Callable[[str], None]) -> None:
        self._prepare, self._on_event = prepare, on_event
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._closed = False
        self.ready = False
        self.broken = ""
        self._thread = threading.Thread(target=self._run, name="freqforensics-jobs", daemon=True)
        self._thread.start()

    def add(self, job: Job) -> None:
        """Put a job at the end; it begins when all before it have ended."""
        with self._changed:
            if self._closed:
                raise RefusedError("The program is closing.", 503)
            self._jobs[job.key] = job
            self._changed.notify_all()

    def jobs(self) -> list[Job]:
        """Give all jobs, in order."""
        with self._changed:
            return list(self._jobs.values())

    def job(self, key: str) -> Job:
        """Give one job; RefusedError if there is none of that name."""
        with self._changed:
            if key not in self._jobs:
                raise RefusedError("This entry is not in the list any more.", 404)
            return self._jobs[key]

    def remove(self, key: str) -> None:
        """Take a job off the list and delete its files; one that is worked on stops at its next stage."""
        job = self.job(key)
        with self._changed:
            self._jobs.pop(key, None)
            job.stop.set()
            working = job.state == "working"
        if not working:
            shutil.rmtree(job.folder, ignore_errors=True)

    def close(self, timeout: float = 2.0) -> bool:
        """Drop all jobs and end the thread; say whether it ended within `timeout` seconds."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                job.stop.set()
            self._jobs.clear()
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._prepare()
        except Exception as error:  # whatever hinders it, the page says so
            self.broken = one_line(error)
            self._on_event(f"the detector cannot be loaded: {self.broken}")
        self.ready = not self.broken
        while (job := self._next()) is not None:
            began = time.monotonic()
            try:
                if self.broken:
                    raise ValueError(self.broken)
                result = job.work(self._stages(job))
            except StoppedError:
                self._end(job, "failed", error="Cancelled.")
            except Exception as error:  # a damaged file can lead to any error: it must not end the queue
                self._end(job, "failed", error=one_line(error))
            else:
                self._end(job, "done", result=result, seconds=time.monotonic() - began)

    def _next(self) -> Job | None:
        """Wait for a job; None at the end."""
        with self._changed:
            while not self._closed:
                for job in self._jobs.values():
                    if job.state == "waiting":
                        job.state = "working"
                        return job
                self._changed.wait()
        return None

    def _stages(self, job: Job) -> OnStage:
        def on_stage(name: str, step: int, steps: int) -> None:
            if job.stop.is_set():
                raise StoppedError
            with self._changed:
                job.stage, job.step, job.steps = name, step, steps

        return on_stage

    def _end(self, job: Job, state: State, *, error: str = "", result: Any = None, seconds: float = 0.0) -> None:
        with self._changed:
            job.error, job.result, job.seconds = error, result, seconds
            job.state = state
            dropped = job.key not in self._jobs
        if dropped:
            shutil.rmtree(job.folder, ignore_errors=True)
        elif error:
            self._on_event(f"{shown_path(job.name)}: {error}")
        else:
            self._on_event(f"{shown_path(job.name)}: done in {seconds:.0f} s")


def one_line(error: Exception) -> str:
    """Give what is wrong in one line, without the path of a stored file."""
    if isinstance(error, ImageReadError):
        text = error.reason
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror.lower()
    elif isinstance(error, MemoryError):
        text = "there is not enough memory for it"
    elif isinstance(error, ValueError) and str(error).strip():
        text = str(error)
    else:
        text = f"unexpected error ({type(error).__name__})"
    return printable(text.strip().splitlines()[0])[:_LONGEST_LINE]
