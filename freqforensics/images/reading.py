"""One file to one array: uint8 RGB, every oddity named, nothing half-decoded."""

from __future__ import annotations

import io
import stat
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from freqforensics.images.headers import SUFFIXES, ImageHeader, read_header

_EXIF_ORIENTATION: Final = 0x0112

MAX_PIXELS: Final = 178_956_970
"""Default limit on width times height: 178 megapixels, where Pillow too calls a file a decompression bomb."""

_RGB_MODES: Final = frozenset({"RGB", "L", "1", "P", "CMYK", "YCbCr", "LAB", "HSV", "RGBX"})
_ALPHA_MODES: Final = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})


class ImageReadError(ValueError):
    """An image file that cannot be read whole.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        Why, in one line.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{shown_path(path)}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageReadError], tuple[str, str]]:
        """Keep both arguments when the error is sent between processes."""
        return type(self), (self.path, self.reason)


class ImageReadWarning(UserWarning):
    """Something about an image file was not taken as it stands."""


class AlphaDroppedWarning(ImageReadWarning):
    """The alpha channel of an image was left out; the colours under it were kept unblended."""


def shown_path(path: str | Path) -> str:
    r"""Write a path so that it stays on one line: as it is, or quoted if it has unprintable characters.

    >>> shown_path("a photo.png"), shown_path("two\nlines.png")
    ('a photo.png', "'two\\nlines.png'")
    """
    text = str(path)
    return text if text.isprintable() else repr(text)


def read_image(
    path: str | Path,
    *,
    exif_orientation: bool = False,
    max_pixels: int = MAX_PIXELS,
    on_note: Callable[[str], None] | None = None,
) -> NDArray[np.uint8]:
    """Read an image file as 8-bit RGB, pixel for pixel as it is stored.

    Pixels stay in the order of the sensor: the EXIF orientation is *not* applied unless asked for, because a rotation
    moves a lattice. 16-bit samples are divided by 257 and rounded, never clipped; alpha is dropped without blending;
    CMYK, palette and grey images are converted; an animation gives its first frame. ICC profiles and gamma chunks
    are not applied. Nothing is resized.

    Parameters
    ----------
    path : str or Path
        A regular file. The format is told by content, not by name.
    exif_orientation : bool
        Apply the EXIF orientation.
    max_pixels : int
        Largest width times height that is decoded.
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
    What cannot be noticed: a few wrong bytes inside the coded data of formats without check sums (JPEG, WebP, GIF,
    LZW TIFF), and zeros in place of pixels where pixels are stored as they are (BMP, PPM, plain TIFF). A PNG has check
    sums all through.
    """
    return decode_image(
        read_file(path, max_pixels=max_pixels),
        name=path,
        exif_orientation=exif_orientation,
        max_pixels=max_pixels,
        on_note=on_note,
    )


def read_file(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Read the bytes of a regular file that is small enough to be one image of `max_pixels`.

    Parameters
    ----------
    path : str or Path
    max_pixels : int
        A file larger than 8 bytes for each of these pixels, and 64 MiB, is refused unread.

    Returns
    -------
    bytes

    Raises
    ------
    ImageReadError
        The file is missing, not a regular file, unreadable, empty, or too large.
    """
    name = str(path)
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageReadError(name, "not a regular file")
        if status.st_size == 0:
            raise ImageReadError(name, "empty file")
        if status.st_size > 8 * max_pixels + (64 << 20):
            raise ImageReadError(name, f"{status.st_size} bytes are too many for an image of {max_pixels} pixels")
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageReadError(name, (error.strerror or str(error)).lower()) from error
    except ValueError as error:
        if isinstance(error, ImageReadError):
            raise
        raise ImageReadError(name, str(error)) from error  # a null byte in the name


