"""A run of the benchmarks to a page and its figures.

    python tests/benchmarks/page.py RUN.json PAGE.md FOLDER

RUN.json is what ``pytest --benchmark-json`` wrote. Figures go to FOLDER.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from freqforensics.figures.style import log_axis, new_figure, save_figure, series_looks, style

THEMES: Final = {
    "Spectra": "Beyond decoding, each image has its luma, a median filter, a Fourier transform and checksums of its"
    " file. A comparison also permutes bins, at a cost that does not depend on the number of images.",
    "Files": "An audit also cross-validates a forest of trees, which weighs most where files are few.",
    "Quality": "",
    "Scoring": "The network alone runs on the same views, which are tensors already.",
    "Inspection": "An inspection tests its explanations; captum and grad-cam give three maps of one view and no test.",
    "Training": "The network takes no part here.",
    "Start": "Each start is a new process.",
}


INTRODUCTION: Final = """\
All images are made by the benchmark: 1/f pictures with noise, which compress like photographs. An operation, its floor
and its peers are timed in turn, in the same rounds of one run. Times and ratios are medians over the rounds.

- *Floor*: what cannot be avoided, by the same number of threads: OpenCV's decoding of the same files, or the network on
  ready tensors.
- *Times faster than*: time of what a user would write or pick instead, divided by the operation's. The plain ways use
  one thread and a part of the images; their time is taken as linear in the number of images.
- *Peak memory*: resident memory of a new process, Python and libraries included."""


@dataclass(frozen=True)
class Curve:
    """A figure: its heading, axes, and what is said below it."""

    heading: str
    x: str
    caption: str
    rate: bool = True


CURVES: Final = {
    "images": Curve(
        "Number of images",
        "images",
        "JPEG files of 64 × 64 pixels. Each operation has a process of its own, whose start is not counted.",
    ),
    "megapixels": Curve(
        "Size of images",
        "megapixels per image",
        "JPEG files. Spectra take all tiles of 256 pixels. Start and loading of the libraries are not counted.",
    ),
    "workers": Curve("Workers", "threads", "JPEG files of 500 × 500 pixels.", rate=True),
    "steps": Curve(
        "Steps of path attribution",
        "steps",
        "Integrated gradients of ResNet-50, a view of 224 × 224 pixels, a grey baseline.",
        rate=False,
    ),
}


def number(value: float) -> str:
    """Write a number to three digits, without an exponent.

    >>> [number(value) for value in (0.01234, 1.5, 23.46, 45678.0)]
    ['0.0123', '1.50', '23.5', '45,700']
    """
    if value >= 100:
        digits = max(0, len(str(int(value))) - 3)
        return f"{round(value / 10**digits) * 10**digits:,}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Write a time in its unit.

    >>> duration(0.0123), duration(25)
    ('12.3 ms', '25.0 s')
    """
    return f"{number(1000 * seconds)} ms" if seconds < 1 else f"{number(seconds)} s"


def goal_cell(goal: dict[str, Any] | None) -> str:
    if goal is None:
        return ""
    return f"{goal['text']}: {'met' if goal['value'] <= goal['limit'] else '**not met**'}"


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Give a theme's table, one line for each operation and each peer."""
    many = any(row["images"] > 1 for row in rows)
    first = "images/s" if many else "time"
    lines = [
        f"| operation | {first} | time ÷ floor | times faster than | peak memory, MB | goal |",
        "|---|---:|---|---|---:|---|",
    ]
    for row in rows:
        speed = number(row["images"] / row["seconds"]) if many else duration(row["seconds"])
        floor = f"{number(row['floor'][1])} × {row['floor'][0]}" if row["floor"] else ""
        peers = "<br>".join(f"{number(ratio)}: {name}" for name, ratio in row["peers"])
        memory = number(row["memory"]) if row["memory"] is not None else ""
        lines.append(f"| {row['what']} | {speed} | {floor} | {peers} | {memory} | {goal_cell(row['goal'])} |")
    return lines


