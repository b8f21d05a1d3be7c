"""Every figure function, with small data: no text is mathtext's source, and nothing warns."""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from findings import hand_made
from matplotlib.text import Text

from freqforensics import figures
from freqforensics.attribution.outcomes import Counterfactual
from freqforensics.detector import ScoreTable
from freqforensics.detector.calibration import Calibration
from freqforensics.detector.score_table import Score
from freqforensics.evaluation import evaluate_tables
from freqforensics.evaluation.confounds import Audit, Confound, GroupAudit
from freqforensics.evaluation.false_alarms import count_false_alarms
from freqforensics.evaluation.robustness import Robustness, RobustnessRow
from freqforensics.figures import inspect as inspected
from freqforensics.figures.quality import scattered_generators
from freqforensics.figures.style import plain_number, save_figure, series_looks
from freqforensics.fingerprints import Similarity
from freqforensics.fingerprints.comparison import MEASURES, Comparison, Origins
from freqforensics.fingerprints.origin import Candidate, Origin
from freqforensics.fingerprints.sets import ImageSet
from freqforensics.fingerprints.stability import LearningCurve
from freqforensics.generators import predicted_lattice
from freqforensics.quality.fakeness import fakeness_by_quality
from freqforensics.quality.scores import QualityRow, QualityTable
from freqforensics.regions.kinds import ImageKind
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, estimate_upsampling
from freqforensics.spectra.population import shipped_population
from freqforensics.training.ablation import Ablation, AblationRow

NAMES = ("dcgan", "pr$ogan_$x", "stylegan", "crn", "biggan", "cyclegan", "gaugan", "imle", "san")
"""More than the palette of Okabe and Ito has colours, and one that would be a formula."""


def averaged(planes, side):
    accumulator = SpectrumAccumulator(SpectrumSpec(size=side, residual="none"))
    accumulator.update(planes)
    return accumulator.result()


