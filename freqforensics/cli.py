"""The command line: parse, one call of the library, print. The only module that prints or exits."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from freqforensics.survey import Survey

app = typer.Typer(
    name="freqforensics",
    help="Frequency analysis and interpretability for CNN-generated images.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Crop = Literal["center", "tiles", "random"]
Residual = Literal["median", "gaussian", "laplacian", "wavelet", "npr", "none"]
Channel = Literal["luma", "red", "green", "blue", "rgb"]
Window = Literal["none", "hann", "periodic"]
Normalisation = Literal["none", "amplitude", "density"]
LabelChoice = Literal["real", "fake", "all"]


class _Failed(Exception):  # noqa: N818 - carries an exit code, is no error of its own
    """End the command with a line on standard error."""

    def __init__(self, line: str, code: int = 2) -> None:
        super().__init__(line)
        self.code = code


def main() -> None:
    """Run the command line; the console script's entry point."""
    # OpenCV would print its own account of every damaged file beside ours.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    warnings.filterwarnings("ignore", module="PIL")
    try:
        app()
    except _Failed as failure:
        _complain(f"freqforensics: {failure}")
        sys.exit(failure.code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        from freqforensics import __version__

        print(f"freqforensics {__version__}")
        raise typer.Exit


@app.command(
    epilog="Example: freqforensics spectrum ForenSynths/test --out fingerprints --size 256 --limit 2000 --seed 0"
)
def spectrum(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Folders or tables of images; NAME=PATH names a source's generator."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results; made if need be.")],
    size: Annotated[
        str, typer.Option(metavar="N|HxW", help="Crop size in pixels; smaller images are skipped.")
    ] = "256",
    crop: Annotated[Crop, typer.Option(help="Which part of an image.")] = "center",
    align: Annotated[int, typer.Option(help="Crop offsets are multiples of this.", min=1)] = 16,
    residual: Annotated[Residual, typer.Option(help="High-pass residual.")] = "median",
    kernel: Annotated[int, typer.Option(help="Odd side of the residual's filter.", min=3)] = 5,
    channel: Annotated[Channel, typer.Option(help="Colour plane.")] = "luma",
    window: Annotated[Window, typer.Option(help="What is done to the borders of a crop.")] = "none",
    normalisation: Annotated[Normalisation, typer.Option(help="Scaling of the transform.")] = "density",
    label: Annotated[LabelChoice, typer.Option(help="Which side of the sources.")] = "all",
    limit: Annotated[
        int | None, typer.Option(help="At most so many images of each group: the first, or with --seed drawn.", min=1)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="For --limit and --crop random.", min=0)] = None,
    exif_orientation: Annotated[bool, typer.Option("--exif-orientation", help="Apply the EXIF orientation.")] = False,
    workers: Annotated[int | None, typer.Option(help="Threads; default all processors.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Average the spectra of residuals for every generator and label of the sources.

    Writes spectra/<generator>-<label>.npz, fingerprints and profiles (PNG and PDF), summary.csv and manifest.json to
    DIR.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    parameters = {
        "size": size,
        "crop": crop,
        "align": align,
        "residual": residual,
        "kernel": kernel,
        "channel": channel,
        "window": window,
        "normalisation": normalisation,
    }
    with _one_line_errors():
        from freqforensics.provenance import check_result_folder
        from freqforensics.spectra import SpectrumSpec
        from freqforensics.survey import survey_sources

        spec = SpectrumSpec(**{**parameters, "size": _parsed_size(size)})  # type: ignore[arg-type]
        check_result_folder(out, overwrite=overwrite)
        survey = survey_sources(
            source,
            spec=spec,
            label=label,
            limit=limit,
            seed=seed,
            exif_orientation=exif_orientation,
            workers=workers,
            progress=True,
        )
        survey.save(out, command=shlex.join(["freqforensics", *sys.argv[1:]]), overwrite=overwrite)
        _report(survey, out, as_json=as_json)


@app.command(epilog="Example: freqforensics upsampling path/to/images --control path/to/photos --out lattices")
def upsampling(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Folders or tables of images; NAME=PATH names a source's generator."),
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for report and figure; default none.")] = None,
    control: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Real images of like content and format.")
    ] = None,
    predict: Annotated[
        str | None, typer.Option(metavar="NAME|by-name", help="Draw where this generator family can leave lines.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Crop size in pixels; default the largest of 256, 128, 64 that fits.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="Threads; default all processors.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Say whether images were upsampled periodically, by what factor, and what else would explain it.

    Tests the coherence on the lattices of 1/2, 1/4, 1/8 and 1/16 cycles per pixel against that beside them, and the
    second difference for JPEG's block grid and for resizing. A set without a lattice is said to have one at a rate of
    5 %. Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    with _one_line_errors():
        from freqforensics.lattices import survey_lattices
        from freqforensics.provenance import check_result_folder

        if out is not None:
            check_result_folder(out, overwrite=overwrite)
        survey = survey_lattices(
            source, control=control, predict=predict, size=size, limit=limit, workers=workers, progress=True
        )
        if out is not None:
            survey.save(out, command=shlex.join(["freqforensics", *sys.argv[1:]]), overwrite=overwrite)
        groups = survey.groups()
        if as_json:
            print(json.dumps(groups, indent=2))
        else:
            _print_lattices(groups)
        _complain_of(survey.notes, [key for key in survey.spectra if key not in survey.reports], survey.failures)


@app.command(epilog="Example: freqforensics simulate path/to/photos --family all --out miniatures --size 128")
def simulate(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS", help="Folders or tables of photographs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the tree; made if need be.")],
    family: Annotated[
        list[str] | None, typer.Option(metavar="NAME|all", help="A generator family; give it again for more.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Miniatures of your own, from fit-generator.")
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the crops, pixels: a multiple of 16.")] = 128,
    scale_down: Annotated[
        int,
        typer.Option(help="Make photos so many times smaller first, by area averaging.", min=1),
    ] = 2,
    limit: Annotated[int | None, typer.Option(help="The first so many photos that are large enough.", min=1)] = None,
    quality: Annotated[
        int | None, typer.Option(help="Compress both sides as JPEG of this quality before they are written.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Pass photographs through miniature generators: real and fake images that differ in nothing but the decoder.

    Writes DIR/<family>/0_real and DIR/<family>/1_fake, PNG, the same crops on both sides.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    with _one_line_errors():
        from freqforensics.generators import simulate_from_sources
        from freqforensics.images import shown_path

        done = simulate_from_sources(
            photos,
            out,
            families=family or ["all"],
            weights=weights,
            size=size,
            scale_down=scale_down,
            limit=limit,
            quality=quality,
            command=shlex.join(["freqforensics", *sys.argv[1:]]),
            overwrite=overwrite,
            progress=True,
        )
        if as_json:
            print(json.dumps({"out": str(out), **asdict(done)}, indent=2))
        else:
            count = len(done.families)
            print(f"{done.images} crops on each side of {count} {'family' if count == 1 else 'families'} in {out}")
            print(f"  freqforensics spectrum {shlex.quote(str(out))} --out results --size {size}")
        if done.too_small:
            _complain(f"note: {len(done.too_small)} photos are too small for crops of {size} pixels")
        for path, reason in done.failures:
            _complain(f"skipped: {shown_path(path)}: {reason}")
        if done.failures:
            sys.exit(1)


@app.command(
    name="fit-generator",
    epilog="Example: freqforensics fit-generator path/to/photos --family cyclegan --out my-miniatures",
)
def fit_generator(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS", help="Folders or tables of photographs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for weights and model cards.")],
    family: Annotated[
        list[str] | None, typer.Option(metavar="NAME|all", help="A generator family; give it again for more.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of four crops each; default the family's, 8000 or more.", min=1)
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the training crops, pixels.")] = 64,
    seed: Annotated[int, typer.Option(help="Of weights, crops and noise.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="Where torch computes: cpu, cuda, ...")] = "cpu",
    adversarial: Annotated[
        bool | None, typer.Option("--adversarial/--no-adversarial", help="Default: as the family is trained.")
    ] = None,
    scale_down: Annotated[
        int, typer.Option(help="Make photos so many times smaller first, by area averaging.", min=1)
    ] = 2,
    origin: Annotated[str, typer.Option(help="Where the photographs come from, in words, for the model card.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the model cards as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Fit again what DIR holds of another fit.")] = False,
) -> None:
    """Fit miniature generators to photographs.

    Writes DIR/<family>.safetensors and a model card beside it. Broken off and called again, it goes on where it was.
    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    with _one_line_errors():
        from freqforensics.generators import fit_from_sources
        from freqforensics.images import shown_path

        cards: list[dict[str, Any]] = []
        failures: tuple[tuple[str, str], ...] = ()
        for card, unread in fit_from_sources(
            photos,
            out,
            families=family or ["all"],
            steps=steps,
            size=size,
            seed=seed,
            device=device,
            adversarial=adversarial,
            scale_down=scale_down,
            origin=origin,
            overwrite=overwrite,
            progress=True,
        ):
            cards.append(card)
            failures = unread
            measured = card["held_out"]
            if not as_json:
                print(
                    f"{card['family']}: {measured['psnr_db']:.1f} dB, sharpness {measured['sharpness']:.2f}"
                    f" on {measured['photos']} held-out photographs; {card['parameters']} parameters",
                    flush=True,
                )
        if as_json:
            print(json.dumps(cards, indent=2))
        for path, reason in failures:
            _complain(f"skipped: {shown_path(path)}: {reason}")
        if failures:
            sys.exit(1)


@app.command(epilog="Example: freqforensics demo --out demo")
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the images and results.")] = Path("demo"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Show what upsampling does to a spectrum, on photographs that scikit-image and scikit-learn bundle.

    Writes DIR/images, a ForenSynths tree of the photographs beside plainly upsampled versions of them, and
    DIR/spectrum, what the spectrum command makes of that tree.
    """
    with _one_line_errors():
        from freqforensics.demo import SIZE, write_upsampled_photographs
        from freqforensics.provenance import check_result_folder
        from freqforensics.spectra import SpectrumSpec
        from freqforensics.survey import survey_sources

        check_result_folder(out / "spectrum", overwrite=overwrite)
        count = write_upsampled_photographs(out / "images")
        print(f"{count} crops of photographs, real and upsampled, in {out / 'images'}")
        survey = survey_sources([out / "images"], spec=SpectrumSpec(size=SIZE), progress=True)
        survey.save(out / "spectrum", overwrite=True)
        _report(survey, out / "spectrum")
        print(f"\nlook at {out / 'spectrum' / 'fingerprints.png'}, then try your own folder:")
        print("  freqforensics spectrum FOLDER --out results --size 128")
        print("  freqforensics upsampling FOLDER")


def _report(survey: Survey, out: Path, *, as_json: bool = False) -> None:
    """Print what a survey found; exit with 1 if it could not read some file."""
    groups = survey.groups()
    if as_json:
        print(json.dumps({"out": str(out), "notes": survey.notes, "groups": groups}, indent=2))
    else:
        _print_table(groups)
        print(f"images averaged: {survey.images}; results in {out}")
    _complain_of(survey.notes, [key for key in survey.spectra if key not in survey.lines], survey.failures)


def _complain_of(notes: Sequence[str], empty: Sequence[tuple[str, str]], failures: Sequence[tuple[str, str]]) -> None:
    """Name what was left out; exit with 1 if a file could not be read."""
    from freqforensics.images import shown_path

    for note in notes:
        _complain(f"note: {note}")
    if empty:
        _complain(f"note: no image could be used of: {', '.join(' '.join(key) for key in empty)}")
    for path, reason in failures:
        _complain(f"skipped: {shown_path(path)}: {reason}")
    if failures:
        sys.exit(1)


def _print_lattices(groups: list[dict[str, Any]]) -> None:
    from rich.text import Text

    table = _table("generator", "label", "n", "size", "factor", "1/2", "1/4", "1/8", "1/16", "p", "verdict")
    for group in groups:
        nr = {evidence["denominator"]: evidence["mean_nr"] for evidence in group["denominators"]}
        cells = [
            group["generator"],
            group["label"],
            str(group["n"]),
            str(group["size"]),
            str(group["factor"] or "none"),
            *(f"{nr[d]:.1f}" if d in nr else "" for d in (2, 4, 8, 16)),
            f"{group['p_value']:.1e}",
            group["verdict"],
        ]
        table.add_row(*(Text(cell) for cell in cells))
    _print_wide(table)
    print("1/2 .. 1/16: mean N R over the points of that denominator, 1 by chance. p: that there is no lattice.")
    print("A lattice says periodically upsampled, not fake; none is no proof of a photograph.")


def _print_table(groups: list[dict[str, Any]]) -> None:
    from rich.text import Text

    table = _table("generator", "label", "images", "skipped", "strongest line fx, fy", "N R", "p", "p, all bins")
    for group in groups:
        reasons = [f"{count} {reason}" for reason, count in group["skipped"].items()]
        if group["unreadable"]:
            reasons.append(f"{len(group['unreadable'])} unreadable")
        line = group["line"]
        cells = [group["generator"], group["label"], str(group["images"]), ", ".join(reasons)]
        if line is None:
            cells += ["", "", "", ""]
        else:
            cells += [
                f"{line['fx']:.4f}, {line['fy']:+.4f}",
                f"{line['nr']:.1f}",
                f"{line['p_value']:.1e}",
                f"{line['p_corrected']:.1e}",
            ]
        table.add_row(*(Text(cell) for cell in cells))
    _print_wide(table)
    for text, count in sorted(_totals(groups).items()):
        print(f"note: {text}: {count} {'image' if count == 1 else 'images'}")
    print("N R: coherence, 1 by chance. p: of that bin; all bins: times the number of bins searched.")
    print("A significant line may come from content, JPEG or resizing: compare with a real side.")


def _table(*columns: str) -> Table:
    """An empty table: words to the left, numbers to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        words = column in ("generator", "label", "skipped", "verdict")
        table.add_column(column, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    return table


def _print_wide(table: Table) -> None:
    from rich.console import Console

    console = Console(soft_wrap=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(table)


def _totals(groups: list[dict[str, Any]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for group in groups:
        for text, count in group["notes"].items():
            totals[text] = totals.get(text, 0) + count
    return totals


def _parsed_size(text: str) -> int | tuple[int, int]:
    matched = re.fullmatch(r"(\d+)(?:[xX×](\d+))?", text.strip())
    if matched is None:
        raise _Failed(f"--size must be a number or HEIGHTxWIDTH, got {text!r}")
    height, width = matched.groups()
    return int(height) if width is None else (int(height), int(width))


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn the library's errors into one line and exit code 2, and Ctrl-C into one line and 130."""
    try:
        yield
    except KeyboardInterrupt:
        raise _Failed("interrupted: no half-written file was left", 130) from None
    except MemoryError as error:
        raise _Failed(f"out of memory: {error}") from error
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        if isinstance(error, OSError) and error.strerror and error.filename:
            raise _Failed(f"{error.filename}: {error.strerror.lower()}") from error
        raise _Failed(str(error)) from error


def _complain(line: str) -> None:
    print(line, file=sys.stderr)
