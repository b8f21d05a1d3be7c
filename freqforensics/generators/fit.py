"""Fitting miniatures to photos."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from freqforensics._version import __version__
from freqforensics.generators.miniature import Miniature, describe
from freqforensics.generators.optimisation import FitConfig, FitRun
from freqforensics.generators.photos import Photos, central_crop, index_photos, read_photos
from freqforensics.generators.registry import Plan, find_family, named_families
from freqforensics.generators.storage import FittedMiniature, rounded
from freqforensics.runtime.device import chosen_device
from freqforensics.runtime.provenance import library_versions
from freqforensics.sources.selection import SourcesLike, as_paths

Uint8 = NDArray[np.uint8]

HELD_OUT: Final = 10
"""Every tenth photo is held out."""


def fit_miniature(
    family: str,
    photos: Sequence[Uint8],
    *,
    steps: int | None = None,
    size: int = 64,
    batch: int = 4,
    seed: int = 0,
    device: str = "cpu",
    adversarial: bool | None = None,
    learning_rate: float = 3e-3,
    plan: Plan | None = None,
    source: str = "",
    photos_sha256: str = "",
    state: str | Path | None = None,
    save_every: int = 200,
    progress: str | None = None,
) -> FittedMiniature:
    """Fit a family's miniature to photos: L1, and for adversarially trained families a discriminator at the end.

    Parameters
    ----------
    family : str
        One of `FAMILIES`.
    photos : sequence of ndarray of uint8, (H, W, 3)
        Every tenth is held out. They should carry no grid of their own: `read_photos` halves them.
    steps, size, batch, seed, learning_rate
        See `FitConfig`; the default of `steps` is the family's.
    device : str
        "auto" is an accelerator where there is one. On "cpu" the result depends on nothing but the parameters, the
        photos, and the libraries' versions and threads.
    adversarial : bool, optional
        Add the adversarial term; by default where the family itself is trained with one.
    plan : Plan, optional
        Other sizes than the family's own.
    source, photos_sha256 : str
        For the model card: where the photos come from, in words, and their hash.
    state : str or Path, optional
        File of the unfinished fit, written every `save_every` steps. If it exists with the same configuration, the fit
        resumes from it and ends with the same weights. It is removed at the end.
    save_every : int
        Steps between two writings of `state`.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    FittedMiniature
        The miniature and the record of its fit.

    Raises
    ------
    ValueError
        No such family, fewer than two photos, none larger than `size`, a state of another configuration, or a
        parameter out of range.
    """
    config = _configure(
        family,
        steps=steps,
        size=size,
        batch=batch,
        seed=seed,
        learning_rate=learning_rate,
        adversarial=adversarial,
        plan=plan,
    )
    device = chosen_device(device)
    usable = [photo for photo in photos if min(photo.shape[:2]) >= size]
    if len(usable) < 2:
        raise ValueError(f"at least two photos of {size}x{size} are needed, got {len(usable)} of {len(photos)}")
    training = [photo for index, photo in enumerate(usable) if index % HELD_OUT]
    held_out = usable[::HELD_OUT]

    with torch.random.fork_rng(devices=[]):
        run = FitRun(config, device)
        if state is not None and Path(state).exists():
            run.resume(Path(state))
        with tqdm(
            total=config.steps,
            initial=run.step,
            desc=progress,
            unit="step",
            delay=2,
            disable=None if progress else True,
        ) as bar:
            while run.step < config.steps:
                loss = run.advance(training)
                bar.update(1)
                if run.step % 50 == 0:
                    bar.set_postfix(loss=f"{loss:.4f}")
                if state is not None and run.step % save_every == 0:
                    run.store(Path(state))
    model = rounded(run.model).eval()
    card = {
        **describe(model),
        "fitted": asdict(config),
        "photos": {
            "source": source,
            "training": len(training),
            "held_out": len(held_out),
            "sha256": photos_sha256,
        },
        "held_out": measure_fit(model, held_out),
        "versions": {"freqforensics": __version__, **library_versions(), "torch": str(torch.__version__)},
    }
    if state is not None:
        Path(state).unlink(missing_ok=True)
    return FittedMiniature(model, card)


def fit_families(
    families: Sequence[str],
    photos: Photos,
    out: str | Path,
    *,
    steps: int | None = None,
    size: int = 64,
    seed: int = 0,
    device: str = "cpu",
    adversarial: bool | None = None,
    source: str = "",
    overwrite: bool = False,
    progress: bool = False,
) -> Iterator[dict[str, Any]]:
    """Fit several families one after the other, each to a file; an interrupted call can be resumed by another.

    Parameters
    ----------
    families : sequence of str
        Names of the families.
    photos : Photos
        Photos to fit to.
    out : str or Path
        Gets ``<family>.safetensors`` and ``<family>.json``, and while a fit is under way ``<family>.unfinished``.
    steps, size, seed, device, adversarial, source
        Configuration of each fit, as for `fit_miniature`.
    overwrite : bool
        Replace fits of another configuration or other photos.
    progress : bool
        Show progress bars.

    Yields
    ------
    dict
        The model card of each family, as soon as it is fitted; a family that is fitted already is not fitted again.

    Raises
    ------
    ValueError
        A fit is refused by `fit_miniature`; or a family is fitted with another configuration and `overwrite` is not
        given.
    """
    folder = Path(out)
    fit = partial(
        fit_miniature,
        steps=steps,
        size=size,
        seed=seed,
        device=device,
        adversarial=adversarial,
        source=source,
        photos_sha256=photos.sha256,
    )
    for family in families:
        find_family(family)
    for family in families:
        config = _configure(family, steps=steps, size=size, seed=seed, adversarial=adversarial)
        card_path, unfinished = folder / f"{family}.json", folder / f"{family}.unfinished"
        if card_path.exists() and card_path.with_suffix(".safetensors").exists():
            card: dict[str, Any] = json.loads(card_path.read_text(encoding="utf-8"))
            if card.get("fitted") == asdict(config) and card.get("photos", {}).get("sha256") == photos.sha256:
                yield card
                continue
            if not overwrite:
                raise ValueError(f"{card_path} is of another fit: overwrite must be set to fit {family} again")
        fitted = fit(family, photos.images, state=unfinished, progress=family if progress else None)
        fitted.save(folder)
        yield fitted.card


def fit_from_sources(
    sources: SourcesLike,
    out: str | Path,
    *,
    families: Sequence[str],
    scale_down: int = 2,
    origin: str = "",
    progress: bool = False,
    **options: Any,
) -> Iterator[tuple[dict[str, Any], tuple[tuple[str, str], ...]]]:
    """Fit families to the photographs of some sources.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders and tables, as for `index_sources`; images labelled fake are left out.
    out : str or Path
        Folder for the miniatures, as for `fit_families`.
    families : sequence of str
        Names, or "all".
    scale_down : int
        Factor by which photos are made smaller, as for `read_photos`.
    origin : str
        Where the photographs come from, in words; default the sources' names.
    progress : bool
        Show progress bars.
    **options
        Further parameters of `fit_families`.

    Yields
    ------
    (dict, tuple)
        Each family's model card, and path and reason of every photograph that could not be read.

    Raises
    ------
    ValueError
        The photographs are refused by `read_photos`, or a fit by `fit_families`.
    """
    chosen = named_families(families)
    photos = read_photos(index_photos(sources), scale_down=scale_down, progress="photos" if progress else None)
    words = origin or ", ".join(Path(source).name for source in as_paths(sources))
    made_smaller = f"{words}, made {scale_down} times smaller by area averaging" if scale_down > 1 else words
    for card in fit_families(chosen, photos, out, source=made_smaller, progress=progress, **options):
        yield card, photos.failures


@torch.no_grad()
def measure_fit(model: Miniature, photos: Sequence[Uint8], *, size: int = 128) -> dict[str, float | int]:
    """Compare photos with a miniature's versions of them.

    Parameters
    ----------
    model : Miniature
        The miniature.
    photos : sequence of ndarray of uint8, (H, W, 3)
        Photos to compare with.
    size : int
        Side of the central square that is compared, pixels; at most the shortest side of all photos.

    Returns
    -------
    dict
        ``psnr_db``: mean over the photos of 10 log10(255^2 / mean squared error), after rounding to uint8.
        ``sharpness``: mean absolute difference between neighbouring pixels, relative to the photos' own; below 1 is
        blurred. ``photos``, ``size``.
    """
    side = min(size, *(int(min(photo.shape[:2])) for photo in photos))
    crops = [crop for photo in photos if (crop := central_crop(photo, side)) is not None]
    pictures = model.regenerate(crops)
    errors = [float(np.mean((a.astype(np.float64) - b) ** 2)) for a, b in zip(crops, pictures, strict=True)]
    psnr = float(np.mean([10 * math.log10(255**2 / max(error, 1e-9)) for error in errors]))
    sharpness = _edges(pictures) / max(_edges(crops), 1e-9)
    return {"psnr_db": round(psnr, 3), "sharpness": round(sharpness, 4), "photos": len(crops), "size": side}


def _configure(
    family: str,
    *,
    steps: int | None = None,
    adversarial: bool | None = None,
    plan: Plan | None = None,
    **chosen: Any,
) -> FitConfig:
    """Fill in what the family itself decides."""
    defaults = find_family(family)
    return FitConfig(
        family=family,
        steps=defaults.steps if steps is None else steps,
        adversarial=defaults.adversarial if adversarial is None else adversarial,
        plan=defaults.plan if plan is None else plan,
        **chosen,
    )


def _edges(images: Sequence[Uint8]) -> float:
    """Sum of the mean absolute differences between neighbouring pixels."""
    return sum(
        float(np.abs(np.diff(image.astype(np.float64), axis=axis)).mean()) for image in images for axis in (0, 1)
    )
