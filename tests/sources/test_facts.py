"""Facts of files beside their content."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import encoded, picture
from PIL import Image

from freqforensics.images import ImageReadError, decode_image, read_header, read_image, read_jpeg_tables
from freqforensics.sources.facts import read_facts, read_facts_and_image
from freqforensics.sources.records import ImageRecord


@pytest.mark.parametrize("place", [None, (0, 0, 2), (16, 32, 0), (17, 3, 1), (39, 50, 2)])
def test_an_image_is_grey_if_no_pixel_has_a_colour(tmp_path, rng, place):
    image = np.repeat(picture(rng, 40, 51)[..., :1], 3, axis=2)
    if place is not None:
        image[place] ^= 1
    Image.fromarray(image).save(tmp_path / "a.png")
    facts, decoded = read_facts_and_image(ImageRecord(tmp_path / "a.png", "real", "g"))
    assert facts.grey == (place is None)
    np.testing.assert_array_equal(decoded, image)


def test_a_header_that_was_read_before_changes_nothing(tmp_path, rng):
    for name in ("a.jpg", "a.png"):
        Image.fromarray(picture(rng, 40, 51)).save(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        np.testing.assert_array_equal(
            decode_image(data, name=name, header=read_header(data)), read_image(tmp_path / name)
        )
        (tmp_path / name).write_bytes(data[:-40])
        with pytest.raises(ImageReadError, match="truncated"):
            read_facts(ImageRecord(tmp_path / name, "real", "g"))
        with pytest.raises(ImageReadError, match="truncated"):
            decode_image(data[:-40], name=name, header=read_header(data[:-40]))


@pytest.mark.parametrize("options", [{"quality": 71, "subsampling": 2}, {"quality": 95, "subsampling": 0}, {}])
def test_quality_and_subsampling_are_those_of_the_tables(tmp_path, rng, options):
    """The file is opened once for these and the other facts."""
    path = tmp_path / "image.jpg"
    path.write_bytes(encoded(picture(rng, 64, 48), "JPEG", **options))
    facts, tables = read_facts(ImageRecord(path, "real", "a")), read_jpeg_tables(path.read_bytes())
    assert (facts.quality, facts.subsampling) == (tables.quality, tables.subsampling)
    assert facts.quality == options.get("quality", 75)
    path.write_bytes(encoded(picture(rng, 64, 48), "PNG"))
    facts = read_facts(ImageRecord(path, "real", "a"))
    assert (facts.quality, facts.subsampling) == (None, "none")
