"""Scores of an image's looks that need no reference: what a detector's scores can be compared with.

Only `niqe` and `blur_effect` claim to say something of quality; the others are properties of the pixels that quality
is often taken for. A score of one's own joins them by `as_score`. BRISQUE is not among them: its weights were learnt
from people's ratings, `piq` fetches them from the net, and `brisque` 0.2 fails with numpy 2.4.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics.images import ImageReadError, decode_image, read_file, read_header, read_jpeg_tables
from freqforensics.images.reading import shown_path
from freqforensics.quality.niqe import check_image, luma_plane, niqe, small_niqe
from freqforensics.quality.strips import Moments, pooled, strips
from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.tables import read_table, write_csv
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import as_records

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]

FACTS: Final = ("path", "generator", "label", "category", "width", "height", "format", "jpeg_quality")
"""Columns of a table before those of the scores."""
_BLURRED: Final = 11  # pixels over which `blur_effect` blurs again, scikit-image's default
_WHOLE: Final = 1 << 22  # pixels from which blur is measured strip by strip: half as fast, in a quarter of the memory
_FEW: Final = 64  # images below which each is a chunk, so that all threads have some
_TAPS: Final = 4  # of Daubechies 2
_NORMAL_QUARTILE: Final = 0.6744897501960817


@dataclass(frozen=True)
class QualityScore:
    """A number that an image has by itself.

    Parameters
    ----------
    name : str
        Name of the column.
    label : str
        For figures, with the unit.
    lower_is_better : bool or None
        None: it says nothing of quality.
    function : callable
        Takes uint8 RGB, (H, W, 3), gives a number; ValueError of an image that has none. Runs in several threads.
    about : str
        What it is, and whose.
    """

    name: str
    label: str
    lower_is_better: bool | None
    function: Callable[[Uint8], float]
    about: str = ""


@dataclass(frozen=True)
class QualityRow:
    """What is known of one file.

    Parameters
    ----------
    path, generator, label, category, width, height
        What the `ImageRecord` says (no category is ""), and the image's size.
    format : str
        By content.
    jpeg_quality : int or None
        On libjpeg's scale; None of other formats. A fact of the file: pixels that were JPEG before have none.
    values : tuple of float
        Values of the scores, NaN where one has none for this image.
    """

    path: str
    generator: str
    label: str
    category: str
    width: int
    height: int
    format: str
    jpeg_quality: int | None
    values: tuple[float, ...]


@dataclass(frozen=True, repr=False)
class QualityTable(Summarised):
    """Scores of some files.

    Parameters
    ----------
    scores : tuple of str
        Names, in the order of `QualityRow.values`.
    rows : tuple of QualityRow
        In the order of the records.
    failures : tuple of (str, str)
        Path and reason of every file that could not be read. Not saved.
    missing : tuple of (str, int, str)
        Scores that had no value for some images: name, how many, and why the first had none. Not saved.
    """

    scores: tuple[str, ...]
    rows: tuple[QualityRow, ...]
    failures: tuple[tuple[str, str], ...] = ()
    missing: tuple[tuple[str, int, str], ...] = ()

    def values(self, score: str) -> Float:
        """Give one score of all rows, shape (N,), NaN where there is none; ValueError if it is not in the table.

        Parameters
        ----------
        score : str
            Name of the score.
        """
        if score not in self.scores:
            raise ValueError(f"score must be one of {', '.join(self.scores)}; got {score!r}")
        place = self.scores.index(score)
        return np.array([row.values[place] for row in self.rows], np.float64)

    def save(self, path: str | Path) -> None:
        """Write a CSV file, whole or not at all; numbers in full.

        Parameters
        ----------
        path : str or Path
            File to write; an existing one is replaced.
        """
        write_csv(path, [*FACTS, *self.scores], map(_cells, self.rows), end="\r\n")

    @classmethod
    def load(cls, path: str | Path) -> QualityTable:
        """Read a CSV file that `save` wrote.

        Raises
        ------
        ValueError
            Another header, or a row that does not fit.
        """
        cells = read_table(path)
        header = tuple(cells[0]) if cells else ()
        if header[: len(FACTS)] != FACTS:
            raise ValueError(f"{shown_path(path)} is not a table of quality: its columns are {', '.join(header)}")
        try:
            if any(len(row) != len(header) for row in cells):
                raise ValueError(f"a row does not have {len(header)} cells")
            return cls(header[len(FACTS) :], tuple(_from_cells(row) for row in cells[1:]))
        except ValueError as error:
            raise ValueError(f"{shown_path(path)} is not a table of quality: {error}") from error


def blur_effect(image: Uint8) -> float:
    """Measure blur by how much another blur changes (Crete et al., SPIE 6492, 2007; scikit-image).

    0 is sharp, 1 is what a flat image has; of the more blurred direction. Images as for
    `QualityScore.function`; ValueError of one under 12 pixels a side. Images over 4 megapixels are measured strip by
    strip: the sums are rounded in another order, which changes the result by less than 1e-14 of it.
    """
    from skimage import measure

    check_image(image)
    if min(image.shape[:2]) <= _BLURRED:
        raise ValueError(f"image must have more than {_BLURRED} pixels a side, got {image.shape[1]}x{image.shape[0]}")
    if image.shape[0] * image.shape[1] > _WHOLE:
        luma = np.empty(image.shape[:2], np.float32)  # the type that the luma comes in
        for top, bottom in strips(*image.shape[:2]):
            luma[top:bottom] = luma_plane(image[top:bottom])
        return max(_blurred_share(luma, axis) for axis in (0, 1))
    blur: Callable[..., Any] = measure.blur_effect
    return float(blur(luma_plane(image) / 255, h_size=_BLURRED))


def _blurred_share(luma: NDArray[np.float32], axis: int) -> float:
    """Give the blur along one axis, from strips of whole lines along it.

    The share of the edges that another blur leaves is the mean of the strips', weighted by their edges. It differs from
    that of the whole plane by the order of its sums.
    """
    from skimage import filters, measure

    blur: Callable[..., Any] = measure.blur_effect
    sobel: Callable[..., Any] = filters.sobel
    left = edges = 0.0
    inner = luma.shape[1 - axis] - 3  # `measure.blur_effect` leaves out two lines at one border, and one at the other
    for start, stop in strips(inner, luma.shape[axis]):
        lines = slice(start, stop + 3)
        strip = (luma[:, lines] if axis == 0 else luma[lines]).astype(np.float64)
        strip /= 255
        differences = np.abs(sobel(strip, axis=axis)[2:-1, 2:-1])
        weight = float(np.maximum(differences, np.finfo(np.float64).eps, out=differences).sum())
        left += weight * float(blur(strip, h_size=_BLURRED, reduce_func=None)[axis])
        edges += weight
    return left / edges


def laplacian_variance(image: Uint8) -> float:
    """Give the variance of the luma's Laplacian, squared grey levels: sharpness, and noise, and busy content."""
    check_image(image)
    return pooled(map(Moments.of, _laplacians(image))).variance


