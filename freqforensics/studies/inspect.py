"""Files inspected one by one, with a page for each and an index of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from freqforensics.attribution.path import Baseline
from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.images import ImageReadError
from freqforensics.inspection.finding import Finding
from freqforensics.inspection.inspection import inspect
from freqforensics.perturbations.canvases import Region
from freqforensics.report import render_index, write_files, write_report
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.writing import write_json
from freqforensics.spectra.population import Population


def inspect_files(
    paths: Sequence[str | Path],
    detector: CalibratedDetector | None = None,
    *,
    out: str | Path | None = None,
    region: Region | None = None,
    baseline: Baseline | None = None,
    population: Population | None = None,
    fast: bool = False,
    salvage: bool = False,
    seed: int = 0,
    command: str | None = None,
    overwrite: bool = False,
    progress: str | None = None,
) -> tuple[list[Finding], list[tuple[str, str]]]:
    """Inspect files one by one, and write their pages.

    Parameters
    ----------
    paths : sequence of str or Path
    detector, region, baseline, population, fast, salvage, seed, progress
        As for `inspect`; the region is that of every image.
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
    findings: list[Finding] = []
    failures: list[tuple[str, str]] = []
    several = len(paths) > 1
    with contextlib.suppress(_NothingInspected), contextlib.ExitStack() as stack:
        folder = None
        if out is not None and several:
            folder = stack.enter_context(scratch_folder(out, overwrite=overwrite))
        entries: list[tuple[str, Finding]] = []
        for number, path in enumerate(paths, 1):
            name = f"{progress} {number}/{len(paths)}" if progress and several else progress
            place = f"{number:03d}"
            try:
                finding = inspect(
                    path,
                    detector,
                    region=region,
                    baseline=baseline,
                    population=population,
                    fast=fast,
                    salvage=salvage,
                    seed=seed,
                    progress=name,
                )
                if folder is not None:
                    write_files(finding, folder / place, command=command)
            except (ImageReadError, OSError, ValueError) as error:
                failures.append((str(path), getattr(error, "reason", None) or _reason(error)))
                continue
            if several:
                entries.append((place, replace(finding, maps={"image": finding.maps["image"]})))
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
