"""The command merge."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import Annotated

import typer

from freqforensics.cli.app import PROJECT, Failed, app, complain
from freqforensics.cli.execution import DISTRIBUTABLE
from freqforensics.cli.options import AsJson, Quiet, quiet


@app.command(
    rich_help_panel=PROJECT,
    epilog="Example: freqforensics merge parts --out fingerprints\n\n"
    "Before: freqforensics spectrum path/to/images --shard 1/2 --out parts, and the same with --shard 2/2",
)
def merge(
    ctx: typer.Context,
    parts: Annotated[list[Path], typer.Argument(metavar="PART", help="Files that --shard wrote, or their folders.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE", help="Folder or file for the results, as --out of the command that was split."
        ),
    ] = None,
    as_json: AsJson = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that exist.")] = False,
    quiet_: Quiet = False,
) -> None:
    """Merge the parts that a command with --shard wrote.

    The result equals that of a single run, bit for bit. Runs the command that the parts name again, with their sums in
    place of the images. The sources must be where they were, because their names are read again. Images that no part
    holds are read, too.

    Exit status: that of the command.
    """
    from freqforensics.runtime.parts import PartError
    from freqforensics.runtime.shards import find_parts, stored_parts

    pieces = find_parts(parts, progress=None if quiet() else "parts")
    name, *words = pieces[0].command or ("",)
    if name not in DISTRIBUTABLE:
        raise PartError(f"{pieces[0].path} is part of the command {name!r}, which has no --shard")
    flags = [("--out", out), ("--json", as_json), ("--overwrite", overwrite), ("--quiet", quiet())]
    for flag, value in flags:
        if value and flag not in words:
            words[:0] = [flag, str(value.absolute())] if isinstance(value, Path) else [flag]
    folder = Path(pieces[0].folder)
    if not folder.is_dir():
        raise Failed(f"{folder}, where the parts were computed, is not a folder here")
    command = ctx.find_root().command
    if not quiet():
        complain(f"note: merging {len(pieces)} parts of: {shlex.join(['freqforensics', *pieces[0].command])}")
    with contextlib.chdir(folder), stored_parts(pieces) as stored:
        try:
            command.main([name, *words], prog_name="freqforensics", standalone_mode=False)
        finally:
            if stored.computed and not quiet():
                total = stored.computed + stored.taken
                complain(f"note: {stored.computed} of {total} images were in no part, and read again")
