"""Archives of every kind for tests, made of a folder, and a server of S3 on loopback."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest import mock

import pytest

Files = Mapping[str, bytes]


def files_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their names from the folder's own on."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in paths}


def write_zip(path: Path, files: Files, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tar(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def write_parquet(path: Path, files: Files, rows: int = 50, **columns: Sequence[object]) -> Path:
    """Write images as a hub does, some rows a group."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    images = [{"bytes": data, "path": name} for name, data in files.items()]
    parquet.write_table(arrow.table({"image": images, **columns}), path, row_group_size=rows)
    return path


def write_shards(folder: Path, files: Files, count: int) -> str:
    """Deal files out to tars; return the pattern of all."""
    folder.mkdir()
    names = list(files)
    for index in range(count):
        write_tar(folder / f"{index:03}.tar", {name: files[name] for name in names[index::count]})
    return f"{folder}/{{000..{count - 1:03}}}.tar"


# The system gives the port: one that was free a moment ago may be another process's.
_S3 = """
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
input()
"""


@contextlib.contextmanager
def s3_server(files: Files, bucket: str = "bucket") -> Iterator[str]:
    """Serve files as objects of a bucket; gives its address, and has all of this process look there for S3."""
    command = [sys.executable, "-c", _S3]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    keys = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    try:
        with mock.patch.dict(os.environ, {**keys, "AWS_DEFAULT_REGION": "us-east-1"}):
            import s3fs

            system = s3fs.S3FileSystem()
            system.mkdir(bucket)
            for name, data in files.items():
                system.pipe_file(f"{bucket}/{name}", data)
            system.invalidate_cache()
            yield f"s3://{bucket}"
            s3fs.S3FileSystem.clear_instance_cache()
    finally:
        server.terminate()
        server.communicate()
