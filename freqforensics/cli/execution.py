"""Who does the work of a command: the options --cluster and --shard, and its second process."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from freqforensics.cli.app import complain
from freqforensics.cli.checks import check_apart
from freqforensics.cli.options import quiet, set_signature

Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|local",
        help="Read the images on dask workers: those of a scheduler, such as tcp://host:8786, or local, which starts"
        " --workers processes on this machine. Needs the extra scale.",
        show_default=False,
    ),
]
Shard = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="Do part I of N, as one job of a batch array, and write it to the folder --out for freqforensics merge.",
        show_default=False,
    ),
]
_OPTIONS: Final = {"cluster": Cluster, "shard": Shard}
DISTRIBUTABLE: Final[set[str]] = set()
"""Names of the commands that have them."""


def distributable(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options --cluster and --shard, before -q."""
    DISTRIBUTABLE.add(command.__name__.replace("_", "-"))
    signature = inspect.signature(command, eval_str=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    new = [inspect.Parameter(name, kind, default=None, annotation=option) for name, option in _OPTIONS.items()]
    parameters = [parameter.replace(kind=kind) for parameter in signature.parameters.values()]
    place = [parameter.name for parameter in parameters].index("as_json")
    parameters[place:place] = new

    @functools.wraps(command)
    def run(*, cluster: str | None, shard: str | None, **options: Any) -> None:
        if cluster is not None and shard is not None:
            raise ValueError("shard must not come with --cluster")
        if shard is not None:
            _run_shard(command, shard, options)
        else:
            workers = options.get("workers")
            default = "workers" in options and workers == signature.parameters["workers"].default
            with _on(cluster, None if default else workers):
                command(**options)

    set_signature(run, parameters)
    return run


@contextmanager
def _on(address: str | None, workers: int | None) -> Iterator[None]:
    if address is None:
        yield
        return
    from freqforensics.runtime.cluster import cluster

    with cluster(address, workers=workers):
        yield


def _run_shard(command: Callable[..., None], text: str, options: dict[str, Any]) -> None:
    from freqforensics.runtime.destinations import check_result_folder
    from freqforensics.runtime.executors import PassesEnded, sharing
    from freqforensics.runtime.shards import parsed_shard, part_path, shard

    number, count = parsed_shard(text)
    folder: Path | None = options.get("out")
    if folder is None:
        raise ValueError("shard must come with --out DIR, the folder for the parts")
    if folder.suffix == ".parquet":  # scores by file, which need no merging
        with sharing(number, count):
            command(**options)
        return
    check_apart(folder, options["source"])
    check_result_folder(folder, overwrite=True)  # other parts may be there
    path = part_path(folder, number, count)
    line = without_options(sys.argv[1:], ("--shard", "--out", "--workers"), ("-q", "--quiet"))
    try:
        with shard(number, count, folder, command=line) as is_there:
            if not is_there:
                command(**{**options, "out": None})
    except PassesEnded:
        pass
    if not quiet():
        complain(f"note: part {number} of {count} in {path}{', which was there' if is_there else ''}")


def in_two_processes(*modules: str, out: Path | None, workers: int | None) -> AbstractContextManager[None]:
    """Let a command do its work in two processes, except with ``--workers 1``.

    The second one loads modules, such as that of the command's study, and what draws figures if there is a folder. The
    command loads its study in the block: at the same time.
    """
    if workers == 1:
        return nullcontext()
    from freqforensics.figures.drawings import DRAWING
    from freqforensics.runtime.companion import two_processes

    return two_processes(*modules, *(() if out is None else DRAWING))


def without_options(words: list[str], with_value: tuple[str, ...], flags: tuple[str, ...]) -> list[str]:
    """Drop options of a command line.

    >>> without_options(["score", "a", "--out=b", "--shard", "1/2", "-q", "--", "--out"], ("--out", "--shard"), ("-q",))
    ['score', 'a', '--', '--out']
    """
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            return [*rest, word, *left]
        name, equals, _ = word.partition("=")
        if name in with_value:
            if not equals:
                next(left, None)
        elif word not in flags:
            rest.append(word)
    return rest
