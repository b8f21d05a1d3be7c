"""Folder names that are names of generators, which tells generators beside a shared real side from classes."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = frozenset(
    (
        "adm", "cips", "cogview", "craiyon", "crn", "dalle", "ddim", "ddpm", "deepfloyd", "dit", "edm", "firefly",
        "flux", "flux1", "gansformer", "glide", "ideogram", "iddpm", "imagen", "imle", "kandinsky", "ldm", "lcm",
        "midjourney", "mj", "nvae", "pixart", "pndm", "sdv", "sdxl", "vqdm", "wukong",
    )
)  # fmt: skip
_WHOLE: Final = frozenset(("if", "sd"))
_OTHERS: Final = frozenset(("organ", "pagan", "slogan", "vegan"))
_PATTERN: Final = re.compile(r".+gan\d*|.+diffusion.*|diffusion.+|dall-?e.*|sd-?v?\d.*|sdxl.*|midjourney.*|mjv?\d.*")


def is_model_name(name: str) -> bool:
    """Whether a folder's name is that of a generator, such as ``adm``, ``stylegan2`` or ``sdv1_new``.

    Examples
    --------
    >>> [is_model_name(name) for name in ("ADM", "diff-projectedgan", "sdv1_new2", "stylegan_official", "cats")]
    [True, True, True, True, False]
    """
    word = name.casefold()
    if word in _OTHERS:
        return False
    if word in _WHOLE or _PATTERN.fullmatch(word):
        return True
    parts = re.split(r"[\s_.-]+", word)
    return parts[0] in _NAMES or parts[-1] in _NAMES or any(map(_PATTERN.fullmatch, parts))
