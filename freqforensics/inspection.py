"""One image, one detector, one finding: every question of `freqforensics inspect`, asked in order."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from tqdm import tqdm

from freqforensics import __version__
from freqforensics.attribution.bases import (
    BandValue,
    band_values,
    cosine_map,
    fourier_map,
    pixel_map,
    wavelet_maps,
)
from freqforensics.attribution.causes import OtherCause, other_causes
from freqforensics.attribution.counterfactual import Counterfactual, band_stops, flipping_set, notch
from freqforensics.attribution.curves import score_curves, tile_scores
from freqforensics.attribution.faithfulness import (
    MOST_LIKENESS,
    Badge,
    Deletion,
    Randomisation,
    fourier_deletion,
    randomisation,
)
from freqforensics.attribution.maps import band_shapley, grad_cam, occlusion_map
from freqforensics.attribution.notches import Line, lattice_lines, line_name, line_values, ranked_lines
from freqforensics.attribution.path import Baseline, PathGradient, integrate_path
from freqforensics.attribution.sensitivity import sensitivity_map
from freqforensics.calibrated import CalibratedDetector, known_detector, open_detector
from freqforensics.detector.inference import folded
from freqforensics.detector.resnet import Detector, prepare_input
from freqforensics.detector.weights import DEFAULT
from freqforensics.finding import (
    FORMAT,
    Attributed,
    Finding,
    InspectedImage,
    LineValue,
    Thresholds,
)
from freqforensics.images import (
    ImageReadError,
    JpegTables,
    decode_image,
    read_file,
    read_header,
    read_jpeg_tables,
)
from freqforensics.population import shipped_population
from freqforensics.provenance import DETECTOR_LIBRARIES, manifest, result_folder, write_json
from freqforensics.spectra.population import SMALLEST, Population

Uint8 = NDArray[np.uint8]

MOST_PIXELS: Final = 450_000
"""Of the part that is explained; of larger images it is the middle, `PART` pixels a side."""
PART: Final = 640
MOST_SCORED: Final = 2_000_000
"""Pixels of an image that a network on pixels scores whole."""
LINES: Final = 12
MOST_P: Final = 0.1
"""Of deletion against random changes: the least that nine controls can show."""
_TILE: Final = 128


def inspect(
    image: Uint8 | str | Path,
    detector: CalibratedDetector | Detector | None = None,
    *,
    baseline: Baseline | None = None,
    population: Population | None = None,
    fast: bool = False,
    seed: int = 0,
    progress: str | None = None,
) -> Finding:
    """Find out why an image is scored as it is.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3), or path
        From 64 pixels a side.
    detector : CalibratedDetector or Detector, optional
        Default the one that ships.
    baseline : str, optional
        As of `integrate_path`; default the one that suits the detector.
    population : Population, optional
        To hold the image's spectrum against; default the one that ships.
    fast : bool
        Fewer steps, random changes and controls; no Shapley values, no occlusion, weights made random at once.
    seed : int
        Of everything random.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Finding

    Raises
    ------
    ImageReadError, FileNotFoundError
        The file cannot be read.
    ValueError
        The image is too small.
    """
    given = detector if isinstance(detector, CalibratedDetector) else None
    if given is None:
        if detector is not None and not isinstance(detector, Detector):
            raise TypeError(f"detector must be a Detector or of open_detector, got {type(detector).__name__}")
        given = open_detector(DEFAULT) if detector is None else known_detector(detector)
    pixels, about, jpeg = _opened(image)
    height, width = pixels.shape[:2]
    if min(height, width) < SMALLEST:
        raise ValueError(f"an image from {SMALLEST}x{SMALLEST} pixels can be inspected, got {width}x{height}")
    box = _part(height, width)
    part = np.ascontiguousarray(pixels[box[0] : box[2], box[1] : box[3]])
    twin = folded(given.detector)
    population = population if population is not None else shipped_population()
    chosen: tuple[Baseline, ...] | None = None if baseline is None else (baseline,)
    settings: dict[str, str | int | float | bool | None] = {
        "baseline": baseline,
        "fast": fast,
        "seed": seed,
        "low": given.thresholds.low,
        "high": given.thresholds.high,
        "freqforensics": __version__,
    }
    with tqdm(total=9, desc=progress, unit="step", delay=2, disable=None if progress else True, leave=False) as bar:

        def step(name: str) -> None:
            bar.set_postfix_str(name)
            bar.update(1)

        step("score")
        whole = given.detector.input == "coherence" or height * width <= MOST_SCORED
        scored = pixels if whole else part
        logit = float(twin.logits([scored])[0])
        verdict = given.thresholds.verdict(logit)
        step("path")
        path = integrate_path(
            part,
            twin,
            baselines=chosen,
            natural=population.amplitudes,
            most_steps=16 if fast else 64,
            rng=np.random.default_rng(seed),
        )

        def explain(other: Detector) -> dict[str, NDArray[np.float64]]:
            rough = integrate_path(part, other, baselines=chosen, natural=population.amplitudes, steps=4, most_steps=4)
            return _maps_of(rough)

        plane = fourier_map(path, tile=32)
        sign = 1 if path.gap >= 0 else -1
        order = ranked_lines(plane, sign=sign)
        step("weights made random")
        random = randomisation(given.detector, explain, cascading=not fast, seed=seed)
        step("deletion")
        deletion = None
        if order:
            deletion = fourier_deletion(
                part, twin, order, controls=9 if fast else 10, sign=sign, rng=np.random.default_rng(seed)
            )
        step("counterfactuals")
        changes, flip, sought = _changed(
            part, twin, order, ranked_lines(plane), given.thresholds, path.logit, fast, seed
        )
        step("curves")
        middle = (given.thresholds.low + given.thresholds.high) / 2
        curves = score_curves(part, twin, threshold=given.thresholds.high if sought else middle)
        tiles = tile_scores(part, twin, side=_TILE)
        step("maps")
        maps = _maps(part, given.detector, twin, path, plane, fast)
        maps["image"] = _small(pixels)
        # What is left out comes from the default baseline: with another one they would answer another question.
        own_baseline = path.baselines == (("incoherent",) if given.detector.input == "coherence" else ("median",))
        shapley: tuple[BandValue, ...] = ()
        if own_baseline and not fast:
            shapley = band_shapley(part, twin, rng=np.random.default_rng(seed))
        step("population")
        standing, nearest = population.standing(part), population.nearest(part)
        step("other causes")
        causes = other_causes(part, jpeg, path, file=about.format != "array")
    bands = band_values(path)
    return Finding(
        format=FORMAT,
        freqforensics=__version__,
        verdict=verdict,
        logit=logit,
        probability=float(expit(logit)),
        scored="the whole image" if whole else _named(box),
        image=replace(about, part=box),
        weights=given.weights,
        thresholds=given.thresholds,
        attribution=Attributed(
            baseline=", ".join(path.baselines),
            logit=path.logit,
            baseline_logit=path.baseline_logit,
            gap=path.gap,
            delta=path.delta,
            steps=path.steps,
            bands=_summing(bands, path),
            shapley=shapley,
            lines=_lines(plane, order, causes),
        ),
        counterfactuals=changes,
        flip=flip,
        flip_sought=sought,
        deletion=deletion,
        randomisation=random,
        badges=_badges(path, deletion, random),
        curves=curves,
        tiles=tiles,
        standing=standing,
        nearest=nearest,
        causes=causes,
        settings=settings,
        settings_sha256=hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest(),
        maps=maps,
    )


def inspect_files(
    paths: Sequence[str | Path],
    detector: CalibratedDetector | None = None,
    *,
    out: str | Path | None = None,
    baseline: Baseline | None = None,
    population: Population | None = None,
    fast: bool = False,
    seed: int = 0,
    command: str | None = None,
    overwrite: bool = False,
    progress: str | None = None,
) -> tuple[list[Finding], list[tuple[str, str]]]:
    """Inspect files one by one, and write their pages.

    Parameters
    ----------
    paths : sequence of str or Path
    detector, baseline, population, fast, seed, progress
        As for `inspect`.
    out : str or Path, optional
        Of one image the folder of its page; of several the folder of an index, and of a folder for each.
    command : str, optional
    overwrite : bool
        As for `result_folder`.

    Returns
    -------
    list of Finding
        In the order of `paths`. Of several images the maps are not kept: their pages are written, or are not asked for.
    list of (str, str)
        Path and reason of those that could not be inspected.

    Raises
    ------
    ValueError
        As `result_folder`.
    """
    from freqforensics.report import render_index, write_files, write_report

    findings: list[Finding] = []
    failures: list[tuple[str, str]] = []
    several = len(paths) > 1
    with contextlib.suppress(_NothingInspected), contextlib.ExitStack() as stack:
        folder = None
        if out is not None and several:
            folder = stack.enter_context(result_folder(out, overwrite=overwrite))
        entries: list[tuple[str, Finding]] = []
        for number, path in enumerate(paths, 1):
            name = f"{progress} {number}/{len(paths)}" if progress and several else progress
            place = f"{number:03d}"
            try:
                finding = inspect(
                    path, detector, baseline=baseline, population=population, fast=fast, seed=seed, progress=name
                )
                if folder is not None:
                    write_files(finding, folder / place, command=command)
            except (ImageReadError, OSError, ValueError) as error:
                failures.append((str(path), getattr(error, "reason", None) or _reason(error)))
                continue
            if several:
                entries.append((place, replace(finding, maps={"part": finding.maps["part"]})))
                finding = replace(finding, maps={})
            findings.append(finding)
        if folder is not None and not entries:
            raise _NothingInspected  # what was in the folder before stays
        if folder is not None:
            (folder / "index.html").write_text(render_index(entries, failures), encoding="utf-8")
            inputs = {"images": [finding.image.sha256 for finding in findings]}
            write_json(
                folder / "manifest.json",
                manifest(
                    dict(findings[0].settings),
                    inputs={**inputs, "weights": findings[0].weights.sha256},
                    command=command,
                    also=(*DETECTOR_LIBRARIES, "captum"),
                ),
            )
    if out is not None and not several and findings:
        write_report(findings[0], out, command=command, overwrite=overwrite)
    return findings, failures


class _NothingInspected(Exception):  # noqa: N818 - never leaves this module
    pass


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)


def _opened(image: Uint8 | str | Path) -> tuple[Uint8, InspectedImage, JpegTables | None]:
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be uint8 (H, W, 3), got {image.dtype} {image.shape}")
        sha256 = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
        about = InspectedImage("", sha256, image.shape[1], image.shape[0], "array", None, None, (), (0, 0, 0, 0))
        return image, about, None
    notes: list[str] = []
    data = read_file(image)
    pixels = decode_image(data, name=image, on_note=notes.append)
    jpeg = read_jpeg_tables(data)
    about = InspectedImage(
        name=Path(image).name,
        sha256=hashlib.sha256(data).hexdigest(),
        width=pixels.shape[1],
        height=pixels.shape[0],
        format=str(read_header(data).format),
        jpeg_quality=None if jpeg is None else jpeg.quality,
        jpeg_subsampling=None if jpeg is None else jpeg.subsampling,
        notes=tuple(notes),
        part=(0, 0, 0, 0),
    )
    return pixels, about, jpeg


def _small(pixels: Uint8) -> Uint8:
    """The whole image, made smaller if need be, to be shown."""
    scale = min(1.0, PART / max(pixels.shape[:2]))
    if scale == 1.0:
        return pixels
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _part(height: int, width: int) -> tuple[int, int, int, int]:
    """The whole, or a square from the middle whose corner keeps the grid of 32."""
    if height * width <= MOST_PIXELS:
        return 0, 0, height, width
    sides = [min(side, PART) for side in (height, width)]
    top, left = ((side - own) // 64 * 32 for side, own in zip((height, width), sides, strict=True))
    return top, left, top + sides[0], left + sides[1]


def _maps_of(path: PathGradient) -> dict[str, NDArray[np.float64]]:
    """The maps whose likeness to those of random weights is measured."""
    return {"frequencies": fourier_map(path, tile=32), "pixels": pixel_map(path)}


def _maps(
    part: Uint8, detector: Detector, twin: Detector, path: PathGradient, plane: NDArray[np.float64], fast: bool
) -> dict[str, NDArray[Any]]:
    maps: dict[str, NDArray[Any]] = {
        "part": part,
        "pixels": pixel_map(path).astype(np.float32),
        "frequencies": plane,
        "cosines": cosine_map(path),
        "sensitivity": sensitivity_map(part, twin).astype(np.float32),
        "cam": grad_cam(part, detector),
        **{f"wavelet {name}": values.astype(np.float32) for name, values in wavelet_maps(path).items()},
    }
    if detector.input == "coherence":
        maps["input"] = prepare_input([part], "coherence", band=detector.band)[0].numpy()
    if not fast:
        maps["occlusion"] = occlusion_map(part, twin).astype(np.float32)
    return maps


def _changed(
    part: Uint8,
    twin: Detector,
    order: tuple[Line, ...],
    upward: tuple[Line, ...],
    thresholds: Thresholds,
    logit: float,
    fast: bool,
    seed: int,
) -> tuple[tuple[Counterfactual, ...], Any, bool]:
    """Notches with their nulls, bands; the fewest notches that flip."""
    sets: list[tuple[str, tuple[Line, ...]]] = []
    if order:
        sets.append((f"the frequency that counts most, {line_name(order[0])}", order[:1]))
        if len(order) > 1:
            sets.append((f"the {min(8, len(order))} frequencies that count most", order[:8]))
    sets += [(f"the lattice of 1/{q}", lattice_lines(q)) for q in (2, 4, 8)]
    rng = np.random.default_rng(seed)
    nulls = 20 if fast else 100
    made = [notch(part, twin, lines, what=what, nulls=nulls, rng=rng) for what, lines in sets]
    if not fast:
        made += band_stops(part, twin)
    sought = logit > thresholds.high
    flip = None
    if sought and upward:
        flip = flipping_set(part, twin, upward, threshold=thresholds.high)
    return tuple(made), flip, sought


def _lines(
    plane: NDArray[np.float64], order: tuple[Line, ...], causes: tuple[OtherCause, ...]
) -> tuple[LineValue, ...]:
    found = {cause.name for cause in causes if cause.found}
    values = line_values(plane)
    lines = []
    for fx, fy in order[:LINES]:
        also = []
        if "JPEG" in found and all(float(8 * f).is_integer() for f in (fx, fy)):
            also.append("JPEG's 8x8 blocks")
        if "colour interpolation" in found and all(float(2 * f).is_integer() for f in (fx, fy)):
            also.append("colour interpolation")
        lines.append(LineValue(float(fx), float(fy), values[fx, fy], tuple(also)))
    return tuple(lines)


def _summing(bands: tuple[BandValue, ...], path: PathGradient) -> tuple[BandValue, ...]:
    """Bands that sum to the gap: the path's delta goes to each by its size."""
    sizes = sum(abs(band.value) for band in bands) or 1.0
    return tuple(
        BandValue(
            band.low,
            1.0 if band.high > math.sqrt(0.5) else band.high,
            band.value - path.delta * (abs(band.value) / sizes if any(b.value for b in bands) else 1 / len(bands)),
        )
        for band in bands
    )


