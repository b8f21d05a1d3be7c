"""Weights known by name: where they come from, under which licence, and whether they are what they were."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from freqforensics.images import shown_path
from freqforensics.runtime.archives import foreign_content, read_head
from freqforensics.runtime.writing import write_json

_BLOCK: Final = 1 << 18
_ATTEMPTS: Final = 3
_LOCK: Final = "weights.lock.json"

W20_NOTICE: Final = (
    "Weights of Wang et al., CNN-generated images are surprisingly easy to spot... for now (CVPR 2020), from the"
    " authors' own storage. Licence CC BY-NC-SA 4.0: name the authors, no commercial use, share alike. They are no part"
    " of freqforensics."
)


class WeightsError(ValueError):
    """Weights cannot be fetched, or are not what they were; the message says why."""


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
    own = os.environ.get("FREQFORENSICS_CACHE")
    if own:
        return Path(own) / "weights"
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
    record = _read_lock(place).get(name, {})
    return StoredWeights(KNOWN[name], place / f"{name}.pth", record.get("sha256"), record.get("fetched"))


def model_card(name: str) -> dict[str, Any]:
    """Give the model card of weights that ship: JSON values, empty where there is none."""
    try:
        card: dict[str, Any] = json.loads((SHELF / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return card


def find_weights(name_or_path: str | Path, *, folder: str | Path | None = None) -> Path:
    """Give the file of weights named by a path or by a name of `KNOWN`, the latter verified.

    Parameters
    ----------
    name_or_path : str or Path
    folder : str or Path, optional
        Of fetched weights; default `weights_folder`.

    Returns
    -------
    Path

    Raises
    ------
    WeightsError
        A name whose weights were not fetched, or are not what they were; a folder, or a file that is plainly something
        else: empty, a pointer of Git LFS, a web page, an image, an archive.
    FileNotFoundError
        Neither a name nor a file.
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
    found = _sha256(stored.path)
    if found != stored.sha256 and stored.known.bundled:
        raise WeightsError(
            f"{shown_path(stored.path)} has SHA-256 {found[:16]}..., not {stored.sha256[:16]}... as its model card"
            " says: install freqforensics again"
        )
    if found != stored.sha256:
        raise WeightsError(
            f"{shown_path(stored.path)} has SHA-256 {found[:16]}..., not {stored.sha256[:16]}... as when it was first"
            " fetched: it was changed or damaged; delete it and fetch it again"
        )
    return stored


