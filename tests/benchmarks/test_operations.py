"""Every operation beside its floor and what a user would write or pick instead; `make bench` makes a page of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import operations
import peers
import pytest
import torch
from rounds import Bench, Way, in_a_process
from workload import SCALE, files, photo_like, write_images, write_sides

from freqforensics.runtime.processors import default_workers

ROUNDS = SCALE.rounds
Memory = Callable[[], float]


def memory_of(name: str, folder: Path) -> Memory:
    return lambda: in_a_process(name, folder)["memory"]


def once_elsewhere(name: str, folder: Path) -> tuple[Callable[[], float], Memory]:
    """A long operation in a process of its own, which gives both its seconds and its memory."""
    result: dict[str, float] = {}

    def run() -> float:
        result.update(in_a_process(name, folder))
        return result["seconds"]

    return run, lambda: result["memory"]


def part(folder: Path, share: int = SCALE.share) -> tuple[list[Path], float]:
    """The first images, and their share of all."""
    paths = files(folder)
    return paths[:share], min(share, len(paths)) / len(paths)


@pytest.fixture(scope="session")
def png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("png") / "images", SCALE.images, (256, 256), "png")


@pytest.fixture(scope="session")
def jpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("jpeg") / "images", SCALE.images, (500, 500), "jpg")


@pytest.fixture(scope="session")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("huge") / "images", SCALE.huge_images, (3000, 4000), "jpg", distinct=2)


@pytest.fixture(scope="session")
def costly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("costly") / "images", SCALE.costly_images, (500, 500), "jpg")


@pytest.fixture(scope="session")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sides(
        tmp_path_factory.mktemp("sides") / "root", 2, max(24, SCALE.costly_images // 4), (256, 256), "png"
    )


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_spectra(bench: Bench, form: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(form)
    paths = files(folder)
    some, share = part(folder)
    side = 256 if form == "png" else 500
    bench.measure(
        "Spectra",
        f"{len(paths):,} {form.upper()} files, {side} × {side} pixels",
        len(paths),
        lambda: operations.spectra(folder),
        rounds=ROUNDS,
        floor=Way("decoding", lambda: peers.decode_alone(paths)),
        peers=[
            Way("as Ricker et al. (log of each image's spectrum)", lambda: peers.log_spectra(some), share),
            Way("as Wang et al. (median filter, then the mean)", lambda: peers.median_spectra(some), share),
            Way("high-pass of third order in SciPy, as for GRIP's", lambda: peers.high_pass_spectra(some), share),
        ],
        memory=memory_of("spectra", folder),
        times_floor=1.1 if form == "png" else 1.5,
    )


def test_audit(bench: Bench, jpeg: Path, tmp_path: Path) -> None:
    paths = files(jpeg)
    for index, path in enumerate(paths):
        place = tmp_path / "generator" / ("0_real" if index % 2 else "1_fake") / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(path)
    some, share = part(jpeg)
    bench.measure(
        "Files",
        f"audit of {len(paths):,} JPEG files, 500 × 500 pixels",
        len(paths),
        lambda: operations.audit(tmp_path),
        rounds=ROUNDS,
        floor=Way("decoding", lambda: peers.decode_alone(paths)),
        peers=[Way("Pillow and hashlib, facts alone", lambda: peers.file_facts(some), share)],
        memory=memory_of("audit", tmp_path),
        times_floor=2,
    )


def test_near_duplicates(bench: Bench, jpeg: Path) -> None:
    paths = files(jpeg)
    bench.measure(
        "Files",
        f"near duplicates among {len(paths):,} JPEG files, 500 × 500 pixels, one thread",
        len(paths),
        lambda: operations.near_duplicates(jpeg),
        rounds=ROUNDS,
        floor=Way("decoding", lambda: peers.decode_alone(paths, 1)),
        peers=[Way("ImageHash (`dhash`), all pairs", lambda: peers.duplicates_by_imagehash(paths))],
        memory=memory_of("near_duplicates", jpeg),
    )


def test_quality(bench: Bench, costly: Path) -> None:
    paths = files(costly)
    some, share = part(costly)
    bench.measure(
        "Quality",
        f"five measures without NIQE, {len(paths):,} JPEG files, 500 × 500 pixels",
        len(paths),
        lambda: operations.quality(costly),
        rounds=ROUNDS,
        floor=Way("decoding", lambda: peers.decode_alone(paths)),
        peers=[Way("scikit-image, one by one", lambda: peers.quality_by_scikit_image(some), share)],
        memory=memory_of("quality", costly),
    )


def test_niqe(bench: Bench, costly: Path) -> None:
    paths = files(costly)
    bench.measure(
        "Quality",
        f"NIQE alone, {len(paths):,} JPEG files, 500 × 500 pixels",
        len(paths),
        lambda: operations.niqe(costly),
        rounds=ROUNDS,
        floor=Way("decoding", lambda: peers.decode_alone(paths)),
        memory=memory_of("niqe", costly),
    )


def test_compare(bench: Bench, sides: Path) -> None:
    paths = files(sides)
    folders = sorted(path for path in sides.glob("*/*") if path.is_dir())
    bench.measure(
        "Spectra",
        f"comparison of 2 generators, {len(paths):,} PNG files, 256 × 256 pixels, resampling included",
        len(paths),
        lambda: operations.compare(sides),
        rounds=ROUNDS,
        floor=Way("decoding", lambda: peers.decode_alone(paths)),
        peers=[Way("correlated mean residuals in SciPy", lambda: peers.correlated_fingerprints(folders, 256))],
        memory=memory_of("compare", sides),
        times_floor=2,
    )


@contextmanager
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def network_alone(paths: list[Path]) -> Callable[[], None]:
    """The shipped detector's networks on the views of some images, which are tensors already, in as many threads."""
    from concurrent.futures import ThreadPoolExecutor

    from freqforensics import open_detector, read_image
    from freqforensics.attribution.path import parts_of
    from freqforensics.detector.inference import folded
    from freqforensics.detector.resnet import prepare_input
    from freqforensics.regions.domain import find_region
    from freqforensics.regions.views import cut, view_boxes

    networks = parts_of(folded(open_detector("everyday").detector))
    work = []
    for path in paths:
        image = read_image(path)
        region = find_region(image).region
        assert region is not None
        views = [np.ascontiguousarray(cut(image, box)) for box in view_boxes(region)]
        for network in networks.values():
            tensor = prepare_input(views, network.input, band=network.band)
            work.append((network, tensor.contiguous(memory_format=torch.channels_last)))

    def forward(item: tuple[Any, torch.Tensor]) -> None:
        torch.set_num_threads(1)
        with torch.inference_mode():
            item[0](item[1])

    def run() -> None:
        with one_thread(), ThreadPoolExecutor(default_workers()) as pool:
            list(pool.map(forward, work))

    return run


