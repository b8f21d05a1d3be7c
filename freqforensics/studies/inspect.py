"""Image files -> a finding of each, their pages, and an index of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freqforensics.attribution.path import Baseline
from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.images import ImageReadError
from freqforensics.inspection.finding import Finding
from freqforensics.inspection.inspection import inspect
from freqforensics.perturbations.canvases import Region
from freqforensics.report.artist import Artist
from freqforensics.report.builder import embedded
from freqforensics.report.handover import Handover
from freqforensics.report.page import Page, render_index, thumbnail, write_files, write_report
from freqforensics.report.view_names import View
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import Skipped, scratch_folder
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.writing import write_json
from freqforensics.sources.containers import holds_several
from freqforensics.sources.listing import is_list
from freqforensics.sources.selection import SourcesLike, as_paths
from freqforensics.sources.sources import image_files
from freqforensics.spectra.population import Population


@dataclass(frozen=True, eq=False, repr=False)
class InspectStudy(Summarised):
    """Findings of images that were inspected one by one; Jupyter shows the page of one, or the list of several.

    Parameters
    ----------
    findings : tuple of Finding
        In the order of the files. If there were several, each keeps only a thumbnail of its maps.
    notes : tuple of str
        What indexing folders left out or found doubtful.
    skipped : tuple of Skipped
        Every file that could not be inspected.
    pages : Path or None
        Folder that the pages were written to.
    handover : Handover
        Examiner, case and date, for the pages.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    pages: Path | None = None
    handover: Handover = Handover()  # noqa: RUF009 - frozen, so it may be shared

    @property
    def finding(self) -> Finding:
        """The finding of a single image; ValueError if there are several."""
        if len(self.findings) != 1:
            raise ValueError(f"findings must hold one, got {len(self.findings)}")
        return self.findings[0]

    def to_json(self) -> list[dict[str, Any]]:
        """Give the findings as JSON values; see `finding_schema`."""
        return [finding.to_json() for finding in self.findings]

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``index.html``, ``finding.json``, ``figures/*.png`` and ``manifest.json`` of one image.

        Pages of several images are written while they are inspected, see `inspect_study`; for the folder that they are
        in nothing is left to do.

        Parameters
        ----------
        out : str or Path
            A folder.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` holds something and `overwrite` is not given; or the maps of several images were not kept.
        """
        if self.pages is not None and self.pages.resolve() == Path(out).resolve():
            return
        if len(self.findings) > 1 or "thumbnail" in self.findings[0].maps:
            raise ValueError("out must be given to inspect_study, for the maps of several images are not kept")
        handover = replace(self.handover, command=command)
        write_report(self.findings[0], out, command=command, handover=handover, overwrite=overwrite)

    def _repr_html_(self) -> str:
        if len(self.findings) == 1 and "thumbnail" not in self.findings[0].maps:
            return Page(self.findings[0])._repr_html_()
        return embedded(render_index([(None, finding) for finding in self.findings], self.skipped), "findings")


def inspect_study(
    paths: SourcesLike,
    detector: CalibratedDetector | None = None,
    *,
    out: str | Path | None = None,
    region: Region | None = None,
    reference: Baseline | None = None,
    population: Population | None = None,
    fast: bool = False,
    salvage: bool = False,
    seed: int = 0,
    examiner: str = "",
    case: str = "",
    command: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
    drawer: Artist | None = None,
) -> InspectStudy:
    """Inspect image files one by one.

    The maps of an image take megabytes. So the pages of several images are written to `out` as they come, and their
    maps are dropped: memory does not grow with the number of images.

    Parameters
    ----------
    paths : Sources, str, Path, or sequence of str or Path
        Image files, folders and lists of them (``.txt``, or ``-`` for standard input), as for `image_files`.
    detector : CalibratedDetector, optional
        Detector; default the one that ships.
    out : str or Path, optional
        Folder for the page of one image; for several images it gets an index, and a folder for each. Nothing is
        written without it.
    region : (int, int, int, int), optional
        x, y, width, height of the part of every image to judge, pixels; default what `find_region` finds.
    reference : {"incoherent", "smooth", "median", "natural", "grey", "black"}, optional
        What a view is compared with, a baseline of `integrate_path`; default the one that suits the detector.
    population : Population, optional
        Photographs and generators to compare the images with; default the one that ships.
    fast : bool
        As in `inspect`: fewer steps and controls, fewer views.
    salvage : bool
        As in `read_image`: use the complete rows of JPEG files that end early.
    seed : int
        Random seed.
    examiner, case : str
        Names of the examiner and the case, printed on the pages.
    command : str, optional
        The command line, for the manifest and the pages.
    overwrite : bool
        Replace the results in `out`.
    progress : bool
        Show a progress bar.
    drawer : Artist, optional
        Draws the figures in a process of its own, if `out` is given; see `artist`.

    Returns
    -------
    InspectStudy
        A finding for each image that could be read.

    Raises
    ------
    ValueError
        No file could be inspected; what `out` held stays then. Or `out` holds something and `overwrite` is not given.
    """
    files, notes = _files_of(paths)
    several = len(files) > 1
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    handover = Handover(examiner=examiner, case=case, date=date, command=command)
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    views: dict[str, View] | None = None
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch_folder(out, overwrite=overwrite)) if out is not None and several else None
        places: list[str] = []
        for number, path in enumerate(files, 1):
            try:
                finding = inspect(
                    path,
                    detector,
                    region=region,
                    reference=reference,
                    population=population,
                    fast=fast,
                    salvage=salvage,
                    seed=seed,
                    progress=_bar_name(number, len(files)) if progress else None,
                    on_finding=None if drawer is None or out is None else drawer.begin,
                )
                views = None if drawer is None or out is None else drawer.views(finding)
                if folder is not None:
                    write_files(finding, folder / f"{number:03d}", handover=handover, views=views)
            except (ImageReadError, OSError, ValueError) as error:
                skipped.append(Skipped(str(path), _reason(error)))
                if drawer is not None:
                    drawer.forget()
                continue
            places.append(f"{number:03d}")
            findings.append(replace(finding, maps={"thumbnail": thumbnail(finding)}) if several else finding)
        if not findings:
            raise ValueError("; ".join(f"{path}: {reason}" for path, reason in skipped))
        if folder is not None:
            index = render_index(list(zip(places, findings, strict=True)), skipped, handover=handover)
            (folder / "index.html").write_text(index, encoding="utf-8")
            write_json(folder / "manifest.json", _about(findings, command))
    study = InspectStudy(tuple(findings), notes, tuple(skipped), None if out is None else Path(out), handover)
    if out is not None and not several:
        write_report(study.finding, out, command=command, handover=handover, overwrite=overwrite, views=views)
    return study


def _files_of(paths: SourcesLike) -> tuple[list[str | Path], tuple[str, ...]]:
    """Put in place of each folder and list its image files, and give the notes on it."""
    notes: list[str] = []
    files: list[str | Path] = []
    for path in as_paths(paths):
        if holds_several(str(path)) or is_list(path):
            files += image_files(path, on_note=notes.append)
        else:
            files.append(path)
    return files, tuple(notes)


def _about(findings: Sequence[Finding], command: str | None) -> dict[str, Any]:
    """The manifest of several findings."""
    first = findings[0].inspection
    return manifest(
        dict(first.settings),
        inputs={"images": [finding.image.sha256 for finding in findings], "weights": first.weights.sha256},
        command=command,
        also=DETECTOR_LIBRARIES,
    )


def _bar_name(number: int, count: int) -> str:
    return f"inspect {number}/{count}" if count > 1 else "inspect"


def _reason(error: Exception) -> str:
    if isinstance(error, ImageReadError):
        return error.reason
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
