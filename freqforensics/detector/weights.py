"""Weights known by name: where they come from, under which licence, and whether they are what they were."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from freqforensics.images import shown_path
from freqforensics.runtime.archives import foreign_content, read_head

LOCK: Final = "weights.lock.json"
"""File in the folder of fetched weights that records their hashes."""

W20_NOTICE: Final = (
    "Weights of Wang et al., CNN-generated images are surprisingly easy to spot... for now (CVPR 2020), from the"
    " authors' own storage. Licence CC BY-NC-SA 4.0: name the authors, no commercial use, share alike. They are no part"
    " of freqforensics."
)


class WeightsError(ValueError):
    """Weights cannot be fetched, or have changed; the message says why."""


@dataclass(frozen=True)
class KnownWeights:
    """Weights that have a name.

    Parameters
    ----------
    name : str
    url : str
        Empty of weights that ship with the package.
    notice : str
        Origin and licence, to be shown before they are fetched; of those that ship, what they are good for.
    largest : int
        Bytes; what is larger is not taken.
    """

    name: str
    url: str
    notice: str
    largest: int = 600_000_000

    @property
    def bundled(self) -> bool:
        """They ship with the package."""
        return not self.url


@dataclass(frozen=True)
class StoredWeights:
    """What is on this machine of weights that have a name.

    Parameters
    ----------
    known : KnownWeights
    path : Path
        Where they are, or would be.
    sha256 : str or None
        Recorded when they were first fetched.
    fetched : str or None
        When that was, UTC, ISO 8601; None of weights that ship.
    """

    known: KnownWeights
    path: Path
    sha256: str | None
    fetched: str | None

    @property
    def present(self) -> bool:
        """The file is there; `verify_weights` says whether it is the one."""
        return self.path.is_file()

    def to_json(self) -> dict[str, Any]:
        """Give name, origin, notice, place and hash as JSON values."""
        return {
            "name": self.known.name,
            "url": self.known.url or None,
            "bundled": self.known.bundled,
            "notice": self.known.notice,
            "present": self.present,
            "path": str(self.path),
            "sha256": self.sha256,
            "fetched": self.fetched,
        }


DEFAULT: Final = "everyday"
"""What is scored with where no weights are named."""
RESNET: Final = "miniature-resnet50"
"""The ResNet-50 that was the default up to version 0.1, kept as an ablation."""

SHELF: Final = Path(__file__).parent / "bundled"
"""Where the weights that ship lie, each with a model card beside it."""

EVERYDAY_NOTICE: Final = (
    "everyday was trained by freqforensics on photographs, on what cameras, messengers and web pages make of them, and"
    " on what upsampling networks make of the same photographs; it has seen no image generator's output. It looks for"
    " traces of decoders in small neighbourhoods and for periodic traces of upsampling: that it finds none is no"
    " evidence of a photograph."
)

OWN_NOTICE: Final = (
    "miniature-resnet50 was trained by freqforensics on photographs and on what miniatures and random periodic filters"
    " make of them; it has seen no generator's image. It looks for periodic traces of upsampling and for nothing else:"
    " that it finds none is no evidence of a photograph."
)

KNOWN: Final[dict[str, KnownWeights]] = {
    known.name: known
    for known in (
        KnownWeights(DEFAULT, "", EVERYDAY_NOTICE),
        KnownWeights(RESNET, "", OWN_NOTICE),
        KnownWeights(
            "wang2020-blur-jpeg-0.5",
            "https://www.dropbox.com/s/2g2jagq2jn1fd0i/blur_jpg_prob0.5.pth?dl=1",
            W20_NOTICE,
        ),
        KnownWeights(
            "wang2020-blur-jpeg-0.1",
            "https://www.dropbox.com/s/h7tkpcgiwuftb6g/blur_jpg_prob0.1.pth?dl=1",
            W20_NOTICE,
        ),
    )
}
"""No hash is published of those of Wang et al.: that of the first fetch is recorded, and holds ever after."""


def weights_folder() -> Path:
    """Give the folder of fetched weights: ``$FREQFORENSICS_CACHE``, else ``freqforensics`` in the user's cache."""
    chosen = os.environ.get("FREQFORENSICS_CACHE")
    if chosen:
        return Path(chosen) / "weights"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "freqforensics" / "weights"


