"""The figures of Wang et al. (2020) by name, on a set of images: one folder, one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from freqforensics.detector.weights import DEFAULT
from freqforensics.generators.plain import SIZE, write_upsampled_photographs
from freqforensics.generators.simulation import simulate_from_sources
from freqforensics.regions.views import DEFAULT_CROP
from freqforensics.report import Chapter, render_tour
from freqforensics.runtime.destinations import check_parts
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import clear_results, drop_manifest, scratch_folder
from freqforensics.runtime.writing import replacing, write_json
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import SpectrumSpec
from freqforensics.studies.evaluate import sweep_sources
from freqforensics.studies.quality import quality_study
from freqforensics.studies.spectrum import spectrum_study
from freqforensics.training.ablation import Ablation

FAMILIES: Final = ("progan", "biggan", "stylegan", "crn", "dcgan", "ldm_vae")
"""Miniatures that stand in where no images are given."""
SWEEPS: Final = ("blur", "jpeg")
PARTS: Final = ("images", "miniatures", "spectra", "robustness", "quality", "ablations")


def make_gallery(
    out: str | Path,
    sources: Sequence[str | Path] = (),
    *,
    ablations: Mapping[str, str | Path] | None = None,
    weights: str | Path = DEFAULT,
    crop: str = DEFAULT_CROP,
    size: int = SIZE,
    limit: int | None = None,
    sweeps: Sequence[str] = SWEEPS,
    device: str = "cpu",
    engine: str = "torch",
    command: str | None = None,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> tuple[Path, tuple[tuple[str, str], ...]]:
    """Draw mean spectra, robustness, fakeness percentiles and ablations, and a page that shows them.

    Parameters
    ----------
    out : str or Path
        Gets ``index.html``, ``manifest.json``, and a folder for each figure with its numbers.
    sources : sequence of str or Path
        As for `index_sources`. None: six miniatures of the photographs that scikit-image and scikit-learn bundle.
    ablations : mapping of {"recipe", "classes", "band"} to str or Path, optional
        Tables that ``ablate`` wrote.
    weights, crop, device, engine
        As for `sweep_sources` and `quality_study`.
    size : int
        Side of the crops that spectra are averaged over.
    limit : int, optional
        The first so many images of each generator and label.
    sweeps : sequence of str
        As for `sweep_sources`.
    command : str, optional
    overwrite : bool
        Replace the results in `out`.
    tell : callable
        Gets a line before each step.
    progress : bool

    Returns
    -------
    Path
        Of the page.
    tuple of (str, str)
        Path and reason of every file that could not be read.

    Raises
    ------
    ValueError, FileNotFoundError
        The sources hold no real or no fake images; or as `Ablation.load`, `spectrum_study`, `sweep_sources`,
        `quality_study`.
    """
    root = Path(out)
    check_parts(root, PARTS, overwrite=overwrite)
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
    survey = spectrum_study(sources, spec=SpectrumSpec(size=size), limit=limit, progress=progress)
    survey.save(root / "spectra", overwrite=True)
    options: dict[str, Any] = {"weights": weights, "crop": crop, "limit": limit, "device": device, "engine": engine}
    tell("robustness")
    with scratch_folder(root / "robustness", overwrite=True) as folder:
        sweep_sources(sources, folder, sweeps=sweeps, progress=progress, **options)
    tell("fakeness and quality")
    quality = quality_study(
        sources, weights=weights, view=crop, limit=limit, device=device, backend=engine, progress=progress
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
    shown = {"miniatures": miniatures, "ablations": list(loaded), "limit": limit, "size": size}
    about = manifest(shown, inputs={"sources": len(sources)})
    write_json(root / "manifest.json", {**about, "command": command})
    return page, quality.skipped


def _draw_ablations(ablations: Mapping[str, Ablation], out: Path) -> None:
    from freqforensics.figures import new_figure, plot_ablation, save_figure

    with scratch_folder(out, overwrite=True) as folder:
        for axis, found in ablations.items():
            figure = plot_ablation(found, fig=new_figure())
            shown = manifest({"axis": axis}, inputs={"rows": len(found.rows)})
            for suffix in (".png", ".pdf"):
                save_figure(figure, folder / f"ablation-{axis}{suffix}", manifest=shown)
        rows = {axis: len(found.rows) for axis, found in ablations.items()}
        write_json(folder / "manifest.json", manifest({"axes": list(ablations)}, inputs={"rows": rows}))


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
