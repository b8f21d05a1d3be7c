"""Tables: no formula runs in a spreadsheet, every text comes back, and what cannot be read is said in one line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from freqforensics.detector.score_table import COLUMNS, Score, ScoreTable, known_scores
from freqforensics.runtime.tables import TableWriter, quoted, read_pairs, read_table, read_text, unquoted, write_csv

DANGEROUS = "=+-@\t\r\n＝＋－＠"
texts = st.text(st.sampled_from([*DANGEROUS, "'", '"', ",", "a", "1", "\u2028", "\udcff"]), max_size=8)


@given(texts)
def test_text_comes_back_and_no_cell_is_a_formula(text):
    cell = quoted(text)
    assert unquoted(cell) == text
    assert cell[:1] not in tuple(DANGEROUS) or _is_number(cell)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_tables_come_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("t") / "table.csv"
    write_csv(path, ("one", "two"), rows)
    assert [tuple(row) for row in read_table(path)] == [("one", "two"), *rows]


def test_numbers_stay_numbers(tmp_path):
    write_csv(tmp_path / "t.csv", ("a", "b", "c", "d"), [(-1.5, np.float64(-2.5e-7), "-3.25", "-nan?")])
    with (tmp_path / "t.csv").open(newline="") as file:
        assert list(csv.reader(file))[1] == ["-1.5", "-2.5e-07", "-3.25", "'-nan?"]


def test_a_cell_that_could_not_be_read_again_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="at most 131072 characters"):
        write_csv(tmp_path / "t.csv", ("a",), [("x" * 131073,)])
    assert not list(tmp_path.iterdir())
    (tmp_path / "long.csv").write_text("a,b\n" + "x" * 131073 + ",1\n")
    with pytest.raises(ValueError, match=r"long\.csv is not a table: a cell holds more than 131072 characters"):
        read_table(tmp_path / "long.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_pairs_in_every_marked_encoding(tmp_path, encoding, end):
    path = tmp_path / "groups.csv"
    path.write_bytes(end.join(["café,a", "", '"b,c",a', "café,a"]).encode(encoding))
    assert read_pairs(path, "a generator and its group") == {"café": "a", "b,c": "a"}


def test_pairs_that_are_none(tmp_path):
    path = tmp_path / "groups.csv"
    for data, message in (
        ("crn,a\ncafé,b\n".encode("latin-1"), r"is not text in UTF-8 \(byte 0xe9 in line 2\): save it as UTF-8"),
        ("crn,a\n".encode("utf-16-le"), "zero bytes"),
        (b"\xff\xfec\x00r\x00n", "begins as UTF-16 and continues in another encoding"),
        (b"crn,a\ncrn,b\n", r"names 'crn' twice, with 'a' and, in row 2, with 'b'"),
        (b"crn,a,b\n", "every row must hold a generator and its group; row 1 has 3 cells"),
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=message):
            read_pairs(path, "a generator and its group")
    path.write_bytes(b"x/../a.png,1\na.png,2\n")
    with pytest.raises(ValueError, match=r"names 'a\.png' twice"):
        read_pairs(path, "a path and a cluster", key=lambda place: str(Path(place).resolve()))


# --- tables of scores ----------------------------------------------------------------------------------------------


def score(path: str, **change) -> Score:
    values = {
        "path": path, "sha256": "a" * 64, "label": "real", "generator": "=cmd|' /C calc'!A0", "category": "+cat",
        "logit": -1.25, "probability": 0.2, "crop": "views", "weights": "b" * 64, "warnings": "@odd",
        "verdict": "none", "rate": 0.5, "region": "0,0,224,224",
    }  # fmt: skip
    return Score(**{**values, **change})


def test_scores_with_odd_names_come_back(tmp_path):
    table = ScoreTable(tuple(score(path) for path in ("-a.png", "=1+1.png", "'=x.png", "a\r.png", 'q".png')), ())
    table.save(tmp_path / "s.csv")
    assert ScoreTable.load(tmp_path / "s.csv") == table
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert all(cell[:1] not in tuple(DANGEROUS) for row in rows for cell in row if not _is_number(cell))
    assert [float(row[5]) for row in rows] == [-1.25] * 5


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_no_end_of_line_loses_rows(tmp_path, end):
    table = ScoreTable((score("a.png"), score("b.png")), ())
    path = tmp_path / "s.csv"
    table.save(path)
    data = path.read_bytes().replace(b"\r\n", end)
    path.write_bytes(data)
    assert ScoreTable.load(path) == table
    for cut in range(len(data) - len(end) - 1, data.index(b"b.png"), -7):  # an unfinished last row
        path.write_bytes(data[:cut])
        assert ScoreTable.load(path).scores == table.scores[:1]


def test_an_unfinished_row_may_end_inside_quotes(tmp_path):
    path = tmp_path / "s.csv"
    ScoreTable((score("a.png"), score("line\nfeed.png")), ()).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"line\n") + 7])
    assert [one.path for one in ScoreTable.load(path).scores] == ["a.png"]


FOREIGN = {
    "no line feed": b"my only copy of something important",
    "another table": b"a,b\n1,2\n",
    "a quote that hides rows": (
        ",".join(COLUMNS) + '\r\n"a.png,' + "\r\n".join(f"x,{'a' * 64},real" for _ in range(3))
    ).encode(),
    "cells are missing": (",".join(COLUMNS) + "\r\nonly,two\r\n").encode(),
    "no hash": (",".join(COLUMNS) + "\r\n" + "a,b,real,g,,1.0,0.5,views,w,,none,0.5,\r\n").encode(),
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "a long cell": (",".join(COLUMNS) + "\r\n" + "x" * 140000).encode(),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_whole_table_is_refused(tmp_path, data):
    path = tmp_path / "precious.csv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"precious\.csv"):
        known_scores(path, weights="b" * 64, view="views")
    assert path.read_bytes() == data


def test_only_what_matches_is_gone_on_with(tmp_path):
    path = tmp_path / "s.csv"
    assert known_scores(path, weights="b" * 64, view="views") == ()
    path.touch()
    assert known_scores(path, weights="b" * 64, view="views") == ()
    ScoreTable((score("a.png"),), ()).save(path)
    assert len(known_scores(path, weights="b" * 64, view="views", region=(0, 0, 224, 224))) == 1
    for asked, message in (
        ({"weights": "c" * 64}, "other weights"),
        ({"view": "center"}, "holds scores of view 'views', not 'center'"),
        ({"region": (0, 0, 64, 64)}, "other regions"),
    ):
        with pytest.raises(ValueError, match=message):
            known_scores(path, **{"weights": "b" * 64, "view": "views", **asked})


def test_a_mark_of_byte_order_is_no_part_of_a_table(tmp_path):
    path = tmp_path / "s.csv"
    ScoreTable((score("a.png"),), ()).save(path)
    whole = ScoreTable.load(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert ScoreTable.load(path) == whole
    assert read_text(path)[:4] == "path"


def test_the_writer_takes_any_end_of_a_row(tmp_path):
    with (tmp_path / "t.csv").open("w", newline="") as file:
        TableWriter(file, end="\r\n").rows([("a", 1), ("b", None)])
    assert (tmp_path / "t.csv").read_bytes() == b"a,1\r\nb,\r\n"
