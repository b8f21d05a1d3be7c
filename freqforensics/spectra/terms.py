"""Image files transformed one by one: the terms of an average, each with what was learnt of its file on the way."""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from freqforensics.images import ImageReadError, decode_image, read_file, read_header
from freqforensics.images.headers import ImageHeader
from freqforensics.runtime.executors import current_executor
from freqforensics.runtime.parallel import map_reduce
from freqforensics.sources.copies import difference_hash
from freqforensics.sources.facts import FileFacts, file_facts
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.sources import as_files
from freqforensics.spectra.accumulate import SpectrumAccumulator
from freqforensics.spectra.power import MeanSpectrum
from freqforensics.spectra.spec import SpectrumSpec
from freqforensics.storage.locations import as_path

FileKey = tuple[str, str]
"""What the pixels and notes of a file depend on: the SHA-256 of its bytes, and its suffix."""


class ImageTerm(NamedTuple):
    """What one image file adds to an average.

    Parameters
    ----------
    spectrum : MeanSpectrum
        Without an image where the file cannot be read or is too small.
    content : int
        `difference_hash` of the picture; -1 of one that is flat, or was not averaged.
    sha256 : str
        SHA-256 of the file; empty if it cannot be read.
    facts : FileFacts or None
        What the header says, as `file_facts` gives it without the content; None of a damaged file.
    """

    spectrum: MeanSpectrum
    content: int
    sha256: str = ""
    facts: FileFacts | None = None


def known_terms(records: Sequence[ImageRecord], terms: Sequence[ImageTerm]) -> dict[FileKey, ImageTerm]:
    """Sort the terms of records by what they depend on, for `image_terms`; those of damaged files are left out."""
    return {
        (term.sha256, record.path.suffix.lower()): term
        for record, term in zip(records, terms, strict=True)
        if not term.spectrum.failures
    }


def image_terms(
    records: Sequence[ImageRecord | str | Path] | str | Path,
    *,
    spec: SpectrumSpec | None = None,
    known: Mapping[FileKey, ImageTerm] | None = None,
    workers: int | None = None,
    progress: str | None = None,
) -> tuple[ImageTerm, ...]:
    """Transform image files one by one, and hash what they look like.

    Every file is read once. Files of the same bytes are decoded once, here or where `known` comes from.

    Parameters
    ----------
    records : sequence of ImageRecord, str or Path
        A single path is a source, as for `index_sources`.
        Files that cannot be read, or are too small, have no image; their spectra say why. Copies are terms like
        others: their `ImageTerm.sha256` are the same.
    spec : SpectrumSpec, optional
        The spectrum; its crops are not drawn at random. Default ``SpectrumSpec()``.
    known : mapping, optional
        Terms of an earlier call with the same `spec`, as `known_terms` gives them. They play no part on a cluster.
    workers : int, optional
        Number of threads; default all processors. The result does not depend on it.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    tuple of ImageTerm
        One for each record, in their order. With 64x64 crops each takes 100 kB.

    Raises
    ------
    ValueError
        No records, or crops drawn at random.
    """
    records = as_files(records)
    spec = spec or SpectrumSpec()
    if not records:
        raise ValueError("records must not be empty")
    if spec.crop == "random":
        raise ValueError("spec must not draw crops at random")
    terms = _Known(known or {}) if current_executor() is None else _Known()
    items = [
        record if isinstance(record, ImageRecord) else ImageRecord(as_path(record), "unknown", "") for record in records
    ]
    return tuple(map_reduce(items, partial(_terms, spec, terms), operator.iadd, workers=workers, progress=progress))


class _Known(dict[FileKey, ImageTerm]):
    """Terms that stay in their process: each weighs more than the image it is of, which is the shorter way."""

    def __reduce__(self) -> tuple[type[_Known], tuple[()]]:
        return _Known, ()


def _terms(spec: SpectrumSpec, known: _Known, chunk: Sequence[ImageRecord]) -> list[ImageTerm]:
    """Transform a chunk of files; threads share `known`."""
    terms = []
    for record in chunk:
        path = record.path
        try:
            data = read_file(path)
        except ImageReadError as error:
            terms.append(ImageTerm(_unreadable(spec, error), -1))
            continue
        digest, header = hashlib.sha256(data).hexdigest(), read_header(data)
        try:
            facts = file_facts(record, data, digest, header=header)
        except ImageReadError:
            facts = None
        key = digest, path.suffix.lower()
        term = known.get(key)
        if term is None:
            term = _term(path, data, digest, header, spec)
            if not term.spectrum.failures:  # which name the path
                # Two threads may get here with copies at once: their terms are the same.
                known[key] = term
        terms.append(term._replace(facts=facts))
    return terms


def _term(path: Path, data: bytes, digest: str, header: ImageHeader, spec: SpectrumSpec) -> ImageTerm:
    notes: list[str] = []
    try:
        luma = spec.channel == "luma"
        image = decode_image(data, name=path, stored_luma=luma, header=header, on_note=notes.append)
    except ImageReadError as error:
        return ImageTerm(_unreadable(spec, error), -1, digest)
    accumulator = SpectrumAccumulator(spec)
    accumulator.update([image])
    if image.shape[0] < spec.shape[0] or image.shape[1] < spec.shape[1]:
        return ImageTerm(accumulator.result(inputs_sha256=_NOTHING), -1, digest)
    return ImageTerm(accumulator.result(notes=Counter(notes), inputs_sha256=digest), difference_hash(image), digest)


_NOTHING = "0" * 64
"""Hash of no inputs: hashes of inputs are added up."""


def _unreadable(spec: SpectrumSpec, error: ImageReadError) -> MeanSpectrum:
    failures = [(error.path, error.reason)]
    return SpectrumAccumulator(spec).result(failures=failures, inputs_sha256=_NOTHING)
