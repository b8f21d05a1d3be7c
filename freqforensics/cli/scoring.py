"""Commands that use detectors: score, evaluate, baselines, robustness."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from freqforensics.cli.app import Failed, app, complain, complain_of, new_table, one_line_errors, print_wide

if TYPE_CHECKING:
    from freqforensics.evaluation import Evaluation, Robustness

ScoreCrop = Literal["center", "none", "tiles", "resize"]
Engine = Literal["torch", "onnx"]

Sources = Annotated[list[str], typer.Argument(metavar="SOURCE", help="Folders or tables of images, as for spectrum.")]
DEFAULT_WEIGHTS = "miniature-resnet50"
Weights = Annotated[str, typer.Option(metavar="FILE|NAME", help="Weights: a file, or a name of weights list.")]
Crops = Annotated[
    ScoreCrop,
    typer.Option(
        help="center: 224 pixels; none: whole images; tiles: all squares of 224, averaged; resize: to 256 first."
    ),
]
Engines = Annotated[Engine, typer.Option(help="onnx is faster on CPUs and needs the extra of that name.")]
Limit = Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)]


@app.command(epilog="Example: freqforensics score path/to/images --weights run/detector.safetensors --out scores.csv")
def score(
    source: Sources,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Table of scores, CSV.")],
    weights: Weights = DEFAULT_WEIGHTS,
    crop: Crops = "center",
    limit: Limit = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    engine: Engines = "torch",
    batch: Annotated[int, typer.Option(help="Images of one size at once.", min=1)] = 16,
    resume: Annotated[bool, typer.Option("--resume", help="Add to the table that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Score images with a detector: one row for each file, the greater the logit the more likely fake.

    Columns: path, sha256, label, generator, category, logit, probability, crop, weights, warnings. A table holds scores
    of one detector only. Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    with one_line_errors():
        from freqforensics.detector import find_weights, load_detector, score_files
        from freqforensics.images import first_of_each, index_sources

        if out.exists() and not resume:
            raise Failed(f"{out} exists: --resume adds to it")
        notes: list[str] = []
        records = first_of_each(index_sources(source, on_note=notes.append), limit)
        say_what_they_are([weights])
        detector = load_detector(find_weights(weights), device=device)
        table = score_files(records, detector, crop=crop, out=out, batch=batch, engine=engine, progress="score")
        groups: dict[tuple[str, str], list[float]] = {}
        for row in table.scores:
            groups.setdefault((row.generator, row.label), []).append(row.logit)
        summary = [
            {
                "generator": generator,
                "label": label,
                "images": len(logits),
                "mean_logit": sum(logits) / len(logits),
                "called_fake": sum(logit > 0 for logit in logits) / len(logits),
            }
            for (generator, label), logits in sorted(groups.items())
        ]
        if as_json:
            print(json.dumps({"out": str(out), "groups": summary}, indent=2))
        else:
            _print_summary(summary)
            print(f"{len(table.scores)} scores in {out}")
        complain_of(notes, [], table.failures)


@app.command(
    epilog="Example: freqforensics evaluate ForenSynths/test --weights wang2020-blur-jpeg-0.5 --out evaluation"
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
    crop: Crops = "center",
    validation: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="Fit threshold and temperature on these images.")
    ] = None,
    limit: Limit = None,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap.", min=1)] = 1000,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    engine: Engines = "torch",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Measure how well a detector tells fake from real, generator by generator.

    Writes DIR/evaluation.csv and .json, ap.png and .pdf, scores.csv, manifest.json. Without --validation decisions are
    taken at a probability of one half. Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    with one_line_errors():
        from freqforensics.experiments import evaluate_sources

        say_what_they_are(weights or [DEFAULT_WEIGHTS])
        evaluation, notes, failures = evaluate_sources(
            source,
            out,
            weights=weights or [DEFAULT_WEIGHTS],
            crop=crop,
            validation=validation or (),
            limit=limit,
            resamples=resamples,
            device=device,
            engine=engine,
            command=shlex.join(["freqforensics", *sys.argv[1:]]),
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
        complain_of(notes, [], failures)


@app.command(
    epilog="Example: freqforensics robustness ForenSynths/test --weights run/detector.safetensors --out curves"
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
    crop: Crops = "center",
    limit: Limit = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    engine: Engines = "torch",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the work in DIR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure how AP falls as images are blurred, compressed or resized.

    Writes DIR/robustness.csv, robustness.png and .pdf, manifest.json, and cells/ with the scores at each strength.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    with one_line_errors():
        from freqforensics.evaluation import SWEEPS
        from freqforensics.experiments import sweep_sources

        say_what_they_are([weights])
        result, notes = sweep_sources(
            source,
            out,
            weights=weights,
            sweeps=sweep or tuple(SWEEPS),
            limit=limit,
            device=device,
            crop=crop,
            engine=engine,
            resume=resume,
            command=shlex.join(["freqforensics", *sys.argv[1:]]),
            progress=True,
        )
        if as_json:
            print(json.dumps({"out": str(out), "rows": [asdict(row) for row in result.rows]}, indent=2))
        else:
            _print_robustness(result)
            print(f"results in {out}")
        complain_of(notes, [], result.failures)


@app.command(epilog="Example: freqforensics baselines ForenSynths/test --photos path/to/photos --out baselines")
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
    with one_line_errors():
        from freqforensics.experiments import baseline_sources

        evaluations, notes, failures = baseline_sources(
            source,
            out,
            photos=photos,
            crop=crop,
            limit=limit,
            seed=seed,
            command=shlex.join(["freqforensics", *sys.argv[1:]]),
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
        complain_of(notes, [], failures)


def say_what_they_are(weights: list[str]) -> None:
    """Weights that ship are no published detector: say so wherever they speak."""
    from freqforensics.detector.weights import KNOWN

    for name in weights:
        if name in KNOWN and KNOWN[name].bundled and not Path(name).is_file():
            complain(KNOWN[name].notice)


def _print_summary(groups: list[dict[str, Any]]) -> None:
    from rich.text import Text

    table = new_table("generator", "label", "images", "mean logit", "called fake")
    for group in groups:
        cells = [group["generator"], group["label"], str(group["images"]), f"{group['mean_logit']:+.2f}"]
        table.add_row(*(Text(cell) for cell in [*cells, f"{group['called_fake']:.1%}"]))
    print_wide(table)


def print_evaluation(evaluation: Evaluation) -> None:
    """Print a table, generator by generator."""
    from rich.text import Text

    rows = evaluation.rows()
    published = [
        key for key in rows[0] if key.startswith("published_ap_") and any(row[key] is not None for row in rows)
    ]
    several = ["AP, all runs"] if len(evaluation.weights) > 1 else []
    heads = [f"W20 {key.removeprefix('published_ap_')}" for key in published]
    table = new_table(
        "generator", "real", "fake", "AP", "95 %", "AUC", "accuracy", "real right", "fake right", "EER", "TPR at 5 %",
        *several, *heads,
    )  # fmt: skip
    for row in rows:
        cells = [row["generator"], str(row["real"]), str(row["fake"]), f"{row['ap']:.3f}"]
        cells += [f"{row['ap_low']:.3f} to {row['ap_high']:.3f}"]
        names = ("auc", "accuracy", "real_accuracy", "fake_accuracy", "eer", "tpr_at_5")
        cells += [f"{row[name]:.3f}" for name in names]
        if several:
            cells.append(f"{row['ap_mean']:.3f} ± {row['ap_sd']:.3f}")
        cells += ["" if row[key] is None else f"{row[key]:.3f}" for key in published]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    whole = evaluation.summary()["map_11"]
    print(f"mean AP of {len(rows)}: {evaluation.mean_ap:.3f}" + (f"; mAP of the eleven: {whole:.3f}" if whole else ""))
    print(f"fake is a logit above {evaluation.threshold:.3f}: {evaluation.threshold_from}")
    if evaluation.miniatures:
        print("These are miniatures, stand-ins for an upsampler: no number of theirs is a generator's.")


def _print_robustness(result: Robustness) -> None:
    from rich.text import Text

    table = new_table("sweep", "value", "mean AP", "least", "of generator")
    cells: dict[tuple[str, float], dict[str, float]] = {}
    for row in result.rows:
        cells.setdefault((row.sweep, row.value), {})[row.generator] = row.ap
    for (sweep, value), aps in cells.items():
        worst = min(aps, key=lambda name: aps[name])
        shown = [sweep, f"{value:g}", f"{sum(aps.values()) / len(aps):.3f}", f"{aps[worst]:.3f}", worst]
        table.add_row(*(Text(cell) for cell in shown))
    print_wide(table)
