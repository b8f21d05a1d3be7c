"""Scores as a folder of parquet files: the rows of the CSV, resumed and shared out by file."""

from __future__ import annotations

import numpy as np
import pytest
from command import run
from pictures import picture, write
from toys import calibrated, rough_detector

from freqforensics import index_images
from freqforensics.detector import ScoreTable, score_files, score_parts as module
from freqforensics.detector.score_parts import score_parts
from freqforensics.runtime.executors import sharing

parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def records(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(module, "PART", 4)
    for index in range(9):
        write(tmp_path / "set" / f"{index}.png", picture(rng, 64, 64 + index))
    (tmp_path / "set" / "damaged.png").write_bytes(b"none")
    return index_images(tmp_path / "set")


@pytest.fixture(scope="module")
def detector():
    return calibrated(rough_detector(), np.linspace(-3, 3, 50).tolist())


def test_rows_are_those_of_the_csv_and_read_as_one_table(records, detector, tmp_path):
    whole = score_files(records, detector, out=tmp_path / "s.csv")
    table = score_parts(records, detector, tmp_path / "s.parquet")
    assert repr(table) == repr(whole)  # by text: a rate that is not a number equals none
    assert repr(ScoreTable.load(tmp_path / "s.parquet")) == repr(whole)
    stored = parquet.read_table(tmp_path / "s.parquet")
    assert stored.column("logit").to_pylist() == [score.logit for score in whole.scores]
    assert stored.column("path").to_pylist() == [score.path for score in whole.scores]
    assert sorted(path.name for path in (tmp_path / "s.parquet").iterdir()) == [
        f"part-0000{index}.parquet" for index in range(3)
    ]


def test_only_parts_that_lack_are_scored(records, detector, tmp_path, monkeypatch):
    out = tmp_path / "s.parquet"
    whole = score_parts(records, detector, out)
    (out / "part-00001.parquet").unlink()
    with pytest.raises(ValueError, match=r"s\.parquet is not complete: resume"):
        ScoreTable.load(out)
    scored = []
    monkeypatch.setattr(
        module, "score_files", lambda chunk, *a, **o: scored.append(chunk) or score_files(chunk, *a, **o)
    )
    assert repr(score_parts(records, detector, out)) == repr(whole)
    assert scored == [records[4:8]]


def test_shares_fill_one_folder(records, detector, tmp_path):
    out, tables = tmp_path / "s.parquet", []
    for number in (2, 1):
        with sharing(number, 2):
            tables.append(score_parts(records, detector, out))
    assert [len(table.scores) for table in tables] == [4, 5]
    assert repr(ScoreTable.load(out)) == repr(score_files(records, detector))


def test_other_work_is_refused_and_left_alone(records, detector, tmp_path):
    out = tmp_path / "s.parquet"
    score_parts(records, detector, out)
    before = [path.read_bytes() for path in sorted(out.iterdir())]
    other = calibrated(rough_detector().requires_grad_(False), [0.0])
    other.detector.network.factor.mul_(2)
    from freqforensics.detector.calibrated import known_detector

    for called, change in [
        ("view", lambda: score_parts(records, detector, out, view="none")),
        ("images", lambda: score_parts(records[1:], detector, out)),
        ("weights", lambda: score_parts(records, known_detector(other.detector), out)),
    ]:
        with pytest.raises(ValueError, match=f"holds scores of other {called}"):
            change()
    assert [path.read_bytes() for path in sorted(out.iterdir())] == before


@pytest.mark.parametrize("content", [b"", b"PAR1", b"path,sha256\n"])
def test_what_is_no_table_is_named(tmp_path, content):
    (tmp_path / "s.parquet").write_bytes(content)
    with pytest.raises(ValueError, match=r"s\.parquet is not a table of scores"):
        ScoreTable.load(tmp_path / "s.parquet")


def test_a_table_of_other_columns_is_named(tmp_path):
    import pyarrow as pa

    parquet.write_table(pa.table({"path": ["a"]}), tmp_path / "s.parquet")
    with pytest.raises(ValueError, match="its columns are path"):
        ScoreTable.load(tmp_path / "s.parquet")
    (tmp_path / "t.parquet").mkdir()
    with pytest.raises(ValueError, match="it holds no part"):
        ScoreTable.load(tmp_path / "t.parquet")


def test_a_folder_that_holds_something_needs_resume(records, tmp_path):
    (tmp_path / "s.parquet").mkdir()
    (tmp_path / "s.parquet" / "mine.txt").write_text("kept")
    ended = run("score", tmp_path / "set", "--out", tmp_path / "s.parquet")
    assert ended.returncode == 2
    assert "is not empty: --resume must be set to add to it" in ended.stderr
