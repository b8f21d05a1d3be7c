"""Commands that evaluate detectors: evaluate, robustness, baselines."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqforensics.cli.app import DETECTOR, TRAIN, app, command_line, complain_of, new_table, print_wide
from freqforensics.cli.checks import check_claim, check_out, check_scoring, check_sources
from freqforensics.cli.score import (
    DEFAULT_CROP,
    DEFAULT_WEIGHTS,
    Calibrations,
    Crops,
    Engines,
    Limit,
    Sources,
    Weights,
    say_what_they_are,
)

if TYPE_CHECKING:
    from freqforensics.evaluation import Evaluation, Robustness
    from freqforensics.evaluation.robustness import RobustnessRow


@app.command(
    rich_help_panel=DETECTOR,
    epilog="Example: freqforensics evaluate ForenSynths/test --weights wang2020-blur-jpeg-0.5 --out evaluation",
)
def evaluate(
    source: Sources,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for table, figure and scores; default: print only.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|NAME",
            help=f"Weights; give it again for runs of other seeds.  [default: {DEFAULT_WEIGHTS}]",
            show_default=False,
        ),
    ] = None,
    crop: Crops = DEFAULT_CROP,
    ways: Annotated[
        str | None,
        typer.Option(
            metavar="WAY,...",
            help="How images are scored: as-is; re-encoded, both sides as JPEG 90; fakes-jpeg96, fakes alone as JPEG"
            " 96.  [default: all three with crop views, else as-is]",
            show_default=False,
        ),
    ] = None,
    photographs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Photographs to take thresholds from; again for more.  [default: those that the weights are calibrated"
            " on]",
            show_default=False,
        ),
    ] = None,
    calibration: Calibrations = None,
    validation: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="Fit threshold and temperature on these images.")
    ] = None,
    limit: Limit = None,
    resamples: Annotated[int, typer.Option(help="Ignored: intervals are not drawn.", min=1)] = 1000,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    engine: Engines = "torch",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Measure how well a detector tells fake from real, generator by generator.

    Average precision and AUC against a set's own real images; AUC against a population of photographs, and the share of
    fakes found at the logits that 1 % and 5 % of those exceed, for sets without real images, too; and the share of
    fakes and of real images with the verdict "evidence". Each as the files are, with both sides compressed alike, and
    with the fakes as JPEG of high quality (Dual Data Alignment, arXiv 2505.14359). Published numbers are of --crop
    center. Images that cannot be judged are counted and left out of metrics. Without --validation an image is called
    fake at the verdict "evidence", of weights without a calibration at a probability of one half.

    Writes DIR/evaluation.csv and .json, ap.png and .pdf, scores*.csv, manifest.json.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    chosen = None if ways is None else [way.strip() for way in ways.split(",")]
    if chosen is not None:
        from freqforensics.evaluation.ways import check_ways

        check_ways(chosen)
    sources = [*source, *(photographs or ()), *(validation or ())]
    check_scoring(weights or [DEFAULT_WEIGHTS], calibration, engine)
    check_sources(sources)
    check_out(out, sources, overwrite=overwrite)
    from freqforensics.studies.evaluate import evaluate_sources

    say_what_they_are(weights or [DEFAULT_WEIGHTS])
    evaluation, notes, failures = evaluate_sources(
        source,
        out,
        weights=weights or [DEFAULT_WEIGHTS],
        crop=crop,
        ways=chosen,
        photographs=photographs or (),
        calibration=calibration,
        validation=validation or (),
        limit=limit,
        resamples=resamples,
        device=device,
        engine=engine,
        command=command_line(),
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        place = None if out is None else str(out)
        print(json.dumps({"out": place, **evaluation.summary(), "generators": evaluation.rows()}, indent=2))
    else:
        print_evaluation(evaluation)
        if out is not None:
            print(f"results in {out}")
    complain_of(notes, failures)


@app.command(
    rich_help_panel=DETECTOR,
    epilog="Example: freqforensics robustness ForenSynths/test --weights run/detector.safetensors --out curves",
)
def robustness(
    source: Sources,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for table, figure and scores.")],
    weights: Weights = DEFAULT_WEIGHTS,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="blur, jpeg, webp, resize, double-jpeg, blur+jpeg, social; give it again for more; default all.",
        ),
    ] = None,
    crop: Crops = DEFAULT_CROP,
    calibration: Calibrations = None,
    limit: Limit = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    engine: Engines = "torch",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the work in DIR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure how AP and the share of verdicts "evidence" fall as images are blurred, compressed or resized.

    Writes DIR/robustness.csv, robustness.png and .pdf, manifest.json, and cells/ with the scores at each strength.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.evaluation.sweeps import SWEEPS, check_sweeps

    sweeps = sweep or tuple(SWEEPS)
    check_sweeps(sweeps)
    check_scoring([weights], calibration, engine)
    check_sources(source)
    check_claim(out, source, resume=resume)
    from freqforensics.studies.evaluate import sweep_sources

    say_what_they_are([weights])
    result, notes = sweep_sources(
        source,
        out,
        weights=weights,
        sweeps=sweeps,
        limit=limit,
        device=device,
        crop=crop,
        calibration=calibration,
        engine=engine,
        resume=resume,
        command=command_line(),
        progress=True,
    )
    if as_json:
        print(json.dumps({"out": str(out), "rows": [row.to_json() for row in result.rows]}, indent=2))
    else:
        _print_robustness(result)
        print(f"results in {out}")
    complain_of(notes, result.failures)


@app.command(
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics baselines ForenSynths/test --photos path/to/photos --out baselines",
)
def baselines(
    source: Sources,
    photos: Annotated[
        list[str], typer.Option(metavar="SOURCE", help="Photographs to fit the classifier of profiles to.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of a folder for each baseline.")],
    crop: Annotated[int | None, typer.Option(help="Side of a central crop; default whole images.", min=64)] = None,
    limit: Limit = None,
    seed: Annotated[int, typer.Option(help="Of the fakes learnt from.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Measure how well plain methods tell fake from real: what a detector must beat.

    lattice-test: the lattice test over the tiles of each image. radial-profile: logistic regression on radial profiles
    (Durall et al. 2020), fitted to photographs and fakes made of them at random, as train --simulate makes them.
    Exit status: 0 done; 1 done, but some file could not be scored; 2 nothing done.
    """
    check_sources([*source, *photos])
    check_out(out, [*source, *photos], overwrite=overwrite)
    from freqforensics.studies.evaluate import baseline_sources

    evaluations, notes, failures = baseline_sources(
        source,
        out,
        photos=photos,
        crop=crop,
        limit=limit,
        seed=seed,
        command=command_line(),
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        shown = {name: {**found.summary(), "generators": found.rows()} for name, found in evaluations.items()}
        print(json.dumps({"out": str(out), "baselines": shown}, indent=2))
    else:
        for name, found in evaluations.items():
            print(name)
            print_evaluation(found)
        print(f"results in {out}")
    complain_of(notes, failures)


def print_evaluation(evaluation: Evaluation) -> None:
    """Print tables, generator by generator: against its own real images, and, where there are any, photographs."""
    rows = evaluation.rows()
    published = {
        key: f"W20 {key.removeprefix('published_ap_')}"
        for key in rows[0]
        if key.startswith("published_ap_") and any(row[key] is not None for row in rows)
    }
    _print_rows(
        evaluation,
        [row for row in rows if row["ap"] is not None],
        {"auc": "AUC", "accuracy": "accuracy", "real_accuracy": "real right", "fake_accuracy": "fake right",
         "eer": "EER", "tpr_at_5": "TPR at 5 %", **published},
    )  # fmt: skip
    heads = {"auc_photographs": "AUC, photographs", "tpr_photographs_1": "found at 1 %",
             "tpr_photographs_5": "at 5 %", "evidence_fake": "evidence, fake", "evidence_real": "real"}  # fmt: skip
    if any(row[key] is not None for row in rows for key in heads):
        _print_rows(evaluation, rows, heads, ap=False)
    summary = evaluation.summary()
    whole = summary["map_11"]
    print(
        f"mean AP of {len(evaluation.generators)}: {evaluation.mean_ap:.3f}"
        + (f"; mAP of the eleven: {whole:.3f}" if whole else "")
    )
    print(f"fake is a logit above {evaluation.threshold:.3f}: {evaluation.threshold_from}")
    photographs = summary["photographs"]
    if photographs is not None:
        print(
            f"photographs: {photographs['images']}, {photographs['name']}; "
            f"1 % are above {photographs['threshold_1']:.3f}, 5 % above {photographs['threshold_5']:.3f}"
        )
    if evaluation.miniatures:
        print("These are miniatures, stand-ins for an upsampler: no number of theirs is a generator's.")


def _print_rows(evaluation: Evaluation, rows: list[dict[str, Any]], heads: dict[str, str], *, ap: bool = True) -> None:
    """Print some columns; those that are empty throughout are left out, and one for the way where there are several."""
    from rich.text import Text

    if not rows:
        return
    heads = {key: head for key, head in heads.items() if any(row[key] is not None for row in rows)}
    ways = ["way"] if evaluation.others else []
    unjudged = ["cannot be judged"] if any(row["cannot_judge"] for row in rows) else []
    several = ["AP, all runs"] if ap and len(evaluation.weights) > 1 else []
    columns = [
        "generator",
        *ways,
        "real",
        "fake",
        *unjudged,
        *(["AP", "95 %"] if ap else []),
        *heads.values(),
        *several,
    ]
    table = new_table(*columns)
    for row in rows:
        cells = [row["generator"], *([row["way"]] if ways else []), str(row["real"]), str(row["fake"])]
        cells += [str(row["cannot_judge"])] if unjudged else []
        cells += [_shown(row["ap"]), f"{row['ap_low']:.3f} to {row['ap_high']:.3f}"] if ap else []
        cells += [_shown(row[name]) for name in heads]
        cells += [f"{row['ap_mean']:.3f} ± {row['ap_sd']:.3f}"] if several else []
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _print_robustness(result: Robustness) -> None:
    from rich.text import Text

    cells: dict[tuple[str, float], list[RobustnessRow]] = {}
    for row in result.rows:
        cells.setdefault((row.sweep, row.value), []).append(row)
    unjudged = ["cannot be judged"] if any(row.cannot_judge for row in result.rows) else []
    verdicts = ["evidence, fake", "real"] if any(math.isfinite(row.evidence_fake) for row in result.rows) else []
    table = new_table("sweep", "value", "mean AP", "least", "of generator", *unjudged, *verdicts)
    for (sweep, value), rows in cells.items():
        aps = {row.generator: row.ap for row in rows if math.isfinite(row.ap)}
        shown = [sweep, f"{value:g}", "", "", ""]
        if aps:
            worst = min(aps, key=lambda name: aps[name])
            shown = [*shown[:2], f"{sum(aps.values()) / len(aps):.3f}", f"{aps[worst]:.3f}", worst]
        shown += [str(sum(row.cannot_judge for row in rows))] if unjudged else []
        if verdicts:
            for shares in ([row.evidence_fake for row in rows], [row.evidence_real for row in rows]):
                shown.append(f"{sum(shares) / len(shares):.3f}")
        table.add_row(*(Text(cell) for cell in shown))
    print_wide(table)