def decode_image(
    data: bytes,
    *,
    name: str | Path = "<bytes>",
    exif_orientation: bool = False,
    max_pixels: int = MAX_PIXELS,
    on_note: Callable[[str], None] | None = None,
) -> NDArray[np.uint8]:
    """Decode the bytes of an image file; `read_image` says what is promised.

    Parameters
    ----------
    data : bytes
        A whole file.
    name : str or Path
        What errors and warnings call it; its suffix is compared with the content.
    exif_orientation, max_pixels, on_note
        As in `read_image`.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Raises
    ------
    ImageReadError
        As in `read_image`.
    """
    name = str(name)

    def note(phrase: str, category: type[ImageReadWarning] = ImageReadWarning) -> None:
        if on_note is not None:
            on_note(phrase)
        else:
            warnings.warn(f"{shown_path(name)}: {phrase}", category, stacklevel=4)

    if not data:
        raise ImageReadError(name, "empty file")
    header = read_header(data)
    if header.width is not None and header.height is not None:
        _check_size(header.width, header.height, max_pixels, name)
    if header.damage:
        raise ImageReadError(name, header.damage)
    promised = SUFFIXES.get(Path(name).suffix.lower(), "other")
    if "other" not in (promised, header.format) and promised != header.format:
        note(f"content is {header.format}, the name says {promised}")

    if _opencv_first(header):
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if raw is None:
            raise ImageReadError(name, f"cannot be decoded: damaged {header.format}")
        if header.format == "JPEG" and _scan_may_be_short(header, raw) and _scan_is_short(data, header):
            raise ImageReadError(name, "truncated JPEG: its picture data ends before the picture does")
        image = _from_opencv(raw, name, note)
        if header.animated:
            note("animation: first frame taken")
        if header.transparency and raw.ndim == 2:
            note("alpha channel dropped", AlphaDroppedWarning)
        orientation = header.orientation
    else:
        image, orientation = _from_pillow(data, header, max_pixels, name, note)

    if orientation != 1:
        if exif_orientation:
            image = _oriented(image, orientation)
        else:
            note(f"EXIF orientation {orientation} not applied")
    return np.ascontiguousarray(image)


def _check_size(width: int, height: int, max_pixels: int, name: str) -> None:
    if width == 0 or height == 0:
        raise ImageReadError(name, f"zero-size image ({width}x{height})")
    if width * height > max_pixels:
        raise ImageReadError(name, f"{width}x{height} is over the limit of {max_pixels} pixels")