def _laplacians(image: Uint8) -> Iterator[Float]:
    """Give the Laplacian of the luma strip by strip; a row beyond a strip has a part in it."""
    for top, bottom in strips(*image.shape[:2]):
        above = max(0, top - 1)
        laplacian = cv2.Laplacian(luma_plane(image[above : bottom + 1]), cv2.CV_64F)
        yield np.asarray(laplacian[top - above : bottom - above], np.float64)


def noise_sigma(image: Uint8) -> float:
    """Estimate the standard deviation of white noise, grey levels, mean of the three colours.

    The median of the finest diagonal wavelet coefficients (Daubechies 2), over that of a standard normal (Donoho and
    Johnstone, Biometrika 81, 1994). Fine texture counts as noise; noise that was blurred or compressed goes unseen.
    """
    check_image(image)
    deviations = []
    for colour in range(3):
        diagonal = _diagonal_band(np.asarray(cv2.extractChannel(image, colour), np.uint8))
        deviations.append(np.median(np.abs(diagonal, out=diagonal), overwrite_input=True) / _NORMAL_QUARTILE)
    return float(np.mean(deviations))


def _diagonal_band(plane: Uint8) -> Float:
    """Give the finest diagonal wavelet coefficients of a plane, computed strip by strip."""
    import pywt

    height, width = (pywt.dwt_coeff_len(side, _TAPS, "symmetric") for side in plane.shape)
    diagonal = np.empty((height, width))
    for top, bottom in strips(height, plane.shape[1]):
        above = max(0, top - 1)  # coefficient k is of the rows 2 k - 2 .. 2 k + 1
        rows = plane[2 * above : None if bottom == height else 2 * bottom]
        # Along rows, which is faster, and the diagonal band alone: dwt2 computes two others.
        vertical = pywt.dwt(cv2.transpose(rows).astype(np.float64), "db2")[1][:, top - above : bottom - above]
        diagonal[top:bottom] = pywt.dwt(np.ascontiguousarray(vertical.T), "db2")[1]
    return diagonal


