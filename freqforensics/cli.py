"""The command line: parse, one call of the library, print. The only module that prints or exits."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from freqforensics.spectra import MeanSpectrum, SpectralLine, SpectrumSpec

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
        from freqforensics.spectra import SpectrumSpec

        spec = SpectrumSpec(**{**parameters, "size": _parsed_size(size)})  # type: ignore[arg-type]
        _run_spectrum(
            source,
            out,
            spec,
            label=label,
            limit=limit,
            seed=seed,
            exif_orientation=exif_orientation,
            workers=workers,
            as_json=as_json,
            overwrite=overwrite,
        )


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
        from freqforensics.demo import CROP, write_upsampled_photographs
        from freqforensics.spectra import SpectrumSpec

        _prepare(out / "spectrum", overwrite)
        count = write_upsampled_photographs(out / "images")
        print(f"{count} photographs' crops, real and upsampled, in {out / 'images'}")
        _run_spectrum([str(out / "images")], out / "spectrum", SpectrumSpec(size=CROP), overwrite=True)
        print(f"\nlook at {out / 'spectrum' / 'fingerprints.png'}, then try your own folder:")
        print("  freqforensics spectrum FOLDER --out results --size 128")


def _run_spectrum(
    sources: list[str],
    out: Path,
    spec: SpectrumSpec,
    *,
    label: str = "all",
    limit: int | None = None,
    seed: int | None = None,
    exif_orientation: bool = False,
    workers: int | None = None,
    as_json: bool = False,
    overwrite: bool = False,
) -> None:
    import numpy as np

    from freqforensics.images import by_generator, index_sources
    from freqforensics.provenance import manifest
    from freqforensics.spectra import mean_spectrum, strongest_line

    _prepare(out, overwrite)
    notes: list[str] = []
    records = [r for r in index_sources(sources, on_note=notes.append) if label in ("all", r.label)]
    for note in notes:
        _complain(f"note: {note}")
    if not records:
        raise _Failed(f"no image with label {label!r} in {', '.join(sources)}")
    spectra = {}
    for number, (key, group) in enumerate(by_generator(records).items()):
        # A generator of its own for each group: what one group draws does not depend on the others.
        rng = None if seed is None else np.random.default_rng([seed, number])
        spectra[key] = mean_spectrum(
            group,
            spec=spec,
            workers=workers,
            limit=limit,
            rng=rng,
            on_error="skip",
            exif_orientation=exif_orientation,
            progress=f"{key[0]} {key[1]}",
        )
    used = sum(spectrum.images for spectrum in spectra.values())
    failures = [failure for spectrum in spectra.values() for failure in spectrum.failures]
    if used == 0:
        raise _Failed(_why_none(spec, spectra, failures))

    names = _file_names(list(spectra))
    lines = {key: strongest_line(spectrum) if spectrum.images else None for key, spectrum in spectra.items()}
    groups = [_group(key, spectra[key], lines[key], names[key]) for key in spectra]
    parameters = {
        "spec": asdict(spec),
        "label": label,
        "limit": limit,
        "exif_orientation": exif_orientation,
    }
    inputs = {
        name: {"images": spectra[key].images, "sha256": spectra[key].inputs_sha256} for key, name in names.items()
    }
    about = manifest(parameters, inputs=inputs, seed=seed, command=shlex.join(["freqforensics", *sys.argv[1:]]))
    _write(out, spectra, names, groups, about)

    if as_json:
        print(json.dumps({"out": str(out), "notes": notes, "groups": groups}, indent=2, ensure_ascii=False))
    else:
        _print_table(groups)
        print(f"{used} images averaged; results in {out}")
    for path, reason in failures:
        _complain(f"skipped: {path}: {reason}")
    if failures:
        sys.exit(1)


def _group(key: tuple[str, str], spectrum: MeanSpectrum, line: SpectralLine | None, name: str) -> dict[str, Any]:
    return {
        "generator": key[0],
        "label": key[1],
        "images": spectrum.images,
        "crops": spectrum.crops,
        "skipped": spectrum.skipped,
        "unreadable": [{"path": path, "reason": reason} for path, reason in spectrum.failures],
        "notes": spectrum.notes,
        "line": None if line is None else asdict(line),
        "file": f"spectra/{name}.npz" if spectrum.images else None,
    }


def _write(
    out: Path,
    spectra: dict[tuple[str, Any], MeanSpectrum],
    names: dict[tuple[str, Any], str],
    groups: list[dict[str, Any]],
    about: dict[str, Any],
) -> None:
    """Make every file in a folder beside `out`, then put them in place; an interruption leaves `out` as it was."""
    from freqforensics import figures
    from freqforensics.provenance import write_json

    out.parent.mkdir(parents=True, exist_ok=True)
    # Where a figure was written to is no part of what it shows.
    shown = {key: value for key, value in about.items() if key != "command"}
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        made = Path(scratch)
        for key, spectrum in spectra.items():
            if spectrum.images:
                spectrum.save(made / "spectra" / f"{names[key]}.npz")
        for name, figure in (
            ("fingerprints", figures.plot_fingerprints(spectra, fig=figures.new_figure())),
            ("profiles", figures.plot_profiles(spectra, fig=figures.new_figure())),
        ):
            for suffix in (".png", ".pdf"):
                figures.save_figure(figure, made / f"{name}{suffix}", manifest=shown)
        (made / "summary.csv").write_text(_summary(groups), encoding="utf-8")
        outputs = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
        write_json(made / "manifest.json", {**about, "outputs": outputs})

        for stale in _outputs(out):
            (out / stale).unlink(missing_ok=True)
        for name in [*outputs, "manifest.json"]:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).replace(out / name)


def _prepare(out: Path, overwrite: bool) -> None:
    """Refuse a folder that holds something, before any work is done."""
    if out.exists() and not out.is_dir():
        raise _Failed(f"{out} is a file, not a folder")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise _Failed(f"{out} is not empty: give --overwrite to replace the results in it, or another --out")


def _outputs(out: Path) -> list[str]:
    """What an earlier run says it wrote to `out`; nothing else is ever removed."""
    try:
        listed = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["outputs"]
        return [name for name in listed if isinstance(name, str) and not Path(name).is_absolute() and ".." not in name]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _file_names(keys: list[tuple[str, Any]]) -> dict[tuple[str, Any], str]:
    """A file name for each group: letters, digits, '.', '_' and '-', no two alike even without regard to case."""
    names: dict[tuple[str, Any], str] = {}
    taken: set[str] = set()
    for key in keys:
        base = re.sub(r"[^\w.-]+", "-", key[0]).strip("-.")[:80] or "generator"
        name = f"{base}-{key[1]}"
        number = 2
        while name.lower() in taken:
            name, number = f"{base}-{number}-{key[1]}", number + 1
        taken.add(name.lower())
        names[key] = name
    return names


def _summary(groups: list[dict[str, Any]]) -> str:
    table = io.StringIO()
    columns = ["generator", "label", "images", "crops", "skipped", "unreadable"]
    line_columns = ["fx", "fy", "amplitude", "nr", "p_value", "p_corrected"]
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([*columns, *(f"line_{column}" for column in line_columns), "file"])
    for group in groups:
        line = group["line"] or {}
        writer.writerow(
            [
                *(group[column] for column in columns[:4]),
                sum(group["skipped"].values()),
                len(group["unreadable"]),
                *(line.get(column, "") for column in line_columns),
                group["file"] or "",
            ]
        )
    return table.getvalue()


def _print_table(groups: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    table.add_column("generator", overflow="fold")
    table.add_column("label")
    table.add_column("images", justify="right")
    table.add_column("skipped")
    table.add_column("strongest line fx, fy", justify="right")
    table.add_column("N R", justify="right")
    table.add_column("p", justify="right")
    table.add_column("p, all bins", justify="right")
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
    console = Console(soft_wrap=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    for text, count in sorted(_totals(groups).items()):
        print(f"note: {count} images: {text}")
    print("p: chance of this bin's coherence with random phases; all bins: times the number of bins searched.")


def _totals(groups: list[dict[str, Any]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for group in groups:
        for text, count in group["notes"].items():
            totals[text] = totals.get(text, 0) + count
    return totals


def _why_none(spec: SpectrumSpec, spectra: dict[tuple[str, Any], MeanSpectrum], failures: list[Any]) -> str:
    small = sum(sum(spectrum.skipped.values()) for spectrum in spectra.values())
    height, width = spec.shape
    parts = []
    if small:
        parts.append(f"{small} are smaller than {height}x{width} (try a smaller --size)")
    if failures:
        parts.append(f"{len(failures)} cannot be read, first {failures[0][0]}: {failures[0][1]}")
    return f"no image was averaged: {'; '.join(parts)}"


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
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise _Failed(str(error)) from error


def _complain(line: str) -> None:
    print(line, file=sys.stderr)
