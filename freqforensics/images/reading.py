"""One file to one array: uint8 RGB, every oddity named, nothing half-decoded."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.images.content import raw_name
from freqforensics.images.headers import SUFFIXES, ImageHeader, read_header
from freqforensics.images.jpeg_decoder import decode_jpeg
from freqforensics.images.other_decoder import decode_by_pillow, decode_heic
from freqforensics.images.raster_decoder import decode_bmp, decode_png, decode_webp
from freqforensics.images.samples import (
    AlphaDroppedWarning as AlphaDroppedWarning,
    ImageReadWarning as ImageReadWarning,
    Notes,
    Uint8,
    UndecodableError,
    check_size,
)
from freqforensics.images.tiff_decoder import decode_tiff
from freqforensics.storage.locations import as_path, is_location, shown_path as shown_path
from freqforensics.storage.opening import file_size, read_location
from freqforensics.storage.protocol import StorageError

MAX_PIXELS: Final = 178_956_970
"""Default limit on width times height: 178 megapixels, where Pillow too calls a file a decompression bomb."""


class ImageReadError(ValueError):
    """An image file that cannot be read whole.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        Why, in one line.

    Examples
    --------
    >>> from freqforensics.images import read_image
    >>> try:
    ...     read_image("missing.png")
    ... except ImageReadError as error:
    ...     print(error.reason)
    no such file or directory
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{shown_path(path)}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageReadError], tuple[str, str]]:
        """Keep both arguments when the error is sent between processes."""
        return type(self), (self.path, self.reason)


def read_image(
    path: str | Path,
    *,
    exif_orientation: bool = False,
    max_pixels: int = MAX_PIXELS,
    salvage: bool = False,
    on_note: Callable[[str], None] | None = None,
) -> NDArray[np.uint8]:
    """Read an image file as 8-bit RGB, pixel for pixel as it is stored.

    Pixels stay in the order of the sensor: the EXIF orientation is *not* applied unless asked for, because a rotation
    moves a lattice. HEIC and AVIF come turned as their own header says. Samples of 10 to 16 bits are scaled to 8 and
    rounded, never clipped; alpha is dropped without blending; CMYK, palette and grey images are converted; an animation
    gives its first frame, or its still image where that is not a frame. ICC profiles and gamma chunks are not applied.
    Nothing is resized.

    Each format has one decoder, and a complaint of that decoder refuses the file: libjpeg-turbo for JPEG (a warning is
    an error), libtiff for TIFF (so is a warning about the picture), libpng, libwebp, libheif (`pip install
    'freqforensics[heic]'`), Pillow for the others.

    Parameters
    ----------
    path : str or Path
        A regular file, a member of an archive or a remote address, as `read_file` takes them. The format is told by
        content, not by name.
    exif_orientation : bool
        Apply the EXIF orientation.
    max_pixels : int
        Largest width times height that is decoded.
    salvage : bool
        Give the whole rows of a JPEG that ends early, with a note that begins with "salvaged".
    on_note : callable, optional
        Called with a short phrase for every oddity ("alpha channel dropped", ...). Without it each is a Python
        warning of category `ImageReadWarning`, `AlphaDroppedWarning` for alpha.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB, C-contiguous.

    Raises
    ------
    ImageReadError
        The file is missing, unreadable, empty, not an image, truncated, damaged, of zero size, larger than
        `max_pixels`, or has samples without a defined range (floating point, 32-bit integers).

    Notes
    -----
    What cannot be noticed is damage after which a file is still well formed, so that no decoder complains: wrong bytes
    where pixels are stored as they are (BMP, PPM, plain TIFF); wrong bytes in coded data without check sums that still
    give the right number of pixels (WebP, GIF, LZW and PackBits TIFF, and JPEG, whose code falls into step again: of
    random changes to a JPEG about one in seven); and a progressive JPEG that lacks its last scans. PNG and deflated
    TIFF have check sums all through.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import cv2
    >>> with TemporaryDirectory() as folder:
    ...     written = cv2.imwrite(f"{folder}/grey.png", np.full((40, 60), 128, np.uint8))
    ...     read_image(f"{folder}/grey.png").shape
    (40, 60, 3)
    """
    return decode_image(
        read_file(path, max_pixels=max_pixels),
        name=path,
        exif_orientation=exif_orientation,
        max_pixels=max_pixels,
        salvage=salvage,
        on_note=on_note,
    )


