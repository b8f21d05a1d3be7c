"""Fitting miniatures to photos."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from freqforensics._version import __version__
from freqforensics.generators.miniature import ALAEMiniature, Miniature, describe, make_miniature
from freqforensics.generators.photos import Photos, central_crop, index_photos, read_photos
from freqforensics.generators.registry import Plan, find_family, named_families
from freqforensics.generators.storage import FittedMiniature, rounded
from freqforensics.runtime.device import chosen_device
from freqforensics.runtime.provenance import library_versions
from freqforensics.runtime.writing import replacing

Uint8 = NDArray[np.uint8]

HELD_OUT: Final = 10
"""Every tenth photo is held out."""

ADVERSARIAL_FROM: Final = 0.75
"""Part of the steps after which the adversarial term sets in."""

STATISTICS_UNTIL: Final = 0.1
"""Part of the steps up to which batch normalisation follows the batch; then the network learns with what it gathered,
as it is used: batches of four are too small to stand for all photos."""


@dataclass(frozen=True)
class FitConfig:
    """How a miniature is fitted; all that the result depends on besides the photos.

    Parameters
    ----------
    family : str
    steps : int
    size : int
        Side of the training crops, pixels; divisible by 2^layers.
    batch : int
    seed : int
        Of the initial weights, the crops and the noise.
    learning_rate : float
        Of Adam; warmed up over the first twentieth, then to zero along a cosine.
    adversarial : bool
        Add a hinge term against a small patch discriminator for the last quarter of the steps.
    adversarial_weight : float
        Against L1, of photos in 0 .. 1.
    plan : Plan
    """

    family: str
    steps: int = 8000
    size: int = 64
    batch: int = 4
    seed: int = 0
    learning_rate: float = 3e-3
    adversarial: bool = False
    adversarial_weight: float = 0.02
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        self.plan.check_size(self.size)
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")

    def rate(self, step: int) -> float:
        """Learning rate at a step, counted from 0."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


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
        As in `FitConfig`; default for `steps` those of the family.
    device : str
        "auto" is an accelerator where there is one. On "cpu" the result depends on nothing but the parameters, the
        photos, and the libraries' versions and threads.
    adversarial : bool, optional
        Default: whether the family is trained so.
    plan : Plan, optional
        Other sizes than the family's own.
    source, photos_sha256 : str
        For the model card: where the photos come from, in words, and their hash.
    state : str or Path, optional
        A file that holds the unfinished fit. It is written every `save_every` steps; if it is there and of the same
        configuration, the fit goes on from it and ends with the same weights. It is removed at the end.
    save_every : int
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    FittedMiniature

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
        run = _Run(config, device)
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
    """Fit several families one after the other, each to a file; called again, go on where it was broken off.

    Parameters
    ----------
    families : sequence of str
    photos : Photos
    out : str or Path
        Gets ``<family>.safetensors`` and ``<family>.json``, and while a fit is under way ``<family>.unfinished``.
    steps, size, seed, device, adversarial, source
        As for `fit_miniature`.
    overwrite : bool
        Fit again what is there of another configuration or other photos.
    progress : bool

    Yields
    ------
    dict
        The model card of each family, as soon as it is there; one that is there already is not fitted again.

    Raises
    ------
    ValueError
        As `fit_miniature`; or a family is there of another configuration and `overwrite` is not given.
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
                raise ValueError(f"{card_path} is of another fit: give --overwrite to fit {family} again")
        fitted = fit(family, photos.images, state=unfinished, progress=family if progress else None)
        fitted.save(folder)
        yield fitted.card


def fit_from_sources(
    sources: Sequence[str | Path],
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
    sources : sequence of str or Path
        As for `index_sources`; fake sides are left out.
    out : str or Path
    families : sequence of str
        Names, or "all".
    scale_down : int
        As for `read_photos`.
    origin : str
        Where the photographs come from, in words; default the sources' names.
    progress : bool
    options
        As for `fit_families`.

    Yields
    ------
    (dict, tuple)
        Each family's model card, and path and reason of every photograph that could not be read.

    Raises
    ------
    ValueError
        As `fit_families` and `read_photos`.
    """
    chosen = named_families(families)
    photos = read_photos(index_photos(sources), scale_down=scale_down, progress="photos" if progress else None)
    words = origin or ", ".join(Path(source).name for source in sources)
    made_smaller = f"{words}, made {scale_down} times smaller by area averaging" if scale_down > 1 else words
    for card in fit_families(chosen, photos, out, source=made_smaller, progress=progress, **options):
        yield card, photos.failures


