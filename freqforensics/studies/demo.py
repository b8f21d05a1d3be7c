"""Photographs -> every step of the toolkit, and one page that leads through them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from freqforensics.detector import score_files
from freqforensics.detector.calibrated import CalibratedDetector, open_detector
from freqforensics.detector.verdict import IN_WORDS
from freqforensics.detector.weights import DEFAULT
from freqforensics.evaluation import Evaluation
from freqforensics.generators.plain import SIZE, TILE, write_upsampled_photographs
from freqforensics.generators.simulation import simulate_from_sources
from freqforensics.images import read_image
from freqforensics.inspection.finding import Finding
from freqforensics.report import Chapter, render_tour
from freqforensics.report.artist import Artist
from freqforensics.runtime.companion import Companion, CompanionError, companion
from freqforensics.runtime.destinations import check_parts
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import Skipped, drop_manifest, scratch_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.writing import replacing, write_json
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import index_sources
from freqforensics.studies.demo_spectra import write_fingerprints, write_upsampled
from freqforensics.studies.evaluate import evaluate_study
from freqforensics.studies.inspect import inspect_study

PARTS: Final = ("images", "miniatures", "closeup", "upsampled", "fingerprints", "likeness", "scores", "inspection")
_INSPECTED: Final = (
    ("001/figures/location.png", "The fake: where in it the score comes from."),
    ("001/figures/frequencies.png", "The fake: which frequencies the score comes from."),
    ("001/figures/counterfactuals.png", "The fake: its score with lines taken out."),
)
_SCORED: Final = 24
_CLOSEUPS: Final = 4


@dataclass(frozen=True, repr=False)
class DemoStudy(Drawn):
    """Results of the demonstration; its folder holds all files already.

    Parameters
    ----------
    page : Path
        Page that links everything else.
    crops : int
        Number of crops of photographs.
    evaluation : Evaluation
        The detector that ships, on miniatures.
    flagged, real : (str, float)
        File and logit of the two images that were inspected.
    seconds : float
    skipped : tuple of Skipped
        Every photograph that could not be read.
    """

    page: Path
    crops: int
    evaluation: Evaluation
    flagged: tuple[str, float]
    real: tuple[str, float]
    seconds: float
    skipped: tuple[Skipped, ...] = ()


def demo_study(
    out: str | Path,
    *,
    photographs: SourcesLike | None = None,
    command: str | None = None,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> DemoStudy:
    """Lead through the toolkit on a set of photographs, each step on the files of the last.

    Parameters
    ----------
    out : str or Path
        Gets ``index.html`` and a folder for each step.
    photographs : Sources, str, Path, or sequence of str or Path, optional
        Photographs of your own, as for `write_upsampled_photographs`.
    command : str, optional
        The command line, for the manifests.
    overwrite : bool
        Replace the results in `out`.
    tell : callable
        Gets a line before each step.
    progress : bool
        Show progress bars.

    Returns
    -------
    DemoStudy

    Raises
    ------
    ValueError
        `out` holds other things; or as `write_upsampled_photographs`.
    """
    started = time.monotonic()
    root = Path(out)
    check_parts(root, PARTS, overwrite=overwrite)
    with companion() as second:
        tell("1 of 6: photographs, and what plain upsampling makes of them")
        drop_manifest(root)
        skipped: list[Skipped] = []
        with scratch_folder(root / "images", overwrite=overwrite) as folder:
            crops = write_upsampled_photographs(
                folder, photographs, on_skip=lambda path, reason: skipped.append(Skipped(path, reason))
            )
            about = manifest({"tile": TILE}, inputs={"crops": crops}, command=command)
            write_json(folder / "manifest.json", {**about, "holds": "images"})
        finish_upsampled = _begun(second, write_upsampled, root)

        tell("2 of 6: miniatures of 17 generator families pass the photographs through their decoders")
        tiles = [root / "images" / "nearest" / "0_real"]
        simulate_from_sources(
            tiles, root / "miniatures", families=["all"], size=SIZE, scale_down=1, overwrite=True, progress=progress
        )
        tell("3 and 4 of 6: the average spectrum of each, its fingerprint, how alike the fingerprints are; meanwhile")
        finish_fingerprints = _begun(second, write_fingerprints, root)
        tell("5 of 6: the detector that ships scores them")
        detector = open_detector(DEFAULT, device="cpu")
        scores = evaluate_study(
            [root / "miniatures"], weights=[DEFAULT], view="none", limit=_SCORED, device="cpu", progress=progress
        )
        scores.save(root / "scores", overwrite=True)
        evaluation = scores.evaluation
        tell("6 of 6: why is this image flagged? The page of one fake and of one photograph")
        fake, real = _closeups(root / "closeup", tiles, detector, progress)
        inspected = inspect_study(
            [fake, real],
            detector,
            out=root / "inspection",
            fast=True,
            overwrite=True,
            progress=progress,
            drawer=None if second is None else Artist(second),
        )
        if inspected.skipped:
            raise ValueError("; ".join(f"{path}: {reason}" for path, reason in inspected.skipped))
        _draw_pair(root, fake, real)
        finish_upsampled()
        finish_fingerprints()
    seconds = time.monotonic() - started
    page = root / "index.html"
    chapters = _chapters(crops, evaluation, root, inspected.findings)
    tour = render_tour("What CNN-generated images leave behind", chapters, seconds=seconds)
    with replacing(page) as temporary:
        temporary.write_text(tour, encoding="utf-8")
    parameters = {"tile": TILE, "size": SIZE, "scored": _SCORED, "holds": "results"}
    write_json(root / "manifest.json", manifest(parameters, inputs={"crops": crops}, command=command))
    flagged, photograph = (
        (finding.image.name, math.nan if finding.logit is None else finding.logit) for finding in inspected.findings
    )
    return DemoStudy(page, crops, evaluation, flagged, photograph, seconds, tuple(skipped))


def _begun(second: Companion | None, write: Callable[[Path], None], root: Path) -> Callable[[], None]:
    """Let a second process write a part; what is given waits for it, or writes it here if that failed."""
    begun = None if second is None else second.submit(write, root.resolve())

    def finish() -> None:
        try:
            if begun is not None:
                begun.result()
                return
        except CompanionError:
            pass
        write(root)

    return finish


def _closeups(folder: Path, tiles: Sequence[Path], detector: CalibratedDetector, progress: bool) -> tuple[Path, Path]:
    """Give the fake with the highest logit, of a few crops and all families, and the crop that it was made of."""
    simulate_from_sources(
        tiles, folder, families=["all"], size=TILE, scale_down=1, limit=_CLOSEUPS, overwrite=True, progress=progress
    )
    records = [record for record in index_sources([folder]) if record.label == "fake"]
    table = score_files(records, detector.detector, view="none", progress="closeup" if progress else None)
    best = Path(max(table.scores, key=lambda score: score.logit).path)
    return best, best.parent.parent / "0_real" / best.name


def _draw_pair(root: Path, fake: Path, real: Path) -> None:
    """Draw both images and their difference beside their pages: by eye they are hardly told apart."""
    from freqforensics.figures.pair import plot_pair
    from freqforensics.figures.style import new_figure, save_figure

    names = ("the photograph", f"the fake: what the miniature of\n{fake.parent.parent.name} made of it")
    figure = plot_pair(read_image(real), read_image(fake), names=names, fig=new_figure())
    save_figure(figure, root / "inspection" / "pair.png")


def _verdicts(findings: Sequence[Finding]) -> tuple[tuple[str, str, str], ...]:
    """The verdicts on the fake and on its photograph, for the page."""
    verdicts = []
    for finding, image in zip(findings, ("The fake", "The photograph"), strict=True):
        logit = "" if finding.logit is None else f" (logit {finding.logit:+.2f})".replace("-", "−")
        verdicts.append((finding.score.verdict, IN_WORDS[finding.score.verdict] + logit, image))
    return tuple(verdicts)


def _chapters(count: int, evaluation: Evaluation, root: Path, findings: Sequence[Finding]) -> list[Chapter]:
    generators = sorted(evaluation.generators, key=lambda generator: -generator.metrics.ap)
    best, worst = generators[0], generators[-1]
    mean_ap = sum(generator.metrics.ap for generator in generators) / len(generators)
    return [
        Chapter(
            "What upsampling leaves in a spectrum",
            f"{count} crops of photographs, and the same after halving and doubling them in four ways. Doubling copies "
            "the spectrum to higher frequencies, and where its kernel treats even and odd pixels differently it leaves "
            "lines with the same phase in every image: dark and ringed in the last column.",
            ((root / "upsampled" / "fingerprints.png", ""),),
            (("table", "upsampled/summary.csv"), ("images", "images")),
        ),
        Chapter(
            "Fingerprints of 17 generator families, in miniature",
            "The same photographs, each passed through a small autoencoder with a family's real up-path: real and fake "
            "differ in nothing but the decoder. The average spectrum of their residuals is a family's fingerprint; "
            "these are miniatures, not the generators themselves.",
            ((root / "fingerprints" / "fingerprints.png", ""),),
            (("table", "fingerprints/summary.csv"), ("images", "miniatures")),
        ),
        Chapter(
            "What the families share",
            "Similarity of every two fingerprints by four measures; dots stand where it is beyond chance. The lattice "
            "of lines is what upsampling has in common, the phases and the power around them are each network's own.",
            ((root / "likeness" / "similarity.png", ""),),
            (("numbers", "likeness/comparison.json"), ("how many images it takes", "likeness/learning.png")),
        ),
        Chapter(
            "What the detector that ships makes of them",
            f"Two small networks, one for traces in small neighbourhoods and one for periodic traces: mean AP "
            f"{mean_ap:.3f} over {len(generators)} families, from {worst.metrics.ap:.3f} ({worst.generator}) to "
            f"{best.metrics.ap:.3f} ({best.generator}). Images of {SIZE} pixels are small for it, and that it has seen "
            "miniatures of these families flatters it.",
            ((root / "scores" / "ap.png", ""),),
            (("table", "scores/evaluation.csv"), ("scores", "scores/scores.csv")),
        ),
        Chapter(
            "Why was this image flagged?",
            "One fake and the photograph it was made of, inspected: the verdict, where and at which frequencies "
            "the evidence lies, what happens when a line is taken out, and what else could cause it. "
            "That no evidence is found never means that an image is a photograph.",
            (
                (root / "inspection" / "pair.png", "Both look the same; what differs, enlarged, is the generator’s."),
                *((root / "inspection" / place, words) for place, words in _INSPECTED),
            ),
            (
                ("page of the fake", "inspection/001/index.html"),
                ("page of the photograph", "inspection/002/index.html"),
                ("both", "inspection/index.html"),
            ),
            _verdicts(findings),
        ),
    ]
