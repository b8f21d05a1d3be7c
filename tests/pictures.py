"""Images for tests: smooth content with detail, written by Pillow or OpenCV."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Mapping, Sequence
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


def board(height: int, width: int) -> np.ndarray:
    """A checkerboard of single pixels, 0 and 1, for all channels."""
    return (np.indices((height, width)).sum(0) % 2)[..., None]


def write_tree(
    root: Path,
    rng: np.random.Generator,
    generators: Sequence[str] = ("",),
    *,
    count: int | tuple[int, int],
    shape: tuple[int, int],
    traces: Mapping[str, np.ndarray] | None = None,
    paired: bool = False,
) -> Path:
    """Write real and fake images as ROOT/GENERATOR/{0_real,1_fake}/N.png; return ROOT.

    Parameters
    ----------
    root : Path
    rng : Generator
    generators : sequence of str
        An empty name puts the two folders into ROOT itself.
    count : int or (int, int)
        Images of each side, or of the real and the fake one.
    shape : (int, int)
        Height and width.
    traces : mapping of str to ndarray, optional
        What is added to every fake of a generator.
    paired : bool
        Fakes show the real images of their names, not others.
    """
    counts = (count, count) if isinstance(count, int) else count
    for generator in generators:
        trace = (traces or {}).get(generator, 0)
        if paired:
            assert counts[0] == counts[1]
            reals = fakes = [picture(rng, *shape) for _ in range(counts[0])]
        else:
            reals, fakes = ([picture(rng, *shape) for _ in range(number)] for number in counts)
        for index, image in enumerate(reals):
            write(root / generator / "0_real" / f"{index}.png", image)
        for index, image in enumerate(fakes):
            write(root / generator / "1_fake" / f"{index}.png", np.clip(image + trace, 0, 255).astype(np.uint8))
    return root


def dead_prefix() -> str:
    """The beginning of temporary names of a process of this package that is gone."""
    code = "from freqforensics.runtime.unfinished import unfinished_prefix; print(unfinished_prefix(), end='')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
