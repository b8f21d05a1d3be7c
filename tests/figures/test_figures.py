from __future__ import annotations

import json
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import LogNorm
from PIL import Image

from freqforensics import figures
from freqforensics.detector.calibration import Calibration
from freqforensics.figures.style import OKABE_ITO, new_figure
from freqforensics.figures.upsampling import p_words
from freqforensics.regions.kinds import ImageKind
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, estimate_upsampling, radial_profile


def averaged(planes, size=32, **options):
    accumulator = SpectrumAccumulator(SpectrumSpec(size=size, residual="none", **options))
    accumulator.update(planes)
    return accumulator.result()


@pytest.fixture
def spectra(rng):
    line = 4 * np.cos(np.pi / 2 * np.arange(32))
    return {
        ("gan", "real"): averaged(rng.normal(0, 10, (30, 32, 32))),
        ("gan", "fake"): averaged(rng.normal(0, 10, (40, 32, 32)) + line),
        ("other", "fake"): averaged(rng.normal(0, 20, (20, 32, 32))),
    }


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def picture_of(ax):
    return np.asarray(ax.images[0].get_array()), ax.images[0]


@pytest.mark.parametrize("size", [(32, 32), (31, 20), (16, 33)])
def test_a_line_is_drawn_at_its_frequency(rng, size):
    """What is under the tick is the bin of that frequency, for even and odd sides."""
    height, width = size
    ky, kx = height // 4, width // 4
    y, x = np.mgrid[:height, :width]
    planes = rng.normal(0, 1, (10, *size)) + 50 * np.cos(2 * np.pi * (ky * y / height + kx * x / width))
    ax = figures.plot_spectrum(averaged(planes, size), "coherent")
    values, image = picture_of(ax)
    left, right, bottom, top = image.get_extent()
    rows, columns = np.nonzero(values > values.max() - 3)
    fx = left + (columns + 0.5) * (right - left) / values.shape[1]
    fy = top + (rows + 0.5) * (bottom - top) / values.shape[0]
    found = sorted((round(a, 6), round(b, 6)) for a, b in zip(fy, fx, strict=True))
    assert found == sorted((round(s * ky / height, 6), round(s * kx / width, 6)) for s in (1, -1))
    assert left == -right
    assert top == -bottom


def test_nyquist_is_drawn_on_both_sides(rng):
    planes = rng.normal(0, 1, (10, 32, 32)) + 20 * (-1.0) ** np.arange(32)
    values, image = picture_of(figures.plot_spectrum(averaged(planes), "power"))
    assert values.shape == (35, 35)  # -1/2 to 1/2, and one bin more on every side
    assert values[17, 1] == values[17, 33] == values.max()
    assert image.get_extent()[1] == pytest.approx(17.5 / 32)


def test_what_is_drawn_is_the_quantity_named(spectra):
    spectrum = spectra["gan", "fake"]
    for kind, expected in {
        "coherent": 20 * np.log10(spectrum.full("coherent")),
        "power": 10 * np.log10(spectrum.full("power")),
        "log_power": 10 * spectrum.full("log_power") / np.log(10),
        "coherence": spectrum.full("coherence") * 40,
    }.items():
        values, image = picture_of(figures.plot_spectrum(spectrum, kind))
        np.testing.assert_allclose(values[1:33, 1:33], expected)
        assert isinstance(image.norm, LogNorm) == (kind == "coherence")
        assert image.get_cmap().name == ("YlGnBu" if kind == "coherence" else "viridis")


def test_ticks_title_and_colour_bar_say_what_is_seen(spectra):
    ax = figures.plot_spectrum(spectra["gan", "fake"], "power")
    assert "N = 40 images, no residual" in ax.get_title()
    ticks = dict(zip(ax.get_xticks(), [label.get_text() for label in ax.get_xticklabels()], strict=True))
    assert [ticks[t] for t in (1 / 8, 1 / 4, 1 / 2)] == ["1/8", "1/4", "1/2"]
    assert "cycles per pixel" in ax.get_xlabel()
    labels = [other.get_ylabel() for other in ax.figure.axes]
    assert "mean |F|², dB re 1 level²/(cycle/px)²" in labels


