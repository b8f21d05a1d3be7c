"""Miniatures: small autoencoders that end in a generator family's real up-path, and so leave its lattice in photos.

AutoGAN (Zhang, Karaman, Chang, WIFS 2019) taken to every family. A miniature is a stand-in for a family's *upsampler*:
its images show what the photo shows. Call them miniatures, never by the family's name alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from freqforensics.generators.families.decoder import Code
from freqforensics.generators.families.styled import ALAE
from freqforensics.generators.registry import Family, Plan, find_family

Uint8 = NDArray[np.uint8]


class Encoder(nn.Module):
    """From photos to a code: a cheap encoder that all families share and that sees everything.

    Pixels are folded to the content's size at once, so that nothing here is ever downsampled or filtered.

    Parameters
    ----------
    plan : Plan
        Sizes of the miniature.
    uses : frozenset of str
        Parts of the code to make besides the content; the others are empty.
    width : int
        Channels of its layers.
    """

    def __init__(self, plan: Plan, uses: frozenset[str], *, width: int = 64) -> None:
        super().__init__()
        self.plan, self.uses = plan, uses
        folded = 3 * 4**plan.layers
        # Folding pixels by 8 gives 192 channels, of which a 3 x 3 kernel would cost half the parameters.
        kernel = 3 if plan.layers <= 2 else 1
        self.head = nn.Conv2d(folded, width, kernel, padding=kernel // 2, padding_mode="reflect")
        self.middle = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect")
        self.tail = nn.Conv2d(width, plan.content, 1)
        self.linear = nn.Conv2d(folded, plan.content, 1)
        self.style = nn.Linear(2 * width, plan.style) if "style" in uses else None
        self.skips = nn.ModuleList(
            nn.Conv2d(3 * 4**k, plan.skips, 3, padding=1, padding_mode="reflect")
            for k in range(plan.layers - 1, 0, -1)
            if "skips" in uses
        )

    def forward(self, photos: Tensor) -> Code:
        """Encode photos of -1 .. 1, (N, 3, H, W)."""
        folded = F.pixel_unshuffle(photos, 2**self.plan.layers)
        hidden = F.leaky_relu(self.head(folded), 0.2)
        hidden = hidden + F.leaky_relu(self.middle(hidden), 0.2)
        if self.style is None:
            style = photos.new_zeros(photos.shape[0], 0)
        else:
            # The small constant keeps the gradient of the square root finite where a photo is flat.
            spread = (hidden.var(dim=(2, 3), unbiased=False) + 1e-6).sqrt()
            style = self.style(torch.cat([hidden.mean(dim=(2, 3)), spread], dim=1))
        halves = range(self.plan.layers - 1, 0, -1)
        skips = tuple(conv(F.pixel_unshuffle(photos, 2**k)) for k, conv in zip(halves, self.skips, strict=False))
        layout = _layout(photos, self.plan.layout) if "layout" in self.uses else photos.new_zeros(0)
        return Code(self.tail(hidden) + self.linear(folded), style, skips, layout)


def _layout(photos: Tensor, levels: int) -> Tensor:
    """One-hot map of the grey levels of smoothed photos: regions with sharp borders, as a segmentation has."""
    grey = F.avg_pool2d(F.pad(photos.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    level = ((grey + 1) / 2 * levels).long().clamp(0, levels - 1)
    return F.one_hot(level[:, 0], levels).permute(0, 3, 1, 2).to(photos.dtype)


class Miniature(nn.Module):
    """An autoencoder with a family's up-path.

    Parameters
    ----------
    family : Family
        The family.
    plan : Plan, optional
        Other sizes than the family's own.

    Examples
    --------
    >>> model = make_miniature("cyclegan", plan=Plan(layers=1, width=4))
    >>> model(torch.zeros(2, 3, 32, 48)).shape
    torch.Size([2, 3, 32, 48])
    """

    def __init__(self, family: Family, *, plan: Plan | None = None) -> None:
        super().__init__()
        self.family = family if plan is None else replace(family, plan=plan)
        self.plan = self.family.plan
        self.encoder = Encoder(self.plan, family.decoder.uses)
        self.decoder = family.decoder(self.plan)

    def forward(self, photos: Tensor) -> Tensor:
        """Give photos back as the family would have made them.

        Parameters
        ----------
        photos : Tensor, shape (N, 3, H, W)
            0 .. 1; sides divisible by 2^layers.

        Returns
        -------
        Tensor, shape (N, 3, H, W)
            Not clipped.
        """
        normalised, mean, spread = self._normalise(photos)
        colours: Tensor = self.decoder(self.encoder(normalised))
        return self._restore(colours, mean, spread)

    def encode(self, photos: Tensor) -> Code:
        """Encode photos, shape and range as for `forward`."""
        return self.encoder(self._normalise(photos)[0])

    def _normalise(self, photos: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if photos.ndim != 4 or photos.shape[1] != 3 or any(side % 2**self.plan.layers for side in photos.shape[2:]):
            shape, step = tuple(photos.shape), 2**self.plan.layers
            raise ValueError(f"photos must have shape (N, 3, H, W) with sides divisible by {step}, got {shape}")
        if not self.family.decoder.restores_contrast:
            half = torch.full_like(photos[:, :, :1, :1], 0.5)
            return 2 * photos - 1, half, half
        mean = photos.mean(dim=(2, 3), keepdim=True)
        # Four deviations lie within -1 .. 1: a tanh must reach them.
        spread = 4 * (photos.var(dim=(2, 3), keepdim=True, unbiased=False) + 1e-4).sqrt()
        return (photos - mean) / spread, mean, spread

    @staticmethod
    def _restore(colours: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
        return colours * spread + mean

    @torch.no_grad()
    def regenerate(self, images: Sequence[Uint8], *, batch: int = 8) -> list[Uint8]:
        """Pass images through the miniature.

        Parameters
        ----------
        images : sequence of ndarray of uint8, (H, W, 3)
            All of one size, from 8 x 2^layers pixels; sides that 2^layers does not divide are continued by reflection
            and cut again.
        batch : int
            Number of images at once.

        Returns
        -------
        list of ndarray of uint8, (H, W, 3)

        Raises
        ------
        ValueError
            Images of another shape or type, or of several.
        """
        step = 2**self.plan.layers
        shapes = {(image.shape, str(image.dtype)) for image in images}
        if len(shapes) > 1 or any(
            len(shape) != 3 or shape[2] != 3 or min(shape[:2]) < 8 * step or kind != "uint8" for shape, kind in shapes
        ):
            raise ValueError(
                f"images must be uint8 of one shape (H, W, 3) from {8 * step} pixels, got {sorted(shapes)}"
            )
        device = next(self.parameters()).device
        was_training = self.training
        self.eval()
        pictures: list[Uint8] = []
        try:
            for start in range(0, len(images), batch):
                stacked = torch.from_numpy(np.stack(images[start : start + batch])).to(device)
                photos = stacked.permute(0, 3, 1, 2).float() / 255
                height, width = photos.shape[2:]
                padded = F.pad(photos, (0, -width % step, 0, -height % step), mode="reflect")
                colours = self(padded)[:, :, :height, :width]
                rounded = (colours.clamp(0, 1) * 255).round().to(torch.uint8)
                pictures += list(rounded.permute(0, 2, 3, 1).cpu().numpy())
        finally:
            self.train(was_training)
        return pictures


class ALAEMiniature(Miniature):
    """The miniature of `alae`, whose styles can be drawn and mixed (Pidhorskyi et al., CVPR 2020).

    The mapping network takes noise to styles. It is fitted so that its styles are distributed like those the encoder
    finds in photos, and so that the encoder finds them again in the pictures made with them (the latent reciprocity of
    the paper, with an energy distance in place of its discriminator).

    Parameters
    ----------
    family : Family
        The family `alae`.
    plan : Plan, optional
        Other sizes than the family's.
    """

    content_mean: Tensor
    content_factor: Tensor

    def __init__(self, family: Family, *, plan: Plan | None = None) -> None:
        super().__init__(family, plan=plan)
        style = self.plan.style
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Linear(style, style), nn.LeakyReLU(0.2)]
        self.mapping = nn.Sequential(*layers, nn.Linear(style, style))
        self.register_buffer("content_mean", torch.zeros(self.plan.content))
        self.register_buffer("content_factor", torch.eye(self.plan.content))

    def reconstruct(self, photos: Tensor) -> Tensor:
        """Encode and decode photos: `forward` by the paper's name.

        Parameters
        ----------
        photos : Tensor, shape (N, 3, H, W)
            Photos, 0 .. 1.
        """
        return self(photos)

    def styles(self, noise: Tensor) -> Tensor:
        """Map noise (N, style) to styles (N, style), after normalising it to unit mean square as StyleGAN does.

        Parameters
        ----------
        noise : Tensor, shape (N, style)
            Gaussian noise.
        """
        return self.mapping(noise * torch.rsqrt(noise.square().mean(dim=1, keepdim=True) + 1e-8))

    @torch.no_grad()
    def generate(self, count: int, *, seed: int = 0, size: int = 128, content: Tensor | None = None) -> Tensor:
        """Make pictures without a photo.

        Parameters
        ----------
        count : int
            Number of pictures.
        seed : int
            Random seed.
        size : int
            Side, divisible by 2^layers.
        content : Tensor, optional, shape (count, content, h, w)
            Content to dress in new styles. By default it is drawn from a Gaussian field with the covariance of
            the photos' content and an amplitude of 1/f: textures and clouds, no scenes.

        Returns
        -------
        Tensor, shape (count, 3, size, size)
            0 .. 1.
        """
        step = 2**self.plan.layers
        if count < 1 or size < step or size % step:
            raise ValueError(f"count must be at least 1 and size a multiple of {step}, got {count} and {size}")
        source = torch.Generator().manual_seed(seed)
        device = self.content_mean.device
        styles = self.styles(torch.randn(count, self.plan.style, generator=source).to(device))
        if content is None:
            side = size // step
            content = self._draw_content(count, side, source).to(device)
        colours: Tensor = self.decoder(Code(content, styles, (), styles.new_zeros(0)))
        return (colours / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def mix_styles(self, photos: Tensor, others: Tensor, *, coarse: int | None = None) -> Tensor:
        """Give photos with the coarse styles of others.

        Parameters
        ----------
        photos, others : Tensor, shape (N, 3, H, W)
            0 .. 1.
        coarse : int, optional
            Number of the 2 x layers convolutions, from the coarsest, that take the style of `others`; default half.

        Returns
        -------
        Tensor, shape (N, 3, H, W)
            0 .. 1.
        """
        total = 2 * self.plan.layers
        count = total // 2 if coarse is None else coarse
        if not 0 <= count <= total:
            raise ValueError(f"coarse must lie between 0 and {total}, got {coarse}")
        code, other = self.encode(photos), self.encode(others)
        assert isinstance(self.decoder, ALAE)
        colours = self.decoder.mix(code.content, [other.style] * count + [code.style] * (total - count))
        return (colours / 2 + 0.5).clamp(0, 1)

    def latent_loss(self, code: Code) -> Tensor:
        """Make the mapping's styles like the encoder's, and the encoder find them again.

        Parameters
        ----------
        code : Code
            Code of a batch of photos. The statistics of its content are stored for `generate`.

        Returns
        -------
        Tensor, scalar
            The loss.
        """
        self._note_content(code.content.detach())
        styles = self.styles(torch.randn_like(code.style))
        target = code.style.detach()
        distance = 2 * torch.cdist(styles, target).mean()
        count = len(styles)
        for same in (styles, target):
            distance = distance - torch.cdist(same, same).sum() / max(count * (count - 1), 1)
        pictures = self.decoder(Code(code.content.detach(), styles, (), code.layout))
        recovered = self.encoder(pictures).style
        return distance + F.l1_loss(recovered, styles)

    def _note_content(self, content: Tensor) -> None:
        flat = content.transpose(0, 1).flatten(1)
        mean = flat.mean(dim=1)
        covariance = torch.cov(flat) + 1e-4 * torch.eye(len(flat), device=flat.device)
        self.content_mean.lerp_(mean, 0.02)
        # The factor of the running covariance, not the running factor: L L^T is what is averaged.
        average = torch.lerp(self.content_factor @ self.content_factor.T, covariance, 0.02)
        self.content_factor.copy_(torch.linalg.cholesky(average))

    def _draw_content(self, count: int, side: int, source: torch.Generator) -> Tensor:
        white = torch.randn(count, self.plan.content, side, side, generator=source)
        fy, fx = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)
        field = torch.fft.irfft2(
            torch.fft.rfft2(white) / (fx.square() + fy.square()).sqrt().clamp(1 / side), s=(side,) * 2
        )
        field = field / field.std(dim=(2, 3), keepdim=True)
        mixed = torch.einsum("dc,nchw->ndhw", self.content_factor.cpu(), field)
        return mixed + self.content_mean.cpu()[:, None, None]


def make_miniature(family: str, *, plan: Plan | None = None, seed: int = 0) -> Miniature:
    """Make a miniature with random weights.

    Parameters
    ----------
    family : str
        One of `FAMILIES`.
    plan : Plan, optional
        Other sizes: more layers, other widths.
    seed : int
        Random seed of the weights.

    Returns
    -------
    Miniature
        In training mode. `ALAEMiniature` for ``"alae"``.

    Raises
    ------
    ValueError
        No such family.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _kind(family)(find_family(family), plan=plan)


def _kind(family: str) -> type[Miniature]:
    return ALAEMiniature if family == "alae" else Miniature


def describe(model: Miniature) -> dict[str, Any]:
    """Say what a miniature is, as JSON values."""
    family = model.family
    return {
        "family": family.name,
        "upsampling": family.upsampling,
        "about": inspect.cleandoc(family.decoder.__doc__ or ""),
        "factor": family.factor,
        "parameters": sum(p.numel() for p in model.parameters()),
        "plan": {name: getattr(model.plan, name) for name in Plan.__dataclass_fields__},
    }