def spectra(side=32, names=NAMES[:3]):
    """Spectra whose power goes over several decades; the fakes have a lattice of 1/2."""
    rng = np.random.default_rng(0)
    tile = np.tile(rng.normal(0, 9, (2, 2)), (side // 2, side // 2))
    slow = np.cumsum(np.cumsum(rng.normal(0, 5, (24, side, side)), axis=1), axis=2)
    return {
        (name, label): averaged(slow + tile * (label == "fake"), side)
        for name, label in product(names, ("real", "fake"))
    }


def alike(names):
    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, (len(names), len(names)))
    return {measure: Similarity(measure, names, values, values, values, np.abs(values)) for measure in MEASURES}


def comparison():
    images = (1, 2, 10, 40, 200)
    rises, noise = (1.0, 2.0, 9.0, 35.0, 400.0), (1.0, 0.01, 0.2, 1.0, 1.5)
    curves = [
        LearningCurve(name, ((0.25, 0.25),) * 2, images, snr, tuple(0.5 * value for value in snr), snr, 11.0, needed)
        for name, snr, needed in zip(NAMES, (rises, noise) * 5, (18, None) * 5, strict=False)
    ]
    sets = tuple(ImageSet(None, curve, None, ()) for curve in curves)
    shared = np.random.default_rng(0).integers(0, len(NAMES), (32, 32))
    return Comparison(sets, alike(NAMES), {}, {}, shared)


def origins(named=True):
    known = NAMES[:4]
    found = [
        Origin(f"set {row}", 40, known[row] if named and row < 2 else None, True, tuple(
            Candidate(name, 0.0 if name == known[row] else 7.0, 0.4 if named and column <= row else 0.01)
            for column, name in enumerate(known)
        ))
        for row in range(3)
    ]  # fmt: skip
    return Origins(tuple(found), known, alike((*(origin.set for origin in found), *known)), {})


def scores(names=NAMES[:3], *, view="none", labels=("real", "fake")):
    rng = np.random.default_rng(0)
    table = []
    for generator, label, index in product(names, labels, range(12)):
        path = f"{generator}/{label}/{index}"
        logit = float(rng.normal(label == "fake"))
        verdict = ("evidence", "inconclusive", "none")[index % 3] if view == "views" else ""
        table.append(Score(path, path, label, generator, "", logit, 0.5, view, "w" * 64, "", verdict, 0.1))
    return ScoreTable(tuple(table), ())


def fakeness():
    rng = np.random.default_rng(0)
    scored = scores()
    rows = [
        QualityRow(one.path, one.generator, one.label, "", 64, 64, "JPEG", 90 if index % 2 else 50,
                   (one.logit + rng.normal(), math.nan, *rng.normal(size=2)))
        for index, one in enumerate(scored.scores)
    ]  # fmt: skip
    return fakeness_by_quality(
        scored,
        QualityTable(("worth", "nothing", "noise", "chance"), tuple(rows)),
        threshold=0.5,
        resamples=10,
        permutations=9,
    )


def robustness(names=NAMES, evidence=math.nan, real=40):
    rows = [
        RobustnessRow(sweep, value, name, 0.9 - place / 20, 0.8 - place / 20, 0.95, 0.8, real, 40 + 5 * (name == "crn"),
                      0, evidence, evidence)
        for sweep, values in (("jpeg", (100, 90, 80)), ("blur", (0, 1)))
        for place, value in enumerate(values)
        for name in names
    ]  # fmt: skip
    return Robustness(tuple(rows), (), {}, True)


def audit():
    differing = (
        Confound("size", 1.0, 0.01, "serious", "256x256", "128x128"),
        Confound("bytes per pixel", 0.4, 0.01, "mild", "1", "2"),
        Confound("grey", 0.05, 0.6, "none", "0", "1"),
    )
    groups = [
        GroupAudit(name, 30, 40, differing[index:], auc, auc, auc, {"fake": 0.9} if index else {})
        for index, (name, auc) in enumerate(zip(NAMES, (1.0, 0.52, None), strict=False))
    ]
    return Audit(tuple(groups), (), ())


def ablation():
    rows = [
        AblationRow(value, seed, name, 0.8, 0.7, 0.9, 0.8, 0.9, 100)
        for value, seed, name in product(("all", ":0.25", "0.25:"), (0, 1), NAMES[:3])
    ]
    return Ablation("band", tuple(rows), (), {}, True)


def notched():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    change = Counterfactual("notch", "1/4, 1/4", 3.2, -1.0, -0.5, 0.02, 0, None, None, None, None, None)
    return {
        "original": image, "image": image[::-1], "spectrum": spectra(64)[NAMES[0], "fake"],
        "peaks": [(0.25, 0.25), (0.5, 0.0)], "chosen": [(0.5, 0.5)], "change": change, "threshold": 2.0,
    }  # fmt: skip


def finding():
    """The finding made by hand, with what a detector of coherence sees."""
    one = hand_made()
    return replace(one, maps={**one.maps, "input": np.random.default_rng(0).normal(0, 1, (3, 32, 32))})


def lattices(fig, names=NAMES[:3]):
    measured = spectra(64, names)
    reports = {key: estimate_upsampling(spectrum) for key, spectrum in measured.items()}
    predicted = {(NAMES[0], "fake"): predicted_lattice("dcgan")}
    return figures.plot_lattices(measured, reports, predicted=predicted, fig=fig)


def percentiles(fig):
    study = fakeness()
    square = np.zeros((8, 8, 3), np.uint8)
    paths = [path for images in study.percentile_images().values() for _, path, _ in images]
    return figures.plot_percentiles(study, dict.fromkeys(paths, square), fig=fig)


def calibration():
    logits = np.random.default_rng(0).normal(-3, 1, 60)
    kinds = (ImageKind("PNG"),) * 60
    return Calibration(logits, kinds, ("as-is",) * 30 + ("messenger $x$",) * 30, ("mine",) * 60, "0" * 64, "")


def one_label(kind):
    return lambda fig: figures.plot_labels({key[1]: one for key, one in spectra().items()}, kind, title="a", fig=fig)


def printed(plot, **options):
    return lambda fig: plot(spectra(), fig=fig, **options)


FIGURES = {
    "plot_ablation": lambda fig: figures.plot_ablation(ablation(), fig=fig),
    "plot_audit": lambda fig: figures.plot_audit(audit(), fig=fig),
    "plot_audit, nothing": lambda fig: figures.plot_audit(Audit((), (), ()), fig=fig),
    "plot_calibration": lambda fig: figures.plot_calibration(calibration(), fig=fig),
    "plot_evaluation": lambda fig: figures.plot_evaluation(evaluate_tables([scores()]), fig=fig),
    "plot_evidence": lambda fig: figures.plot_evidence(estimate_upsampling(spectra()[NAMES[1], "fake"]), fig=fig),
    "plot_false_alarms": lambda fig: figures.plot_false_alarms(
        count_false_alarms({"as-is": scores(view="views", labels=("real",))}), fig=fig
    ),
    "plot_fingerprints": printed(figures.plot_fingerprints),
    "plot_fingerprints, 89 mm": printed(figures.plot_fingerprints, width=89),
    "plot_fingerprints, 183 mm": printed(figures.plot_fingerprints, width=183, columns=2, mark_lines=True),
    "plot_forest": lambda fig: figures.plot_forest(fakeness(), fig=fig),
    "plot_labels": one_label("power"),
    "plot_labels, coherence": one_label("coherence"),
    "plot_lattices": lattices,
    "plot_lattices, one": lambda fig: lattices(fig, NAMES[:1]),
    "plot_learning": lambda fig: figures.plot_learning(comparison(), fig=fig),
    "plot_least": lambda fig: figures.plot_least(fakeness(), fig=fig),
    "plot_notched": lambda fig: figures.plot_notched(**notched(), fig=fig),
    "plot_origins": lambda fig: figures.plot_origins(origins(), fig=fig),
    "plot_origins, unknown": lambda fig: figures.plot_origins(origins(named=False), fig=fig),
    "plot_pair": lambda fig: figures.plot_pair(
        notched()["original"], notched()["image"], names=("one", "the other"), fig=fig
    ),
    "plot_percentiles": percentiles,
    "plot_population": lambda fig: figures.plot_population(shipped_population(), fig=fig),
    "plot_profiles": printed(figures.plot_profiles),
    "plot_profiles, 89 mm": printed(figures.plot_profiles, width=89),
    "plot_robustness": lambda fig: figures.plot_robustness(robustness(), fig=fig),
    "plot_robustness, two": lambda fig: figures.plot_robustness(robustness(NAMES[:2], 0.5), fig=fig),
    "plot_scatter": lambda fig: figures.plot_scatter(fakeness(), "worth", fig=fig),
    "plot_scores": lambda fig: figures.plot_scores(scores(), fig=fig),
    "plot_scores, many": lambda fig: figures.plot_scores(scores(tuple(f"g{n}" for n in range(60))), fig=fig),
    "plot_shared": lambda fig: figures.plot_shared(comparison(), fig=fig),
    "plot_similarities": lambda fig: figures.plot_similarities(comparison(), fig=fig),
    "plot_spectrum": lambda fig: figures.plot_spectrum(spectra()[NAMES[1], "fake"], ax=fig.subplots()),
    "plot_spectrum, coherence": lambda fig: figures.plot_spectrum(
        spectra()[NAMES[1], "fake"], "coherence", ax=fig.subplots(), mark_lines=True
    ),
    **{
        f"inspect: {name}": lambda fig, plot=plot: plot(finding(), ax=fig.subplots())
        for name, plot in inspected.VIEWS.items()
    },
    "inspect: curve": lambda fig: inspected.plot_curve(
        hand_made(), hand_made().changes.curves[0], ax=fig.subplots()
    ),
}  # fmt: skip


def texts_of(fig):
    return [text.get_text() for text in fig.findobj(Text) if text.get_visible()]


def test_every_figure_function_is_drawn_here():
    stub = Path(figures.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    public = set(re.findall(r"as (plot_\w+)", stub))
    assert public == {name.partition(",")[0] for name in FIGURES if name.startswith("plot_")}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.long
def test_its_text_can_be_read_and_nothing_warns(name, tmp_path):
    fig = figures.new_figure()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FIGURES[name](fig)
        for suffix in ("png", "pdf"):
            save_figure(fig, tmp_path / f"figure.{suffix}")
    texts = texts_of(fig)
    assert any(texts) or name == "inspect: image"  # which is a picture with frames
    assert not [text for text in texts if "\\mathdefault" in text or "\\times" in text]


@pytest.mark.long
def test_learning_has_plain_numbers_along_both_axes(tmp_path):
    fig = FIGURES["plot_learning"](figures.new_figure())
    save_figure(fig, tmp_path / "figure.png")
    ax = fig.axes[-3]
    assert {"1", "10", "100"} <= {label.get_text() for label in ax.get_xticklabels()}
    assert {"0.1", "1", "10", "100"} <= {label.get_text() for label in fig.axes[0].get_yticklabels()}


def test_numbers_along_a_logarithmic_axis():
    assert [plain_number(10.0**power) for power in (-5, -3, 0, 3, 6)] == ["10⁻⁵", "0.001", "1", "1000", "10⁶"]
    assert plain_number(3e-7) == "3×10⁻⁷"


@pytest.mark.long
def test_no_colour_stands_for_two_generators():
    for count in (1, 9, 17, 40):
        colours = [colour for colour, _ in series_looks(count)]
        assert len(colours) == len(set(colours)) == count
    fig = FIGURES["plot_robustness"](figures.new_figure())
    lines = fig.legends[0].get_lines()
    assert len({line.get_color() for line in lines}) == len(lines) == len(NAMES)


def test_robustness_draws_the_share_of_fakes_as_chance():
    for count, low in ((40, 0.5), (360, 0.1)):
        fig = figures.plot_robustness(robustness(("a", "b"), real=count), fig=figures.new_figure())
        ax = fig.axes[0]
        (chance,) = (line for line in ax.lines if line.get_linestyle() == "--")
        assert set(chance.get_ydata()) == {low}
        assert ax.get_ylim()[0] < low


def test_intervals_of_many_generators_do_not_cover_each_other():
    fig = FIGURES["plot_robustness"](figures.new_figure())
    curves = [line.get_xdata() for line in fig.axes[0].lines if len(line.get_xdata()) == 3]
    starts = sorted(curve[0] for curve in curves)
    assert len(starts) == len(NAMES)
    assert min(np.diff(starts)) > 0.03
    assert all(np.round(curve).tolist() == [0, 1, 2] for curve in curves)


def test_a_forests_legend_names_the_marks_that_it_has():
    study = fakeness()
    fig = figures.plot_forest(study, fig=figures.new_figure())
    named = {text.get_text() for text in fig.legends[0].get_texts()}
    drawn = {line.get_marker() for ax in fig.axes for line in ax.lines}
    tests = [test for test in study.associations.tests if not math.isnan(test.rho)]
    assert ("covariates held fixed" in named) == ("x" in drawn) == any(test.held for test in tests)
    assert ("q ≤ 0.05" in named) == any(test.q_value <= 0.05 for test in tests)
    assert "fewer than 30 images" in named
    alone = replace(study, associations=replace(study.associations, tests=tuple(
        replace(test, held=(), q_value=0.5, few=False) for test in study.associations.tests
    )))  # fmt: skip
    fig = figures.plot_forest(alone, fig=figures.new_figure())
    named = {text.get_text() for text in fig.legends[0].get_texts()}
    assert not named & {"covariates held fixed", "q ≤ 0.05", "fewer than 30 images"}


def test_the_lowest_panel_of_each_column_of_a_forest_has_numbers():
    study = fakeness()
    fig = figures.plot_forest(study, fig=figures.new_figure())
    panels = [ax for ax in fig.axes if ax.get_title()]
    assert [ax.get_title() for ax in panels] == ["worth", "noise", "chance", "jpeg quality"]  # of nothing there is none
    numbered = [ax.xaxis.get_tick_params()["labelbottom"] for ax in panels]
    assert numbered == [False, True, True, True]


def test_a_scatter_of_nothing_is_refused():
    study = fakeness()
    assert scattered_generators(study, "worth") == sorted(NAMES[:3])
    assert scattered_generators(study, "nothing") == []
    with pytest.raises(ValueError, match="no image has the score nothing"):
        figures.plot_scatter(study, "nothing", fig=figures.new_figure())


def test_origins_explain_the_marks_that_are_there():
    def title(named):
        return figures.plot_origins(origins(named), fig=figures.new_figure()).axes[0].get_title()

    assert "disc: the origin; ring: not ruled out, p > 0.05" in title(True)
    assert "disc" not in title(False)
    assert "all are ruled out" in title(False)


def test_the_auc_has_its_own_scale():
    fig = FIGURES["plot_audit"](figures.new_figure())
    effects, together = fig.axes[:2]
    assert effects.images[0].get_clim() == (0, 1)
    assert together.images[0].get_clim() == (0.5, 1)
    assert [text.get_text() for text in together.texts] == ["1.00", "0.52"]
    values = effects.images[0].get_array()
    assert np.ma.getmaskarray(values)[:, 9].all()  # what is not significant has no colour


def test_lattices_keep_pairs_side_by_side_and_shared_photographs_once():
    fig = lattices(figures.new_figure())
    titled = [ax for ax in fig.axes if ax.get_title()]
    names = [ax.get_title().split(",")[0] for ax in titled]
    assert names == [f"{name} {label}" for name in NAMES[:3] for label in ("real", "fake")]
    levels = [ax.get_subplotspec().rowspan.start for ax in titled]
    assert levels[::2] == levels[1::2]
    measured = {key: replace(one, inputs_sha256="a" * 64) if key[1] == "real" else one
                for key, one in spectra(64).items()}  # fmt: skip
    reports = {key: estimate_upsampling(spectrum) for key, spectrum in measured.items()}
    impossible = {key: replace(report, lattice=replace(report.lattice, p_value=0.0)) for key, report in reports.items()}
    fig = figures.plot_lattices(measured, impossible, fig=figures.new_figure())
    titles = [ax.get_title() for ax in fig.axes if ax.get_title()]
    assert [title.split(",")[0] for title in titles] == ["real", *(f"{name} fake" for name in NAMES[:3])]
    assert all("p < 1e-300" in title for title in titles)


@pytest.mark.long
@pytest.mark.parametrize(("width", "columns"), [(89, None), (120, 1), (183, 2)])
def test_a_figure_of_given_width_has_text_of_seven_points(width, columns):
    for plot in (figures.plot_fingerprints, figures.plot_profiles):
        fig = plot(spectra(), fig=figures.new_figure(), width=width, columns=columns)
        assert fig.get_figwidth() * 25.4 == pytest.approx(width)
        fig.canvas.draw()
        assert {text.get_fontsize() for text in fig.findobj(Text) if text.get_text() and text.get_visible()} == {7.0}


@pytest.mark.long
def test_a_figure_of_given_width_has_no_text_over_another_or_outside():
    fig = figures.plot_fingerprints(spectra(), fig=figures.new_figure(), width=89)
    fig.canvas.draw()
    boxes = [text.get_window_extent() for text in fig.texts]
    assert all(not first.overlaps(second) for first, second in pairwise(boxes))
    page = fig.bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)


def test_widths_and_columns_that_cannot_be():
    with pytest.raises(ValueError, match=r"width must be at least \d+ mm for 40 panels side by side, got 89"):
        figures.plot_fingerprints(spectra(names=NAMES), fig=figures.new_figure(), width=89, columns=6)
    for plot in (figures.plot_fingerprints, figures.plot_profiles):
        with pytest.raises(ValueError, match="columns must be at least 1, got 0"):
            plot(spectra(), columns=0)
        with pytest.raises(ValueError, match="width must be positive, got nan"):
            plot(spectra(), width=math.nan)


@pytest.mark.long
def test_a_pairs_third_panel_is_the_difference():
    given = notched()
    fig = FIGURES["plot_pair"](figures.new_figure())
    shown = fig.axes[2].images[0].get_array()
    np.testing.assert_allclose(shown, given["image"].mean(axis=2) - given["original"].mean(axis=2))
    with pytest.raises(ValueError, match="fake must have the photograph's shape"):
        figures.plot_pair(given["original"], given["image"][:32], names=("one", "other"))
