"""What one run of the page holds: its temporary folder, its queue, and what was put into them."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from freqforensics.app.folders import count_pictures, folder_at
from freqforensics.app.jobs import Job, JobQueue, OnStage
from freqforensics.app.limits import Limits, RefusedError, plain_name, plain_suffix
from freqforensics.app.reports import THUMBNAIL, write_thumbnail
from freqforensics.app.results import FolderResult, Mode, PictureResult
from freqforensics.images import read_file
from freqforensics.runtime.unfinished import abandoned_in, remove_abandoned, unfinished_prefix

if TYPE_CHECKING:
    from freqforensics.detector.calibrated import CalibratedDetector

AWAY: Final = 15 * 60.0
"""Seconds without an open page after which everything is deleted. Browsers slow hidden pages down to one request a
minute."""
_LAST_WAIT: Final = 2.0


class Session:
    """Everything that one run of the page stores, in a folder that only its user may read.

    Parameters
    ----------
    open_detector : callable
        Gives the detector; called in the queue's thread.
    limits : Limits, optional
    on_event : callable, optional
        Called with a line for each job that ends.
    """

    def __init__(
        self,
        open_detector: Callable[[], CalibratedDetector],
        *,
        limits: Limits | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        _clear_abandoned(Path(tempfile.gettempdir()))
        self.root = Path(tempfile.mkdtemp(prefix=unfinished_prefix("freqforensics-app")))
        weakref.finalize(self, shutil.rmtree, self.root, ignore_errors=True)  # at exit, too
        self._open = open_detector
        self._detector: CalibratedDetector | None = None
        self._incoming = 0
        self._thumbnails = asyncio.Semaphore(1)
        self.closed = False
        self.last_seen: float | None = None
        self.queue = JobQueue(self._prepare, on_event or (lambda line: None))

    def seen(self) -> None:
        """Note that a page is open."""
        self.last_seen = time.monotonic()

    @property
    def abandoned(self) -> bool:
        """Whether a page was open, and none has been for a while."""
        return self.last_seen is not None and time.monotonic() - self.last_seen > AWAY

    def close(self) -> bool:
        """Delete everything; say whether the queue's thread has ended."""
        wait, self.closed = 0.0 if self.closed else _LAST_WAIT, True
        shutil.rmtree(self.root, ignore_errors=True)
        ended = self.queue.close(wait)
        shutil.rmtree(self.root, ignore_errors=True)  # what the thread wrote in the meantime
        return ended

    async def take_picture(self, name: str, mode: str, size: int, body: AsyncIterator[bytes]) -> Job:
        """Store a picture as it comes, and queue it; RefusedError, and nothing stored, if a limit is exceeded."""
        if mode not in get_args(Mode):
            raise RefusedError("The examination must be quick or whole.")
        self.limits.check_file(size)
        self._check_room(size)
        key, folder = self._new_folder()
        path = folder / f"picture{plain_suffix(name)}"
        received = 0
        try:
            with path.open("wb") as file:
                async for chunk in body:
                    received += len(chunk)
                    self._incoming += len(chunk)
                    self.limits.check_file(received)
                    self._check_room(0)
                    file.write(chunk)
            async with self._thumbnails:  # one at a time: each holds a whole picture
                self.limits.check_pixels(await asyncio.to_thread(path.read_bytes))
                await asyncio.to_thread(write_thumbnail, path, folder)
            job = self._picture_job(key, folder, path, plain_name(name), mode, received)
            self.queue.add(job)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._incoming -= received
        return job

    def take_folder(self, text: str, limit: int | None) -> Job:
        """Queue a folder of this computer; RefusedError unless it is one with pictures."""
        path = folder_at(text)
        count_pictures(path)
        self._check_room(0)
        key, folder = self._new_folder()

        def work(on_stage: OnStage) -> FolderResult:
            from freqforensics.app.folder_work import examine_folder

            return examine_folder(path, self._ready(), on_stage, limit=limit, out=folder)

        job = Job(key, "folder", str(path), folder, work, mode="all" if limit is None else str(limit))
        self.queue.add(job)
        return job

    def again(self, key: str) -> Job:
        """Queue a picture that was examined quickly once more, for the whole examination."""
        job = self.queue.job(key)
        if job.kind != "image" or job.state != "done" or job.mode != "quick":
            raise RefusedError("Only a picture that was examined quickly can be examined wholly.")
        path = next(path for path in job.folder.iterdir() if path.stem == "picture")
        return self._copied(path, job.name)

    def closer(self, key: str, number: int) -> Job:
        """Queue one of the pictures with signs of a folder, for the whole examination."""
        result = self.queue.job(key).result
        if not isinstance(result, FolderResult) or not 0 <= number < len(result.signs):
            raise RefusedError("This picture is not in the list any more.", 404)
        return self._copied(Path(result.signs[number]), Path(result.signs[number]).name)

    def state(self) -> dict[str, Any]:
        """Give everything that the page shows, JSON values."""
        jobs = self.queue.jobs()
        return {
            "ready": self.queue.ready,
            "broken": self.queue.broken,
            "jobs": [self._shown(job, jobs) for job in jobs],
        }

    def _shown(self, job: Job, jobs: Sequence[Job]) -> dict[str, Any]:
        before = [other for other in jobs[: jobs.index(job)] if other.state in ("waiting", "working")]
        values: dict[str, Any] = {
            "key": job.key,
            "kind": job.kind,
            "name": job.name if job.name.isprintable() else repr(job.name),
            "mode": job.mode,
            "state": job.state,
            "before": len(before) if job.state == "waiting" else 0,
            "stage": job.stage,
            "step": job.step,
            "steps": job.steps,
            "error": job.error,
            "seconds": round(job.seconds),
            "thumbnail": (job.folder / THUMBNAIL).exists(),
            "result": None,
        }
        if isinstance(job.result, FolderResult):
            values["result"] = {key: value for key, value in asdict(job.result).items() if key != "signs"}
        elif isinstance(job.result, PictureResult):
            values["result"] = asdict(job.result)
        return values

    def _prepare(self) -> None:
        self._detector = self._open()

    def _ready(self) -> CalibratedDetector:
        if self._detector is None:
            raise ValueError("the detector is not loaded")
        return self._detector

    def _check_room(self, size: int) -> None:
        if self.closed:
            raise RefusedError("The program is closing.", 503)
        jobs = self.queue.jobs()
        self.limits.check_room(jobs=len(jobs) + 1, total=sum(job.size for job in jobs) + self._incoming + size)

    def _new_folder(self) -> tuple[str, Path]:
        key = secrets.token_hex(8)
        folder = self.root / key
        folder.mkdir()
        return key, folder

    def _copied(self, source: Path, name: str) -> Job:
        """Queue a copy of a file, for the whole examination."""
        self.limits.check_file(source.stat().st_size)
        data = read_file(source)
        self.limits.check_pixels(data)
        self._check_room(len(data))
        key, folder = self._new_folder()
        path = folder / f"picture{plain_suffix(name) or source.suffix.lower()}"
        path.write_bytes(data)
        write_thumbnail(path, folder)
        job = self._picture_job(key, folder, path, plain_name(name), "whole", len(data))
        self.queue.add(job)
        return job

    def _picture_job(self, key: str, folder: Path, path: Path, name: str, mode: str, size: int) -> Job:
        chosen: Mode = "whole" if mode == "whole" else "quick"

        def work(on_stage: OnStage) -> PictureResult:
            from freqforensics.app.picture_work import examine_picture

            return examine_picture(path, self._ready(), on_stage, name=name, mode=chosen, out=folder)

        return Job(key, "image", name, folder, work, mode=chosen, size=size)


def _clear_abandoned(folder: Path) -> None:
    """Remove what killed runs of this user left behind."""
    user = getattr(os, "getuid", lambda: None)()
    for path in abandoned_in(folder):
        if "-freqforensics-app-" in path.name and (user is None or path.lstat().st_uid == user):
            remove_abandoned([path])
