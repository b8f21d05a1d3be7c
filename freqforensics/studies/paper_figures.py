"""Sources -> the figures of Wang et al. (2020): a folder for each, one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from freqforensics.detector.weights import DEFAULT
from freqforensics.figures.drawings import draw
from freqforensics.generators.plain import SIZE, write_upsampled_photographs
from freqforensics.generators.simulation import simulate_from_sources
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.report import Chapter, render_tour
from freqforensics.runtime.destinations import check_parts
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import (
    ResultFolder,
    Skipped,
    clear_results,
    drop_manifest,
    result_folder,
    scratch_folder,
)
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.writing import replacing, write_json
from freqforensics.sources.selection import SourcesLike, as_paths
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import SpectrumSpec
from freqforensics.studies.quality import quality_study
from freqforensics.studies.robustness import robustness_study
from freqforensics.studies.spectrum import spectrum_study
from freqforensics.training.ablation import Ablation

FAMILIES: Final = ("progan", "biggan", "stylegan", "crn", "dcgan", "ldm_vae")
"""Miniatures that stand in where no images are given."""
SWEEPS: Final = ("blur", "jpeg")
PARTS: Final = ("images", "miniatures", "spectra", "robustness", "quality", "ablations")


@dataclass(frozen=True, repr=False)
class PaperFiguresStudy(Drawn):
    """The figures, and what could not be read for them; the folder holds all files already.

    Parameters
    ----------
    page : Path
        Page that shows the figures.
    skipped : tuple of Skipped
        Every file that could not be read.
    """

    page: Path
    skipped: tuple[Skipped, ...]


def paper_figures_study(
    out: str | Path,
    sources: SourcesLike = (),
    *,
    ablations: Mapping[str, str | Path] | None = None,
    weights: str | Path = DEFAULT,
    view: str = DEFAULT_VIEW,
    crop: int = SIZE,
    limit: int | None = None,
    sweeps: Sequence[str] = SWEEPS,
    device: str = "auto",
    backend: str = "torch",
    command: str | None = None,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> PaperFiguresStudy:
    """Draw mean spectra, robustness, fakeness percentiles and ablations, and a page that shows them.

    Parameters
    ----------
    out : str or Path
        Gets ``index.html``, ``manifest.json``, and a folder for each figure with its numbers.
    sources : Sources, str, Path, or sequence of str or Path
        As for `index_sources`. Default: six miniatures of the photographs that scikit-image and scikit-learn bundle.
    ablations : mapping of {"recipe", "classes", "band"} to str or Path, optional
        Tables that ``ablate`` wrote.
    weights : str or Path
        Name or file of the weights, as for `open_detector`.
    view : {"views", "center", "none", "tiles", "resize"}
        Part of an image that is scored.
    crop : int
        Side of the crops that spectra are averaged over, pixels.
    limit : int, optional
        At most this number of images per generator and label.
    sweeps : sequence of str
        Perturbations, as for `robustness_study`.
    device : str
        Device of torch, "auto" an accelerator where there is one.
    backend : {"torch", "onnx"}
        Library that runs the network.
    command : str, optional
        The command line, for the manifest.
    overwrite : bool
        Replace the results in `out`.
    tell : callable
        Gets a line before each step.
    progress : bool
        Show progress bars.

    Returns
    -------
    PaperFiguresStudy

    Raises
    ------
    ValueError, FileNotFoundError
        The sources hold no real or no fake images; or as `Ablation.load`, `spectrum_study`, `robustness_study`,
        `quality_study`.
    """
    root = Path(out)
    check_parts(root, PARTS, overwrite=overwrite)
    spec = SpectrumSpec(size=crop)
    labels = {record.label for record in index_sources(sources)} if sources else set()
    if sources and not {"real", "fake"} <= labels:
        raise ValueError("sources must hold real and fake images, in folders 0_real and 1_fake or named in a table")
    loaded = {
        axis: Ablation.load(path, axis=axis, miniatures=not sources)  # type: ignore[arg-type]  # checked there
        for axis, path in (ablations or {}).items()
    }
    miniatures = not sources
    drop_manifest(root)
    if not sources:
        tell("miniatures of bundled photographs")
        with scratch_folder(root / "images", overwrite=True) as folder:
            write_upsampled_photographs(folder)
            write_json(folder / "manifest.json", {**manifest({}, inputs={}), "holds": "images"})
        sources = [root / "miniatures"]
        simulate_from_sources(
            [root / "images" / "nearest" / "0_real"], root / "miniatures", families=FAMILIES, size=SIZE, scale_down=1,
            overwrite=True, progress=progress,
        )  # fmt: skip
    tell("mean spectra")
    spectra = spectrum_study(sources, spec=spec, limit=limit, progress=progress)
    spectra.save(root / "spectra", overwrite=True)
    options: dict[str, Any] = {"weights": weights, "view": view, "limit": limit, "device": device, "backend": backend}
    tell("robustness")
    with scratch_folder(root / "robustness", overwrite=True) as folder:
        robustness_study(sources, sweeps=sweeps, out=folder, progress=progress, **options).save(folder)
    tell("fakeness and quality")
    quality = quality_study(
        sources, weights=weights, view=view, limit=limit, device=device, backend=backend, progress=progress
    )
    quality.save(root / "quality", overwrite=True)
    if loaded:
        _draw_ablations(loaded, root / "ablations")
    else:
        clear_results(root / "ablations")  # of an earlier run, which would seem to belong to this one
    title = "The figures of Wang et al. (2020)" + (", on miniatures" if miniatures else "")
    page = root / "index.html"
    with replacing(page) as temporary:
        temporary.write_text(render_tour(title, _chapters(root, tuple(loaded), miniatures)), encoding="utf-8")
    parameters = {"miniatures": miniatures, "ablations": list(loaded), "limit": limit, "size": crop}
    write_json(
        root / "manifest.json", manifest(parameters, inputs={"sources": len(as_paths(sources))}, command=command)
    )
    return PaperFiguresStudy(page, tuple(Skipped(*failure) for failure in quality.skipped))


def _draw_ablations(ablations: Mapping[str, Ablation], out: Path) -> None:
    from freqforensics.figures.ablation import plot_ablation

    rows = {axis: len(ablation.rows) for axis, ablation in ablations.items()}
    about = manifest({"axes": list(ablations)}, inputs={"rows": rows})
    with result_folder(out, about=about, overwrite=True) as folder:
        for axis, ablation in ablations.items():
            of_axis = manifest({"axis": axis}, inputs={"rows": rows[axis]})  # stored in the figure
            draw(ResultFolder(folder.path, of_axis), f"ablation-{axis}", plot_ablation, ablation)


def _chapters(root: Path, axes: Sequence[str], miniatures: bool) -> list[Chapter]:
    caution = " These are miniatures, stand-ins for an upsampler; no number is a generator's." if miniatures else ""
    chapters = [
        Chapter(
            "Mean spectra per generator",
            "The average of the Fourier spectra of high-pass residuals: their phases in common, their power, and where "
            "they are coherent." + caution,
            ((root / "spectra" / "fingerprints.png", ""),),
            (("table", "spectra/summary.csv"),),
        ),
        Chapter(
            "Robustness",
            "How well fakes are told from real images after blur and after JPEG compression: a detector that reads the "
            "finest frequencies loses them to both." + caution,
            ((root / "robustness" / "robustness.png", ""),),
            (("table", "robustness/robustness.csv"),),
        ),
        Chapter(
            "Images at the percentiles of fakeness",
            "The least and the most fake of each generator's images, and those at the quartiles, with their logits. If "
            "fakeness followed quality, one would see it along the rows." + caution,
            ((root / "quality" / "percentiles.png", ""), (root / "quality" / "forest.png", "")),
            (("correlations", "quality/associations.csv"), ("the least fake of many", "quality/least.png")),
        ),
    ]
    if axes:
        chapters.append(
            Chapter(
                "Ablations",
                "What augmentation, the number of categories learnt from, and the frequencies seen are worth: average "
                "precision by generator, one colour scale for all.",
                tuple((root / "ablations" / f"ablation-{axis}.png", "") for axis in axes),
            )
        )
    return chapters
