"""The command that guards every claim: audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import DATA, Failed, app, command_line, complain_of, new_table, print_wide
from freqforensics.cli.checks import check_out, check_out_file, check_sources

if TYPE_CHECKING:
    from freqforensics.evaluation.confounds import Audit


@app.command(
    rich_help_panel=DATA, epilog="Example: freqforensics audit ForenSynths/test --out audit --match matched.csv"
)
def audit(
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Folders or tables of images, as for spectrum.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for tables and figure.")] = None,
    match: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a table (CSV) of as many real as fake files of each kind: a source."),
    ] = None,
    reencode: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write both sides alike to this folder; with --size.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the crops of --reencode, pixels.", min=16)] = None,
    quality: Annotated[
        int | None, typer.Option(help="JPEG quality of --reencode; default PNG.", min=1, max=100)
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Of permutations and forest.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Say what real and fake files differ in besides who made them: format, size, compression, duplicates.

    Each difference has an effect size (1: this alone tells all), a p-value and a verdict; the AUC says how well all of
    them together tell real from fake. Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    if (reencode is None) != (size is None):
        raise Failed("--reencode and --size go together")
    check_sources(source)
    if out is not None and reencode is not None and out.absolute() == reencode.absolute():
        raise Failed("--out and --reencode must be two folders")
    check_out_file(match, source, overwrite=overwrite)
    check_out(reencode, source, overwrite=overwrite)
    check_out(out, source, overwrite=overwrite)
    from freqforensics.studies.audit import audit_json, audit_sources, reencode as reencode_records, write_matched

    command = command_line()
    found, facts, notes = audit_sources(
        source, out, limit=limit, seed=seed, command=command, overwrite=overwrite, progress="audit"
    )
    failures = list(found.failures)
    written = []
    if match is not None:
        chosen = write_matched(facts, match)
        written.append(f"{len(chosen)} matched files in {match}")
    if reencode is not None and size is not None:
        count, left = reencode_records(
            [one.record for one in facts], reencode, size=size, quality=quality, command=command,
            overwrite=overwrite, progress="reencode",
        )  # fmt: skip
        failures += left
        written.append(f"{count} images written alike to {reencode}")
    if as_json:
        print(json.dumps(audit_json(found), indent=2))
    else:
        _print_audit(found)
        for line in [*written, *([f"results in {out}"] if out is not None else [])]:
            print(line)
    complain_of(notes, failures)


def _print_audit(found: Audit) -> None:
    from rich.text import Text

    table = new_table("generator", "real", "fake", "verdict", "AUC of all", "differences")
    for group in found.groups:
        if not group.real or not group.fake:
            continue
        worst = [f"{one.name} {one.effect:.2f}" for one in group.confounds if one.verdict != "none"]
        if len(group.resampled) == 1:
            label, frequency = next(iter(group.resampled.items()))
            worst.insert(0, f"{label} side resampled ({frequency:.3f})")
        auc = "too few" if group.auc is None else f"{group.auc:.2f} ({group.auc_low:.2f} to {group.auc_high:.2f})"
        cells = [group.generator, str(group.real), str(group.fake), group.verdict, auc, ", ".join(worst) or "none"]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    alone = [group.generator for group in found.groups if not group.real or not group.fake]
    if alone:
        print(f"one side only: {', '.join(alone)}")
    for kind in ("exact", "near"):
        pairs = [pair for pair in found.duplicates if pair.kind == kind]
        across = sum("labels" in pair.across for pair in pairs)
        splits = sum("splits" in pair.across for pair in pairs)
        if pairs:
            print(f"{kind} duplicates: {len(pairs)} pairs, {across} across real and fake, {splits} across splits")
