"""Trees of miniatures: the same crops on both sides, on one lattice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pictures import encoded, picture

from freqforensics import index_images, mean_spectrum, read_image, upsampling_study
from freqforensics.generators import Photos, Plan, make_miniature, read_photos, simulate
from freqforensics.images import decode_image, read_jpeg_tables
from freqforensics.perturbations import JPEG
from freqforensics.spectra import SpectrumSpec, file_evidence


@pytest.fixture
def photos(rng):
    shapes = [(64, 64), (70, 120), (64, 64), (160, 130), (50, 90)]
    images = tuple(picture(rng, *shape) for shape in shapes)
    return Photos(images, tuple("abcde"), "0" * 64, ())


class Identity:
    """In a miniature's place: gives back what it gets, and remembers how large that was."""

    def __init__(self):
        self.shapes = []

    def regenerate(self, images, *, batch=8):
        assert len({image.shape for image in images}) == 1
        self.shapes += [image.shape[:2] for image in images]
        return list(images)


def test_both_sides_are_the_same_crops_and_begin_at_multiples_of_16(photos, tmp_path):
    identity = Identity()
    done = simulate(photos, tmp_path / "out", miniatures={"none": identity}, size=64)
    assert (done.images, done.families, done.too_small) == (4, ("none",), ("e",))
    for name, image, (top, left) in zip("abcd", photos.images, [(0, 0), (0, 16), (0, 0), (48, 32)], strict=False):
        crop = image[top : top + 64, left : left + 64]
        for side in ("0_real", "1_fake"):
            np.testing.assert_array_equal(read_image(tmp_path / "out" / "none" / side / f"{name}.png"), crop)
    # 16 pixels more on every side, where the photo has them.
    assert sorted(identity.shapes) == [(64, 64), (64, 64), (70, 96), (96, 96)]


def test_the_tree_is_read_as_a_forensynths_tree(photos, tmp_path):
    miniatures = {name: make_miniature(name, plan=Plan(width=4, content=4)) for name in ("crn", "san")}
    simulate(photos, tmp_path / "out", miniatures=miniatures, size=64, limit=2)
    records = index_images(tmp_path / "out")
    assert sorted({(r.generator, r.label) for r in records}) == [
        (name, label) for name in ("crn", "san") for label in ("fake", "real")
    ]
    assert len(records) == 8
    about = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert about["parameters"] == {"families": ["crn", "san"], "size": 64, "limit": 2, "quality": None}
    assert len(about["outputs"]) == 8


def test_both_sides_are_compressed_alike(photos, tmp_path):
    simulate(photos, tmp_path / "out", miniatures={"none": Identity()}, size=64, quality=60)
    expected = JPEG(60)(photos.images[0])
    for side in ("0_real", "1_fake"):
        np.testing.assert_array_equal(read_image(tmp_path / "out" / "none" / side / "a.png"), expected)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 40}, "size must be a multiple of 16 from 32"),
        ({"size": 256}, "no photo is as large as 256x256"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"quality": 0}, "quality must lie between 1 and 100"),
        ({"miniatures": {}}, "no miniature"),
    ],
)
def test_bad_options_are_named_and_leave_nothing(photos, tmp_path, options, said):
    with pytest.raises(ValueError, match=said):
        simulate(photos, tmp_path / "out", **{"miniatures": {"none": Identity()}, "size": 64, **options})
    assert not (tmp_path / "out").exists()


def test_one_pass_gives_spectrum_trace_and_tables(tmp_path, rng):
    from freqforensics.spectra import resampling_trace

    images = [picture(rng, 80, 72) for _ in range(9)] + [picture(rng, 40, 40)]
    for index, image in enumerate(images):
        quality = {"quality": 70 + index} if index % 2 else {}
        suffix = "jpg" if index % 2 else "png"
        data = encoded(image, "JPEG" if index % 2 else "PNG", **quality)
        (tmp_path / f"{index}.{suffix}").write_bytes(data)
    records = index_images(tmp_path)
    spec = SpectrumSpec(size=64)
    found = file_evidence(records, spec=spec)
    np.testing.assert_array_equal(found.spectrum.power, mean_spectrum(records, spec=spec).power)
    stored = [decode_image(record.path.read_bytes(), stored_luma=True) for record in records]
    trace = resampling_trace(stored, size=64)
    assert found.trace.images == trace.images == 9
    np.testing.assert_allclose(found.trace.power, trace.power, rtol=1e-12)
    assert found.jpeg_qualities == (71, 73, 75, 77)
    assert read_jpeg_tables((tmp_path / "1.jpg").read_bytes()).quality == 71
    none = file_evidence([tmp_path / "9.jpg"], spec=spec)
    assert (none.trace, none.jpeg_qualities, none.spectrum.images) == (None, (), 0)
    with pytest.raises(ValueError, match="square, central crops"):
        file_evidence(records, spec=SpectrumSpec(size=(64, 32)))


def test_a_lattice_is_predicted_beside_what_is_measured(photos, tmp_path):
    from freqforensics.figures import new_figure, plot_lattices

    miniatures = {name: make_miniature(name, plan=Plan(width=4, content=4)) for name in ("crn", "stylegan3")}
    simulate(photos, tmp_path / "out", miniatures=miniatures, size=64)
    study = upsampling_study([tmp_path / "out"], predict="by-name")
    assert {key: lattice.factor for key, lattice in study.predicted.items()} == {
        ("crn", "fake"): 4,
        ("stylegan3", "fake"): None,
    }
    groups = {(group["generator"], group["label"]): group["predicted"] for group in study.to_json()}
    assert groups["crn", "fake"] == {"family": "crn", "factor": 4}
    assert groups["crn", "real"] is None
    figure = plot_lattices(study.spectra, study.reports, predicted=study.predicted, fig=new_figure())
    squares = {
        ax.get_title().split(",")[0]: [tuple(point) for c in ax.collections for point in c.get_offsets()]
        for ax in figure.axes
        if ax.get_title()
    }
    inside = {point for point in squares["crn fake"] if 0.5 not in np.abs(point)}
    assert inside >= {(0.25, 0.25), (-0.25, 0.0)}
    assert squares["real"] == []  # drawn once, for all families have the same
    named = upsampling_study([tmp_path / "out"], predict="ldm_vae").predicted
    assert set(named) == {("crn", "fake"), ("stylegan3", "fake")}
    assert named["crn", "fake"].factor == 8
    with pytest.raises(ValueError, match="family must be one of"):
        upsampling_study([tmp_path / "out"], predict="glow")


def test_photos_without_a_readable_file_are_named(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ValueError, match="none of 1 photos can be read"):
        read_photos(index_images(tmp_path))
