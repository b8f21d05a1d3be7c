"""The explorers show what the library computes, with widgets and without."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from pictures import write
from PIL import Image

from freqforensics.attribution.counterfactual import notch
from freqforensics.attribution.notches import lattice_lines, notched, rounded
from freqforensics.detector.calibrated import open_detector
from freqforensics.detector.inference import folded
from freqforensics.detector.weights import DEFAULT
from freqforensics.explore import explore_notches, explore_spectrum, tile_spectrum
from freqforensics.inspection.score import judge_image
from freqforensics.regions.kinds import ImageKind
from freqforensics.sources.sources import index_images
from freqforensics.spectra import SpectrumSpec, mean_spectrum

SIDE = 96


def scene(rng, *, checkerboard=0.0):
    """Smooth noise, and a wave of (1/2, 1/2) with the same phase in every image."""
    image = rng.normal(128, 30, (SIDE // 8, SIDE // 8, 3)).repeat(8, 0).repeat(8, 1) + rng.normal(0, 4, (SIDE, SIDE, 3))
    wave = (-1.0) ** np.add.outer(np.arange(SIDE), np.arange(SIDE))
    return np.clip(np.rint(image + checkerboard * wave[..., None]), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def detector():
    return open_detector("miniature-resnet50")


@pytest.fixture(scope="module")
def fake():
    return scene(np.random.default_rng(5), checkerboard=3)


@pytest.fixture
def tree(tmp_path, rng):
    for generator, strength in (("board", 3.0), ("plain", 0.0)):
        for index in range(12):
            write(tmp_path / generator / "0_real" / f"{index}.png", scene(rng))
            write(tmp_path / generator / "1_fake" / f"{index}.png", scene(rng, checkerboard=strength))
    return tmp_path


@pytest.fixture
def without_widgets(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # import then fails


def panels(figure):
    """What is drawn of each label, the plane's values."""
    return {ax.get_title().split(",")[0]: np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images}


def test_the_figure_shows_the_mean_spectrum_of_each_label(tree):
    figure = explore_spectrum(tree, generator="board", kind="coherence", size=64, widgets=False)
    drawn = panels(figure)
    assert list(drawn) == ["real", "fake"]
    records = [record for record in index_images(tree) if record.generator == "board" and record.label == "fake"]
    spectrum = mean_spectrum(records, spec=SpectrumSpec(size=64))
    assert drawn["fake"].max() == pytest.approx((spectrum.coherence * spectrum.images)[32, 32])
    assert drawn["fake"].max() > 11  # of 12 images: the board is in all of them
    clims = {ax.images[0].get_clim() for ax in figure.axes if ax.get_title().startswith(("real", "fake"))}
    assert len(clims) == 1
    assert "board" in figure.get_suptitle()
    assert "median 5×5" in figure.get_suptitle()


def test_sources_records_and_arrays_are_one(tree, rng):
    by_path = explore_spectrum(str(tree), generator="plain", size=64, widgets=False)
    by_record = explore_spectrum(index_images(tree), generator="plain", size=64, widgets=False)
    np.testing.assert_array_equal(panels(by_path)["fake"], panels(by_record)["fake"])

    images = np.stack([scene(rng) for _ in range(5)])
    one = explore_spectrum(images, size=64, residual="none", widgets=False)
    same = explore_spectrum(list(images), size=64, residual="none", widgets=False)
    np.testing.assert_array_equal(panels(one)["N = 5"], panels(same)["N = 5"])
    assert "no residual" in one.get_suptitle()
    first = explore_spectrum(images, size=64, limit=2, widgets=False)
    assert list(panels(first)) == ["N = 2"]


@pytest.mark.long
def test_a_choice_draws_anew_and_the_way_back_is_known(tree):
    ipywidgets = pytest.importorskip("ipywidgets")
    panel = explore_spectrum(tree, size=64)
    assert isinstance(panel, ipywidgets.VBox)
    assert set(panel.choices) == {"generator", "residual", "kernel", "window", "kind"}
    assert panel.choices["generator"].options == ("board", "plain")
    words, picture = panel.children[-2:]
    first = picture.value
    assert np.asarray(Image.open(io.BytesIO(first))).std() > 0
    panel.choices["generator"].value = "plain"
    second = picture.value
    panel.choices["residual"].value = "laplacian"
    assert len({first, second, picture.value}) == 3
    panel.choices["residual"].value = "median"
    panel.choices["generator"].value = "board"
    assert picture.value == first
    assert words.value == ""


def test_what_cannot_be_drawn_is_said_in_the_panel(tree):
    pytest.importorskip("ipywidgets")
    panel = explore_spectrum(tree, size=128)
    assert "no image is as large as 128×128 pixels" in panel.children[-2].value
    with pytest.raises(ValueError, match="no image is as large"):
        explore_spectrum(tree, size=128, widgets=False)


@pytest.mark.long
@pytest.mark.usefixtures("without_widgets")
def test_without_ipywidgets_there_are_figures(tree, fake, detector):
    from matplotlib.figure import Figure

    assert isinstance(explore_spectrum(tree, size=64), Figure)
    assert isinstance(explore_notches(fake, detector=detector).figure(), Figure)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"generator": "nobody"}, "generator must be one of board, plain"),
        ({"kind": "p_value"}, "kind must be one of"),
        ({"residual": "mean"}, "method|residual"),
        ({"kernel": 4}, "kernel must be odd"),
    ],
)
def test_settings_that_do_not_exist(tree, options, words):
    with pytest.raises(ValueError, match=words):
        explore_spectrum(tree, size=64, widgets=False, **options)


