"""The network: torchvision's ResNet-50 with one logit, and a twin that attribution methods can take apart."""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeGuard, get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freqforensics.detector.inputs import EarlyDown as EarlyDown, InputKind as InputKind
from freqforensics.spectra import Band, high_pass_residual, keep_band, log_coherence

if TYPE_CHECKING:
    from torchvision.models.resnet import Bottleneck, ResNet

Uint8 = NDArray[np.uint8]

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
RESIDUAL_SCALE: Final = 8.0
"""Grey levels of a residual that become 1: about the standard deviation of photographs' residuals."""


MEDIANS: Final[dict[str, int]] = {"residual": 5, "coherence": 5, "local": 3}
"""Side of the median that is taken off, by input."""


class Detector(nn.Module):
    """A network that gives one logit: the greater, the more likely fake.

    Parameters
    ----------
    network : nn.Module
        torchvision's ResNet-50 (v1.5: the stride is in the 3x3 convolutions) with one output, or a network of
        `freqforensics.detector.local`.
    input : {"rgb", "residual", "coherence", "local"}
        `FusedDetector` has "fused" instead: each of its parts has an input of its own.
    band : Band, optional
        Frequencies that the network sees, as for `prepare_input`; default all.

    Examples
    --------
    >>> detector = make_detector(seed=0).eval()
    >>> detector.logits([np.zeros((64, 64, 3), np.uint8)]).shape
    (1,)
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        input: InputKind = "rgb",  # noqa: A002 - the field's word
        band: Band | None = None,
    ) -> None:
        super().__init__()
        if input not in get_args(InputKind):
            raise ValueError(f"input must be one of {', '.join(get_args(InputKind))}; got {input!r}")
        self.network = network
        self.input: InputKind = input
        self.band = band

    @property
    def early_down(self) -> EarlyDown:
        """How many times smaller an image is at the first residual stage; see `make_detector`."""
        network: Any = self.network
        if not is_resnet(network):
            return 4  # of other networks their weights say all
        pooled = network.maxpool.stride == 2
        if not pooled:
            return 1
        return 4 if network.conv1.stride == (2, 2) else 2

    def forward(self, prepared: Tensor) -> Tensor:
        """Give logits, (N,), of prepared images (N, 3, H, W).

        Parameters
        ----------
        prepared : Tensor, shape (N, 3, H, W)
            Images as `prepare_input` gives them.

        Raises
        ------
        ValueError
            The network gives anything but one logit per image, (N, 1).
        """
        logits: Tensor = self.network(prepared)
        if logits.ndim != 2 or logits.shape[1] != 1:
            raise ValueError(
                f"network must give one logit per image, (N, 1), got shape {tuple(logits.shape)}: pass it to"
                " freqforensics.wrap, whose output says which is the logit of fake, as"
                " output=lambda z: z[:, 1] - z[:, 0]"
            )
        return logits[:, 0]

    @property
    def gradient_free(self) -> str:
        """Why the logit has no gradient by the pixels; empty if it has one."""
        return ""

    @property
    def device(self) -> torch.device:
        """Device of the network's weights; the CPU if it has none."""
        first = next(self.parameters(), None)
        return torch.device("cpu") if first is None else first.device

    def beside(self, prepared: Tensor) -> Tensor:
        """Move a tensor to the device of the network's weights, in their precision.

        Parameters
        ----------
        prepared : Tensor
            Tensor on any device.
        """
        first = next((value for value in self.parameters() if value.is_floating_point()), None)
        return prepared if first is None else prepared.to(first.device, first.dtype)

    def misfit(self, shape: tuple[int, int]) -> str:
        """Say why an image of a height and width cannot be taken; empty if it can.

        Parameters
        ----------
        shape : (int, int)
            Height and width of the image, pixels.
        """
        return ""

    @torch.no_grad()
    def logits(self, images: Sequence[Uint8]) -> NDArray[np.float32]:
        """Score images as they are.

        Parameters
        ----------
        images : sequence of ndarray of uint8, (H, W, 3)
            All of one size.

        Returns
        -------
        ndarray of float32, shape (N,)
            Computed in evaluation mode, which is left as it was.

        Raises
        ------
        ValueError
            As `prepare_input`.
        """
        with evaluating(self):
            prepared = self.beside(prepare_input(images, self.input, band=self.band))
            return np.asarray(self(prepared).float().cpu().numpy())