def _scan_may_be_short(header: ImageHeader, raw: NDArray[Any]) -> bool:
    """Whether a JPEG's last block is flat, as a decoder leaves it that ran out of data; progressive ones always may."""
    corner = raw[(raw.shape[0] - 1) // 8 * 8 :, (raw.shape[1] - 1) // 8 * 8 :]
    return header.progressive or bool((corner == corner[:1, :1]).all())


def _scan_is_short(data: bytes, header: ImageHeader) -> bool:
    """Whether a JPEG's coded data ends before its picture does, though an end-of-image marker follows.

    A decoder that has the whole picture does not look at what stands before the marker; one that ran out does.
    """
    end = header.end or len(data)
    filler = np.random.default_rng(0).integers(0, 255, 2048, dtype=np.uint8).tobytes()  # no 0xFF: no marker
    try:
        # Through Pillow, which keeps libjpeg quiet.
        picture = np.asarray(Image.open(io.BytesIO(data)))
        again = np.asarray(Image.open(io.BytesIO(data[:end] + filler + data[end:])))
    except Exception:
        return True
    return not np.array_equal(picture, again)


def _opencv_first(header: ImageHeader) -> bool:
    """Whether OpenCV decodes this kind in full: not CMYK, not animated WebP, and no 8-bit TIFF.

    OpenCV reads 8-bit TIFF through a routine that goes on past damaged strips; Pillow stops.
    """
    if header.format == "JPEG":
        return header.components in (1, 3)
    return header.format in ("PNG", "BMP") or (header.format == "WebP" and not header.animated)


Note = Callable[..., None]


def _from_opencv(raw: NDArray[Any], name: str, note: Note) -> NDArray[np.uint8]:
    if raw.dtype == np.uint16:
        note("16-bit samples divided by 257")
        raw = ((raw.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if raw.dtype != np.uint8:
        raise ImageReadError(name, f"{raw.dtype} samples have no defined range")
    if raw.ndim == 2:
        return cv2.cvtColor(raw, cv2.COLOR_GRAY2RGB)  # type: ignore[return-value]
    if raw.shape[2] == 4:
        _note_alpha(raw[..., 3], note)
        return cv2.cvtColor(raw, cv2.COLOR_BGRA2RGB)  # type: ignore[return-value]
    if raw.shape[2] == 3:
        return cv2.cvtColor(raw, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]
    raise ImageReadError(name, f"{raw.shape[2]} channels")


def _note_alpha(alpha: NDArray[Any], note: Note) -> None:
    note("alpha channel dropped" + ("" if alpha.min() < 255 else " (opaque)"), AlphaDroppedWarning)


def _from_pillow(
    data: bytes, header: ImageHeader, max_pixels: int, name: str, note: Note
) -> tuple[NDArray[np.uint8], int]:
    """The pixels in stored order, and their EXIF orientation."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise ImageReadError(name, "not read while PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set: it hides truncation")
    orientation = header.orientation
    try:
        picture: Image.Image = Image.open(io.BytesIO(data))
        _check_size(*picture.size, max_pixels, name)
        if header.format == "TIFF" and picture.mode in ("RGB", "RGBA", "RGBX") and _bits_per_sample(picture) > 8:
            return _tiff_from_opencv(data, max_pixels, name, note), orientation  # Pillow keeps the high byte only
        frames = int(getattr(picture, "n_frames", 1))
        picture.seek(0)
        picture.load()
        if header.format == "TIFF":
            _check_deflated_strips(data, picture)
        elif header.format in ("AVIF", "other"):
            orientation = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except ImageReadError:
        raise
    except UnidentifiedImageError:
        if header.format == "TIFF":
            return _tiff_from_opencv(data, max_pixels, name, note), orientation
        raise ImageReadError(name, f"not an image that can be read ({_described(data, header)})") from None
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImageReadError(name, f"cannot be decoded: {reason}") from error
    if frames > 1 and header.format != "JPEG":  # a JPEG's further frames are previews
        note("animation: first frame taken" if header.format != "TIFF" else "several pages: first taken")
    image = _pillow_rgb(picture, data, name, note)
    if header.format == "TIFF":  # Pillow has already turned it
        image = _oriented(image, {6: 8, 8: 6}.get(orientation, orientation))
    return image, orientation


def _pillow_rgb(picture: Image.Image, data: bytes, name: str, note: Note) -> NDArray[np.uint8]:
    if (
        picture.format == "JPEG2000" and picture.mode == "RGB"
    ):  # Pillow, which has found it whole, keeps the wrong byte of 16-bit samples
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if raw is not None and raw.dtype == np.uint16:
            return _from_opencv(raw, name, note)
    if picture.mode in ("I;16", "I;16B", "I;16L", "I;16N") or (picture.mode == "I" and picture.format == "PPM"):
        note("16-bit samples divided by 257")
        grey = ((np.asarray(picture).astype(np.uint32) + 128) // 257).astype(np.uint8)
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)  # type: ignore[return-value]
    if picture.mode in _ALPHA_MODES or "transparency" in picture.info:
        rgba = np.asarray(picture.convert("RGBA"))
        _note_alpha(rgba[..., 3], note)
        return rgba[..., :3]
    if picture.mode == "CMYK":
        note("CMYK converted to RGB")
    if picture.mode in _RGB_MODES:
        return np.asarray(picture.convert("RGB"))
    raise ImageReadError(name, f"samples of mode {picture.mode!r} have no defined range")


def _check_deflated_strips(data: bytes, picture: Image.Image) -> None:
    """Raise unless every strip or tile of a deflated TIFF has the right check sum; libtiff does not look."""
    tags = getattr(picture, "tag_v2", {})
    if tags.get(259) not in (8, 32946):
        return
    for offsets, counts in ((273, 279), (324, 325)):
        for start, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=True):
            decoder = zlib.decompressobj()
            decoder.decompress(data[start : start + count])
            if not decoder.eof:
                raise zlib.error("a strip breaks off")


def _bits_per_sample(picture: Image.Image) -> int:
    bits = getattr(picture, "tag_v2", {}).get(258, 8)
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _tiff_from_opencv(data: bytes, max_pixels: int, name: str, note: Note) -> NDArray[np.uint8]:
    """Decode what Pillow does not know: 16-bit RGB, which OpenCV reads strip by strip and strictly."""
    raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise ImageReadError(name, "cannot be decoded: damaged TIFF, or of a kind neither OpenCV nor Pillow reads")
    _check_size(raw.shape[1], raw.shape[0], max_pixels, name)
    if raw.dtype == np.uint8:
        raise ImageReadError(name, "cannot be decoded: damaged TIFF directory")
    return _from_opencv(raw, name, note)


def _described(data: bytes, header: ImageHeader) -> str:
    if header.format != "other":
        return f"damaged {header.format}"
    start = data[:64]
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start):
        return "its content is text"
    return "unknown content"


def _oriented(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo the EXIF orientation 2..8 (EXIF 2.32, table 6: where row 0 and column 0 of the stored image go)."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    return image[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