def read_file(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Read the bytes of a regular file that is small enough to be one image of `max_pixels`.

    Parameters
    ----------
    path : str or Path
        The file; also a member of an archive, ``shard.tar::a/b.png``, or a remote address, ``s3://bucket/b.png``.
    max_pixels : int
        A file larger than 8 bytes for each of these pixels, and 64 MiB, is refused unread.

    Returns
    -------
    bytes
        The whole content.

    Raises
    ------
    ImageReadError
        The file is missing, not a regular file, unreadable, empty, or too large.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     written = Path(folder, "a.gif").write_bytes(b"GIF89a")
    ...     read_file(f"{folder}/a.gif")
    b'GIF89a'
    """
    name = str(path)
    if is_location(name):
        return _read_elsewhere(name, max_pixels)
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageReadError(name, "not a regular file")
        if status.st_size == 0:
            raise ImageReadError(name, "empty file")
        if status.st_size > _most_bytes(max_pixels):
            raise ImageReadError(name, f"{status.st_size} bytes are too many for an image of {max_pixels} pixels")
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageReadError(name, (error.strerror or str(error)).lower()) from error
    except ValueError as error:
        if isinstance(error, ImageReadError):
            raise
        raise ImageReadError(name, str(error)) from error  # a null byte in the name


def _most_bytes(max_pixels: int) -> int:
    return 8 * max_pixels + (64 << 20)


def _read_elsewhere(name: str, max_pixels: int) -> bytes:
    try:
        size = file_size(name)
        if size == 0:
            raise ImageReadError(name, "empty file")
        if size > _most_bytes(max_pixels):
            raise ImageReadError(name, f"{size} bytes are too many for an image of {max_pixels} pixels")
        return read_location(name, _most_bytes(max_pixels))
    except StorageError as error:
        raise ImageReadError(name, error.reason) from error
    except OSError as error:
        raise ImageReadError(name, (error.strerror or str(error)).lower()) from error


def decode_image(
    data: bytes,
    *,
    name: str | Path = "<bytes>",
    exif_orientation: bool = False,
    max_pixels: int = MAX_PIXELS,
    salvage: bool = False,
    stored_luma: bool = False,
    header: ImageHeader | None = None,
    on_note: Callable[[str], None] | None = None,
) -> NDArray[np.uint8]:
    """Decode the bytes of an image file, with the guarantees of `read_image`.

    Parameters
    ----------
    data : bytes
        A whole file.
    name : str or Path
        What errors and warnings call it; its suffix is compared with the content.
    exif_orientation, max_pixels, salvage, on_note
        Orientation, size limit, truncated JPEGs and notes, as in `read_image`.
    stored_luma : bool
        Give the luma of a JPEG that stores luma and chroma, as it is stored: one plane, no chroma is decoded. Other
        files give RGB.
    header : ImageHeader, optional
        What `read_header` gives of the data, for callers that have it.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3), or (H, W) for `stored_luma`
        Pixels, RGB in 0 .. 255.

    Raises
    ------
    ImageReadError
        The data cannot be decoded whole, as in `read_image`.

    Examples
    --------
    >>> import cv2
    >>> image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    >>> png = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
    >>> bool((decode_image(png) == image).all())
    True
    """
    name = str(name)
    notes = Notes()
    if not data:
        raise ImageReadError(name, "empty file")
    header = header or read_header(data)
    promised = SUFFIXES.get(as_path(name).suffix.lower(), "other")
    if "other" not in (promised, header.format) and promised != header.format:
        notes.add(f"content is {header.format}, the name says {promised}")
    try:
        if header.width is not None and header.height is not None:
            check_size(header.width, header.height, max_pixels)
        if header.damage and not (salvage and header.cut):
            raise UndecodableError(header.damage)
        image, orientation = _decoded(data, header, notes, max_pixels, salvage=salvage, stored_luma=stored_luma)
    except UndecodableError as error:
        raise ImageReadError(name, str(error)) from error.__cause__
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can lead decoders to any error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImageReadError(name, f"cannot be decoded: damaged {header.format} ({reason})") from error
    if orientation != 1:
        if exif_orientation:
            image = _oriented(image, orientation)
        else:
            notes.add(f"EXIF orientation {orientation} not applied")
    for phrase, category in notes:
        if on_note is not None:
            on_note(phrase)
        else:
            warnings.warn(f"{shown_path(name)}: {phrase}", category, stacklevel=3)
    return np.ascontiguousarray(image)


def _decoded(
    data: bytes, header: ImageHeader, notes: Notes, max_pixels: int, *, salvage: bool, stored_luma: bool
) -> tuple[Uint8, int]:
    """Choose the decoder; give the pixels in stored order, and their EXIF orientation."""
    if header.format == "JPEG":
        image = decode_jpeg(data, header, notes, salvage=salvage, stored_luma=stored_luma)
    elif header.format == "PNG":
        image = decode_png(data, header, notes)
    elif header.format == "WebP" and not header.animated:
        image = decode_webp(data, notes)
    elif header.format == "BMP":
        image = decode_bmp(data, notes)
    elif header.format == "TIFF":
        raw = raw_name(data)
        if raw is not None:
            raise UndecodableError(f"{raw}, not an image: its preview is not read")
        image = decode_tiff(data, notes, max_pixels=max_pixels)
    elif header.format == "HEIC":
        image = decode_heic(data, notes, max_pixels=max_pixels)
    else:
        return decode_by_pillow(data, header, notes, max_pixels=max_pixels)
    return image, header.orientation


def _oriented(image: Uint8, orientation: int) -> Uint8:
    """Undo an EXIF orientation from 2 to 8 (EXIF 2.32, table 6: where row 0 and column 0 of the stored image go)."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    return image[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
