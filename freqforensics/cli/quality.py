"""The command that relates fakeness to visual quality: quality."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import DETECTOR, app, command_line, complain_of, new_table, print_wide
from freqforensics.cli.checks import check_files, check_out, check_scoring, check_sources, say_what_they_are
from freqforensics.cli.options import (
    DEFAULT_VIEW,
    DEFAULT_WEIGHTS,
    BackendChoice,
    Limit,
    Sources,
    ViewChoice,
    Weights,
)
from freqforensics.runtime.tables import read_pairs

if TYPE_CHECKING:
    from freqforensics.quality.fakeness import FakenessStudy


@app.command(rich_help_panel=DETECTOR, epilog="Example: freqforensics quality ForenSynths/test/biggan --out quality")
def quality(
    source: Sources,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for tables and figures.")] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    logits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table of score, instead of scoring again.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Logit above which an image is called fake.  [default: of the weights]", show_default=False),
    ] = None,
    clusters: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV of path and cluster: images that belong together (one source, copies)."),
    ] = None,
    score: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="niqe, niqe_48, blur_effect, laplacian_variance, noise_sigma, colourfulness or entropy; give it again "
            "for more.  [default: all]",
            show_default=False,
        ),
    ] = None,
    view: ViewChoice = DEFAULT_VIEW,
    limit: Limit = None,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap.", min=2)] = 1000,
    permutations: Annotated[int, typer.Option(help="Of the null.", min=1)] = 1999,
    seed: Annotated[int, typer.Option(help="Of both.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    backend: BackendChoice = "torch",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Ask whether images that look worse are called fake more surely: logits against no-reference quality.

    Rank correlations for real and fake images of every generator apart, with JPEG quality, size and category held
    fixed, corrected for their number, and summed up over generators; the images at the percentiles of fakeness; and
    what an attacker gains who shows the least fake of k. Exit status: 0 done; 1 done, but some file could not be read;
    2 nothing done.
    """
    from freqforensics.quality.scores import SCORES, chosen_scores

    scores = score or tuple(SCORES)
    chosen_scores(scores)
    cluster_of = None if clusters is None else _clusters(clusters)
    if logits is None:
        check_scoring([weights], backend=backend)
    check_files([logits])
    check_sources(source)
    check_out(out, source, overwrite=overwrite)
    from freqforensics.studies.quality import relate_quality

    if logits is None:
        say_what_they_are([weights])
    study, failures = relate_quality(
        source,
        out,
        weights=weights,
        logits=logits,
        threshold=threshold,
        clusters=cluster_of,
        scores=scores,
        view=view,
        limit=limit,
        resamples=resamples,
        permutations=permutations,
        seed=seed,
        device=device,
        backend=backend,
        command=command_line(),
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        print(json.dumps(study.to_json(), indent=2))
    else:
        _print_study(study)
        if out is not None:
            print(f"results in {out}")
    complain_of(study.notes, failures)


def _clusters(path: Path) -> dict[str, object]:
    return dict(read_pairs(path, "a path and a cluster", key=lambda place: str(Path(place).resolve())))


def _print_study(study: FakenessStudy) -> None:
    from rich.text import Text

    table = new_table("score", "images", "generators", "mean rho", "95 %", "p", "held fixed", "I²", "q ≤ 0.05 in")
    tests = study.associations.tests
    partial = {(one.score, one.label): one for one in study.associations.partial_summaries}
    for one in study.associations.summaries:
        own = [test for test in tests if (test.score, test.label) == (one.score, one.label)]
        fixed = partial.get((one.score, one.label))
        cells = [
            one.score,
            one.label,
            str(one.generators),
            _shown(one.rho, "+.2f"),
            f"{_shown(one.low, '+.2f')} to {_shown(one.high, '+.2f')}",
            _shown(one.p_value, ".3f"),
            _shown(fixed.rho if fixed is not None and any(test.held for test in own) else math.nan, "+.2f"),
            _shown(one.i2, ".0%"),
            f"{sum(test.q_value <= 0.05 for test in own)} of {len(own)}",
        ]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    for name, least in study.least.items():
        first, last = least[0], least[-1]
        print(
            f"{name}: one fake is not called fake with probability {first.evades:.2f}, "
            f"the least fake of {last.k} with {last.evades:.2f}"
        )


def _shown(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)