def test_it_draws_on_the_axes_given(spectra):
    _, ax = plt.subplots()
    assert figures.plot_spectrum(spectra["gan", "real"], ax=ax) is ax
    limits = (-3.0, 5.0)
    assert figures.plot_spectrum(spectra["gan", "real"], ax=ax, limits=limits).images[-1].get_clim() == limits


def test_rings_mark_significant_lines_only(spectra):
    ax = figures.plot_spectrum(spectra["gan", "fake"], "coherence", mark_lines=True)
    offsets = {tuple(np.round(offset, 6)) for offset in ax.collections[0].get_offsets()}
    assert offsets == {(0.25, 0.0), (-0.25, 0.0)}
    assert "rings: coherent" in ax.get_title()
    ax = figures.plot_spectrum(spectra["gan", "real"], "coherence", mark_lines=True)
    assert len(ax.collections[0].get_offsets()) == 0


def test_rings_mark_both_sides_of_nyquist_and_no_leakage_of_dc(rng):
    planes = rng.normal(0, 1, (20, 32, 32)) + 20 * (-1.0) ** np.arange(32) + 100
    for window in ("none", "hann"):
        ax = figures.plot_spectrum(averaged(planes, window=window), mark_lines=True)
        offsets = {tuple(np.round(offset, 6)) for offset in ax.collections[0].get_offsets()}
        assert {(0.5, 0.0), (-0.5, 0.0)} <= offsets
        assert all(abs(fx) > 0.4 for fx, _ in offsets)


def test_cells_keep_the_lines_of_large_spectra(rng):
    planes = rng.normal(0, 1, (8, 64, 64)) + 3 * np.cos(np.pi * np.arange(64))
    spectrum = averaged(planes, 64)
    full, _ = picture_of(figures.plot_spectrum(spectrum, "coherent"))
    small, image = picture_of(figures.plot_spectrum(spectrum, "coherent", cells=32))
    assert small.shape == (35, 35)
    assert small[17, 1] == small[17, 33] == full.max()
    assert image.get_extent()[1] == pytest.approx(17.5 / 32)


