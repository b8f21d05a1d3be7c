"""One image, one detector, one finding: every question of `freqforensics inspect`, asked in order."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from freqforensics._version import __version__
from freqforensics.attribution.path import Baseline
from freqforensics.detector.calibrated import CalibratedDetector, known_detector, open_detector
from freqforensics.detector.inference import folded
from freqforensics.detector.lanes import counting
from freqforensics.detector.resnet import Detector
from freqforensics.detector.weights import DEFAULT
from freqforensics.inspection.change import curves_of, flip_verdict, take_out, tiles_of
from freqforensics.inspection.compare import causes_of, compare_image
from freqforensics.inspection.disagree import contradictions
from freqforensics.inspection.explain import ExplainedView, explain_view, explained_view, view_maps
from freqforensics.inspection.finding import Finding
from freqforensics.inspection.parts import Changes, Inspection
from freqforensics.inspection.read import preview
from freqforensics.inspection.score import JudgedImage, judge_image
from freqforensics.inspection.test import delete_frequencies, map_tests, randomise_weights
from freqforensics.perturbations.canvases import Region
from freqforensics.spectra.population import Population, shipped_population

Uint8 = NDArray[np.uint8]
OnStage = Callable[[str, int, int], None]
"""Gets a stage's name, the work that is done, and all work, in logits and gradients."""
OnFinding = Callable[[Finding], None]
"""Gets the finding as far as it is known."""

_WORK: Final[dict[str, tuple[int, int]]] = {
    "reading and scoring": (5, 5),
    "path and other causes": (28, 38),
    "explanation": (1, 190),
    "maps": (1, 45),
    "population": (1, 1),
    "weights made random": (14, 65),
    "deletion": (16, 90),
    "changes": (75, 310),
}
"""Stages, with about how much work they are: fast, and in full."""


def inspect(
    image: Any,
    detector: CalibratedDetector | Detector | None = None,
    *,
    region: Region | None = None,
    reference: Baseline | None = None,
    population: Population | None = None,
    fast: bool = False,
    salvage: bool = False,
    seed: int = 0,
    progress: str | None = None,
    on_stage: OnStage | None = None,
    on_finding: OnFinding | None = None,
) -> Finding:
    """Score an image and explain its score.

    Up to five views of the photographic region are scored as by `score_files`. The median is the image's
    logit. The view with the greatest logit is explained.

    Parameters
    ----------
    image : str, Path, ndarray, torch.Tensor or PIL.Image.Image
        A file, or anything that `as_image` takes.
    detector : CalibratedDetector or Detector, optional
        Detector; default the one that ships.
    region : (int, int, int, int), optional
        x, y, width, height of the part to judge, pixels; default what `find_region` finds.
    reference : {"incoherent", "smooth", "median", "natural", "grey", "black"}, optional
        What the view is compared with, a baseline of `integrate_path`; default the one that suits the detector.
    population : Population, optional
        Photographs and generators to compare the image with; default the one that ships.
    fast : bool
        Fewer steps, controls, notches, deletions and values of curves; no Shapley values, occlusion, band stops,
        stability or insertion, and neither sensitivity, wavelets, cosine modes nor Grad-CAM; all weights randomised at
        once.
    salvage : bool
        As in `read_image`: use the complete rows of JPEG files that end early.
    seed : int
        Random seed.
    progress : str, optional
        Name of a progress bar; none is shown without one.
    on_stage : callable, optional
        Called as a stage begins and as its work goes on, with the stage's name, the work that is done, and all work.
        An error that it raises ends the inspection.
    on_finding : callable, optional
        Called with the finding as far as it is known, as often as something is added to it. What is there stays.

    Returns
    -------
    Finding
        For an image without a photographic region: that it cannot be judged, and why.

    Raises
    ------
    ImageReadError, FileNotFoundError
        The file cannot be read.
    ValueError
        An array that is no image; a region outside the image or with a side under 64 pixels.
    """
    with _stages(progress, on_stage, fast=fast) as begin:
        return _inspected(
            image,
            _calibrated(detector),
            begin,
            on_finding or (lambda finding: None),
            region,
            reference,
            population,
            fast=fast,
            salvage=salvage,
            seed=seed,
        )