def colourfulness(image: Uint8) -> float:
    """Measure how colourful an image is (Hasler and Suesstrunk, SPIE 5007, 2003, measure M3).

    0 of grey images; in people's words 15 is slightly, 45 averagely, 82 highly, 109 extremely colourful.
    """
    check_image(image)
    opponents = [_opponents(image[top:bottom]) for top, bottom in strips(*image.shape[:2])]
    red_green, yellow_blue = map(pooled, zip(*opponents, strict=True))
    deviations = math.sqrt(red_green.variance), math.sqrt(yellow_blue.variance)
    return math.hypot(*deviations) + 0.3 * math.hypot(red_green.mean, yellow_blue.mean)


def _opponents(image: Uint8) -> tuple[Moments, Moments]:
    """Measure red less green, and yellow less blue."""
    red, green, blue = cv2.split(image)
    red_green = Moments.of(cv2.subtract(red, green, dtype=cv2.CV_64F))
    return red_green, Moments.of(cv2.addWeighted(red, 0.5, green, 0.5, 0, dtype=cv2.CV_64F) - blue)


def entropy(image: Uint8) -> float:
    """Give Shannon's entropy of the histogram of the rounded luma, 0 .. 8 bits."""
    check_image(image)
    counts = np.zeros(256, np.intp)
    for top, bottom in strips(*image.shape[:2]):
        levels = np.rint(luma_plane(image[top:bottom])).astype(np.intp)
        counts += np.bincount(levels.ravel(), minlength=256)
    share = counts[counts > 0] / counts.sum()
    return float((share * np.log2(1 / share)).sum())


def as_score(
    function: Callable[[Uint8], float],
    *,
    name: str,
    lower_is_better: bool | None = None,
    label: str | None = None,
    about: str = "",
) -> QualityScore:
    """Make a quality score from your own function.

    Parameters
    ----------
    function, name, lower_is_better, about
        As in `QualityScore`.
    label : str, optional
        Label in figures; default `name`.

    Returns
    -------
    QualityScore
        A score that the studies take.

    Raises
    ------
    ValueError
        `name` is empty, cannot be printed, or is that of a column of facts.

    Examples
    --------
    >>> as_score(lambda image: float(image.mean()), name="brightness").label
    'brightness'
    >>> score = as_score(np.ptp, name="contrast", lower_is_better=False, label="contrast (grey levels)", about="Range.")
    >>> score.label, score.about, score.function(np.array([[[3, 9, 20]]], np.uint8))
    ('contrast (grey levels)', 'Range.', np.uint8(17))
    """
    if not name or not name.isprintable() or name in FACTS:
        raise ValueError(f"name must be printable and none of {', '.join(FACTS)}; got {name!r}")
    return QualityScore(name, label or name, lower_is_better, function, about)


_ALL: Final = (
    QualityScore("niqe", "NIQE", True, niqe, "Distance of local statistics from photographs' (Mittal et al. 2013)."),
    QualityScore(
        "niqe_48", "NIQE, patches of 48 pixels", True, small_niqe, "The same for images from 96 pixels a side."
    ),
    QualityScore("blur_effect", "blur effect", True, blur_effect, "0 sharp to 1 (Crete et al. 2007)."),
    QualityScore("laplacian_variance", "sharpness", None, laplacian_variance, "Variance of the Laplacian of the luma."),
    QualityScore(
        "noise_sigma", "noise (grey levels)", None, noise_sigma, "Standard deviation, by wavelets (Donoho 1994)."
    ),
    QualityScore(
        "colourfulness", "colourfulness", None, colourfulness, "Of opponent colours (Hasler and Suesstrunk 2003)."
    ),
    QualityScore("entropy", "entropy (bits)", None, entropy, "Shannon's, of the histogram of the luma."),
)
SCORES: Final[Mapping[str, QualityScore]] = MappingProxyType({score.name: score for score in _ALL})
"""Scores that ship, by name."""


