"""Download weights known by name: resumed where it was interrupted, and verified."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from freqforensics.detector.weights import (
    LOCK,
    KnownWeights,
    StoredWeights,
    WeightsError,
    file_sha256,
    read_lock,
    stored_weights,
    verify_weights,
)
from freqforensics.runtime.writing import write_json

_BLOCK: Final = 1 << 18
_ATTEMPTS: Final = 3


def fetch_weights(
    name: str,
    *,
    folder: str | Path | None = None,
    timeout: float = 30.0,
    progress: bool = False,
) -> StoredWeights:
    """Download weights, whole or not at all; an interrupted download is resumed.

    Parameters
    ----------
    name : str
        Name of weights in `KNOWN`.
    folder : str or Path, optional
        Folder of fetched weights, by default `weights_folder`.
    timeout : float
        Seconds without a byte after which a connection is given up.
    progress : bool
        Show a progress bar.

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
            raise WeightsError(f"the connection ended after {size} bytes of {name}: fetch it again to resume")
    _check_content(part, name)
    sha256 = file_sha256(part)
    if stored.sha256 is not None and sha256 != stored.sha256:
        _drop(part)
        raise WeightsError(
            f"{name} has SHA-256 {sha256[:16]}..., not {stored.sha256[:16]}... as when it was first fetched"
            f" ({stored.fetched}): the server gives another file, which was not kept"
        )
    lock = read_lock(part.parent)
    lock.setdefault(
        name,
        {
            "sha256": sha256,
            "bytes": part.stat().st_size,
            "url": stored.known.url,
            "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    # The hash first: a file without one would be nobody's.
    write_json(part.parent / LOCK, lock)
    part.replace(stored.path)
    _note(part).unlink(missing_ok=True)
    return stored_weights(name, folder=folder)


def _download(known: KnownWeights, part: Path, *, timeout: float, bar: Any) -> bool:
    """Resume a download; say whether it is complete."""
    state = _read_state(part)
    have = part.stat().st_size if part.exists() and state else 0
    request = urllib.request.Request(known.url, headers={"User-Agent": "freqforensics"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if state.get("validator"):
            request.add_header("If-Range", state["validator"])
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
                or whole != str(state.get("total"))
                or about["validator"] != state.get("validator")
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


def _read_state(part: Path) -> dict[str, Any]:
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
    progress = f" after {size} bytes, which are kept" if size else ""
    return f"{known.url} cannot be read ({reason}){progress}: is there a connection to the internet?"


def _too_large(known: KnownWeights, size: int) -> str:
    return f"{known.url} gives {size} bytes or more, over the limit of {known.largest}: not taken"