@pytest.mark.parametrize("size", [33, 40, 50, 64, 65])
def test_no_more_cells_than_asked_for_whatever_the_size(rng, size):
    planes = rng.normal(0, 1, (8, size, size))
    planes += 3 * np.cos(2 * np.pi * (size // 4) / size * np.arange(size))
    spectrum = averaged(planes, size, align=1)
    values, image = picture_of(figures.plot_spectrum(spectrum, "coherent", cells=32))
    step = -(-size // 32)
    assert values.shape[0] <= 32 + 5
    assert values.max() == figures.plot_spectrum(spectrum, "coherent").images[0].get_array().max()
    left, right, *_ = image.get_extent()
    column = values.max(axis=0).argmax()
    fx = left + (column + 0.5) * (right - left) / values.shape[1]
    assert abs(abs(fx) - (size // 4) / size) <= 0.5 * step / size + 1e-9


@pytest.mark.long
def test_panels_of_one_kind_share_one_scale(spectra):
    fig = figures.plot_fingerprints(spectra)
    limits: dict[str, set] = {}
    for ax in fig.axes:
        for image in ax.images:
            name = "coherence" if isinstance(image.norm, LogNorm) else str(image.get_clim())
            limits.setdefault(name, set()).add(image.get_clim())
    assert all(len(ends) == 1 for ends in limits.values())
    assert len(limits) == 4
    assert sum(bool(ax.images) for ax in fig.axes) == 3 * 4
    texts = [text.get_text() for text in fig.texts]
    for expected in ("gan", "other", "real", "fake", "coherence N R"):
        assert expected in texts


def test_a_grid_of_what_cannot_share_a_scale_is_refused(spectra, rng):
    with pytest.raises(ValueError, match="do not share a colour scale"):
        figures.plot_fingerprints(
            {**spectra, ("x", "real"): averaged(rng.normal(0, 1, (3, 32, 32)), window="none", normalisation="none")}
        )
    with pytest.raises(ValueError, match="do not share an axis"):
        figures.plot_profiles({**spectra, ("x", "real"): averaged(rng.normal(0, 1, (3, 32, 32)), normalisation="none")})
    with pytest.raises(ValueError, match="no spectrum with an image"):
        figures.plot_fingerprints({("x", "real"): averaged([])})
    with pytest.raises(ValueError, match="kind must"):
        figures.plot_fingerprints(spectra, kinds=["phase"])


def test_generators_without_an_image_are_named_not_drawn(spectra):
    fig = figures.plot_fingerprints({**spectra, ("empty", "real"): averaged([])})
    assert sum(bool(ax.images) for ax in fig.axes) == 3 * 4
    assert any("No image: empty real." in text.get_text().replace("\n", " ") for text in fig.texts)


def test_labels_keep_their_order_and_colour(spectra):
    turned = dict(reversed(spectra.items()))
    fig = figures.plot_profiles(turned)
    legend = fig.axes[0].get_legend()
    colours = {t.get_text(): line.get_color() for t, line in zip(legend.get_texts(), legend.get_lines(), strict=True)}
    assert colours == {"real": OKABE_ITO[0], "fake": OKABE_ITO[1]}
    assert list(colours) == ["real", "fake"]
    panel = next(ax for ax in fig.axes if ax.get_title().startswith("other"))
    assert panel.lines[0].get_color() == OKABE_ITO[1]


def test_names_are_not_taken_for_formulas(spectra, tmp_path):
    odd = {("we$ird_$x", label): spectrum for (_, label), spectrum in list(spectra.items())[:2]}
    for plot in (figures.plot_fingerprints, figures.plot_profiles):
        figures.save_figure(plot(odd, fig=figures.new_figure()), tmp_path / "a.png")


def test_profiles_draw_the_radial_power_inside_its_band(spectra):
    fig = figures.plot_profiles(spectra)
    panels = [ax for ax in fig.axes if ax.lines]
    assert [ax.get_title() for ax in panels] == ["gan\n30 real, 40 fake", "other\n20 fake"]
    profile = radial_profile(spectra["gan", "real"].full("power"))
    x, y = panels[0].lines[0].get_data()
    np.testing.assert_allclose(x, profile.centres[1:])
    np.testing.assert_allclose(y, profile.values[1:])
    assert len(panels[0].collections) == 2
    band = panels[0].collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() < y.min()
    assert band.max() > y.max()


def test_lattices_ring_the_points_of_significant_denominators_only(rng):
    tile = np.tile(rng.normal(0, 5, (2, 2)), (32, 32))
    planes = rng.normal(0, 10, (60, 64, 64))
    spectra = {("g", "real"): averaged(planes, 64), ("g", "fake"): averaged(planes + tile, 64)}
    reports = {key: estimate_upsampling(spectrum) for key, spectrum in spectra.items()}
    fig = figures.plot_lattices(spectra, reports)
    real, fake = (ax for ax in fig.axes if ax.get_title().startswith("g "))
    assert len(real.collections) == 0
    points = {tuple(map(float, offset)) for offset in fake.collections[0].get_offsets()}
    assert len(fake.collections) == 1
    assert points == {(x, y) for x in (-0.5, 0.0, 0.5) for y in (-0.5, 0.0, 0.5)} - {(0.0, 0.0)}
    assert "lattice of 1/2" in fake.get_title()
    assert "no lattice" in real.get_title()
    with pytest.raises(ValueError, match="no report"):
        figures.plot_lattices(spectra, {})


@pytest.mark.long
def test_saved_twice_is_byte_identical_and_carries_the_manifest(spectra, tmp_path):
    for suffix in (".png", ".pdf", ".svg"):
        for name in ("a", "b"):
            fig = figures.plot_fingerprints(spectra, fig=figures.new_figure())
            figures.save_figure(fig, tmp_path / (name + suffix), manifest={"seed": 3})
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert json.loads(Image.open(tmp_path / "a.png").text["freqforensics"]) == {"seed": 3}
    assert b'"seed": 3' in (tmp_path / "a.pdf").read_bytes()
    with pytest.raises(ValueError, match=r"\.png, \.pdf or \.svg, not '\.jpg'"):
        figures.save_figure(fig, tmp_path / "a.jpg")
    assert len(list(tmp_path.iterdir())) == 6


def test_the_readers_own_style_changes_nothing(spectra, tmp_path):
    figures.save_figure(figures.plot_profiles(spectra, fig=figures.new_figure()), tmp_path / "a.png")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 50}):
        figures.save_figure(figures.plot_profiles(spectra, fig=figures.new_figure()), tmp_path / "b.png")
        assert mpl.rcParams["font.size"] == 30
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.long
def test_figures_for_files_need_no_pyplot():
    code = (
        "import sys, numpy as np; from freqforensics import figures, SpectrumAccumulator, SpectrumSpec;"
        "a = SpectrumAccumulator(SpectrumSpec(size=8, residual='none')); a.update(np.random.rand(3, 8, 8));"
        "figures.plot_fingerprints({('g', 'fake'): a.result()}, fig=figures.new_figure());"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.long
def test_real_images_that_all_generators_share_are_drawn_once(rng):
    from dataclasses import replace

    def averaged():
        accumulator = SpectrumAccumulator(SpectrumSpec(size=32, residual="none"))
        accumulator.update(rng.normal(0, 1, (8, 32, 32)))
        return accumulator.result()

    real = replace(averaged(), inputs_sha256="a" * 64)
    shared = {(name, label): real if label == "real" else averaged() for name in "abc" for label in ("real", "fake")}
    figure = figures.plot_fingerprints(shared, kinds=["power"])
    assert len([ax for ax in figure.axes if ax.images]) == 4
    names = [text.get_text() for text in figure.texts]
    assert [name for name in names if name in ("real", "fake", "a", "b", "c")] == ["real", "a", "b", "c"]
    assert any("the same for all generators" in name for name in names)
    other = {**shared, ("c", "real"): replace(averaged(), inputs_sha256="b" * 64)}
    assert len([ax for ax in figures.plot_fingerprints(other, kinds=["power"]).axes if ax.images]) == 6
    many = {
        (f"{i:02d}", label): real if label == "real" else averaged() for i in range(12) for label in ("real", "fake")
    }
    tall = figures.plot_fingerprints(many, kinds=["power"])
    assert len([ax for ax in tall.axes if ax.images]) == 13
    lefts = {round(ax.get_position().x0, 3) for ax in tall.axes if ax.images}
    assert len(lefts) == 2


def test_every_bar_of_the_evidence_has_its_p_value_inside_the_axes(spectra):
    for key in (("gan", "fake"), ("gan", "real")):
        report = estimate_upsampling(spectra[key])
        fig = figures.plot_evidence(report, fig=new_figure())
        (ax,) = fig.axes
        fig.draw_without_rendering()
        frame = ax.get_window_extent()
        expected = [p_words(max(item.p_corrected, item.p_isolated)) for item in report.lattice.evidence]
        assert [text.get_text() for text in ax.texts] == expected
        for text in ax.texts:
            box = text.get_window_extent()
            assert frame.x0 <= box.x0
            assert box.x1 <= frame.x1
        filled = [bar.get_facecolor()[3] > 0 for bar in ax.patches]
        assert filled == [item.has_lines(0.05) for item in report.lattice.evidence]


def test_single_images_are_in_the_legend_where_they_are_drawn(rng):
    def labels(count):
        carriers = ("as-is",) * count
        kinds = (ImageKind("lossless", "", "", "small"),) * count
        logits = rng.normal(size=count).astype(np.float32)
        calibration = Calibration(logits, kinds, carriers, ("mine",) * count, "0" * 64)
        fig = figures.plot_calibration(calibration, fig=new_figure())
        return [text.get_text() for text in fig.legends[0].get_texts()]

    assert labels(200) == [*labels(201), "one image (in groups of at most 200)"]
