"""Shards: a study's passes over images cut into parts for batch jobs, and put together again to the same bits."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from freqforensics.runtime.executors import Job, PassesEnded, Shared, executing
from freqforensics.runtime.parallel import alone, local_nodes
from freqforensics.runtime.parts import SUFFIX, Part, PartError, PartWriter, read_node, read_part
from freqforensics.runtime.reduction import Node, Reduction, cover
from freqforensics.runtime.results import clear_unfinished_file
from freqforensics.runtime.writing import replacing

_NAMED: Final = 8


def parsed_shard(text: str) -> tuple[int, int]:
    """Parse I/N.

    >>> parsed_shard("3/100")
    (3, 100)

    Raises
    ------
    ValueError
        Anything else, or I is not from 1 to N.
    """
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise ValueError(f"shard must be I/N with I from 1 to N, got {text!r}")
    return number, count


def part_path(folder: str | Path, number: int, count: int) -> Path:
    """Give the file of a part.

    >>> part_path("parts", 3, 100).name
    'part-003-of-100.ffpart'
    """
    return Path(folder) / f"part-{number:0{len(str(count))}d}-of-{count}{SUFFIX}"


@contextmanager
def shard(number: int, count: int, folder: str | Path, *, command: Sequence[str] = ()) -> Iterator[bool]:
    """Compute one share of the passes over images of the study inside, and write it to a file for `stored_parts`.

    Each pass computes a contiguous share of its chunks, and the study continues with this share alone. So what a later
    pass is to do may follow from other numbers than in the whole; `stored_parts` computes itself what then lacks. The
    study stops with PassesEnded after its last pass, and the file is written.

    Parameters
    ----------
    number, count : int
        Share `number` of `count`, from 1.
    folder : str or Path
        Gets ``part-003-of-100.ffpart``, whole or not at all.
    command : sequence of str
        The study, as a command line; parts of other commands are not put together.

    Yields
    ------
    bool
        Whether the file is there already: nothing is left to do.

    Raises
    ------
    ValueError
        The file is there, and of another command.
    """
    path = part_path(folder, number, count)
    if path.exists():
        if read_part(path).command != tuple(command):
            raise ValueError(f"{path} is part of another command: give another folder")
        yield True
        return
    clear_unfinished_file(path)
    ended: PassesEnded | None = None
    with replacing(path) as temporary, contextlib.closing(PartWriter(temporary)) as writer:
        try:
            with executing(_Shard(number, count, writer)):
                yield False
        except PassesEnded as signal:
            ended = signal
        writer.describe(number=number, count=count, command=command, folder=str(Path.cwd()))
    if ended is not None:
        raise ended


class _Shard:
    """Computes its share of every job."""

    partial = True

    def __init__(self, number: int, count: int, writer: PartWriter) -> None:
        self._number, self._count, self._writer = number, count, writer

    def nodes(self, job: Job) -> Generator[tuple[Node, Any], None, None]:
        """Compute the share's nodes and write them; of a job without any chunk for it the first item stands for all."""
        start, stop = (job.chunks * number // self._count for number in (self._number - 1, self._number))
        if start == stop:
            yield Node(0, 0), alone(job.function, job.items[:1])
            return
        key = job_key(job)
        with contextlib.closing(local_nodes(job, range(start, stop))) as chunks:
            for node in cover(start, stop, job.chunks):
                reduction: Reduction[Any] = Reduction(job.chunks, job.merge)
                for _ in range(node.start, node.stop(job.chunks)):
                    reduction.add(*next(chunks), within=node)
                result = reduction.take(node)
                self._writer.add(key, node, result)
                yield node, result

    def share(self, key: str, value: Any) -> None:
        """It is in this process."""


def find_parts(paths: Iterable[str | Path], *, progress: str | None = None) -> list[Part]:
    """Read the parts of one command, in order.

    Parameters
    ----------
    paths : iterable of str or Path
        Files, and folders of them.
    progress : str, optional
        Label of a progress bar, shown after two seconds on a terminal. Default no bar.

    Raises
    ------
    PartError
        There are none, they are of several commands, one is missing or there twice, or a file is no part.
    OSError
        One cannot be opened.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        files += sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise PartError(f"parts must be files of --shard, got none in {', '.join(map(str, paths))}")
    bar = tqdm(files, desc=progress, unit="part", delay=2, disable=None if progress else True)
    parts = sorted(map(read_part, bar), key=lambda part: part.number)
    for part in parts[1:]:
        if (part.command, part.count) != (parts[0].command, parts[0].count):
            raise PartError(f"{part.path} and {parts[0].path} are parts of different runs: merge them separately")
    numbers = [part.number for part in parts]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise PartError(f"parts must not repeat, got several of {_listed(twice)}")
    missing = sorted(set(range(1, parts[0].count + 1)) - set(numbers))
    if missing:
        raise PartError(f"parts must be all {parts[0].count}: missing {_listed(missing)}")
    return parts


def _listed(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return ", ".join(map(str, numbers[:_NAMED])) + more


@contextmanager
def stored_parts(parts: Sequence[Part]) -> Iterator[StoredNodes]:
    """Let the study inside take what the parts of its shards hold; what they lack is computed here.

    Parameters
    ----------
    parts : sequence of Part
        All parts of one command.

    Yields
    ------
    StoredNodes
        Counts what was taken and what was computed.
    """
    executor = StoredNodes(parts)
    with executing(executor):
        yield executor


class StoredNodes:
    """Gives the nodes of jobs from parts.

    Attributes
    ----------
    taken, computed : int
        Items whose results came from the parts, and those that were computed.
    """

    partial = False

    def __init__(self, parts: Sequence[Part]) -> None:
        self._places: dict[str, dict[Node, Part]] = {}
        for part in parts:
            for key, node in part.nodes:
                self._places.setdefault(key, {})[node] = part
        self.taken = self.computed = 0

    def nodes(self, job: Job) -> Generator[tuple[Node, Any], None, None]:
        """Give nodes in order."""
        key = job_key(job)
        places = self._places.get(key, {})
        start = 0
        for node in sorted(places, key=lambda node: node.start):
            if node.start < start or node.start >= job.chunks:
                raise PartError(f"{places[node].path} holds results that overlap with those of another part")
            yield from self._computed(job, range(start, node.start))
            self.taken += job.items_in(node)
            yield node, read_node(places[node], key, node)
            start = node.stop(job.chunks)
        yield from self._computed(job, range(start, job.chunks))

    def _computed(self, job: Job, chunks: range) -> Generator[tuple[Node, Any], None, None]:
        if chunks:
            self.computed += sum(len(job.chunk(number)) for number in chunks)
            yield from local_nodes(job, chunks)

    def share(self, key: str, value: Any) -> None:
        """It is in this process."""


def job_key(job: Job) -> str:
    """Give a text that follows from what a job computes, in any process: its function, items and chunks."""
    digest = hashlib.sha256(f"{_described(job.function)}\n{job.chunk_size}\n".encode(errors="surrogateescape"))
    for item in job.items:
        digest.update(f"{_described(item)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _described(value: Any) -> str:
    """Describe a value by its content; functions, which have none, by their names."""
    if isinstance(value, Shared):
        return f"Shared({value.key})"
    if isinstance(value, partial):
        return f"partial({_described(value.func)}, {_described(value.args)}, {_described(value.keywords)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_described(key)}: {_described(item)}" for key, item in value.items()) + "}"
    if is_dataclass(value) and not isinstance(value, type):
        inside = ", ".join(f"{field.name}={_described(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__qualname__}({inside})"
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_described, value))})"
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)
