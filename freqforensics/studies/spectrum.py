"""Sources -> the spectra of all their generators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np

from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.figures.drawings import PRINT_DPI, Drawing, drawing, save_drawings
from freqforensics.images import shown_path
from freqforensics.runtime.executors import end_of_passes
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import Skipped, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.stored import reading, stored_manifest
from freqforensics.runtime.tables import read_table
from freqforensics.sources.facts import header_sizes
from freqforensics.sources.records import ImageRecord, by_generator
from freqforensics.sources.selection import SourcesLike, listed_paths
from freqforensics.sources.shared import real_sides, stored_sides
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import (
    MeanSpectrum,
    SpectralLine,
    SpectrumAccumulator,
    SpectrumSpec,
    mean_spectrum,
    strongest_line,
)

LabelChoice = Literal["real", "fake", "all"]
Format = Literal["png", "pdf", "svg"]
DEFAULT_FORMATS: Final[tuple[Format, ...]] = ("png", "pdf")
_LEAST_WIDTH, _GREATEST_WIDTH = 84, 1000
"""Millimetres. In the least, the panels of three labels and four kinds are 5 mm wide."""
Group = tuple[str, str]


@dataclass(frozen=True, repr=False)
class SpectrumStudy(Drawn):
    """The averaged spectra of every generator and label of some sources.

    Parameters
    ----------
    spec : SpectrumSpec
        How every image was transformed: size, residual, window and others.
    spectra : dict of (generator, label) to MeanSpectrum
        Averages. Groups without a usable image are included, with no images.
    lines : dict of (generator, label) to SpectralLine
        The strongest line of each group that has images.
    notes : tuple of str
        Files that indexing skipped or found ambiguous.
    parameters : dict
        Parameters of the study, JSON values.
    seed : int or None
        Random seed of selection and crops; None if nothing was drawn.
    """

    spec: SpectrumSpec
    spectra: dict[Group, MeanSpectrum]
    lines: dict[Group, SpectralLine]
    notes: tuple[str, ...]
    parameters: dict[str, Any]
    seed: int | None

    @property
    def images(self) -> int:
        """Images averaged, over all groups."""
        return sum(spectrum.images for spectrum in self.spectra.values())

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every file that could not be read."""
        return tuple(Skipped(*failure) for spectrum in self.spectra.values() for failure in spectrum.failures)

    def groups(self) -> list[dict[str, Any]]:
        """Give the counts, reasons, strongest line and file of each group, as JSON values."""
        names = file_names(list(self.spectra))
        return [
            {
                "generator": key[0],
                "label": key[1],
                "images": spectrum.images,
                "crops": spectrum.crops,
                "skipped": spectrum.skipped,
                "unreadable": [{"path": path, "reason": reason} for path, reason in spectrum.failures],
                "notes": spectrum.notes,
                "line": asdict(self.lines[key]) if key in self.lines else None,
                "file": f"spectra/{names[key]}.npz" if spectrum.images else None,
            }
            for key, spectrum in self.spectra.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """Give notes and groups as JSON values."""
        return {"notes": list(self.notes), "groups": self.groups()}

    def drawings(self, *, columns: int | None = None, width: float | None = None) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn.

        Parameters
        ----------
        columns : int, optional
            Number of generators side by side, see `plot_fingerprints` and `plot_profiles`.
        width : float, optional
            Width of the figures, millimetres.
        """
        from freqforensics.figures.profiles import plot_profiles
        from freqforensics.figures.spectrum import plot_fingerprints

        plots = (("fingerprints", plot_fingerprints), ("profiles", plot_profiles))
        return tuple(drawing(name, plot, self.spectra, columns=columns, width=width) for name, plot in plots)

    def save(
        self,
        out: str | Path,
        *,
        command: str | None = None,
        overwrite: bool = False,
        columns: int | None = None,
        width: float | None = None,
        formats: Sequence[Format] = DEFAULT_FORMATS,
    ) -> None:
        """Write ``spectra/*.npz``, fingerprints and profiles, ``summary.csv`` and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            Folder for the results; an existing one is treated as by `result_folder`.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace an earlier result in the folder.
        columns : int, optional
            Number of generators side by side in the figures, see `plot_fingerprints` and `plot_profiles`.
        width : float, optional
            Width of the figures, millimetres; all text is 7 points at that size, and PNG files have 300 dpi.
        formats : sequence of {"png", "pdf", "svg"}
            Formats of the figures.

        Raises
        ------
        ValueError
            `out` holds something and `overwrite` is not given, or is not a folder; a parameter out of range.
        """
        check_layout(columns, width)
        formats = check_formats(formats)
        names = file_names(list(self.spectra))
        inputs = {
            name: {"images": self.spectra[key].images, "sha256": self.spectra[key].inputs_sha256}
            for key, name in names.items()
        }
        about = manifest(self.parameters, inputs={**inputs, **real_sides(self.notes)}, seed=self.seed)
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            for key, spectrum in self.spectra.items():
                if spectrum.images:
                    spectrum.save(folder / f"spectra/{names[key]}.npz")
            describe = partial(self.drawings, columns=columns, width=width)
            save_drawings(folder, describe, formats=formats, dpi=None if width is None else PRINT_DPI)
            folder.table("summary.csv", _SUMMARY, map(_summary_row, self.groups()))

    @classmethod
    def load(cls, folder: str | Path) -> SpectrumStudy:
        """Read the folder that `save` wrote.

        Parameters
        ----------
        folder : str or Path
            The folder.

        Returns
        -------
        SpectrumStudy
            Of `notes` only those on shared real sides are stored; a group without images has lost its reasons.

        Raises
        ------
        ValueError
            The folder holds no such result.
        """
        about = stored_manifest(folder, "summary.csv")
        with reading(folder):
            spec = SpectrumSpec(**about["parameters"]["spec"])
            spectra: dict[Group, MeanSpectrum] = {}
            header, *rows = read_table(Path(folder) / "summary.csv")
            places = {(row[0], row[1]): row[header.index("file")] for row in rows}
            for key, name in file_names(list(places)).items():
                if places[key]:
                    spectra[key] = MeanSpectrum.load(Path(folder) / places[key])
                else:
                    digest = about["inputs"][name]["sha256"]
                    spectra[key] = replace(SpectrumAccumulator(spec).result(), inputs_sha256=digest)
            parameters = {**about["parameters"], "spec": asdict(spec)}
            lines = {key: strongest_line(spectrum) for key, spectrum in spectra.items() if spectrum.images}
            return cls(spec, spectra, lines, stored_sides(about["inputs"]), parameters, about["seed"])


_LINE: Final = ("fx", "fy", "amplitude", "nr", "p_value", "p_corrected")
_COUNTS: Final = ("generator", "label", "images", "crops")
_SUMMARY: Final = (*_COUNTS, "skipped", "unreadable", *(f"line_{column}" for column in _LINE), "file")


def _summary_row(group: dict[str, Any]) -> list[object]:
    line = group["line"] or {}
    return [
        *(group[column] for column in _COUNTS),
        sum(group["skipped"].values()),
        len(group["unreadable"]),
        *(line.get(column, "") for column in _LINE),
        group["file"] or "",
    ]


def spectrum_study(
    sources: SourcesLike,
    *,
    spec: SpectrumSpec | None = None,
    label: LabelChoice = "all",
    limit: int | None = None,
    seed: int | None = None,
    exif_orientation: bool = False,
    salvage: bool = False,
    workers: int | None = None,
    progress: bool = False,
) -> SpectrumStudy:
    """Average the spectra of every generator and label of some sources.

    Files that cannot be read are listed, and do not end the study.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders, tables and files of images, as for `index_sources`.
    spec : SpectrumSpec, optional
        Crops, residual and transform; default ``SpectrumSpec()``.
    label : {"real", "fake", "all"}
        Groups to take; unknown labels are taken with "all".
    limit : int, optional
        Maximum number of images of each group: the first are taken, or with `seed` a random choice.
    seed : int, optional
        Random seed for `limit` and for random crops. A group's draws depend on its name, not on the other groups.
    exif_orientation, salvage, workers
        How files are read, as for `mean_spectrum`.
    progress : bool
        Show a bar for each group that takes over two seconds, on a terminal.

    Returns
    -------
    SpectrumStudy
        The averaged spectrum of every generator and label.

    Raises
    ------
    ValueError
        No image of that label, none that could be averaged (the message says why), or a parameter out of range.
    FileNotFoundError
        A source does not exist.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import cv2
    >>> import numpy as np
    >>> with TemporaryDirectory() as folder:
    ...     for number in range(3):
    ...         noise = np.random.default_rng(number).integers(0, 256, (64, 64), np.uint8)
    ...         written = cv2.imwrite(f"{folder}/{number}.png", noise)
    ...     study = spectrum_study(f"noise={folder}", spec=SpectrumSpec(size=64))
    >>> {group: spectrum.images for group, spectrum in study.spectra.items()}
    {('noise', 'unknown'): 3}
    """
    spec = spec or SpectrumSpec()
    if label not in get_args(LabelChoice):
        raise ValueError(f"label must be one of {', '.join(get_args(LabelChoice))}; got {label!r}")
    notes: list[str] = []
    everything = index_sources(sources, on_note=notes.append)
    records = [record for record in everything if label in ("all", record.label)]
    if not records:
        labels = sorted({record.label for record in everything})
        raise ValueError(f"no image with label {label!r} in {listed_paths(sources)}, only {', '.join(labels)}")
    notes += serious_confounds(records)
    spectra: dict[Group, MeanSpectrum] = {}
    for key, group in by_generator(records).items():
        rng = None if seed is None else np.random.default_rng([seed, *"/".join(key).encode()])
        spectra[key] = mean_spectrum(
            group,
            spec=spec,
            workers=workers,
            limit=limit,
            rng=rng,
            on_error="skip",
            exif_orientation=exif_orientation,
            salvage=salvage,
            progress=" ".join(key) if progress else None,
        )
    end_of_passes()
    empty = [" ".join(key) for key, spectrum in spectra.items() if not spectrum.images]
    if empty:
        notes.append(f"no image could be used of: {', '.join(empty)}")
    study = SpectrumStudy(
        spec=spec,
        spectra=spectra,
        lines={key: strongest_line(spectrum) for key, spectrum in spectra.items() if spectrum.images},
        notes=tuple(notes),
        parameters={"spec": asdict(spec), "label": label, "limit": limit, "exif_orientation": exif_orientation},
        seed=seed,
    )
    if not study.images:
        raise ValueError(_why_none(study, records))
    return study


def check_layout(columns: int | None, width: float | None) -> None:
    """Raise ValueError unless figures of this width can have this number of columns, whatever their labels."""
    if columns is not None and columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    if width is not None and not _LEAST_WIDTH * (columns or 1) <= width <= _GREATEST_WIDTH:
        least = f"{_LEAST_WIDTH * (columns or 1)} to {_GREATEST_WIDTH} mm"
        raise ValueError(f"width must be {least}{f' for {columns} columns' if columns else ''}, got {width:g}")


def check_formats(formats: Sequence[str]) -> tuple[Format, ...]:
    """Give the formats of figures that are named, each once; ValueError unless there are any, and all are known."""
    unknown = sorted(set(formats) - set(get_args(Format)))
    if unknown or not formats:
        words = ", ".join(unknown) or "none"
        raise ValueError(f"formats must be of {', '.join(get_args(Format))}, got {words}")
    return tuple(name for name in get_args(Format) if name in formats)


def file_names(groups: Sequence[Group]) -> dict[Group, str]:
    """A file name for each group: letters, digits, '.', '_' and '-', no two alike even without regard to case.

    >>> file_names([("a/b", "real"), ("a b", "real")])
    {('a/b', 'real'): 'a-b-real', ('a b', 'real'): 'a-b-2-real'}
    """
    names: dict[Group, str] = {}
    taken: set[str] = set()
    for key in groups:
        base = re.sub(r"[^\w.-]+", "-", key[0]).strip("-.")[:80] or "generator"
        name, number = f"{base}-{key[1]}", 2
        while name.lower() in taken:
            name, number = f"{base}-{number}-{key[1]}", number + 1
        taken.add(name.lower())
        names[key] = name
    return names


def _why_none(study: SpectrumStudy, records: Sequence[ImageRecord]) -> str:
    small = sum(sum(spectrum.skipped.values()) for spectrum in study.spectra.values())
    height, width = study.spec.shape
    parts = []
    if small:
        parts.append(f"{small} are smaller than {height}x{width}{_first_size(records)}")
    if study.skipped:
        path, reason = study.skipped[0]
        parts.append(f"{len(study.skipped)} cannot be read, first {shown_path(path)}: {reason}")
    return f"no image was averaged: {'; '.join(parts)}"


def _first_size(records: Sequence[ImageRecord]) -> str:
    """Say how large the first image is whose header can be read, and what that asks of `size`."""
    for height, width in header_sizes(records[:100]):
        return f", the first {height}x{width}: size must be at most {min(height, width)}"
    return ""
