"""What all decoders share: the code that they decode, and facts about the family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Code:
    """The code of N photos, from an encoder to a decoder; a family uses some parts of it.

    Parameters
    ----------
    content : Tensor, shape (N, content, H / 2^layers, W / 2^layers)
        Local content.
    style : Tensor, shape (N, style)
        Style of the whole picture, for families whose normalisation it modulates.
    skips : tuple of Tensor, each (N, skips, H / 2^k, W / 2^k), k = layers - 1 .. 1
        Skip connections, for U-Nets.
    layout : Tensor, shape (N, layout, H, W)
        One-hot grey levels of the smoothed photo, in the place of a semantic layout.
    """

    content: Tensor
    style: Tensor
    skips: tuple[Tensor, ...]
    layout: Tensor


class Decoder(nn.Module):
    """A family's up-path, from a code to colours in about -1 .. 1."""

    uses: ClassVar[frozenset[str]] = frozenset()
    """Which parts of a code besides its content: "style", "skips", "layout"."""
    restores_contrast: ClassVar[bool] = False
    """Whether the photo's channels are standardised before, and given their mean and contrast back after."""

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        raise NotImplementedError
