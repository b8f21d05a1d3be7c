"""Passes on dask workers: the bits of threads, whoever dies on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest
from command import run
from pictures import picture, write
from toys import calibrated, rough_detector

from freqforensics import SpectrumSpec, index_images, mean_spectrum
from freqforensics.detector import score_files
from freqforensics.runtime.cluster import _Blocks, check_cluster, cluster
from freqforensics.spectra import files
from freqforensics.spectra.terms import image_terms, known_terms

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.dask,
    # Of its own sockets and loops, when workers are killed.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """On a busy machine a worker takes more than seconds to start, or to start anew."""
    monkeypatch.setattr("freqforensics.runtime.cluster.PATIENCE", 60)


@pytest.fixture(scope="module")
def workers():
    """Two worker processes with a scheduler."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        memory_limit=0,
        silence_logs=60,
    ) as local:
        yield local


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of which some are copies, one is damaged, and one is too small."""
    rng = np.random.default_rng(1)
    place = tmp_path_factory.mktemp("images") / "set"
    for index in range(80):
        write(place / f"{index:02}.png", picture(rng, 72, 64 + index % 2))
    for index in (3, 40, 79):
        (place / f"copy-{index}.jpg").write_bytes((place / "00.png").read_bytes())
    (place / "damaged.png").write_bytes((place / "01.png").read_bytes()[:200])
    write(place / "small.png", picture(rng, 20, 20))
    return place


def same(first, second):
    assert all(np.array_equal(a, b) for a, b in zip(first.sums, second.sums, strict=True))
    for name in ("spec", "images", "crops", "skipped", "notes", "failures", "inputs_sha256"):
        assert getattr(first, name) == getattr(second, name)


@pytest.mark.long
def test_spectra_are_those_of_threads(workers, folder):
    records = index_images(folder)
    spec = SpectrumSpec(size=64)
    here = mean_spectrum(records, spec=spec, on_error="skip", workers=2)
    with cluster(workers.scheduler_address):
        there = mean_spectrum(records, spec=spec, on_error="skip")
    same(here, there)
    assert (len(there.failures), there.images) == (1, 80)


@pytest.mark.long
def test_scores_are_those_of_threads(workers, folder, tmp_path):
    records = index_images(folder)
    detector = calibrated(rough_detector(), np.linspace(-3, 3, 50).tolist())
    here = score_files(records, detector, out=tmp_path / "here.csv", workers=2)
    with cluster(workers.scheduler_address):
        there = score_files(records, detector, out=tmp_path / "there.csv")
        # Half of the table is there: its rows are not scored again, and nothing changes.
        lines = (tmp_path / "here.csv").read_bytes().splitlines(keepends=True)
        (tmp_path / "half.csv").write_bytes(b"".join(lines[:40]))
        score_files(records, detector, out=tmp_path / "half.csv")
    assert repr(there) == repr(here)  # by text: a rate that is not a number equals none
    assert (len(there.failures), len(there.scores)) == (1, 84)
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert (tmp_path / "half.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


@pytest.mark.long
def test_terms_are_those_of_threads_without_what_is_known(workers, folder):
    records = index_images(folder)
    here = image_terms(records, spec=SpectrumSpec(size=64))
    with cluster(workers.scheduler_address):
        there = image_terms(records, spec=SpectrumSpec(size=64), known=known_terms(records, here))
    for first, second in zip(here, there, strict=True):
        same(first.spectrum, second.spectrum)
        assert first[1:] == second[1:]


@pytest.mark.long
def test_a_worker_that_is_killed_three_times_changes_nothing(workers, folder, monkeypatch, rng):
    monkeypatch.setattr(files, "distinct_files", lambda paths: list(range(len(paths))))  # a few files stand for many
    records = [record for record in index_images(folder) if record.path.name[:2].isdigit()] * 40
    spec = SpectrumSpec(size=64)
    here = mean_spectrum(records, spec=spec)
    killed, ended = [], threading.Event()

    def kill():
        for pause in rng.uniform(0.2, 0.9, size=3):
            while not ended.wait(pause):
                pids = [nanny.pid for nanny in workers.workers.values() if nanny.pid and nanny.pid not in killed]
                if pids:
                    killed.append(int(rng.choice(pids)))
                    os.kill(killed[-1], signal.SIGKILL)
                    break

    with cluster(workers.scheduler_address):
        thread = threading.Thread(target=kill)
        thread.start()
        try:
            while thread.is_alive():  # once, but on a machine that is done before the third
                there = mean_spectrum(records, spec=spec)
        finally:
            ended.set()
            thread.join()
    assert len(killed) == 3
    same(here, there)


@pytest.mark.long
def test_scores_survive_a_killed_worker(workers, folder):
    """A worker that is started anew gets the detector, too."""
    records = [record for record in index_images(folder) if record.path.name[:2].isdigit()]
    detector = calibrated(rough_detector(), [0.0, 1.0])
    here = score_files(records, detector)
    with cluster(workers.scheduler_address):
        score_files(records[:1], detector)  # sends the detector
        before = next(nanny.pid for nanny in workers.workers.values())
        os.kill(before, signal.SIGKILL)
        there = score_files(records, detector)
    assert before not in {nanny.pid for nanny in workers.workers.values()}
    assert repr(there) == repr(here)


@pytest.mark.long
def test_the_first_error_is_that_of_threads(workers, folder):
    records = index_images(folder)
    with cluster(workers.scheduler_address), pytest.raises(ValueError, match=r"damaged\.png: "):
        mean_spectrum(records, spec=SpectrumSpec(size=64))


@pytest.mark.long
def test_a_command_names_what_cannot_be_read_as_ever(workers, folder, tmp_path):
    line = ["spectrum", folder, "--crop", "64"]
    here = run(*line, "--out", tmp_path / "here")
    there = run(*line, "--out", tmp_path / "there", "--cluster", workers.scheduler_address)
    assert (there.returncode, there.stderr) == (1, here.stderr)
    assert there.stdout.replace("there", "here") == here.stdout
    for path in (tmp_path / "here").rglob("*.*"):
        if path.name != "manifest.json":
            assert (tmp_path / "there" / path.relative_to(tmp_path / "here")).read_bytes() == path.read_bytes()


def test_nobody_at_the_address_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"  # nobody listens
        ended = run("spectrum", ".", "--cluster", address)
    assert ended.returncode == 2
    assert (
        ended.stderr
        == f"freqforensics: --cluster must be a scheduler that answers, got {address}: connection refused\n"
    )
    with pytest.raises(ValueError, match="cluster must be 'local' or an address"):
        check_cluster("nonsense")


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'freqforensics\[scale\]'"):
        check_cluster("local")


def living(group: int) -> list[str]:
    """Command lines of the processes of a group, without those that are dead and not yet waited for."""
    lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                lines.append(" ".join(process.cmdline()))
    return lines


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="signals of terminals")
@pytest.mark.parametrize("seconds", [0.8, 3.3])
def test_ctrl_c_is_one_line_and_leaves_no_process(folder, seconds):
    """To all processes, as a terminal sends it: while workers start, and while they work."""
    code = (
        "from freqforensics.spectra import files; from freqforensics.cli import main; whole = files.map_reduce\n"
        "files.map_reduce = lambda items, function, merge, **o: whole(items * 500, function, merge, **o)\n"
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever ignores it around us\n"
        "print('imported', flush=True); main()"
    )
    words = ["spectrum", str(folder), "--crop", "64", "--cluster", "local", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "imported\n"  # a busy machine takes seconds, in which nothing of ours runs
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "freqforensics: interrupted: no half-written file was left\n")
    deadline = time.monotonic() + 60
    while left := living(process.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_tasks_become_as_long_as_they_should_and_short_at_the_end():
    blocks = _Blocks(1000)
    sizes, covered = [], 0
    while (node := blocks.next(2)) is not None:
        assert node.start == covered
        covered = node.stop(1000)
        sizes.append(covered - node.start)
        blocks.took(node, 0.1 * sizes[-1])  # seconds: a task of 16 chunks takes 1.6
    assert covered == 1000
    assert (sizes[:4], max(sizes)) == ([1, 1, 2, 4], 16)
    assert sizes[-1] <= 2