def fetch_weights(
    name: str,
    *,
    folder: str | Path | None = None,
    timeout: float = 30.0,
    progress: bool = False,
) -> StoredWeights:
    """Download weights, whole or not at all; broken off and called again, go on where it was.

    Parameters
    ----------
    name : str
        Of `KNOWN`.
    folder : str or Path, optional
        Default `weights_folder`.
    timeout : float
        Seconds without a byte after which a connection is given up.
    progress : bool

    Returns
    -------
    StoredWeights
        Verified.

    Raises
    ------
    WeightsError
        No such name; the server cannot be reached, gives something else than weights or too many bytes, or ends the
        connection three times; or what it gives has another hash than when it was first fetched.
    """
    stored = stored_weights(name, folder=folder)
    if stored.present or stored.known.bundled:
        return verify_weights(name, folder=folder)
    stored.path.parent.mkdir(parents=True, exist_ok=True)
    part = stored.path.with_suffix(".part")
    with tqdm(desc=name, unit="B", unit_scale=True, delay=2, disable=None if progress else True) as bar:
        for attempt in range(_ATTEMPTS):
            try:
                if _download(stored.known, part, timeout=timeout, bar=bar):
                    break
            except (OSError, http.client.HTTPException) as error:
                if attempt == _ATTEMPTS - 1 or isinstance(error, urllib.error.HTTPError):
                    raise WeightsError(_unreachable(stored.known, part, error)) from error
        else:
            size = part.stat().st_size
            raise WeightsError(f"the connection ended after {size} bytes of {name}: fetch it again to go on from there")
    _check_content(part, name)
    found = _sha256(part)
    if stored.sha256 is not None and found != stored.sha256:
        _drop(part)
        raise WeightsError(
            f"{name} has SHA-256 {found[:16]}..., not {stored.sha256[:16]}... as when it was first fetched"
            f" ({stored.fetched}): the server gives another file, which was not kept"
        )
    lock = _read_lock(part.parent)
    lock.setdefault(
        name,
        {
            "sha256": found,
            "bytes": part.stat().st_size,
            "url": stored.known.url,
            "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    # The hash first: a file without one would be nobody's.
    write_json(part.parent / _LOCK, lock)
    part.replace(stored.path)
    _note(part).unlink(missing_ok=True)
    return stored_weights(name, folder=folder)


def _download(known: KnownWeights, part: Path, *, timeout: float, bar: Any) -> bool:
    """Go on with a download; say whether it is whole."""
    begun = _begun(part)
    have = part.stat().st_size if part.exists() and begun else 0
    request = urllib.request.Request(known.url, headers={"User-Agent": "freqforensics"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if begun.get("validator"):
            request.add_header("If-Range", begun["validator"])
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing beyond what is there: it is whole, or of another file
            if error.headers.get("Content-Range", "").rpartition("/")[2] == str(have):
                return True
            _drop(part)
            return False
        raise
    with answer:
        if answer.headers.get_content_type() == "text/html":
            raise WeightsError(
                f"{known.url} gives a web page, not weights: the address has changed, or asks for a login"
            )
        about = {"validator": _validator(answer.headers)}
        if answer.status == 206:
            place, _, whole = answer.headers.get("Content-Range", "").partition("/")
            if (
                not place.startswith(f"bytes {have}-")
                or whole != str(begun.get("total"))
                or about["validator"] != begun.get("validator")
            ):
                _drop(part)  # of another file: from the start
                return False
        else:
            have = 0
        length = answer.headers.get("Content-Length")
        total = None if length is None else have + int(length)
        if total is not None and total > known.largest:
            raise WeightsError(_too_large(known, total))
        write_json(_note(part), {**about, "total": total})
        bar.total = total
        bar.update(have - bar.n)
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            file.truncate()
            while block := answer.read1(_BLOCK):
                have += len(block)
                if have > known.largest:
                    file.close()
                    _drop(part)
                    raise WeightsError(_too_large(known, have))
                file.write(block)
                bar.update(len(block))
    return total is None or have == total


def _note(part: Path) -> Path:
    """Beside a part: which file it is a part of."""
    return part.with_suffix(".part.json")


def _begun(part: Path) -> dict[str, Any]:
    try:
        about = json.loads(_note(part).read_text(encoding="utf-8"))
        return {"validator": about["validator"], "total": about["total"]}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _validator(headers: Any) -> str | None:
    """What names this very version of a file, if the server says so; weak tags do not."""
    tag = headers.get("ETag", "")
    return str(tag) if tag.startswith('"') else headers.get("Last-Modified")


def _drop(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _check_content(part: Path, name: str) -> None:
    from freqforensics.detector.checkpoint import CheckpointError, load_detector

    try:
        load_detector(part)
    except CheckpointError as error:
        _drop(part)
        raise WeightsError(f"what was downloaded as {name} {error.reason}: it was not kept") from error


def _unreachable(known: KnownWeights, part: Path, error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{known.url}: the server answers {error.code} {error.reason}"
    reason = str(getattr(error, "reason", None) or error) or type(error).__name__
    size = part.stat().st_size if part.exists() else 0
    kept = f" after {size} bytes, which are kept" if size else ""
    return f"{known.url} cannot be read ({reason}){kept}: is there a connection to the internet?"


def _too_large(known: KnownWeights, size: int) -> str:
    return f"{known.url} gives {size} bytes or more, over the limit of {known.largest}: not taken"


def _read_lock(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads((folder / _LOCK).read_text(encoding="utf-8"))
        return {str(name): dict(record) for name, record in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{shown_path(folder / _LOCK)} cannot be read ({error}): delete it and fetch the weights again"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
