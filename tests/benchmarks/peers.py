"""Floors, and what a user would write or pick instead: plain code after the papers, and libraries."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from freqforensics.runtime.parallel import library_threads
from freqforensics.runtime.processors import default_workers

Float = NDArray[np.float64]


def decode_alone(paths: Sequence[Path], workers: int | None = None) -> None:
    """Decode every file by OpenCV, in as many threads, and do nothing else."""

    def decode(path: Path) -> None:
        assert cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR) is not None

    with library_threads(1), ThreadPoolExecutor(workers or default_workers()) as pool:
        for _ in pool.map(decode, paths, chunksize=16):
            pass


def grey(path: Path) -> Float:
    with Image.open(path) as file:
        return np.asarray(file.convert("L")).astype(np.float64)


def middle(plane: Float, side: int) -> Float:
    top, left = ((length - side) // 2 for length in plane.shape)
    return plane[top : top + side, left : left + side]


def log_spectra(paths: Sequence[Path], side: int = 256) -> Float:
    """Average the logarithms of spectra, image by image, as Ricker et al. (2022) show them."""
    logs = [np.log(np.abs(np.fft.fft2(middle(grey(path), side))) + 1e-9) for path in paths]
    return np.asarray(np.fft.fftshift(np.mean(logs, axis=0)))


def median_spectra(paths: Sequence[Path], side: int = 256) -> Float:
    """Average the spectra of what a median filter takes away, as Wang et al. (2020) show them."""
    spectra = []
    for path in paths:
        plane = grey(path)
        residual = plane - scipy.ndimage.median_filter(plane, 5, mode="nearest")
        spectra.append(np.fft.fft2(middle(residual, side)))
    return np.asarray(np.abs(np.fft.fftshift(np.mean(spectra, axis=0))))


def high_pass_spectra(paths: Sequence[Path], side: int = 256) -> Float:
    """Average the power of a third-order high-pass residual, where GRIP's analysis has a denoiser's."""
    powers = []
    for path in paths:
        plane = grey(path)
        residual = plane
        for axis in (0, 1):
            residual = scipy.ndimage.convolve1d(residual, [1.0, -3.0, 3.0, -1.0], axis=axis, mode="nearest")
        powers.append(np.abs(np.fft.fft2(middle(residual, side))) ** 2)
    return np.asarray(np.fft.fftshift(np.mean(powers, axis=0)))


def file_facts(paths: Sequence[Path]) -> list[tuple[Any, ...]]:
    """Give what Pillow says of files, their hashes, and how much their pixels vary."""
    facts = []
    for path in paths:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as file:
            pixels = np.asarray(file.convert("RGB"))
            tables = getattr(file, "quantization", None)
            facts.append((file.format, file.size, file.mode, tables, hashlib.sha256(data).hexdigest(), pixels.std()))
    return facts


def quality_by_scikit_image(paths: Sequence[Path]) -> None:
    import skimage

    color: Any = skimage.color
    filters: Any = skimage.filters
    measure: Any = skimage.measure
    restoration: Any = skimage.restoration
    for path in paths:
        with Image.open(path) as file:
            pixels = np.asarray(file.convert("RGB"))
        luma = color.rgb2gray(pixels)
        measure.blur_effect(luma)
        filters.laplace(luma).var()
        restoration.estimate_sigma(luma)
        measure.shannon_entropy(luma)
        color.rgb2yuv(pixels)[..., 1:].std()


def correlated_fingerprints(folders: Sequence[Path], side: int) -> Float:
    """Correlate the averages of median residuals of folders, as Marra et al. (2019) do with a denoiser's."""
    fingerprints = []
    for folder in folders:
        residuals = []
        for path in sorted(folder.iterdir()):
            plane = grey(path)
            residuals.append(middle(plane - scipy.ndimage.median_filter(plane, 5, mode="nearest"), side))
        fingerprints.append(np.mean(residuals, axis=0).ravel())
    return np.asarray(np.corrcoef(fingerprints))


def duplicates_by_imagehash(paths: Sequence[Path]) -> int:
    """Count pairs within 3 bits."""
    import imagehash

    hashes = []
    for path in paths:
        with Image.open(path) as file:
            hashes.append(imagehash.dhash(file).hash.ravel())
    bits = np.array(hashes)
    return int(np.triu((bits[:, None] != bits[None]).sum(axis=2) <= 3, 1).sum())


class _Files(torch.utils.data.Dataset[Tensor]):
    def __init__(self, paths: Sequence[Path], transform: Callable[[Any], Tensor]) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as file:
            return self.transform(file.convert("RGB"))


def loader(paths: Sequence[Path], transform: Callable[[Any], Tensor], workers: int, batch: int) -> Any:
    return torch.utils.data.DataLoader(_Files(paths, transform), batch_size=batch, num_workers=workers)


def eager_scores(paths: Sequence[Path], network: nn.Module, workers: int) -> None:
    """Score the middle 224 pixels by ResNet-50, eager, as the published tests of Wang et al. (2020) do."""
    from torchvision import transforms

    normalise = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    steps = transforms.Compose([transforms.CenterCrop(224), transforms.ToTensor(), normalise])
    with torch.no_grad():
        for images in loader(paths, steps, workers, 16):
            network(images).sigmoid()


class BlurOrJpeg:
    """Blur and JPEG, each at a probability of 0.5, on a PIL image, as in Wang et al. (2020)."""

    def __call__(self, image: Any) -> Any:
        rng = np.random.default_rng()
        pixels = np.asarray(image)
        if rng.random() < 0.5:
            sigma = rng.uniform(0, 3)
            pixels = np.stack([scipy.ndimage.gaussian_filter(plane, sigma) for plane in np.moveaxis(pixels, -1, 0)], -1)
        picture = Image.fromarray(pixels)
        if rng.random() < 0.5:
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=int(rng.integers(30, 101)))
            picture = Image.open(io.BytesIO(buffer.getvalue()))
        return picture


def training_batches(paths: Sequence[Path], workers: int) -> None:
    from torchvision import transforms

    steps = transforms.Compose(
        [BlurOrJpeg(), transforms.RandomCrop(224), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    )
    for _ in loader(paths, steps, workers, 32):
        pass


def integrated_gradients(function: nn.Module, x: Tensor, x0: Tensor, steps: int) -> None:
    from captum.attr import IntegratedGradients

    IntegratedGradients(function).attribute(x, baselines=x0, n_steps=steps, internal_batch_size=8)


def gradients_alone(function: nn.Module, x: Tensor, steps: int) -> None:
    """Forward and backward on ready tensors, 8 at a time, nothing kept."""
    for start in range(0, steps, 8):
        batch = x.repeat(min(8, steps - start), 1, 1, 1).requires_grad_()
        torch.autograd.grad(function(batch).sum(), batch)


def grad_cam(network: nn.Module, layer: nn.Module, x: Tensor) -> None:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import RawScoresOutputTarget

    with GradCAM(model=network, target_layers=[layer]) as cam:
        cam(input_tensor=x, targets=[RawScoresOutputTarget()])


def occlusion(function: nn.Module, x: Tensor) -> None:
    from captum.attr import Occlusion

    Occlusion(function).attribute(x, sliding_window_shapes=(3, 16, 16), strides=(3, 16, 16), perturbations_per_eval=8)
