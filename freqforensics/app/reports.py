"""Files of an examination, and the policy that its report needs."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from freqforensics.images import read_header

PAGE: Final = "page.html"
VALUES: Final = "finding.json"
THUMBNAIL: Final = "thumbnail.jpg"
SPECTRA: Final = "spectra"
FILES: Final = {
    "overview.png": "image/png",
    "fingerprints.png": "image/png",
    "fingerprints.pdf": "application/pdf",
    "profiles.png": "image/png",
    "summary.csv": "text/csv; charset=utf-8",
    "scores.csv": "text/csv; charset=utf-8",
}
"""Files of a folder's result that may be asked for, with their types."""
PRINT: Final = "addEventListener('load', function () { window.print(); });"
"""Script that opens the print dialog of a page by itself."""
THUMBNAIL_SIDE: Final = 192


def write_thumbnail(path: Path, out: Path) -> None:
    """Write a small upright copy of a picture, if its size is known without decoding and it decodes.

    The others get theirs when they are examined.
    """
    try:
        header = read_header(path.read_bytes())
        if header.width is None or header.damage:
            return
        with Image.open(path) as image:
            image.draft("RGB", (2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE))
            image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
            upright = ImageOps.exif_transpose(image).convert("RGB")
        upright.save(out / THUMBNAIL, "JPEG", quality=85)
    except Exception:  # a damaged file can lead decoders to any error; its examination will name it
        (out / THUMBNAIL).unlink(missing_ok=True)


@cache
def page_scripts() -> tuple[str, ...]:
    """Give the sources, for a content security policy, of the scripts that a report's page may run."""
    folder = files("freqforensics.report") / "templates"
    scripts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".js")]
    return tuple(source_of(script) for script in sorted(scripts))


def source_of(text: str) -> str:
    """Give the hash source of an inline script or style.

    >>> source_of("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def printing(page: str) -> str:
    """Give a page that opens its print dialog by itself."""
    head, closing, rest = page.rpartition("</body>")
    return f"{head}<script>{PRINT}</script>{closing}{rest}"
