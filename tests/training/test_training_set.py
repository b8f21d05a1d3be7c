"""What is learnt from: splits, pairs, and everything that must be said before the first step."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures import picture, write, write_tree

from freqforensics.images import read_image
from freqforensics.perturbations.perturb import Chain, Crop, Flip, Sometimes
from freqforensics.training.batches import AugmentedImages
from freqforensics.training.training_set import check_images, index_training, pair_up


def tree(root: Path, rng, counts=(30, 30), categories=("cat", "dog"), size=40) -> Path:
    return write_tree(root, rng, categories, count=counts, shape=(size, size))


@pytest.fixture
def root(tmp_path, rng) -> Path:
    return tree(tmp_path / "set", rng)


def test_what_is_held_out_shares_no_name_with_what_is_learnt(root):
    found = index_training([root], held_out=0.2)
    assert len(found.training) + len(found.validation) == 120
    assert 0.08 < len(found.validation) / 120 < 0.35
    names = [{record.path.stem for record in side} for side in (found.training, found.validation)]
    assert not names[0] & names[1]
    assert found == index_training([root], held_out=0.2)
    assert found.validation != index_training([root], held_out=0.2, seed=1).validation
    assert sum(row["training_real"] for row in found.counts()) == len(found.training) / 2


def test_folders_named_train_and_val_are_the_split(tmp_path, rng):
    tree(tmp_path / "sets" / "train", rng)
    tree(tmp_path / "sets" / "val", rng, counts=(4, 4))
    tree(tmp_path / "sets" / "test" / "progan", rng, counts=(2, 2))
    found = index_training([tmp_path / "sets"])
    assert (len(found.training), len(found.validation)) == (120, 16)
    assert "images of test folders, left out: 8" in found.notes
    other = tree(tmp_path / "others", rng, counts=(3, 3))
    named = index_training([tmp_path / "sets"], validation=[other])
    assert {record.path.parts[-4] for record in named.validation} == {"others"}
    with pytest.raises(ValueError, match="120 images are in both training and validation"):
        index_training([tmp_path / "sets" / "train"], validation=[tmp_path / "sets" / "train"])


def test_classes(root, rng):
    for classes, expected in ((1, {"cat"}), (("dog",), {"dog"}), (2, {"cat", "dog"})):
        found = index_training([f"mine={root}"], classes=classes)
        assert {record.category for record in (*found.training, *found.validation)} == expected
    tree(root.parent / "split" / "train", rng, counts=(3, 3))
    tree(root.parent / "split" / "val", rng, counts=(3, 3), categories=("cat",))
    with pytest.raises(ValueError, match="there is no image for validation"):
        index_training([root.parent / "split"], classes=("dog",))
    with pytest.raises(ValueError, match=r"classes must .*got 3"):
        index_training([f"mine={root}"], classes=3)
    with pytest.raises(ValueError, match="classes must be of cat, dog, got cow"):
        index_training([f"mine={root}"], classes=("cow",))


def test_sides_that_are_missing(root, tmp_path, rng):
    shutil.rmtree(root / "dog" / "1_fake")
    with pytest.raises(ValueError, match="dog has no fake image for training"):
        index_training([root])
    (root / "dog" / "1_fake").mkdir()
    with pytest.raises(ValueError, match="dog has no fake image for training"):
        index_training([root])
    write(tmp_path / "plain" / "0.png", picture(rng, 40, 40))
    with pytest.raises(ValueError, match="1 images are neither in 0_real nor in 1_fake"):
        index_training([tmp_path / "plain"])
    with pytest.raises(ValueError, match="1 images are neither in 0_real nor in 1_fake"):
        index_training([tree(tmp_path / "whole", rng, counts=(3, 3))], validation=[tmp_path / "plain"])
    only = tree(tmp_path / "only", rng, counts=(3, 0), categories=("x",))
    with pytest.raises(ValueError, match="there is no fake image for validation"):
        index_training([tree(tmp_path / "good", rng, counts=(3, 3))], validation=[only])


def test_an_imbalance_is_an_error_until_one_says_what_to_do(tmp_path, rng):
    root = tree(tmp_path / "set", rng, counts=(30, 12))
    with pytest.raises(ValueError, match=r"imbalance must be .* of \d+ real and \d+ fake images a detector would"):
        index_training([root])
    few = index_training([root], imbalance="undersample")
    for category in ("cat", "dog"):
        labels = Counter(record.label for record in few.training if record.generator == category)
        assert labels["real"] == labels["fake"] > 5
    assert any(note.startswith("left out so that real and fake are as many") for note in few.notes)
    as_is = Counter(record.label for record in index_training([root], imbalance="allow").training)
    assert as_is["real"] > 2 * as_is["fake"]


def test_every_image_is_read_before_the_first_step(root, rng):
    (root / "cat" / "1_fake" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    found = index_training([root])
    with pytest.raises(ValueError, match=r"skip_unreadable must be set where 1 images cannot be read: .*3\.png"):
        check_images(found, smallest=32)
    kept = check_images(found, smallest=32, skip_unreadable=True)
    assert len(kept.training) + len(kept.validation) == 119
    assert any("3.png" in note and "left out" in note for note in kept.notes)
    write(root / "cat" / "0_real" / "5.png", picture(rng, 40, 30))
    with pytest.raises(ValueError, match=r"1 of 120 images are smaller than the crop of 32 .*5\.png \(30x40\)"):
        check_images(found, smallest=32, skip_unreadable=True)
    check_images(found, smallest=32, resize=64, skip_unreadable=True)


def test_pairs_are_cropped_alike(root):
    records = index_training([root]).training
    groups = pair_up(records)
    assert all({records[i].label for i in group} == {"real", "fake"} for group in groups)
    assert sorted(i for group in groups for i in group) == list(range(len(records)))
    draws = {i: number for number, group in enumerate(groups) for i in group}
    chain = Chain((Crop(8, "random"), Sometimes(Flip(), 0.5)))
    images = AugmentedImages(records, chain, (0, 0, 3), [draws[i] for i in range(len(records))])
    for group in groups[:6]:
        expected = np.random.default_rng([0, 0, 3, 0, draws[group[0]]])
        state = expected.bit_generator.state
        for i in group:
            expected.bit_generator.state = state
            np.testing.assert_array_equal(images[i][0], chain(read_image(records[i].path), expected))
    again = images[len(records)][0]
    assert not np.array_equal(again, images[0][0])
    (root / "cat" / "1_fake" / "7.png").write_bytes(b"no image")
    found = check_images(index_training([root]), smallest=32, skip_unreadable=True, pairs=True)
    assert not [
        record
        for record in found.training
        if record.path.match("cat/*/7.png") or (record.path.match("7.png") and record.generator == "cat")
    ]
    pair_up(found.training)
    with pytest.raises(ValueError, match="1 images have no counterpart of their name on the other side"):
        pair_up(records[1:])
