"""One stored picture -> its verdict in plain words, and its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from freqforensics.app.jobs import OnStage
from freqforensics.app.reports import PAGE, THUMBNAIL, THUMBNAIL_SIDE, VALUES
from freqforensics.app.results import Mode, PictureResult
from freqforensics.app.wording import STAGES
from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.inspection.finding import finding_json
from freqforensics.inspection.inspection import inspect
from freqforensics.report.builder import sayer
from freqforensics.report.page import render_page
from freqforensics.report.values import TONES


def examine_picture(
    path: Path, detector: CalibratedDetector, on_stage: OnStage, *, name: str, mode: Mode, out: Path
) -> PictureResult:
    """Inspect a stored picture and write its page.

    Parameters
    ----------
    path : Path
    detector : CalibratedDetector
    on_stage : callable
        Called with a stage in plain words, its number and the number of stages.
    name : str
        Name for people.
    mode : {"quick", "whole"}
        As `fast` of `inspect`, or every test.
    out : Path
        Folder for the page, the values and the thumbnail.

    Returns
    -------
    PictureResult

    Raises
    ------
    ImageReadError, ValueError
        The picture cannot be read or inspected.
    """
    last = 1

    def stage(word: str, step: int, steps: int) -> None:
        nonlocal last
        last = steps + 1  # the page
        on_stage(STAGES.get(word, word), step, last)

    finding = inspect(path, detector, fast=mode == "quick", on_stage=stage)
    on_stage(STAGES["page"], last, last)
    finding = replace(finding, image=replace(finding.image, name=name))
    (out / PAGE).write_text(render_page(finding), encoding="utf-8")
    (out / VALUES).write_text(finding_json(finding) + "\n", encoding="utf-8")
    if not (out / THUMBNAIL).exists():
        image = Image.fromarray(finding.maps["image"])
        image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        image.save(out / THUMBNAIL, "JPEG", quality=85)
    say = sayer("plain.html")
    return PictureResult(
        verdict=finding.verdict,
        tone=TONES[finding.verdict],
        headline=say("headline", finding.verdict).striptags(),
        what=say("what", finding).striptags(),
        how_often=say("how_often", finding).striptags(),
        then=say("next_step", finding).striptags(),
        contradictions=finding.contradictions,
    )