def _badges(path: PathGradient, deletion: Deletion | None, random: Mapping[str, Randomisation]) -> dict[str, Badge]:
    shared = []
    if not path.complete:
        shared.append(f"the parts sum to {path.gap + path.delta:+.2f}, not to the gap of {path.gap:+.2f} logits")
    if abs(path.gap) < 0.2:
        shared.append(f"the gap is {path.gap:+.2f} logits: there is next to nothing to explain")
    badges = {"path": Badge(not shared, tuple(shared))}
    for name, found in random.items():
        reasons = list(shared)
        if not found.destroyed:
            reasons.append(
                f"random weights draw a similar map (Spearman {found.likeness[-1]:.2f}, limit {MOST_LIKENESS})"
            )
        if name == "frequencies":
            if deletion is None:
                reasons.append("no frequency speaks for the score")
            elif deletion.gain <= 0 or deletion.p_value > MOST_P:
                reasons.append(
                    "taking these frequencies out does not move the score more than random changes of their energy"
                    f" (p = {deletion.p_value:.2f})"
                )
        badges[name] = Badge(not reasons, tuple(reasons))
    return badges


def _named(box: tuple[int, int, int, int]) -> str:
    return f"rows {box[0]} to {box[2]}, columns {box[1]} to {box[3]}"
