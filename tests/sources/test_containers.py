"""Archives, shards, parquet files and remote folders as sources: what is written beside images, and how it is named."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import zipfile
from pathlib import Path

import pytest
from archives import write_parquet, write_shards, write_tar, write_zip
from pictures import encoded, picture

from freqforensics.images import ImageReadError, read_file
from freqforensics.sources import index_images, index_sources
from freqforensics.sources.records import ImageRecord, path_text


@pytest.fixture(scope="module")
def image() -> bytes:
    import numpy as np

    return encoded(picture(np.random.default_rng(1), 40, 40), "JPEG")


def rows(records: list[ImageRecord]) -> list[tuple[object, ...]]:
    names = (path_text(record).rpartition("::")[2] for record in records)
    return [(name, r.label, r.generator, r.category, r.split) for name, r in zip(names, records, strict=True)]


def quiet(source: object, **options: object) -> list[tuple[object, ...]]:
    return rows(index_images(source, on_note=lambda _: None, **options))


def webdataset(image: bytes, *said: dict[str, object], numbers: tuple[object, ...] = ()) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for index, values in enumerate(said):
        files |= {f"{index:04}.jpg": image, f"{index:04}.json": json.dumps(values).encode()}
    for index, number in enumerate(numbers):
        files |= {f"{index:04}.jpg": image, f"{index:04}.cls": str(number).encode()}
    return files


def test_what_a_tar_says_beside_its_images(tmp_path, image):
    files = webdataset(
        image,
        {"label": "fake", "generator": "adm", "category": "cat", "split": "train"},
        {"label": "Nature", "generator": "adm", "split": "validation"},
        {"label": 7, "caption": "text"},
    )
    with pytest.raises(ValueError, match="labels must say what '7' is"):
        index_images(write_tar(tmp_path / "w.tar", files))
    del files["0002.json"]
    assert quiet(write_tar(tmp_path / "w.tar", files)) == [
        ("0001.jpg", "real", "adm", None, "val"),
        ("0000.jpg", "fake", "adm", "cat", "train"),
        ("0002.jpg", "unknown", "w", None, None),
    ]
    assert {row[2] for row in quiet(tmp_path / "w.tar", generator="mine")} == {"mine"}


def test_numbers_of_classes_are_categories_and_0_1_is_asked_about(tmp_path, image):
    notes: list[str] = []
    classes = write_tar(tmp_path / "c.tar", webdataset(image, numbers=(0, 999)))
    assert rows(index_images(classes, on_note=notes.append)) == [
        ("0000.jpg", "unknown", "c", "0", None),
        ("0001.jpg", "unknown", "c", "999", None),
    ]
    both = write_tar(tmp_path / "b.tar", webdataset(image, numbers=(0, 1)))
    notes.clear()
    assert {row[1] for row in rows(index_images(both, on_note=notes.append))} == {"unknown"}
    assert notes == [
        f"{both}: labels are numbers, which may mean either: unknown (labels must say it, e.g. real=0,fake=1)"
    ]
    assert [row[1] for row in quiet(both, labels={"0": "fake", "1": "real"})] == ["fake", "real"]


def test_folders_and_what_is_beside_must_agree(tmp_path, image):
    files = {"t/0_real/a.jpg": image, "t/0_real/a.json": b'{"label": "fake"}', "t/1_fake/b.jpg": image}
    with pytest.raises(ValueError, match=r"a\.jpg lies among real images, but is labelled fake"):
        index_images(write_tar(tmp_path / "x.tar", files))


def test_hostile_words_beside_images(tmp_path, image):
    files = {"a.jpg": image, "a.json": b"[" * 60_000, "b.jpg": image, "b.cls": b"\xff" * 70_000, "c.jpg": image,
             "c.json": b'{"label": {"x": 1}, "generator": "two\\nlines"}'}  # fmt: skip
    assert quiet(write_tar(tmp_path / "x.tar", files)) == [
        ("c.jpg", "unknown", "two\\nlines", None, None),
        ("a.jpg", "unknown", "x", None, None),
        ("b.jpg", "unknown", "x", None, None),
    ]


def test_columns_of_parquet(tmp_path, image):
    pytest.importorskip("pyarrow")
    files = {"b.jpg": image, "a.jpg": image}
    told = write_parquet(
        tmp_path / "x.parquet", files, label=["real", "fake"], model=["none", "adm"], split=["test"] * 2
    )
    assert quiet(told) == [("a.jpg", "fake", "adm", None, "test"), ("b.jpg", "real", "none", None, "test")]
    classes = write_parquet(tmp_path / "train-00000-of-00001.parquet", files, label=["cat", "dog"])
    assert [row[1:] for row in quiet(classes)] == [
        ("unknown", "train-00000-of-00001", "cat", "train"),
        ("unknown", "train-00000-of-00001", "dog", "train"),
    ]
    odd = write_parquet(tmp_path / "odd.parquet", files, label=["real", "midjourney"])
    with pytest.raises(ValueError, match="labels must say what 'midjourney' is"):
        index_images(odd)
    assert [row[1] for row in quiet(odd, labels={"midjourney": "fake"})] == ["fake", "real"]


def test_names_of_classes_from_the_hub_and_rows_without_names(tmp_path, image):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    about = {"info": {"features": {"label": {"names": ["REAL", "FAKE"], "_type": "ClassLabel"}}}}
    table = pa.table({"image": [{"bytes": image, "path": None}] * 12, "label": [0, 1] * 6})
    path = tmp_path / "test-00000-of-00001.parquet"
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(about)}), path, row_group_size=5)
    found = quiet(path, generator="cifake")
    assert found[0] == ("01", "fake", "cifake", None, "test")
    assert [row[0] for row in found] == [f"{n:02}" for n in (*range(1, 12, 2), *range(0, 12, 2))]
    assert read_file(f"{path}::11") == image
    for name in ("12", "1x", "-1"):
        with pytest.raises(ImageReadError, match="no such row"):
            read_file(f"{path}::{name}")
    notes: list[str] = []
    pq.write_table(table, path)
    assert {r.label for r in index_images(path, on_note=notes.append)} == {"unknown"}
    assert "labels are numbers" in notes[0]


def test_plain_bytes_and_rows_without_an_image(tmp_path, image):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"n": [1, 2], "jpg": [image, None]}), tmp_path / "x.parquet")
    assert [row[0] for row in quiet(tmp_path / "x.parquet")] == ["0", "1"]
    assert read_file(f"{tmp_path}/x.parquet::0") == image
    with pytest.raises(ImageReadError, match="empty file"):
        read_file(f"{tmp_path}/x.parquet::1")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "y.parquet")
    with pytest.raises(ValueError, match=r"no column of images.*columns: text"):
        index_images(tmp_path / "y.parquet")


def test_shards_are_one_set_however_they_are_given(tmp_path, image):
    files = {f"t/{side}/{index}.jpg": image for side in ("0_real", "1_fake") for index in range(6)}
    pattern = write_shards(tmp_path / "shards", files, 4)
    expected = quiet(pattern)
    assert len(expected) == 12
    assert {row[2] for row in expected} == {"t"}
    for source in (tmp_path / "shards", f"{tmp_path}/shards/*.tar"):
        assert quiet(source) == expected
    notes: list[str] = []
    assert rows(index_sources(sorted((tmp_path / "shards").iterdir()), on_note=notes.append)) == expected
    assert notes == [f"{tmp_path}/shards/{{000..003}}.tar: numbered archives, read as one set"]
    (tmp_path / "shards" / "002.tar").unlink()
    with pytest.raises(FileNotFoundError, match=r"002\.tar"):
        index_images(pattern)


def test_names_that_shards_repeat_stay_apart(tmp_path, image):
    for index in range(2):
        write_tar(tmp_path / f"{index}.tar", {"0.jpg": image, "0.json": b'{"label": "real"}' if index else b"{}"})
    records = index_images(f"{tmp_path}/{{0..1}}.tar", on_note=lambda _: None)
    assert [(path_text(r), r.label) for r in records] == [
        (f"{tmp_path}/1.tar::0.jpg", "real"),
        (f"{tmp_path}/0.tar::0.jpg", "unknown"),
    ]


def test_a_folder_packed_with_its_name_and_a_mac_s_additions(tmp_path, image):
    files = {"progan/cat/0_real/a.jpg": image, "progan/cat/1_fake/a.jpg": image, "__MACOSX/progan/._a.jpg": b"x",
             ".DS_Store": b"x"}  # fmt: skip
    assert quiet(write_zip(tmp_path / "download.zip", files)) == [
        ("progan/cat/1_fake/a.jpg", "fake", "progan", "cat", None),
        ("progan/cat/0_real/a.jpg", "real", "progan", "cat", None),
    ]
    assert quiet(f"{tmp_path}/download.zip::progan/cat/1_fake")[0][1:] == ("fake", "cat", None, None)


def test_results_in_an_archive_are_no_images(tmp_path, image):
    files = {"out/manifest.json": b'{"freqforensics": "1"}', "out/a.jpg": image, "set/b.jpg": image}
    notes: list[str] = []
    path = write_zip(tmp_path / "x.zip", files, zipfile.ZIP_DEFLATED)
    assert [row[0] for row in rows(index_images(path, on_note=notes.append))] == ["set/b.jpg"]
    assert notes[0] == f"{path}::out holds results of freqforensics: left out"


def test_a_table_of_members_and_addresses(tmp_path, image):
    write_zip(tmp_path / "x.zip", {"a.jpg": image})
    table = tmp_path / "t.csv"
    table.write_text("path,label,generator\nx.zip::a.jpg,fake,g\ns3://b//k.jpg,real,g\n")
    assert [path_text(record) for record in index_images(table)] == [f"{tmp_path}/x.zip::a.jpg", "s3://b//k.jpg"]


def test_memory_of_fsspec_and_a_name(image):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    for side in ("real", "fake"):
        system.pipe_file(f"/set=1/gan/{side}/a.jpg", image)
    assert [(path_text(r), r.label, r.generator) for r in index_sources(["memory://set=1"])] == [
        ("memory://set=1/gan/fake/a.jpg", "fake", "gan"),
        ("memory://set=1/gan/real/a.jpg", "real", "gan"),
    ]
    assert {record.generator for record in index_sources(["mine=memory://set=1"])} == {"mine"}
    with pytest.raises(ValueError, match=r"memory://nothing: no such file or folder"):
        index_images("memory://nothing")


class _Plain(http.server.SimpleHTTPRequestHandler):
    """Serves whole files."""

    def log_message(self, *arguments: object) -> None:
        pass


class _Ranged(_Plain):
    """Serves ranges of bytes, as most web servers do."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        span = self.headers.get("Range", "")
        if not path.is_file() or not span:
            super().do_GET()
            return
        first, _, last = span.removeprefix("bytes=").partition("-")
        data = path.read_bytes()
        part = data[int(first) : int(last) + 1 if last else None]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)