@pytest.mark.parametrize("kind", ["jpeg", "huge"])
def test_scoring(bench: Bench, kind: str, request: pytest.FixtureRequest) -> None:
    from freqforensics.detector import make_detector

    folder = request.getfixturevalue(kind)
    paths = files(folder)
    some, share = part(folder, SCALE.share if kind == "jpeg" else max(1, SCALE.share // 4))
    resnet = make_detector(seed=0).eval()
    size = "500 × 500 pixels" if kind == "jpeg" else "12 megapixels"
    workers = default_workers()
    run, memory = once_elsewhere("score", folder)
    bench.measure(
        "Scoring",
        f"`score`, shipped detector, five views, {len(paths):,} JPEG files, {size}",
        len(paths),
        run,
        rounds=1,
        warm=False,
        floor=Way("the network", network_alone(some), share),
        peers=[
            Way(
                "ResNet-50, eager, torchvision and DataLoader, one view",
                lambda: peers.eager_scores(some, resnet, workers),
                share,
            )
        ],
        memory=memory,
        times_floor=1.3,
    )


@pytest.mark.parametrize("how", ["fast", "whole"])
def test_inspection(bench: Bench, how: str, tmp_path: Path) -> None:
    """Beside it what captum and grad-cam can do on one view: integrated gradients, occlusion, Grad-CAM of ResNet-50."""
    from freqforensics.attribution import PixelLogit
    from freqforensics.attribution.differentiable import as_tensor
    from freqforensics.detector import make_detector

    side = SCALE.inspected_side
    photograph = photo_like(0, side, side)
    cv2.imwrite(str(tmp_path / "photograph.png"), photograph[..., ::-1])
    detector = make_detector(seed=0).eval()
    network: Any = detector.network
    view = as_tensor(photograph[:224, :224])
    function = PixelLogit(detector)

    def captum_and_cam() -> None:
        peers.integrated_gradients(function, view, torch.full_like(view, 128), max(SCALE.steps))
        peers.occlusion(function, view)
        peers.grad_cam(network, network.layer4[-1], view / 255)

    run, memory = once_elsewhere(f"inspect_{how}", tmp_path)
    bench.measure(
        "Inspection",
        f"{'`--fast`' if how == 'fast' else 'whole'}, an image of {side} × {side} pixels",
        1,
        run,
        rounds=1,
        warm=False,
        peers=[Way(f"captum (IG, {max(SCALE.steps)} steps; occlusion) and grad-cam, one view", captum_and_cam)],
        memory=memory,
        seconds=8 if how == "fast" else 25,
    )


def test_grad_cam(bench: Bench) -> None:
    from freqforensics.attribution.maps import grad_cam
    from freqforensics.detector import make_detector
    from freqforensics.detector.resnet import prepare_input

    detector = make_detector(seed=0).eval()
    image = photo_like(0, 224, 224)
    network: Any = detector.network
    ready = prepare_input([image], "rgb")
    bench.measure(
        "Inspection",
        "Grad-CAM of ResNet-50, a view of 224 × 224 pixels",
        1,
        lambda: grad_cam(image, detector),
        rounds=ROUNDS + 2,
        floor=Way("forward and backward", lambda: peers.gradients_alone(network, ready, 1)),
        peers=[Way("pytorch-grad-cam", lambda: peers.grad_cam(network, network.layer4[-1], ready))],
    )


def test_training_data(bench: Bench, png: Path) -> None:
    from torch.utils.data import DataLoader

    from freqforensics.perturbations.augmentation import W20_RECIPES
    from freqforensics.sources.records import ImageRecord
    from freqforensics.training.batches import AugmentedImages, Collate

    paths = files(png)[: max(SCALE.costly_images, 32)]
    chain = W20_RECIPES["blur+jpeg-0.5"]
    images = AugmentedImages([ImageRecord(path, "fake", "g") for path in paths], chain, (0, 0))
    workers = default_workers()

    def ours() -> None:
        for _ in DataLoader(images, batch_size=32, num_workers=workers, collate_fn=Collate("rgb", None)):
            pass

    bench.measure(
        "Training",
        f"batches of 32 crops of 224 pixels, blur and JPEG drawn, {len(paths):,} PNG files, {workers} worker processes",
        len(paths),
        ours,
        rounds=ROUNDS,
        floor=Way("decoding", lambda: peers.decode_alone(paths)),
        peers=[Way("torchvision, SciPy and Pillow", lambda: peers.training_batches(paths, workers))],
    )


STARTS = {
    "`import freqforensics`": (["-c", "import freqforensics"], None),
    "`freqforensics --help`": (["-m", "freqforensics", "--help"], 0.3),
    "a refusal (no such folder)": (["-m", "freqforensics", "spectrum", "no-such-folder"], 1.0),
}


@pytest.mark.parametrize("what", STARTS)
def test_start(bench: Bench, what: str) -> None:
    arguments, seconds = STARTS[what]

    def start(words: list[str]) -> None:
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    bench.measure(
        "Start",
        what,
        1,
        lambda: start(arguments),
        rounds=ROUNDS + 2,
        floor=Way("`python -c pass`", lambda: start(["-c", "pass"])),
        peers=[Way("`import torch`", lambda: start(["-c", "import torch"]))],
        seconds=seconds,
        above_floor=None if seconds else 0.06,
    )
