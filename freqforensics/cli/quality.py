"""The command quality."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import DETECTOR, app, finish, print_table
from freqforensics.cli.checks import check_files, check_out, check_scoring, check_sources, say_what_they_are
from freqforensics.cli.execution import distributable, in_two_processes
from freqforensics.cli.models import chosen_detector, named_weights
from freqforensics.cli.options import (
    DEFAULT_VIEW,
    DEFAULT_WEIGHTS,
    AsJson,
    BackendChoice,
    Batch,
    Bootstrap,
    Device,
    Limit,
    Model,
    Out,
    Overwrite,
    Permutations,
    Quiet,
    Seed,
    ViewChoice,
    Weights,
    Workers,
    parsed_list,
    quiet,
)
from freqforensics.cli.sources import ImageSources
from freqforensics.runtime.tables import read_pairs
from freqforensics.storage.locations import as_path

if TYPE_CHECKING:
    from freqforensics.quality.fakeness import FakenessByQuality


@app.command(rich_help_panel=DETECTOR, epilog="Example: freqforensics quality ForenSynths/test/biggan --out quality")
@distributable
def quality(
    source: ImageSources,
    out: Out = None,
    weights: Weights = DEFAULT_WEIGHTS,
    model: Model = None,
    logits: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Table from freqforensics score with the logits, instead of scoring again."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="Logit above which an image is called fake.  [default: that of the weights]",
            show_default=False,
        ),
    ] = None,
    clusters: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table (CSV) with columns path and cluster. Images of one cluster, such as copies, are not "
            "independent.",
        ),
    ] = None,
    score: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Quality scores: niqe, niqe_48, blur_effect, laplacian_variance, noise_sigma, colourfulness, "
            "entropy. Separated by commas, or repeated.  [default: all]",
            show_default=False,
        ),
    ] = None,
    view: ViewChoice = DEFAULT_VIEW,
    limit: Limit = None,
    bootstrap: Bootstrap = 1000,
    permutations: Permutations = 1999,
    seed: Seed = 0,
    device: Device = "auto",
    backend: BackendChoice = "torch",
    batch: Batch = 16,
    workers: Workers = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Test whether the logit depends on the visual quality of images.

    Correlates logits with no-reference quality scores, separately for real and fake images of each generator. JPEG
    quality, size and category are held fixed, p-values are corrected for multiple tests, and correlations are pooled
    over generators. Also shows the images at the percentiles of the logit, and what an attacker gains by choosing the
    least fake of k images.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.quality.scores import SCORES, chosen_scores

    scores = parsed_list(score) or list(SCORES)
    chosen_scores(scores)
    cluster_of = None if clusters is None else _clusters(clusters)
    names = named_weights(weights, model)
    if logits is None:
        check_scoring(names, None, backend)
    if logits is None or not logits.is_dir():  # parquet is a folder
        check_files([logits])
    check_sources(source)
    check_out(out, source, overwrite=overwrite)
    detector = chosen_detector(weights, model, device)
    if logits is None:
        say_what_they_are(names)
    with in_two_processes("freqforensics.studies.quality", out=out, workers=workers):
        from freqforensics.studies.quality import quality_study

        study = quality_study(
            source,
            weights=detector,
            logits=logits,
            threshold=threshold,
            clusters=cluster_of,
            scores=scores,
            view=view,
            limit=limit,
            bootstrap=bootstrap,
            permutations=permutations,
            seed=seed,
            device=device,
            backend=backend,
            batch=batch,
            workers=workers,
            progress=not quiet(),
        )
        finish(study, out, show=lambda: _print_fakeness(study.fakeness), as_json=as_json, overwrite=overwrite)


def _clusters(path: Path) -> dict[str, object]:
    return dict(read_pairs(path, "a path and a cluster", key=lambda name: str(as_path(name).resolve())))


def _print_fakeness(fakeness: FakenessByQuality) -> None:
    columns = ("score", "images", "generators", "mean rho", "95 %", "p", "held fixed", "I²", "q ≤ 0.05 in")
    lines = []
    associations = fakeness.associations
    partial = {(summary.score, summary.label): summary for summary in associations.partial_summaries}
    for summary in associations.summaries:
        tests = [test for test in associations.tests if (test.score, test.label) == (summary.score, summary.label)]
        fixed = partial.get((summary.score, summary.label))
        lines.append(
            [
                summary.score,
                summary.label,
                str(summary.generators),
                _number(summary.rho, "+.2f"),
                f"{_number(summary.low, '+.2f')} to {_number(summary.high, '+.2f')}",
                _number(summary.p_value, ".3f"),
                _number(fixed.rho if fixed is not None and any(test.held for test in tests) else math.nan, "+.2f"),
                _number(summary.i2, ".0%"),
                f"{sum(test.q_value <= 0.05 for test in tests)} of {len(tests)}",
            ]
        )
    print_table(columns, lines)
    for name, choices in fakeness.least.items():
        first, last = choices[0], choices[-1]
        print(
            f"{name}: one fake is not called fake with probability {first.evades:.2f}, "
            f"the least fake of {last.k} with {last.evades:.2f}"
        )


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)