def test_images_that_are_none(tree):
    with pytest.raises(ValueError, match="no image"):
        explore_spectrum([], widgets=False)
    with pytest.raises(ValueError, match="shape"):
        explore_spectrum(np.zeros((64, 64)), widgets=False)
    with pytest.raises(TypeError, match="all of one kind"):
        explore_spectrum([str(tree), np.zeros((64, 64))], widgets=False)


def test_tiles_take_the_place_of_images(fake):
    spectrum = tile_spectrum(fake)
    assert spectrum.images == 9
    nr = spectrum.coherence * spectrum.images
    assert nr[16, 16] == nr.max() > 8.5  # the board, in all nine tiles
    assert tile_spectrum(fake[:95, :]).images == 6


def test_notching_is_the_librarys(fake, detector):
    shown = explore_notches(fake, detector=detector, widgets=False)
    assert (shown.peaks[0].fx, shown.peaks[0].fy) == (0.5, -0.5)
    assert shown.frequencies == ((0.5, -0.5),)
    expected = notch(fake, folded(detector.detector), shown.frequencies, nulls=0)
    assert (shown.logit_before, shown.logit_after) == (expected.before, expected.after)
    assert shown.logit_rounded == expected.after_rounded
    assert shown.logit_before == pytest.approx(float(detector.detector.logits([fake])[0]), abs=1e-3)
    np.testing.assert_array_equal(shown.image, rounded(notched(fake, shown.frequencies)))
    board = (-1.0) ** np.add.outer(np.arange(SIDE), np.arange(SIDE))[..., None]
    before, after = (abs(float((image * board).mean())) for image in (fake.astype(float), shown.image.astype(float)))
    assert before > 2.5
    assert after < 0.5
    assert shown.threshold == detector.thresholds.high


@pytest.mark.long
def test_any_frequencies_and_none(fake, detector):
    lattice = explore_notches(fake, detector=detector, frequencies=lattice_lines(4), widgets=False)
    assert lattice.frequencies == lattice_lines(4)
    nothing = explore_notches(fake, detector=detector, frequencies=(), peaks=3, widgets=False)
    assert nothing.logit_before == pytest.approx(nothing.logit_after, abs=1e-4)
    np.testing.assert_array_equal(nothing.image, fake)
    assert len(nothing.peaks) <= 3
    axes = nothing.figure().axes
    bars = [bar.get_height() for ax in axes for bar in ax.patches if ax.get_title().startswith("logit")]
    assert bars == [nothing.logit_before, nothing.logit_after, nothing.logit_rounded]


@pytest.mark.long
def test_choosing_peaks_and_lattices(fake, detector):
    pytest.importorskip("ipywidgets")
    panel = explore_notches(fake, detector=detector, peaks=4)
    select = panel.choices["lines"]
    assert select.options[0].startswith("(1/2, -1/2)  N R")
    assert [name for name in select.options if "lattice" in name] == [
        f"the lattice of 1/{q} (all lines)" for q in (2, 4, 8)
    ]
    first = panel.children[-1].value
    assert panel.result.frequencies == ((0.5, -0.5),)
    select.value = [select.options[0], "the lattice of 1/2 (all lines)"]
    assert panel.result.frequencies == ((0.5, -0.5), *lattice_lines(2))
    assert panel.children[-1].value != first
    select.value = []
    assert panel.result.logit_after == pytest.approx(panel.result.logit_before, abs=1e-4)


def test_a_path_is_read(tmp_path, fake, detector):
    write(tmp_path / "fake.png", fake)
    by_path = explore_notches(tmp_path / "fake.png", detector=detector, widgets=False)
    assert by_path.logit_before == explore_notches(fake, detector=detector, widgets=False).logit_before


@pytest.mark.long
def test_of_a_large_image_the_view_with_the_greatest_logit_is_notched(detector):
    rng = np.random.default_rng(6)
    large = np.concatenate([np.concatenate([scene(rng) for _ in range(6)], axis=1) for _ in range(5)])
    shown = explore_notches(large, detector=detector, widgets=False)
    judged = judge_image(large, detector)
    x, y, width, height = shown.box
    assert shown.box == judged.box
    assert (width, height) == (224, 224)
    np.testing.assert_array_equal(shown.original, large[y : y + height, x : x + width])
    assert shown.logit_before == pytest.approx(max(view.logit for view in judged.score.views), rel=1e-3)
    chosen = explore_notches(large, detector=detector, region=(96, 96, 192, 128), widgets=False)
    assert chosen.box == (96, 96, 192, 128)


def test_a_fused_detector_is_scored_by_all_its_parts(fake):
    shown = explore_notches(fake, widgets=False)
    opened = open_detector(DEFAULT)
    assert shown.logit_before == pytest.approx(float(opened.detector.logits([fake])[0]), rel=1e-3)
    kind = ImageKind("lossless", size="small")
    assert shown.threshold == opened.thresholds_of(kind).high


def test_what_cannot_be_notched(fake, detector):
    with pytest.raises(ValueError, match="cannot be judged: too small: 96x40 pixels"):
        explore_notches(fake[:40], detector=detector)
    with pytest.raises(ValueError, match="values must be given"):
        explore_notches(fake.astype(float), detector=detector)
    with pytest.raises(ValueError, match="peaks must"):
        explore_notches(fake, detector=detector, peaks=0)
