"""The command audit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import DATA, Failed, app, command_line, finish, print_table
from freqforensics.cli.checks import check_out, check_out_file, check_sources
from freqforensics.cli.execution import distributable, in_two_processes
from freqforensics.cli.options import AsJson, Limit, Out, Overwrite, Quiet, Seed, Workers, quiet
from freqforensics.cli.sources import ImageSources

if TYPE_CHECKING:
    from freqforensics.evaluation.confounds import Audit


@app.command(
    rich_help_panel=DATA, epilog="Example: freqforensics audit ForenSynths/test --out audit --match matched.csv"
)
@distributable
def audit(
    source: ImageSources,
    out: Out = None,
    match: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a table (CSV) with as many real as fake files of each kind, to use as SOURCE."
        ),
    ] = None,
    reencode: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for images of both sides, cropped and encoded alike. Needs --crop."),
    ] = None,
    crop: Annotated[
        int | None, typer.Option(metavar="N", help="Side of the crops of --reencode, pixels.", min=16)
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="JPEG quality of --reencode, 1 to 100.  [default: PNG]",
            min=1,
            max=100,
            show_default=False,
        ),
    ] = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Find technical differences between real and fake files.

    Compares format, size, compression and duplicates, which a detector could learn in place of traces of generation.
    Each difference has an effect size (1: it separates the sides completely), a p-value and a verdict. An AUC says how
    well all of them together separate real from fake.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    if (reencode is None) != (crop is None):
        raise Failed("--reencode and --crop go together")
    check_sources(source)
    if out is not None and reencode is not None and out.absolute() == reencode.absolute():
        raise Failed("--out and --reencode must be two folders")
    check_out_file(match, source, overwrite=overwrite)
    check_out(reencode, source, overwrite=overwrite)
    check_out(out, source, overwrite=overwrite)
    forests = "sklearn.ensemble", "sklearn.model_selection"
    with in_two_processes("freqforensics.studies.audit", *forests, out=out, workers=workers):
        from freqforensics.studies.audit import audit_study, reencode as reencode_records, write_matched

        study = audit_study(source, limit=limit, seed=seed, workers=workers, progress=not quiet())
        if out is not None:  # before there may turn out to be no matched subset
            study.save(out, command=command_line(), overwrite=overwrite)
    lines = []
    if match is not None:
        lines.append(f"{len(write_matched(study.facts, match))} matched files in {match}")
    if reencode is not None and crop is not None:
        count, skipped = reencode_records(
            study.records,
            reencode,
            crop=crop,
            quality=quality,
            command=command_line(),
            overwrite=overwrite,
            progress=not quiet(),
        )
        study = replace(study, skipped=(*study.skipped, *skipped))
        lines.append(f"{count} images written alike to {reencode}")
    if out is not None:
        lines.append(f"results in {out}")

    def show() -> None:
        _print_audit(study.audit)
        for line in lines:
            print(line)

    finish(study, None, show=show, as_json=as_json)


def _print_audit(audit: Audit) -> None:
    columns = ("generator", "real", "fake", "verdict", "AUC of all", "differences")
    lines = []
    for group in audit.groups:
        if not group.real or not group.fake:
            continue
        worst = [f"{confound.name} {confound.effect:.2f}" for confound in group.confounds if confound.verdict != "none"]
        if len(group.resampled) == 1:
            label, frequency = next(iter(group.resampled.items()))
            worst.insert(0, f"{label} side resampled ({frequency:.3f})")
        auc = "too few" if group.auc is None else f"{group.auc:.2f} ({group.auc_low:.2f} to {group.auc_high:.2f})"
        lines.append([group.generator, group.real, group.fake, group.verdict, auc, ", ".join(worst) or "none"])
    print_table(columns, lines)
    alone = [group.generator for group in audit.groups if not group.real or not group.fake]
    if alone:
        print(f"one side only: {', '.join(alone)}")
    for kind in ("exact", "near"):
        pairs = [pair for pair in audit.duplicates if pair.kind == kind]
        across = sum("labels" in pair.across for pair in pairs)
        splits = sum("splits" in pair.across for pair in pairs)
        if pairs:
            print(f"{kind} duplicates: {len(pairs)} pairs, {across} across real and fake, {splits} across splits")
