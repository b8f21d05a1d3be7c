"""Folders, archives, tables, files and lists of files to a sorted list of records.

Layouts understood (`LAYOUTS` is what an error shows): ForenSynths trees and their kin, plain folders, and tables. What
lies in the way of them (other files, empty folders, loops of links) is named or counted, never fatal, and never becomes
a class.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from freqforensics.images import shown_path
from freqforensics.sources.containers import as_one_set, collected_files, names_an_image, read_collection, shards_in
from freqforensics.sources.leftovers import is_image_name
from freqforensics.sources.listing import is_list, listed_files, records_of_files, why_no_image
from freqforensics.sources.records import ImageRecord, Label, sort_records
from freqforensics.sources.repeats import check_label, folders_meet, merge_same_files, note_twins, real_paths
from freqforensics.sources.selection import Sources, SourcesLike, as_sources, split_name
from freqforensics.sources.shared import SharedReal, counterparts, without_real_side
from freqforensics.sources.sides import Words, checked_labels
from freqforensics.sources.tables import read_table
from freqforensics.sources.trees import TreeOfImages
from freqforensics.storage.locations import as_path, is_location
from freqforensics.storage.opening import file_size, is_collection

LAYOUTS: Final = """\
layouts understood:
  <root>/<generator>/{0_real,1_fake}/*             ForenSynths, several generators
  <root>/<generator>/<category>/{0_real,1_fake}/*  ForenSynths, multi-class generators
  <root>/<generator>/{train,val}/{nature,ai}/*     GenImage; train, val and test may also lie above or below
  <root>/<dataset>/{real,adm,ddpm,...}/*           DiffusionForensics: generators with one real side
  <generator>/{0_real,1_fake}/*                    one generator, or one of the two folders itself
  <root>/{train,val}/<category>/{0_real,1_fake}/*  training roots; <root>/test/ is a root of generators
  <folder>/* or <root>/<folder>/*                  plain folders: label unknown, generator = folder name
  table.csv or table.tsv                           columns path, label, generator [, category, split]
  <root>/<generator>/metadata.csv                  ArtiFact: columns image_path, target [, category]
  image.png; list.txt                              an image file; a list of image files, one a line
  set.zip, set.tar, set.parquet                    the same layouts in an archive; columns image, label, generator
  shards/{000..099}.tar, data/*.parquet            several as one (in quotes: the shell expands braces and stars)
  s3://bucket/set, https://host/set.zip, hf://...  all of these at a remote address
in place of 0_real and 1_fake also real and fake, nature and ai, authentic and synthetic or generated, Au and Tp, in any
case, and other words with labels, such as real=photos,fake=diffusion"""

_TABLES: Final = (".csv", ".tsv")
_Part = tuple[Path, list[ImageRecord]]
Note = Callable[[str], None]


class FolderWarning(UserWarning):
    """Something in a source of images was skipped or is ambiguous."""


def index_images(
    source: str | Path,
    *,
    generator: str | None = None,
    labels: Mapping[str, Label] | None = None,
    on_note: Note | None = None,
) -> list[ImageRecord]:
    """List the images of a folder tree, a table or a list of files, in an order that does not depend on the machine.

    Parameters
    ----------
    source : str or Path
        A folder in one of the layouts of `LAYOUTS`, a ``0_real`` or ``1_fake`` folder itself, a CSV/TSV table
        (header line; paths relative to the table), an image file, a list of image files (``.txt``: one path a line,
        relative to the list; lines that begin with # are comments), or ``-`` for such a list on standard input, which
        is read once, its paths separated by line feeds or NUL. Also an archive (``.zip``, ``.tar``, ``.parquet``) in
        one of these layouts, several as one (``shards/{000..099}.tar``), and each of them at a remote address. No image
        is opened.
    generator : str, optional
        Name for everything found. It also settles what the layout leaves open: below it, folders are categories.
        Without it ``<source>/<name>/{0_real,1_fake}`` makes ``name`` the generator, unless the source is called
        train or val, or progan, stylegan, stylegan2 or cyclegan (multi-class in ForenSynths).
    labels : mapping of str to {"real", "fake", "unknown"}, optional
        What words mean, in any case, as names of folders and in the column label of tables; ``"unknown"`` says of a
        word that it is no label.
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
        that is not understood, a list names a file that does not exist or is no image, or a file is listed as real and
        as fake. Names of folders may mean real and fake images and are not understood, or are words of more than one
        convention: the message asks for `labels`.
    FileNotFoundError
        `source` does not exist.

    Notes
    -----
    Folder convention of Wang et al., CVPR 2020. Folders called real and fake, nature and ai (GenImage), authentic and
    synthetic or generated, or Au and Tp (CASIA), in any case, are understood as well. A folder ``real`` beside folders
    with names of generators (DiffusionForensics; Wang et al., ICCV 2023) is the real side of each. An image file is
    labelled by the folders that it is in, as in their tree. Linked folders are followed, unless they lead to a folder
    above.

    Examples
    --------
    The folders ``0_real`` and ``1_fake`` give the labels, and the folder above them the generator.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for side in ("0_real", "1_fake"):
    ...         Path(folder, "biggan", side).mkdir(parents=True)
    ...         Path(folder, "biggan", side, "a.png").touch()
    ...     [(record.label, record.generator) for record in index_images(folder)]
    [('fake', 'biggan'), ('real', 'biggan')]
    """
    note = _once(on_note or (lambda text: warnings.warn(text, FolderWarning, stacklevel=4)))
    words = checked_labels(labels)
    if _is_listing(source):
        records = [record for _, part in _listed_parts(_files_of(source), generator, note, words) for record in part]
        return _finished(records, note, shown_path(source), repeats=True)
    root = as_path(source)
    where = shown_path(root)
    left_out, repeats = "", False
    if is_collection(str(source)):
        records, left_out = read_collection(str(source), generator, note, words)
    elif not root.exists():
        raise FileNotFoundError(f"no such file or folder: {where}")
    elif root.is_file():
        if root.suffix.lower() not in _TABLES:
            raise ValueError(f"{why_no_image(where)}, and no .csv, .tsv or .txt\n{LAYOUTS}")
        records = read_table(root, generator, note, layouts=LAYOUTS, labels=words)
        repeats = folders_meet(records)
    else:
        tree = TreeOfImages(root, note, words)
        records = tree.records(generator)
        repeats = tree.linked
        left_out = str(tree.leftovers)
        shards = None if records else shards_in(root)
        if shards is not None:
            note(f"{where} holds no image, but archives: {shown_path(shards)} is read as one set")
            records, left_out = read_collection(shards, generator, note, words)
    if not records:
        raise ValueError(f"no image in {where}{f' ({left_out})' if left_out else ''}\n{LAYOUTS}")
    if left_out:
        note(f"left out of {where}: {left_out}")
    return _finished(records, note, where, repeats=repeats)


def image_files(source: str | Path, *, on_note: Note | None = None) -> list[Path]:
    """List the image files of a folder or of a list of files, without labels.

    Parameters
    ----------
    source : str or Path
        A folder, an archive or a remote folder, a list of files (``.txt``), or ``-`` for one on standard input.
    on_note : callable, optional
        Called with a line for everything left out; by default a `FolderWarning`.

    Returns
    -------
    list of Path
        By folder and name; lists as they stand.

    Raises
    ------
    ValueError
        There is none, or a list is not one, as for `index_images`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("b.png", "a.jpg"):
    ...         Path(folder, name).touch()
    ...     [path.name for path in image_files(folder)]
    ['a.jpg', 'b.png']
    """
    note = _once(on_note or (lambda text: warnings.warn(text, FolderWarning, stacklevel=4)))
    if is_list(source):
        return [as_path(path) for path in _files_of(source)]
    if is_collection(str(source)):
        return collected_files(str(source), note)
    tree = TreeOfImages(Path(source), note)
    files = tree.files()
    where, left_out = shown_path(source), str(tree.leftovers)
    if not files:
        raise ValueError(f"no image in {where}{f' ({left_out})' if left_out else ''}")
    if left_out:
        note(f"left out of {where}: {left_out}")
    return files


def index_sources(sources: SourcesLike, *, on_note: Note | None = None) -> list[ImageRecord]:
    """Index several sources into one list of records.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders, tables, image files and lists of files, as `index_images` takes them; a single path is one source. A
        string that is not a path and holds ``=`` is split at the first one. `Sources` says what words mean and names
        real images that generators share.
    on_note : callable, optional
        Called with a line for everything left out or doubtful, for words of `labels` that nothing is called, and for
        real sides that are shared (`real_sides` reads them); by default a `FolderWarning`.

    Returns
    -------
    list of ImageRecord
        Sorted. Generators of one name in different sources are kept apart by their parent folders' names, and a file
        that two sources list is kept once; both are noted. Single files of one folder are one generator. Shared real
        images are listed once for each generator.

    Raises
    ------
    ValueError, FileNotFoundError
        A source cannot be read, as for `index_images`; or one source lists a file as real and another lists it as
        fake (ValueError); or there are real images to share, and no generated ones without a real side.

    Examples
    --------
    The text before the equals sign names the generator.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Path(folder, "cat.png").touch()
    ...     [(record.label, record.generator) for record in index_sources(f"biggan={folder}", on_note=print)]
    [('unknown', 'biggan')]
    """
    note = on_note or (lambda text: warnings.warn(text, FolderWarning, stacklevel=3))
    sources = as_sources(sources)
    words = None if isinstance(sources.labels, Words) else Words(sources.labels)
    if words is not None:
        sources = Sources(sources.paths, labels=words, real=sources.real)
    merged: list[ImageRecord] = []
    owner: dict[str, Path] = {}
    seen: dict[str, ImageRecord] = {}
    for named, where, parts in _parts(sources, note):
        several = len(sources) > 1
        added_parts = [(base, _not_seen(part, seen, where) if several else part) for base, part in parts]
        repeated = sum(len(part) for _, part in parts) - sum(len(part) for _, part in added_parts)
        if repeated:
            note(f"files of {where} that an earlier source lists too, kept once: {repeated}")
        for base, added in added_parts:
            for generator in sorted({record.generator for record in added}):
                if not named and generator in owner and owner[generator] != base:
                    apart = _apart(generator, base, owner)
                    owner[apart] = base
                    note(f"two sources have a generator {generator!r}: that of {shown_path(base)} is called {apart!r}")
                    added = [replace(r, generator=apart) if r.generator == generator else r for r in added]
                else:
                    owner.setdefault(generator, base)
            merged.extend(added)
    if sources.real:
        merged += _shared_real(sources, merged, note)
    if words is not None and (unmatched := words.unmatched()):
        note(f"labels: no folder and no label in a table is called {' or '.join(map(repr, unmatched))}")
    sort_records(merged)
    return merged


def as_records(records: Sequence[ImageRecord] | SourcesLike) -> Sequence[ImageRecord]:
    """Give records as they are, and those of sources; TypeError for a mixture."""
    if isinstance(records, (str, Path)):
        return index_sources(records)
    if all(isinstance(record, ImageRecord) for record in records):
        return cast("Sequence[ImageRecord]", records)
    if any(isinstance(record, ImageRecord) for record in records):
        raise TypeError("records must be ImageRecords or sources, got both")
    return index_sources(cast("Sequence[str | Path]", records))


def as_files(records: Sequence[ImageRecord | str | Path] | str | Path) -> Sequence[ImageRecord | str | Path]:
    """Give records and paths of image files as they are; a single path is a source."""
    return index_sources(records) if isinstance(records, (str, Path)) else records


def _parts(sources: Sources, note: Note) -> Iterator[tuple[bool, str, list[_Part]]]:
    """The records of each source, by the folder that tells its generators apart; single files are one source."""
    singles: dict[str | None, list[str | Path]] = {}
    for source in as_one_set(sources, note):
        name, path = split_name(source)
        if _is_listing(path):
            singles.setdefault(name, []).extend(_files_of(path))
            continue
        records = index_images(path, generator=name, labels=sources.labels, on_note=note)
        yield name is not None, shown_path(path), [(path.resolve(), records)]
    for name, files in singles.items():
        where = shown_path(files[0]) if len(files) == 1 else f"{len(files)} single files"
        once = _once(note)
        parts = _listed_parts(files, name, once, sources.labels)
        yield (
            name is not None,
            where,
            [(base, _finished(part, once, where, repeats=True)) for base, part in parts],
        )


def _is_listing(source: str | Path) -> bool:
    """Whether a source is an image file or a list of files."""
    path = Path(source)
    if is_location(str(source)):
        return names_an_image(str(source))
    return is_list(source) or (is_image_name(path.name) and path.is_file())


def _files_of(source: str | Path) -> list[str | Path]:
    if is_list(source):
        return [*listed_files(source)]
    if is_location(str(source)):
        file_size(source)  # an error where it is not there
    return [source]


def _listed_parts(
    files: list[str | Path], name: str | None, note: Note, labels: Mapping[str, Label]
) -> Iterator[_Part]:
    for part in records_of_files(files, name, note, labels):
        yield part.base, part.records


def _finished(records: list[ImageRecord], note: Note, where: str, *, repeats: bool) -> list[ImageRecord]:
    records = _printable(records)
    sort_records(records)
    if repeats:
        records = merge_same_files(records, note, where)
    note_twins(records, note)
    return records


def _once(note: Note) -> Note:
    """A way to note each line once."""
    reported: set[str] = set()

    def emit(text: str) -> None:
        if text not in reported:
            reported.add(text)
            note(text)

    return emit


def _shared_real(sources: Sources, records: list[ImageRecord], note: Note) -> list[ImageRecord]:
    """The real images that are shared, once for each generator that has none."""
    generators = without_real_side(records)
    if not generators:
        unlabelled = sorted({record.generator for record in records if record.label == "unknown"})
        answer = ",".join(f"fake={name}" for name in unlabelled[:3])
        hint = f"; labels must say that images are generated, e.g. {answer}" if unlabelled else ""
        raise ValueError(f"real must go with generated images that have no real side, got none{hint}")
    labels = {path: record for record, path in zip(records, real_paths(records), strict=True)}
    shared: list[ImageRecord] = []
    for source in sources.real:
        listed = index_sources(Sources([source], labels=sources.labels), on_note=note)
        side = [record for record in listed if record.label != "fake"]
        where = shown_path(split_name(source)[1])
        if len(side) < len(listed):
            note(
                f"images of {where} that are labelled fake, left out of the shared real side: {len(listed) - len(side)}"
            )
        if not side:
            raise ValueError(f"real must hold real images, got none in {where}")
        side = [replace(record, label="real", generator="") for record in side]
        _not_seen(side, labels, where)
        note(SharedReal(str(split_name(source)[1]), len(side), generators))
        shared += side
    shared = merge_same_files(shared, note, "the shared real side")
    return counterparts(shared, generators)


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