def is_resnet(network: nn.Module) -> TypeGuard[ResNet]:
    """Whether a network is torchvision's ResNet; torchvision, which takes a second to load, is not loaded for it."""
    module = sys.modules.get("torchvision.models.resnet")
    return module is not None and isinstance(network, module.ResNet)


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network in evaluation mode for a while; every module is left in the mode it was in."""
    modes = {module: module.training for module in network.modules()}
    if any(modes.values()):
        network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            if module.training != training:  # an assignment goes through torch's own, which is slow
                module.training = training


def make_detector(
    *,
    input: InputKind = "rgb",  # noqa: A002 - the field's word
    band: Band | None = None,
    early_down: EarlyDown = 4,
    seed: int | None = None,
    identity: bool = False,
    imagenet: bool = False,
) -> Detector:
    """Make an untrained detector.

    Parameters
    ----------
    input, band
        What the network is fed with, as for `Detector`.
    early_down : {4, 2, 1}
        How many times smaller an image is when it reaches the first residual stage. 4: as published, the first
        convolution and the pooling halve it each. 2: the convolution does not; four times the work. 1: neither does,
        the "no-down" of Gragnaniello et al. (ICME 2021); sixteen times the work. The weights have the same shapes.
    seed : int, optional
        Random seed of the weights; without one they come from torch's global generator.
    identity : bool
        Begin with residual blocks that do nothing: the scale of the last normalisation of each is 0 (Goyal et al.
        2017). From scratch, with few steps, it is what makes so deep a network learn.
    imagenet : bool
        Begin with torchvision's ImageNet weights (V1, as published), which it downloads. The last layer is new in
        either case: weights ~ N(0, 0.02), bias at the default of `nn.Linear`.

    Returns
    -------
    Detector
        In training mode.
    """
    import torchvision

    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        weights = torchvision.models.ResNet50_Weights.IMAGENET1K_V1 if imagenet else None
        network = torchvision.models.resnet50(weights=weights, zero_init_residual=identity)
        network.fc = nn.Linear(network.fc.in_features, 1)
        nn.init.normal_(network.fc.weight, 0.0, 0.02)
    if early_down not in get_args(EarlyDown):
        raise ValueError(f"early_down must be one of {', '.join(map(str, get_args(EarlyDown)))}; got {early_down!r}")
    if early_down <= 2:
        network.conv1.stride = (1, 1)
    if early_down == 1:
        network.maxpool.stride = 1
    return Detector(network, input=input, band=band)


def prepare_input(images: Sequence[Uint8], kind: InputKind = "rgb", *, band: Band | None = None) -> Tensor:
    """Prepare images as input of the network.

    Parameters
    ----------
    images : sequence of ndarray of uint8, (H, W, 3)
        All of one size.
    kind : {"rgb", "residual", "coherence", "local"}
        "rgb": 0 .. 1, ImageNet's mean taken off, divided by its standard deviation (Wang et al. 2020). "residual": each
        colour minus its 5x5 median, in units of 8 grey levels. "coherence": the residuals of luma and of both colour
        differences, and of these the `log_coherence` of tiles of 32 pixels: an image of frequencies, of one size
        whatever the image's (after Zhang et al., WIFS 2019, who fed a ResNet with spectra). "local": each colour minus
        its 3x3 median, in units of 8 grey levels.
    band : Band, optional
        Keep these frequencies of the image, or of the residual, only (`keep_band`).

    Returns
    -------
    Tensor of float32, shape (N, 3, H, W); of coherence (N, 3, 32, 32)
        Input of the network, on the device of the detector.

    Raises
    ------
    ValueError
        No images, another shape or type, or several sizes.

    Examples
    --------
    >>> image = np.full((64, 64, 3), 128, np.uint8)
    >>> prepare_input([image, image]).shape, float(prepare_input([image], "residual").abs().max())
    (torch.Size([2, 3, 64, 64]), 0.0)
    """
    if kind not in get_args(InputKind):
        raise ValueError(f"input must be one of {', '.join(get_args(InputKind))}; got {kind!r}")
    shapes = {(image.shape, str(image.dtype)) for image in images}
    if len(shapes) != 1 or any(len(s) != 3 or s[2] != 3 or t != "uint8" for s, t in shapes):
        raise ValueError(f"images must be uint8 of one shape (H, W, 3), got {sorted(shapes)}")
    if kind == "coherence":
        images = [np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb), np.uint8) for image in images]
    stacked = np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    planes = stacked if kind == "rgb" else high_pass_residual(stacked, "median", kernel=MEDIANS[kind])
    if band is not None:
        planes = keep_band(planes, band)
    if kind in ("residual", "local"):
        return torch.from_numpy(planes) / RESIDUAL_SCALE
    if kind == "coherence":
        return torch.from_numpy(log_coherence(planes))
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (torch.from_numpy(planes).float() / 255 - mean) / std


class _Sum(nn.Module):
    """The addition of a shortcut, as a module that can be hooked."""

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return x + shortcut


class SafeBottleneck(nn.Module):
    """torchvision's bottleneck with a ReLU module of its own behind each convolution, nothing done in place.

    DeepLift and its kin keep state in every module: one that is used three times overwrites it.
    """

    def __init__(self, block: Bottleneck) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu1 = block.conv1, block.bn1, nn.ReLU()
        self.conv2, self.bn2, self.relu2 = block.conv2, block.bn2, nn.ReLU()
        self.conv3, self.bn3, self.relu3 = block.conv3, block.bn3, nn.ReLU()
        self.downsample = block.downsample
        self.add = _Sum()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu3(self.add(out, shortcut))
        return result


def attribution_safe(detector: Detector) -> Detector:
    """Copy a detector with one module for each operation: the same logits, the same names of weights.

    Parameters
    ----------
    detector : Detector
        Detector, which is not changed.

    Returns
    -------
    Detector
        In evaluation mode.

    Raises
    ------
    ValueError
        Its network is not torchvision's ResNet with bottlenecks.
    """
    from torchvision.models.resnet import Bottleneck

    twin = copy.deepcopy(detector).eval()
    network: Any = twin.network
    if not is_resnet(network):
        raise ValueError(f"the twin is made of torchvision's ResNet, got {type(network).__name__}")
    network.relu = nn.ReLU()
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        for index, block in enumerate(stage):
            if not isinstance(block, Bottleneck):
                raise ValueError(f"the twin is made of bottlenecks, got {type(block).__name__}")
            stage[index] = SafeBottleneck(block)
    return twin
