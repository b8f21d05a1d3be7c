"""Folders and tables of images to a sorted list of records.

Layouts understood (`LAYOUTS` is what an error shows): ForenSynths trees, plain folders, and tables. What lies in the
way of them (other files, empty folders, loops of links) is named or counted, never fatal, and never becomes a class.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from freqforensics.images import shown_path
from freqforensics.sources.records import ImageRecord, sort_records
from freqforensics.sources.repeats import check_label, folders_meet, merge_same_files, note_twins, real_paths
from freqforensics.sources.tables import read_table
from freqforensics.sources.trees import TreeOfImages

LAYOUTS: Final = """\
layouts understood:
  <root>/<generator>/{0_real,1_fake}/*             ForenSynths, several generators
  <root>/<generator>/<category>/{0_real,1_fake}/*  ForenSynths, multi-class generators
  <root>/<generator>/{train,val}/{nature,ai}/*     GenImage
  <generator>/{0_real,1_fake}/*                    one generator, or one of the two folders itself
  <root>/{train,val}/<category>/{0_real,1_fake}/*  training roots; <root>/test/ is a root of generators
  <folder>/* or <root>/<folder>/*                  plain folders: label unknown, generator = folder name
  table.csv or table.tsv                           columns path, label, generator [, category, split]
in place of 0_real and 1_fake also real and fake, nature and ai, authentic and synthetic, Au and Tp, in any case"""


class FolderWarning(UserWarning):
    """Something in a source of images was left out or is doubtful."""


def index_images(
    source: str | Path,
    *,
    generator: str | None = None,
    on_note: Callable[[str], None] | None = None,
) -> list[ImageRecord]:
    """List the images of a folder tree or a table, in an order that does not depend on the machine.

    Parameters
    ----------
    source : str or Path
        A folder in one of the layouts of `LAYOUTS`, a ``0_real`` or ``1_fake`` folder itself, or a CSV/TSV table
        (header line; paths relative to the table). No file is opened but the table.
    generator : str, optional
        Name for everything found. It also settles what the layout leaves open: below it, folders are categories.
        Without it ``<source>/<name>/{0_real,1_fake}`` makes ``name`` the generator, unless the source is called
        train or val, or progan, stylegan, stylegan2 or cyclegan (multi-class in ForenSynths).
    on_note : callable, optional
        Called with a line for everything left out or doubtful; without it each is a `FolderWarning`. Files that are no
        images are counted by kind in one line.

    Returns
    -------
    list of ImageRecord
        Sorted by generator, category, split, label, path. A file that links give several paths is listed once; a real
        image that is the counterpart of several generators, once for each.

    Raises
    ------
    ValueError
        No image is found (the message shows the layouts understood), a table lacks a column or has a label other
        than real, fake or unknown, or a file is listed as real and as fake.
    FileNotFoundError
        `source` does not exist.

    Notes
    -----
    Folder convention of Wang et al., CVPR 2020. Folders called real and fake, nature and ai (GenImage), authentic and
    synthetic, or Au and Tp (CASIA), in any case, are understood as well. Names that only may mean the two sides leave
    the label unknown; the sides never become one group. Linked folders are followed, unless they lead to a folder
    above.
    """
    emit = on_note or (lambda text: warnings.warn(text, FolderWarning, stacklevel=4))
    reported: set[str] = set()

    def note(text: str) -> None:
        if text not in reported:
            reported.add(text)
            emit(text)

    root = Path(source)
    where = shown_path(root)
    if not root.exists():
        raise FileNotFoundError(f"no such folder or table: {where}")
    left_out = ""
    if root.is_file():
        if root.suffix.lower() not in (".csv", ".tsv"):
            raise ValueError(f"{where} is a file, not a folder or a .csv/.tsv table\n{LAYOUTS}")
        records = read_table(root, generator, note, LAYOUTS)
        repeats = folders_meet(records)
    else:
        tree = TreeOfImages(root, note)
        records = tree.records(generator)
        repeats = tree.linked
        left_out = str(tree.leftovers)
    if not records:
        raise ValueError(f"no image in {where}{f' ({left_out})' if left_out else ''}\n{LAYOUTS}")
    if left_out:
        note(f"left out of {where}: {left_out}")
    records = _printable(records)
    sort_records(records)
    if repeats:
        records = merge_same_files(records, note, where)
    note_twins(records, note)
    return records


def index_sources(
    sources: Sequence[str | Path],
    *,
    on_note: Callable[[str], None] | None = None,
) -> list[ImageRecord]:
    """Index several sources into one list; ``NAME=PATH`` names a source's generator.

    Parameters
    ----------
    sources : sequence of str or Path
        Folders and tables, as `index_images` takes them. A string that is not a path and holds ``=`` is split at the
        first one.
    on_note : callable, optional
        Called with a line for everything left out or doubtful; by default a `FolderWarning`.

    Returns
    -------
    list of ImageRecord
        Sorted. Generators of one name in different sources are kept apart by their parent folders' names, and a file
        that two sources list is kept once; both are noted.

    Raises
    ------
    ValueError, FileNotFoundError
        A source cannot be read, as for `index_images`; or one source lists a file as real and another lists it as
        fake (ValueError).
    """
    note = on_note or (lambda text: warnings.warn(text, FolderWarning, stacklevel=3))
    merged: list[ImageRecord] = []
    owner: dict[str, Path] = {}
    seen: dict[str, ImageRecord] = {}
    for source in sources:
        name, path = _split_name(source)
        records = index_images(path, generator=name, on_note=note)
        added = records
        if len(sources) > 1:
            added = _not_seen(records, seen, shown_path(path))
        if len(added) < len(records):
            repeated = len(records) - len(added)
            note(f"files of {shown_path(path)} that an earlier source lists too, kept once: {repeated}")
        base = path.resolve()
        for generator in sorted({record.generator for record in added}):
            if name is None and generator in owner and owner[generator] != base:
                apart = _apart(generator, base, owner)
                owner[apart] = base
                note(f"two sources have a generator {generator!r}: that of {shown_path(path)} is called {apart!r}")
                added = [replace(r, generator=apart) if r.generator == generator else r for r in added]
            else:
                owner.setdefault(generator, base)
        merged.extend(added)
    sort_records(merged)
    return merged


def _not_seen(records: list[ImageRecord], seen: dict[str, ImageRecord], source: str) -> list[ImageRecord]:
    """The records whose files no earlier source lists; ValueError where one lists them with the other label."""
    paths = list(real_paths(records))
    added = []
    for record, path in zip(records, paths, strict=True):
        if path in seen:
            check_label(seen, path, record, f"{source}, with an earlier source,")
        else:
            added.append(record)
    for record, path in zip(records, paths, strict=True):
        seen.setdefault(path, record)
    return added


def _apart(generator: str, base: Path, owner: Mapping[str, Path]) -> str:
    """A name for a generator whose name another source has: with as many parent folders as tell them apart."""
    parents = [part for part in (base.parent if generator == base.name else base).parts if part != base.anchor]
    names = ["/".join((*parents[-count:], generator)) for count in range(1, len(parents) + 1)]
    return next((name for name in names if owner.get(name, base) == base), names[-1] if names else generator)


def _split_name(source: str | Path) -> tuple[str | None, Path]:
    text = str(source)
    name, equals, rest = text.partition("=")
    if equals and name and rest and not Path(text).exists():
        return name, Path(rest)
    return None, Path(source)


def _printable(records: list[ImageRecord]) -> list[ImageRecord]:
    """Names go into tables and figures: line feeds and bytes that are no text become escapes there."""
    names = {record.generator for record in records} | {record.category or "" for record in records}
    odd = {name for name in names if not name.isprintable()}
    if not odd:
        return records
    return [
        replace(record, generator=_escaped(record.generator), category=record.category and _escaped(record.category))
        if record.generator in odd or record.category in odd
        else record
        for record in records
    ]


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