def stored_weights(name: str, *, folder: str | Path | None = None) -> StoredWeights:
    """Look up weights by name.

    Raises
    ------
    WeightsError
        No such name.
    """
    if name not in KNOWN:
        raise WeightsError(f"no weights are called {name!r}; there are {', '.join(KNOWN)}")
    if KNOWN[name].bundled:
        return StoredWeights(KNOWN[name], SHELF / f"{name}.safetensors", model_card(name).get("sha256"), None)
    place = weights_folder() if folder is None else Path(folder)
    record = read_lock(place).get(name, {})
    return StoredWeights(KNOWN[name], place / f"{name}.pth", record.get("sha256"), record.get("fetched"))


def model_card(name: str) -> dict[str, Any]:
    """Give the model card of weights that ship: JSON values, empty where there is none."""
    try:
        card: dict[str, Any] = json.loads((SHELF / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return card


def find_weights(name_or_path: str | Path, *, folder: str | Path | None = None) -> Path:
    """Give the path of weights; those of `KNOWN` are verified.

    Parameters
    ----------
    name_or_path : str or Path
        Path of a file, or a name of `KNOWN`.
    folder : str or Path, optional
        Folder of fetched weights; default `weights_folder`.

    Returns
    -------
    Path
        Path of the file.

    Raises
    ------
    WeightsError
        The weights were not fetched, or have changed. Or the path is a folder, or a file of another kind: empty, a
        pointer of Git LFS, a web page, an image, an archive.
    FileNotFoundError
        Neither a name nor a file.

    Examples
    --------
    >>> find_weights("everyday").name
    'everyday.safetensors'
    """
    path = Path(name_or_path)
    if path.is_file():
        foreign = foreign_content(read_head(path))
        if foreign and foreign != "text":
            raise WeightsError(f"{shown_path(path)} is {foreign}: no weights")
        return path
    if path.is_dir() and str(name_or_path) not in KNOWN:
        raise WeightsError(f"{shown_path(path)} is a folder, not a file of weights")
    if str(name_or_path) in KNOWN:
        return verify_weights(str(name_or_path), folder=folder).path
    raise FileNotFoundError(f"no weights at {shown_path(path)}, and no known ones of that name ({', '.join(KNOWN)})")


def verify_weights(name: str, *, folder: str | Path | None = None) -> StoredWeights:
    """Compare fetched weights with the hash recorded when they were first fetched.

    Parameters
    ----------
    name : str
        Name of weights in `KNOWN`.
    folder : str or Path, optional
        Folder of fetched weights; default `weights_folder`.

    Raises
    ------
    WeightsError
        They were not fetched, or have another hash, or none is recorded.
    """
    stored = stored_weights(name, folder=folder)
    if not stored.present:
        if stored.known.bundled:
            raise WeightsError(f"{name} ships with freqforensics and is not here: the installation is not whole")
        raise WeightsError(f"{name} is not here: freqforensics weights fetch {name}")
    if stored.sha256 is None:
        raise WeightsError(
            f"no hash is recorded for {shown_path(stored.path)}: freqforensics did not fetch it, or its lock file is"
            " gone; delete it and fetch it again"
        )
    sha256 = file_sha256(stored.path)
    if sha256 != stored.sha256 and stored.known.bundled:
        raise WeightsError(
            f"{shown_path(stored.path)} has SHA-256 {sha256[:16]}..., not {stored.sha256[:16]}... as its model card"
            " says: install freqforensics again"
        )
    if sha256 != stored.sha256:
        raise WeightsError(
            f"{shown_path(stored.path)} has SHA-256 {sha256[:16]}..., not {stored.sha256[:16]}... as when it was first"
            " fetched: it was changed or damaged; delete it and fetch it again"
        )
    return stored


def read_lock(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what is recorded of fetched weights, by name; nothing where none were fetched."""
    try:
        content = json.loads((folder / LOCK).read_text(encoding="utf-8"))
        return {str(name): dict(record) for name, record in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{shown_path(folder / LOCK)} cannot be read ({error}): delete it and fetch the weights again"
        ) from error


def file_sha256(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