@torch.no_grad()
def measure_fit(model: Miniature, photos: Sequence[Uint8], *, size: int = 128) -> dict[str, float | int]:
    """Compare photos with what a miniature makes of them.

    Parameters
    ----------
    model : Miniature
    photos : sequence of ndarray of uint8, (H, W, 3)
    size : int
        Their central square is taken, or as large a one as all of them have.

    Returns
    -------
    dict
        ``psnr_db``: mean over the photos of 10 log10(255^2 / mean squared error), after rounding to uint8.
        ``sharpness``: mean absolute difference between neighbouring pixels, relative to the photos' own; below 1 is
        blurred. ``photos``, ``size``.
    """
    side = min(size, *(int(min(photo.shape[:2])) for photo in photos))
    crops = [crop for photo in photos if (crop := central_crop(photo, side)) is not None]
    made = model.regenerate(crops)
    errors = [float(np.mean((a.astype(np.float64) - b) ** 2)) for a, b in zip(crops, made, strict=True)]
    psnr = float(np.mean([10 * math.log10(255**2 / max(error, 1e-9)) for error in errors]))
    sharpness = _edges(made) / max(_edges(crops), 1e-9)
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
    found = find_family(family)
    return FitConfig(
        family=family,
        steps=found.steps if steps is None else steps,
        adversarial=found.adversarial if adversarial is None else adversarial,
        plan=found.plan if plan is None else plan,
        **chosen,
    )


def _edges(images: Sequence[Uint8]) -> float:
    """Sum of the mean absolute differences between neighbouring pixels."""
    return sum(
        float(np.abs(np.diff(image.astype(np.float64), axis=axis)).mean()) for image in images for axis in (0, 1)
    )


class _Run:
    """A fit under way: everything that must be stored to go on as if nothing had happened."""

    def __init__(self, config: FitConfig, device: str) -> None:
        self.config, self.device = config, device
        self.model = make_miniature(config.family, plan=config.plan, seed=config.seed).to(device).train()
        torch.manual_seed(config.seed)
        self.discriminator = _patch_discriminator().to(device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), betas=(0.9, 0.99))
        self.against = torch.optim.Adam(self.discriminator.parameters(), lr=4e-4, betas=(0.5, 0.99))
        self.rng = np.random.default_rng(config.seed)
        self.step = 0

    def advance(self, photos: Sequence[Uint8]) -> float:
        """Take one step; return its L1."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate(self.step)
        settled = self.step >= STATISTICS_UNTIL * self.config.steps
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train(not settled)
        batch = self._draw(photos)
        made = self.model(batch)
        distance = F.l1_loss(made, batch)
        loss = distance
        if isinstance(self.model, ALAEMiniature):
            loss = loss + 0.1 * self.model.latent_loss(self.model.encode(batch))
        if self.config.adversarial and self.step >= ADVERSARIAL_FROM * self.config.steps:
            self._train_discriminator(batch, made.detach())
            with _frozen(self.discriminator):
                loss = loss - self.config.adversarial_weight * self.discriminator(made).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return float(distance.detach())

    def store(self, path: Path) -> None:
        content = {
            "config": json.dumps(asdict(self.config)),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "against": self.against.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "numpy_rng": json.dumps(self.rng.bit_generator.state),
        }
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save(content, file)

    def resume(self, path: Path) -> None:
        try:
            content: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            config = content["config"]
        except Exception as error:
            raise ValueError(f"{path} holds no unfinished fit: {error}") from error
        if config != json.dumps(asdict(self.config)):
            raise ValueError(f"{path} holds a fit of another configuration, {config}: remove it to begin anew")
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.discriminator.load_state_dict(content["discriminator"])
        self.against.load_state_dict(content["against"])
        torch.set_rng_state(content["torch_rng"].cpu())
        self.rng.bit_generator.state = json.loads(content["numpy_rng"])
        self.step = content["step"]

    def _draw(self, photos: Sequence[Uint8]) -> Tensor:
        size, crops = self.config.size, []
        for index in self.rng.integers(len(photos), size=self.config.batch):
            photo = photos[index]
            top, left = (int(self.rng.integers(side - size + 1)) for side in photo.shape[:2])
            crop = photo[top : top + size, left : left + size]
            crops.append(crop[:, ::-1] if self.rng.random() < 0.5 else crop)
        stacked = torch.from_numpy(np.stack(crops)).to(self.device)
        return stacked.permute(0, 3, 1, 2).float() / 255

    def _train_discriminator(self, real: Tensor, fake: Tensor) -> None:
        loss = F.relu(1 - self.discriminator(real)).mean() + F.relu(1 + self.discriminator(fake)).mean()
        self.against.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.against.step()


def _patch_discriminator() -> nn.Module:
    """Judge patches of 22 pixels (Isola et al. 2017, smaller)."""
    return nn.Sequential(
        nn.Conv2d(3, 24, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(24, 48, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(48, 1, 4, 1, 1),
    )


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in module.parameters():
            parameter.requires_grad_(True)