def plot_curve(curve: Curve, points: Sequence[dict[str, Any]], fig: Figure) -> Figure:
    """Draw images per second, or seconds, and peak memory where it was measured, against what was varied."""
    series = list(dict.fromkeys(point["series"] for point in points))
    measured = any(point["memory"] is not None for point in points)
    fig.set_size_inches(6.8 if measured else 4.2, 3.0)
    fig.set_layout_engine("constrained")
    panels = fig.subplots(1, 2 if measured else 1, squeeze=False)[0]
    for name, (colour, mark) in zip(series, series_looks(len(series)), strict=True):
        mine = sorted((point for point in points if point["series"] == name), key=lambda point: point["x"])
        x = [point["x"] for point in mine]
        y = [point["images"] / point["seconds"] if curve.rate else point["seconds"] for point in mine]
        panels[0].plot(x, y, color=colour, marker=mark, label=name)
        if measured:
            panels[1].plot(x, [point["memory"] for point in mine], color=colour, marker=mark, label=name)
    for axes, label in zip(panels, ("images/s" if curve.rate else "seconds", "peak memory (MB)"), strict=False):
        ticks = sorted({point["x"] for point in points})
        if curve.x != "threads":
            log_axis(axes, "x")
            axes.minorticks_off()
        axes.set_xticks(ticks, [f"{tick:,.10g}" for tick in ticks])
        log_axis(axes, "y")
        axes.set(xlabel=curve.x, ylabel=label)
    fig.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(series))
    return fig


def curve_table(curve: Curve, points: Sequence[dict[str, Any]]) -> list[str]:
    """Give a curve's numbers: a line for each series and quantity, a column for each value."""
    values = sorted({point["x"] for point in points})
    unit = "images/s" if curve.rate else "seconds"
    lines = [
        f"| by {curve.x} | {' | '.join(f'{value:,.10g}' for value in values)} |",
        "|---|" + "---:|" * len(values),
    ]
    for name in dict.fromkeys(point["series"] for point in points):
        mine = {point["x"]: point for point in points if point["series"] == name}
        speeds = {
            x: point["images"] / point["seconds"] if curve.rate else point["seconds"] for x, point in mine.items()
        }
        peaks = {x: point["memory"] for x, point in mine.items() if point["memory"] is not None}
        for quantity, numbers in ((unit, speeds), ("peak memory, MB", peaks)):
            if numbers:
                cells = [number(numbers[value]) if value in numbers else "" for value in values]
                lines.append(f"| {name}, {quantity} | {' | '.join(cells)} |")
    return lines


def write_page(run: dict[str, Any], page: Path, folder: Path) -> None:
    """Write the page and its figures.

    Parameters
    ----------
    run : dict
        The JSON of pytest-benchmark, with what `conftest.py` adds.
    page : Path
        A Markdown file.
    folder : Path
        For the figures.

    Raises
    ------
    ValueError
        Nothing in the run was measured for the page.
    """
    stored = [found for test in run["benchmarks"] if (found := test["extra_info"].get("page"))]
    rows = [row for found in stored for row in found["rows"]]
    points = [point for found in stored for point in found["points"]]
    if not rows and not points:
        raise ValueError("the run measured nothing for the page")
    about, day = run["machine_info"]["freqforensics"], datetime.fromisoformat(run["datetime"])
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [
        "# Speed, beside the floor and beside other ways",
        "",
        f"*{day:%d %B %Y}, {about['cpu']}, {about['cores']} cores, {number(about['memory_gb'])} GB of memory,"
        f" {about['system']}, Python {run['machine_info']['python_version']}. Command: `make bench"
        f"{'' if about['scale'] == 'full' else ' BENCH=' + about['scale']}`.*",
        "",
        f"*{versions}.*",
        "",
        INTRODUCTION,
    ]
    missed = [row for row in rows if row["goal"] and row["goal"]["value"] > row["goal"]["limit"]]
    total = sum(row["goal"] is not None for row in rows)
    lines += ["", f"{total - len(missed)} of {total} goals are met.", *([""] if missed else [])]
    lines += [f"- not met: {row['what']}: {measured(row)}, goal {row['goal']['text']}" for row in missed]
    for theme in dict.fromkeys([*THEMES, *(row["theme"] for row in rows)]):
        mine = [row for row in rows if row["theme"] == theme]
        if mine:
            remark = THEMES.get(theme, "")
            lines += ["", f"## {theme}", "", *([remark, ""] if remark else []), *table(mine)]
    folder.mkdir(parents=True, exist_ok=True)
    where = Path(os.path.relpath(folder, page.parent)).as_posix()
    for name, curve in CURVES.items():
        at = [point for point in points if point["figure"] == name]
        if at:
            with style():
                save_figure(plot_curve(curve, at, new_figure()), folder / f"{name}.png", dpi=200)
            lines += ["", f"## {curve.heading}", "", curve.caption, "", *curve_table(curve, at), ""]
            lines += [f"![{curve.heading}: {', '.join(dict.fromkeys(p['series'] for p in at))}]({where}/{name}.png)"]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def measured(row: dict[str, Any]) -> str:
    """Say what was measured of a row that has a goal, in the goal's unit."""
    value: float = row["goal"]["value"]
    return f"{number(value)} ×" if "×" in row["goal"]["text"] else duration(value)


if __name__ == "__main__":
    write_page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]), Path(sys.argv[3]))