def _inspected(
    image: Any,
    calibrated: CalibratedDetector,
    begin: Callable[[str], None],
    so_far: OnFinding,
    region: Region | None,
    reference: Baseline | None,
    population: Population | None,
    *,
    fast: bool,
    salvage: bool,
    seed: int,
) -> Finding:
    begin("reading and scoring")
    scorer = folded(calibrated.detector)
    judged = judge_image(image, calibrated, region=region, scorer=scorer, salvage=salvage)
    low, high = judged.score.thresholds.low, judged.score.thresholds.high
    settings: dict[str, str | int | float | bool | None] = {
        "region": None if region is None else ",".join(map(str, region)),
        "baseline": reference,
        "fast": fast,
        "seed": seed,
        "low": low if math.isfinite(low) else None,
        "high": high if math.isfinite(high) else None,
        "freqforensics": __version__,
    }
    sha256 = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    finding = Finding(
        inspection=Inspection(__version__, calibrated.weights, settings, sha256),
        image=judged.image.about,
        score=judged.score,
        maps={"image": preview(judged.image.pixels)},
        testimony=judged.image.testimony,
        contradictions=contradictions(judged.image.testimony, judged.score.verdict),
    )
    so_far(finding)
    if not judged.judged:
        return finding
    view = explained_view(
        judged,
        calibrated.detector,
        population if population is not None else shipped_population(),
        scorer=scorer,
        reference=reference,
        fast=fast,
        seed=seed,
    )
    return _answered(finding, judged, view, begin, so_far)


def _answered(
    finding: Finding, judged: JudgedImage, view: ExplainedView, begin: Callable[[str], None], so_far: OnFinding
) -> Finding:
    """Explain, compare, test and change, each stage named as it begins. What has many figures comes early."""
    begin("path and other causes")
    causes = causes_of(judged, view)
    begin("explanation")
    finding = replace(finding, explanation=explain_view(view, causes), left_out=view.left_out)
    begin("maps")
    finding = replace(finding, maps={**finding.maps, **view_maps(view)})
    so_far(finding)
    begin("population")
    finding = replace(finding, comparison=compare_image(judged, view, causes))
    so_far(finding)
    begin("weights made random")
    likeness = randomise_weights(view)
    begin("deletion")
    finding = replace(finding, tests=map_tests(view, likeness, delete_frequencies(view)))
    so_far(finding)
    begin("changes")
    score = judged.score
    changes = Changes(curves=curves_of(view, score), tiles=tiles_of(view), flip_sought=score.verdict == "evidence")
    so_far(replace(finding, changes=changes))
    return replace(finding, changes=replace(changes, counterfactuals=take_out(view), flip=flip_verdict(view, score)))


def _calibrated(detector: CalibratedDetector | Detector | None) -> CalibratedDetector:
    if isinstance(detector, CalibratedDetector):
        return detector
    if detector is None:
        return open_detector(DEFAULT)
    if not isinstance(detector, Detector):
        raise TypeError(
            f"detector must be a Detector or of open_detector, got {type(detector).__name__}: pass a model to"
            " freqforensics.wrap first"
        )
    return known_detector(detector)


@contextmanager
def _stages(progress: str | None, on_stage: OnStage | None, *, fast: bool) -> Iterator[Callable[[str], None]]:
    """Give a function that begins a stage, and show what is done of it."""
    work = {name: of_modes[not fast] for name, of_modes in _WORK.items()}
    total, done, end, stage = sum(work.values()), 0, 0, ""

    with tqdm(
        total=total,
        desc=progress,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}",
        delay=2,
        disable=None if progress else True,
        leave=False,
    ) as bar:

        def show() -> None:
            bar.update(done - bar.n)
            if on_stage is not None:
                on_stage(stage, done, total)

        def begin(name: str) -> None:
            nonlocal done, end, stage
            stage, done = name, end
            end += work[name]
            bar.set_postfix_str(name, refresh=False)
            show()

        def one_more() -> None:
            nonlocal done
            done = min(done + 1, end)
            show()

        with counting(one_more):
            yield begin
