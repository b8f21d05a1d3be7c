"""ForenSynths trees of miniatures: photos, and the same photos as each family would have made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from freqforensics.generators.miniature import Miniature
from freqforensics.generators.photos import Photos, central_crop, index_photos, read_photos
from freqforensics.generators.registry import named_families
from freqforensics.generators.storage import SHELF, load_miniature
from freqforensics.images.perturb import JPEG
from freqforensics.provenance import check_result_folder, manifest, replacing, result_folder, write_json

Uint8 = NDArray[np.uint8]

MARGIN: Final = 16
"""Pixels around a crop that a miniature sees and that are cut off again: no border is part of the pattern."""

_BATCH: Final = 8


@dataclass(frozen=True)
class Simulation:
    """What `simulate` wrote.

    Parameters
    ----------
    images : int
        On each side of each family.
    families : tuple of str
    too_small : tuple of str
        Names of photos left out.
    failures : tuple of (str, str)
        Path and reason of every photo that could not be read.
    """

    images: int
    families: tuple[str, ...]
    too_small: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]


def simulate(
    photos: Photos,
    out: str | Path,
    *,
    miniatures: Mapping[str, Miniature],
    size: int = 128,
    limit: int | None = None,
    quality: int | None = None,
    command: str | None = None,
    overwrite: bool = False,
    progress: str | None = None,
) -> Simulation:
    """Write ``<family>/0_real`` and ``<family>/1_fake``: the same crops of photos, before and after a miniature.

    Parameters
    ----------
    photos : Photos
    out : str or Path
    miniatures : mapping of str to Miniature
        By the name of the folder each gets.
    size : int
        Side of the central crops, a multiple of 16 from 32. Miniatures see 16 pixels more on every side.
    limit : int, optional
        The first so many photos that are large enough.
    quality : int, optional
        JPEG quality both sides are compressed with before they are written; 4:2:0.
    command : str, optional
        The command line, for the manifest.
    overwrite : bool
        As for `result_folder`.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Simulation
        The images are PNG files named after the photos.

    Raises
    ------
    ValueError
        No miniature, no photo that is large enough, or a parameter out of range; as `result_folder`.
    """
    if not miniatures:
        raise ValueError("there is no miniature to simulate with")
    if size < 32 or size % 16:
        raise ValueError(f"size must be a multiple of 16 from 32, got {size}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    compress = None if quality is None else JPEG(quality)
    # An offset that is a multiple of 16 with a margin of 16 is one without it, too.
    seen = size + 2 * MARGIN
    crops = {name: central_crop(image, seen) for name, image in zip(photos.names, photos.images, strict=True)}
    too_small = tuple(name for name, crop in crops.items() if crop is None)
    usable = [(name, crop) for name, crop in crops.items() if crop is not None][:limit]
    if not usable:
        raise ValueError(f"no photo is as large as {seen}x{seen} pixels after scaling; --size {size} needs that")
    inner = slice(MARGIN, MARGIN + size)
    with (
        result_folder(out, overwrite=overwrite) as made,
        tqdm(
            total=len(usable) * len(miniatures),
            desc=progress,
            unit="image",
            delay=2,
            disable=None if progress else True,
        ) as bar,
    ):
        for family, miniature in miniatures.items():
            for start in range(0, len(usable), _BATCH):
                part = usable[start : start + _BATCH]
                fakes = miniature.regenerate([crop for _, crop in part], batch=_BATCH)
                for (name, real), fake in zip(part, fakes, strict=True):
                    for side, image in (("0_real", real), ("1_fake", fake)):
                        cut = image[inner, inner]
                        _write_png(made / family / side / f"{name}.png", cut if compress is None else compress(cut))
                bar.update(len(part))
        parameters = {"families": list(miniatures), "size": size, "limit": limit, "quality": quality}
        inputs = {"photos": {"images": len(photos.images), "sha256": photos.sha256}}
        write_json(made / "manifest.json", manifest(parameters, inputs=inputs, command=command))
    return Simulation(len(usable), tuple(miniatures), too_small, photos.failures)


def simulate_from_sources(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    families: Sequence[str],
    weights: str | Path | None = None,
    scale_down: int = 2,
    progress: bool = False,
    **options: Any,
) -> Simulation:
    """Simulate families on the photographs of some sources.

    Parameters
    ----------
    sources : sequence of str or Path
        As for `index_sources`; fake sides are left out.
    out : str or Path
    families : sequence of str
        Names, or "all": those that are fitted.
    weights : str or Path, optional
        A folder of fitted miniatures; default those that ship.
    scale_down : int
        As for `read_photos`.
    progress : bool
    options
        As for `simulate`.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        As `simulate` and `read_photos`.
    FileNotFoundError
        A source or a family's weights do not exist.
    """
    check_result_folder(out, overwrite=bool(options.get("overwrite", False)))
    chosen = named_families(families)
    if "all" in families:
        shelf = SHELF if weights is None else Path(weights)
        chosen = [name for name in chosen if (shelf / f"{name}.safetensors").is_file()]
        if not chosen:
            raise FileNotFoundError(f"no fitted miniature in {shelf}: freqforensics fit-generator makes them")
    places = {name: name if weights is None else Path(weights) / f"{name}.safetensors" for name in chosen}
    miniatures = {name: load_miniature(place).model for name, place in places.items()}
    photos = read_photos(index_photos(sources), scale_down=scale_down, progress="photos" if progress else None)
    return simulate(photos, out, miniatures=miniatures, progress="simulate" if progress else None, **options)


def _write_png(path: Path, image: Uint8) -> None:
    encoded, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise OSError(f"{path} cannot be encoded")
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())