@pytest.mark.parametrize("ranged", [True, False])
def test_a_web_server(tmp_path, image, ranged):
    pytest.importorskip("aiohttp")
    for side in ("0_real", "1_fake"):
        (tmp_path / "set" / side).mkdir(parents=True)
        (tmp_path / "set" / side / "a.jpg").write_bytes(image)
    write_zip(tmp_path / "x.zip", {"0_real/a.jpg": image, "1_fake/b.jpg": image})
    handler = _Ranged if ranged else _Plain
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        assert [r.label for r in index_images(f"{url}/set", on_note=lambda _: None)] == ["fake", "real"]
        assert read_file(f"{url}/set/0_real/a.jpg") == image
        with pytest.raises(ImageReadError, match="no such file"):
            read_file(f"{url}/set/0_real/b.jpg")
        if ranged:
            assert [row[:3] for row in quiet(f"{url}/x.zip")] == [
                ("1_fake/b.jpg", "fake", "x"),
                ("0_real/a.jpg", "real", "x"),
            ]
            assert read_file(f"{url}/x.zip::1_fake/b.jpg") == image
        else:
            with pytest.raises(ValueError, match="gives no ranges of bytes"):
                index_images(f"{url}/x.zip")
    finally:
        server.shutdown()
        server.server_close()
