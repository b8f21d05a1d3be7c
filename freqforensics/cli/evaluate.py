"""The command evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqforensics.cli.app import DETECTOR, app, finish, print_table
from freqforensics.cli.checks import check_out, check_scoring, check_sources, say_what_they_are
from freqforensics.cli.models import chosen_detector, named_weights
from freqforensics.cli.options import (
    DEFAULT_VIEW,
    DEFAULT_WEIGHTS,
    AsJson,
    BackendChoice,
    Batch,
    Calibration,
    Device,
    Limit,
    Model,
    Out,
    Overwrite,
    Quiet,
    ViewChoice,
    Workers,
    parsed_list,
    quiet,
)
from freqforensics.cli.sources import ImageSources

if TYPE_CHECKING:
    from freqforensics.evaluation import Evaluation


@app.command(
    rich_help_panel=DETECTOR,
    epilog="Example: freqforensics evaluate ForenSynths/test --weights wang2020-blur-jpeg-0.5 --out evaluation",
)
def evaluate(
    source: ImageSources,
    out: Out = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Weights of the detector: a file, or a name from weights list. Repeatable, for runs with other seeds. "
            f" [default: {DEFAULT_WEIGHTS}]",
            show_default=False,
        ),
    ] = None,
    model: Model = None,
    view: ViewChoice = DEFAULT_VIEW,
    ways: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WAY,...",
            help="Compression before scoring. as-is: none. re-encoded: both sides as JPEG 90. fakes-jpeg96: fakes only,"
            " as JPEG 96.  [default: all three with view views, else as-is]",
            show_default=False,
        ),
    ] = None,
    photographs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Photographs whose scores give the thresholds. Repeatable.  [default: those of the weights' "
            "calibration]",
            show_default=False,
        ),
    ] = None,
    calibration: Calibration = None,
    validation: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE", help="Images to fit threshold and temperature on. Repeatable."),
    ] = None,
    limit: Limit = None,
    device: Device = "auto",
    backend: BackendChoice = "torch",
    batch: Batch = 16,
    workers: Workers = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Measure how well a detector tells fake from real, by generator.

    Reports average precision and AUC against the real images of each set. Reports AUC against a population of
    photographs, and the share of fakes above the logits that 1 % and 5 % of those photographs exceed; these need no
    real images in the set. Reports the shares of fakes and of real images with the verdict "evidence".

    Images are scored as they are, with both sides compressed alike, and with the fakes as JPEG of high quality (Dual
    Data Alignment, arXiv 2505.14359). Published numbers need --view center. Images that cannot be judged are counted
    and do not enter the metrics. Without --validation, an image is called fake at the verdict "evidence"; where the
    weights have no calibration, at a probability of one half.

    Writes evaluation.csv and .json, ap.png and .pdf, scores*.csv and manifest.json to DIR.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    names = named_weights(weights, model)
    chosen = parsed_list(ways) if ways else None
    if chosen is not None:
        from freqforensics.evaluation.ways import check_ways

        check_ways(chosen)
    sources = [*source, *(photographs or ()), *(validation or ())]
    check_scoring(names, calibration, backend)
    check_sources(source, source.alike(photographs), source.alike(validation))
    check_out(out, sources, overwrite=overwrite)
    detectors = [chosen_detector(name, model, device) for name in names or [""]]
    from freqforensics.studies.evaluate import evaluate_study

    say_what_they_are(names)
    study = evaluate_study(
        source,
        weights=detectors,
        view=view,
        ways=chosen,
        photographs=source.alike(photographs),
        calibration=calibration,
        validation=source.alike(validation),
        limit=limit,
        device=device,
        backend=backend,
        batch=batch,
        workers=workers,
        progress=not quiet(),
    )
    finish(study, out, show=lambda: print_evaluation(study.evaluation), as_json=as_json, overwrite=overwrite)


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
    if not rows:
        return
    heads = {key: head for key, head in heads.items() if any(row[key] is not None for row in rows)}
    ways = ["way"] if evaluation.others else []
    unjudged = ["cannot be judged"] if any(row["cannot_judge"] for row in rows) else []
    several = ["AP, all runs"] if ap and len(evaluation.weights) > 1 else []
    ranking = ["AP", "95 %"] if ap else []
    columns = ["generator", *ways, "real", "fake", *unjudged, *ranking, *heads.values(), *several]
    lines = []
    for row in rows:
        cells = [row["generator"], *([row["way"]] if ways else []), str(row["real"]), str(row["fake"])]
        cells += [str(row["cannot_judge"])] if unjudged else []
        cells += [_three_digits(row["ap"]), f"{row['ap_low']:.3f} to {row['ap_high']:.3f}"] if ap else []
        cells += [_three_digits(row[name]) for name in heads]
        cells += [f"{row['ap_mean']:.3f} ± {row['ap_sd']:.3f}"] if several else []
        lines.append(cells)
    print_table(columns, lines)


def _three_digits(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
