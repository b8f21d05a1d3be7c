"""Tables of logits: the same whatever the batches, and whenever the work was broken off."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from networks import thin_networks
from pictures import picture, write

from freqforensics.detector import (
    Detector,
    ScoreTable,
    make_detector,
    score as module,
    score_files,
    scoring,
    weights_sha256,
)
from freqforensics.detector.inference import folded, make_scorer
from freqforensics.detector.lanes import LANE, in_lanes, one_thread_each
from freqforensics.detector.score_table import COLUMNS
from freqforensics.images import read_image
from freqforensics.perturbations import JPEG
from freqforensics.perturbations.augmentation import W20_TEST, W20_VALIDATION
from freqforensics.sources.records import records_sha256
from freqforensics.sources.sources import index_images


@pytest.fixture(scope="module")
def detector() -> Detector:
    made = make_detector(seed=4)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        for layer in made.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.8, 1.2)
    return made


@pytest.fixture
def records(tmp_path: Path, rng: np.random.Generator):
    for index, shape in enumerate([(96, 96), (300, 240), (96, 96), (128, 200), (96, 96)]):
        side = "1_fake" if index % 2 else "0_real"
        write(tmp_path / "set" / "crn" / side / f"{index}.png", picture(rng, *shape))
    return index_images(tmp_path / "set")


def direct(detector, image) -> float:
    return float(detector.logits([image])[0])


@pytest.mark.long
def test_every_view_is_what_it_says(records, detector):
    images = [read_image(record.path) for record in records]
    for view, prepare in (("center", W20_TEST), ("none", lambda image: image), ("resize", W20_VALIDATION)):
        table = score_files(records, detector, view=view)
        for score, record, image in zip(table.scores, records, images, strict=True):
            assert score.logit == pytest.approx(direct(detector, prepare(image)), abs=1e-4)
            assert score.probability == pytest.approx(1 / (1 + np.exp(-score.logit)))
            assert (score.path, score.label, score.generator) == (str(record.path), record.label, "crn")
            assert score.crop == view


@pytest.mark.long
def test_tiles_cover_the_image_and_are_averaged(records, detector):
    (large,) = [record for record in records if read_image(record.path).shape[0] == 300]
    image = read_image(large.path)
    (score,) = score_files([large], detector, view="tiles").scores
    tiles = [image[row : row + 224, column : column + 224] for row in (0, 76) for column in (0, 16)]
    assert score.logit == pytest.approx(np.mean([direct(detector, tile) for tile in tiles]), abs=1e-4)
    assert scoring._starts(224) == [0]
    assert scoring._starts(225) == [0, 1]
    assert scoring._starts(672) == [0, 224, 448]


@pytest.mark.long
def test_batches_do_not_change_the_logits(records, detector):
    one, all_at_once = (score_files(records, detector, view="none", batch=batch).scores for batch in (1, 8))
    np.testing.assert_allclose([s.logit for s in one], [s.logit for s in all_at_once], atol=1e-4)
    assert [s.path for s in one] == [s.path for s in all_at_once] == [str(record.path) for record in records]


CODE = """
import sys, torch
from threadpoolctl import threadpool_limits
from freqforensics.detector import make_detector, score_files
from freqforensics.detector.calibrated import open_detector
from freqforensics.sources import index_images
records = index_images(sys.argv[1])
detectors = [("everyday", open_detector("everyday"), ("views",)),
             ("resnet", make_detector(seed=4), ("center", "none", "tiles"))]
for pair in sys.argv[2:]:
    threads, batch = map(int, pair.split(","))
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        for name, detector, views in detectors:
            for view in views:
                table = score_files(records, detector, view=view, batch=batch)
                print(pair, torch.get_num_threads(), name, view, [score.logit.hex() for score in table.scores])
