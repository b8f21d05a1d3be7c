"""Images for tests: smooth content with detail, written by Pillow or OpenCV."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image


def picture(rng: np.random.Generator, height: int = 96, width: int = 120) -> np.ndarray:
    """A random smooth RGB image with some grain, uint8."""
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 4)
    smooth = smooth / smooth.std() * 40 + rng.normal(0, 3, smooth.shape) + 128
    return np.clip(np.rint(smooth), 0, 255).astype(np.uint8)


def encoded(image: np.ndarray | Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, form, **options)
    return buffer.getvalue()


def write(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def dead_prefix() -> str:
    """The beginning of temporary names of a process of this package that is gone."""
    code = "from freqforensics.runtime.unfinished import unfinished_prefix; print(unfinished_prefix(), end='')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