def chosen_scores(scores: Sequence[QualityScore | str]) -> list[QualityScore]:
    """Look up scores by name.

    Raises
    ------
    ValueError
        An unknown name, none, or one twice or that of a fact.
    """
    if isinstance(scores, str):
        raise ValueError(f"scores must be a sequence of scores, got the text {scores!r}")
    if unknown := [score for score in scores if isinstance(score, str) and score not in SCORES]:
        raise ValueError(f"score must be one of {', '.join(SCORES)}; got {unknown[0]!r}")
    chosen = [SCORES[score] if isinstance(score, str) else score for score in scores]
    names = tuple(score.name for score in chosen)
    if not names or len(set(names)) < len(names) or set(names) & set(FACTS):
        raise ValueError(f"scores must be one or more of different names, none of a fact's; got {', '.join(names)}")
    return chosen


def measure_quality(
    records: Sequence[ImageRecord] | SourcesLike,
    scores: Sequence[QualityScore | str] = _ALL,
    *,
    workers: int | None = None,
    progress: str | None = None,
) -> QualityTable:
    """Score image files.

    Parameters
    ----------
    records : sequence of ImageRecord, or sources
        Sources are indexed as `index_sources` does.
    scores : sequence of QualityScore or str
        Names are those of `SCORES`, the default.
    workers : int, optional
        Threads; default the number of processors this process may use. The table does not depend on it.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    QualityTable
        A score that raises ValueError for an image, or gives what is not finite, is NaN there and counted in
        `QualityTable.missing`. Files that cannot be read have no row and are listed in `QualityTable.failures`.

    Raises
    ------
    ValueError
        No records, no scores, an unknown name, or two of one name.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> mean = as_score(lambda image: float(image.mean()), name="mean")
    >>> with TemporaryDirectory() as folder:
    ...     written = cv2.imwrite(f"{folder}/grey.png", np.full((64, 64), 128, np.uint8))
    ...     table = measure_quality(folder, [mean])
    >>> table.values("mean").tolist()
    [128.0]
    """
    records = as_records(records)
    if not records:
        raise ValueError("records must not be empty")
    chosen = chosen_scores(scores)
    names = tuple(score.name for score in chosen)
    work = partial(_measured, scores=chosen)
    chunk_size = 1 if len(records) < _FEW else 4
    measured = map_reduce(records, work, _merged, workers=workers, chunk_size=chunk_size, progress=progress)
    counts = Counter(name for name, _ in measured.missing)
    reasons = dict(reversed(measured.missing))  # of each the first is what stays
    missing = tuple((name, counts[name], reasons[name]) for name in names if name in counts)
    return QualityTable(names, tuple(measured.rows), tuple(measured.failures), missing)


class _Found(NamedTuple):
    """What some records gave; `missing` is (score, reason) of every value that is."""

    rows: list[QualityRow]
    failures: list[tuple[str, str]]
    missing: list[tuple[str, str]]


def _merged(first: _Found, second: _Found) -> _Found:
    first.rows.extend(second.rows)
    first.failures.extend(second.failures)
    first.missing.extend(second.missing)
    return first


def _measured(records: Sequence[ImageRecord], *, scores: Sequence[QualityScore]) -> _Found:
    measured = _Found([], [], [])
    for record in records:
        try:
            data = read_file(record.path)
            image = decode_image(data, name=record.path, on_note=lambda note: None)
        except ImageReadError as error:
            measured.failures.append((error.path, error.reason))
            continue
        values = []
        for score in scores:
            # What a function of the reader's writes to the image is not for the next score.
            pixels = image if score in _ALL else image.copy()
            try:
                value, reason = float(score.function(pixels)), "the number is not finite"
            except ValueError as error:
                value, reason = math.nan, str(error)
            if not math.isfinite(value):
                measured.missing.append((score.name, reason))
            values.append(value if math.isfinite(value) else math.nan)
        height, width = image.shape[:2]
        quality = None if (tables := read_jpeg_tables(data)) is None else tables.quality
        facts = str(record.path), record.generator, record.label, record.category or "", width, height
        measured.rows.append(QualityRow(*facts, str(read_header(data).format), quality, tuple(values)))
    return measured


def _cells(row: QualityRow) -> list[str]:
    facts = [str(getattr(row, name)) for name in FACTS[:-1]]
    return [*facts, "" if row.jpeg_quality is None else str(row.jpeg_quality), *map(repr, row.values)]


def _from_cells(row: Sequence[str]) -> QualityRow:
    path, generator, label, category, width, height, form, quality, *values = row
    facts = path, generator, label, category, int(width), int(height), form
    return QualityRow(*facts, int(quality) if quality else None, tuple(map(float, values)))