"""


@pytest.mark.long
def test_rows_are_the_same_for_every_number_of_threads_and_every_batch(tmp_path, rng):
    for index, shape in enumerate([(96, 96), (230, 224), (96, 96), (96, 230)]):
        write(tmp_path / "set" / f"{index}.png", picture(rng, *shape))
    pairs = ["1,1", "2,8", "3,1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "set"), *pairs],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    shown = {pair: [] for pair in pairs}
    for line in done.stdout.splitlines():
        pair, threads, row = line.split(" ", 2)
        assert pair.startswith(f"{threads},")  # left as it was
        shown[pair].append(row)
    first = shown.pop("1,1")
    assert len(first) == 4
    for lines in shown.values():
        assert lines == first


def test_threads_that_overlap_leave_the_numbers_of_threads_as_they_were():
    before = torch.get_num_threads(), cv2.getNumThreads()
    first, second = one_thread_each(), one_thread_each()
    assert first.__enter__() == before[0]
    assert second.__enter__() == before[0]
    first.__exit__(None, None, None)
    assert torch.get_num_threads() == 1
    second.__exit__(None, None, None)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before


def test_lanes_give_each_image_its_logits(rng):
    """Of a scorer that adds up: which image is in which place."""
    sizes = []

    def scorer(images):
        sizes.append(len(images))
        return np.array([image.sum() for image in images], np.float32)

    for side, fixed, lanes in ((64, False, [8, 8, 2, 8, 1]), (200, False, None), (200, True, [8, 8, 2, 8, 1])):
        images = [[rng.integers(0, 9, (side, side, 3), np.uint8)] for _ in range(11)]
        images.insert(3, [rng.integers(0, 9, (side, side, 3), np.uint8) for _ in range(9)])
        images.insert(5, [rng.integers(0, 9, (side, side, 3), np.uint8) for _ in range(2)])
        sizes.clear()
        logits = in_lanes(scorer, images, fixed=fixed)
        for parts, values in zip(images, logits, strict=True):
            np.testing.assert_array_equal(values, [part.sum() for part in parts])
        expected = [1] * 11 + [8, 1, 2] if lanes is None else lanes
        assert sorted(sizes) == sorted(expected)


@pytest.mark.long
def test_views_that_are_padded_say_so(records, detector):
    said = {}
    for view in ("center", "tiles", "none", "resize"):
        said[view] = [score.warnings for score in score_files(records, detector, view=view).scores]
    for view in ("center", "tiles"):
        for record, warnings in zip(records, said[view], strict=True):
            height, width = read_image(record.path).shape[:2]
            note = f"{width}x{height} pixels do not fill the crop of 224x224: padded with zeros"
            assert warnings == (note if min(height, width) < 224 else "")
    assert {*said["none"], *said["resize"]} == {""}
    assert sum(map(bool, said["center"])) == 4


@pytest.mark.long
def test_logits_that_are_not_finite_stop_the_work(records, detector, tmp_path):
    """As they stop `evaluate`: weights that are finite can still overflow."""
    broken = copy.deepcopy(detector)
    with torch.no_grad():
        broken.network.fc.weight.fill_(3e38)
    for view in ("views", "center"):
        out = tmp_path / f"{view}.csv"
        with pytest.raises(ValueError, match=r"\.png: the weights \w+ give a logit that is not finite"):
            score_files(records, broken, view=view, out=out)
        assert not ScoreTable.load(out).scores


@pytest.mark.long
def test_the_same_bytes_are_scored_once(records, detector, tmp_path, monkeypatch):
    """Miniatures of many families share their photographs."""
    twin = tmp_path / "set" / "imle" / "0_real" / "same.png"
    twin.parent.mkdir(parents=True)
    twin.write_bytes(records[0].path.read_bytes())
    parts = []
    make = module.make_scorer
    monkeypatch.setattr(
        module,
        "make_scorer",
        # Empty places of a batch are zeros.
        lambda *a, **o: lambda images: parts.extend(filter(np.any, images)) or make(*a, **o)(images),
    )
    everything = index_images(tmp_path / "set")
    table = score_files(everything, detector, out=tmp_path / "scores.csv")
    assert len(table.scores) == 6
    assert len(parts) == 5
    by_path = {score.path: score for score in table.scores}
    first, second = by_path[str(records[0].path)], by_path[str(twin)]
    assert (first.logit, first.sha256) == (second.logit, second.sha256)
    assert (first.generator, second.generator, second.label) == ("crn", "imle", "real")
    # Also where only the table knows them.
    (tmp_path / "scores.csv").write_text((tmp_path / "scores.csv").read_text().replace(str(twin), "elsewhere.png"))
    again = score_files(everything, detector, out=tmp_path / "scores.csv")
    assert len(parts) == 5
    assert [score.logit for score in again.scores] == [score.logit for score in table.scores]


@pytest.mark.long
def test_perturbations_come_before_the_crop_and_draw_by_the_file(records, detector):
    fixed = score_files(records, detector, view="center", perturb=JPEG(40))
    for score, record in zip(fixed.scores, records, strict=True):
        expected = direct(detector, W20_TEST(JPEG(40)(read_image(record.path))))
        assert score.logit == pytest.approx(expected, abs=1e-4)
    drawn = [score_files(some, detector, perturb=JPEG((30, 90))).scores for some in (records, records[::-1])]
    np.testing.assert_allclose([s.logit for s in drawn[0]], [s.logit for s in drawn[1]][::-1], atol=1e-4)
    with pytest.raises(ValueError, match="scores of perturbed images are not written"):
        score_files(records, detector, perturb=JPEG(40), out="scores.csv")


@pytest.mark.long
def test_onnx_runtime_is_the_same_function(rng, detector):
    pytest.importorskip("onnxruntime")
    fast = make_scorer(detector, backend="onnx")
    for size, count in ((96, 3), (130, 1)):
        images = [rng.integers(0, 256, (size, size + 32, 3), dtype=np.uint8) for _ in range(count)]
        np.testing.assert_allclose(fast(images), detector.logits(images), atol=1e-4)


def test_backends_that_are_not_there(detector, monkeypatch):
    with pytest.raises(ValueError, match="backend must be one of torch, onnx; got 'openvino'"):
        make_scorer(detector, backend="openvino")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"needs the extra: pip install 'freqforensics\[onnx\]'"):
        make_scorer(detector, backend="onnx")


def test_the_folded_network_is_the_same_function(rng, detector):
    fast = folded(detector)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in fast.modules())
    images = [rng.integers(0, 256, (96, 96, 3), dtype=np.uint8) for _ in range(4)]
    np.testing.assert_allclose(fast.logits(images), detector.logits(images), atol=1e-4)
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in detector.modules())


@pytest.mark.long
def test_a_table_is_gone_on_with(records, detector, tmp_path, monkeypatch):
    out = tmp_path / "scores.csv"
    whole = score_files(records, detector, out=out).scores
    text = out.read_bytes()
    assert text.decode().splitlines()[0] == ",".join(COLUMNS)
    # By their text: a rate that is not a number equals none.
    assert sorted(map(repr, ScoreTable.load(out).scores)) == sorted(map(repr, whole))
    # The process died in the middle of the fourth row.
    lines = text.splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:3]) + lines[3][: len(lines[3]) // 2])
    scored = []
    read = scoring._read
    monkeypatch.setattr(scoring, "_read", lambda *given: scored.append(given[3]) or read(*given))
    again = score_files(records, detector, out=out)
    assert len(scored) == 3
    np.testing.assert_allclose([s.logit for s in again.scores], [s.logit for s in whole], atol=1e-4)
    assert len(ScoreTable.load(out).scores) == 5
    # A file that has changed is scored anew.
    scored.clear()
    write(Path(records[0].path), picture(np.random.default_rng(9), 96, 96))
    score_files(records, detector, out=out)
    assert scored == [0]


@pytest.mark.long
def test_rows_follow_the_records(records, detector, tmp_path):
    """Another name for the source, a file that has changed: no row of before stays, and those of other files do."""
    out = tmp_path / "scores.csv"
    score_files(records, detector, view="center", out=out)
    write(Path(records[0].path), picture(np.random.default_rng(9), 96, 96))
    renamed = [replace(record, generator="other") for record in records[:2]]
    score_files(renamed, detector, view="center", out=out)
    rows = {score.path: score for score in ScoreTable.load(out).scores}
    assert len(ScoreTable.load(out).scores) == len(rows) == 5
    assert {path: row.generator for path, row in rows.items()} == {
        str(record.path): "other" if index < 2 else "crn" for index, record in enumerate(records)
    }
    first = direct(detector, W20_TEST(read_image(records[0].path)))
    assert rows[str(records[0].path)].logit == pytest.approx(first, abs=1e-4)


def test_names_that_are_not_plain(detector, tmp_path, rng):
    folder = tmp_path / "set" / "0_real"
    for name in ("a\u2028b.png", "line\nfeed.png", os.fsdecode(b"\xff.png")):
        write(folder / name, picture(rng, 64, 64))
    found = index_images(folder)
    score_files(found, detector, view="none", out=tmp_path / "scores.csv")
    again = score_files(found, detector, view="none", out=tmp_path / "scores.csv")
    assert [score.path for score in again.scores] == [str(record.path) for record in found]
    assert len(records_sha256(found)) == 64


@pytest.mark.long
def test_few_images_wait_at_any_time(tmp_path, rng, monkeypatch):
    with thin_networks():
        detector = make_detector(seed=0).eval()
    for index in range(8 * LANE):
        write(tmp_path / "set" / f"{index:02}.png", picture(rng, 64, 64 + index))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    alive = []
    score = scoring.Work.score_some
    monkeypatch.setattr(scoring.Work, "score_some", lambda w: alive.append(len(w.pending)) or score(w))
    table = score_files(index_images(tmp_path / "set"), detector, view="none", batch=2)
    assert len(table.scores) == 8 * LANE
    assert max(alive) <= 4 * LANE


def test_files_are_read_while_the_network_computes_and_not_too_far_ahead(detector, tmp_path, rng, monkeypatch):
    for index in range(40):
        write(tmp_path / "set" / f"{index:02}.png", picture(rng, 160, 140 + index))
    further, lead = threading.Event(), []
    read, scored = [], []
    real = scoring._read

    def noted(*given):
        read.append(given[3])
        lead.append(len(read) - len(scored))
        if len(read) > 1:
            further.set()
        return real(*given)

    def scorer(images):
        assert further.wait(60), "nothing was read while the network computed"
        scored.append(len(images))
        return np.zeros(len(images), np.float32)

    monkeypatch.setattr(scoring, "_read", noted)
    monkeypatch.setattr(module, "make_scorer", lambda *a, **o: scorer)
    table = score_files(index_images(tmp_path / "set"), detector, workers=2)
    assert len(table.scores) == len(read) == len(scored) == 40
    # Read ahead, in the queue of the network, in it, and those that the two threads are about to count.
    assert max(lead) <= 2 * (scoring.AHEAD + scoring.QUEUE + 2)


@pytest.mark.long
def test_weights_and_views_are_not_mixed(records, detector, tmp_path):
    out = tmp_path / "scores.csv"
    score_files(records[:1], detector, out=out)
    with pytest.raises(ValueError, match="holds scores of other weights"):
        score_files(records[:1], make_detector(seed=5), out=out)
    with pytest.raises(ValueError, match="holds scores of view 'views', not 'none'"):
        score_files(records[:1], detector, out=out, view="none")
    out.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is not a table of scores: its columns are a, b"):
        score_files(records[:1], detector, out=out)
    out.write_text(",".join(COLUMNS) + "\nonly,two\n")
    with pytest.raises(ValueError, match="is not a table of scores"):
        score_files(records[:1], detector, out=out)


@pytest.mark.long
def test_files_that_cannot_be_scored_are_named(records, detector, tmp_path, rng):
    broken = tmp_path / "set" / "crn" / "1_fake" / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    write(tmp_path / "set" / "crn" / "1_fake" / "tiny.png", picture(rng, 20, 40))
    table = score_files(index_images(tmp_path / "set"), detector, view="none")
    assert len(table.scores) == 5
    assert {Path(path).name for path, _ in table.failures} == {"broken.png", "tiny.png"}
    with pytest.raises(ValueError, match="records must"):
        score_files([], detector)
    with pytest.raises(ValueError, match="view must be one of views, center, none, tiles, resize"):
        score_files(records, detector, view="whole")
    with pytest.raises(ValueError, match="batch must be at least 1"):
        score_files(records, detector, batch=0)


@pytest.mark.long
def test_the_hash_is_of_the_weights_alone(detector, tmp_path):
    same = make_detector(seed=7)
    assert weights_sha256(same) == weights_sha256(make_detector(seed=7).train())
    assert weights_sha256(same) != weights_sha256(make_detector(seed=8))
    assert weights_sha256(same) != weights_sha256(Detector(same.network, input="residual"))


@pytest.mark.long
def test_a_jpeg_that_ends_early_is_scored_only_on_request_and_named(detector, tmp_path, rng):
    path = tmp_path / "set" / "crn" / "0_real" / "cut.jpg"
    write(path, picture(rng, 300, 240))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 9 // 10])
    records = index_images(tmp_path / "set")
    assert [reason[:14] for _, reason in score_files(records, detector, view="center").failures] == ["truncated JPEG"]
    (score,) = score_files(records, detector, view="center", salvage=True).scores
    assert score.warnings.startswith("salvaged: ")
    part = read_image(path, salvage=True, on_note=lambda note: None)
    assert 224 < len(part) < 300
    assert score.logit == pytest.approx(direct(detector, W20_TEST(part)), abs=1e-4)
