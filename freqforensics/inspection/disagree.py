"""What a file says of itself beside the verdict, which does not know it."""

from __future__ import annotations

from typing import Final

from freqforensics.detector.verdict import Verdict
from freqforensics.images.testimony.testimony import Testimony

_NAMED_ANYWAY: Final[dict[Verdict, str]] = {
    "none": "The detector finds no evidence, but the file says that a generator made it, or parts of it.",
    "inconclusive": "The score is inconclusive, but the file says that a generator made it, or parts of it.",
    "cannot-judge": "The image cannot be judged, but the file says that a generator made it, or parts of it.",
}


def contradictions(testimony: Testimony | None, verdict: Verdict) -> tuple[str, ...]:
    """Say where a file's own statements and the verdict do not agree.

    Parameters
    ----------
    testimony : Testimony or None
    verdict : {"evidence", "inconclusive", "none", "cannot-judge"}

    Returns
    -------
    tuple of str
        A sentence or two for each contradiction; statements of the file that contradict one another are told, too.
    """
    if testimony is None:
        return ()
    implied = {statement.implies for statement in testimony.statements}
    signed = {statement.implies for statement in testimony.statements if statement.signed}
    sentences = []
    if "generator" in implied and verdict in _NAMED_ANYWAY:
        weight = (
            f"A signature that holds covers that statement.{_unchecked(testimony)}"
            if "generator" in signed
            else "Anyone can write that into a file, but few have a reason to."
        )
        sentences.append(f"{_NAMED_ANYWAY[verdict]} {weight}")
    if "camera" in implied and verdict == "evidence":
        sentences.append(
            _signed_camera(testimony)
            if "camera" in signed
            else "The detector finds evidence of a generator, but the file names a camera. Anyone can write or copy"
            " that into a file: it does not take the evidence back."
        )
    if {"generator", "camera"} <= implied:
        sentences.append("The file names both a camera and a generator.")
    return tuple(sentences)


def _signed_camera(testimony: Testimony) -> str:
    issuer = testimony.credentials.issuer or "an issuer without a name"
    return (
        f"The detector finds evidence of a generator, but content credentials signed by {issuer} say that"
        f" a camera took the image, and their signature holds.{_unchecked(testimony)}"
        " Take the evidence for a possible false alarm until that is cleared up."
    )


def _unchecked(testimony: Testimony) -> str:
    trusted = testimony.credentials.state == "trusted"
    return "" if trusted else " Whether the issuer is who it says was not checked."
