"""The last map of places of any network, and Grad-CAM from it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freqforensics.attribution.differentiable import PixelLogit, as_tensor, bare_network
from freqforensics.detector.resnet import Detector, evaluating

Uint8 = NDArray[np.uint8]

_LEAST_PLACES: Final = 4


class NoPlacesError(ValueError):
    """A network has no map of places behind its convolutions; the message says why."""


def last_places(image: Uint8, detector: Detector) -> str:
    """Name the last module of a network whose output is a map of places, (N, C, h, w), behind two convolutions.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        Not fused; is left as it is.

    Returns
    -------
    str
        Name in `bare_network`, such as "layer4" or "features".

    Raises
    ------
    NoPlacesError
        No such module: a transformer, whose one convolution cuts the image into patches, or a network without
        convolutions.
    """
    network = bare_network(detector)
    order: list[tuple[str, tuple[int, ...]]] = []
    convolutions: list[str] = []
    handles = []

    def record(name: str, module: nn.Module) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-2] * output.shape[-1] >= _LEAST_PLACES:
                order.append((name, tuple(output.shape)))
                if isinstance(module, nn.Conv2d):
                    convolutions.append(name)

        return hook

    try:
        handles = [module.register_forward_hook(record(name, module)) for name, module in network.named_modules()]
        with torch.no_grad():
            PixelLogit(detector, image)(as_tensor(image))
    finally:
        for handle in handles:
            handle.remove()
    if len(convolutions) < 2:
        count = "no convolution" if not convolutions else "one convolution, which cuts the image into patches"
        raise NoPlacesError(f"the network has {count}: Grad-CAM needs a map of places behind its convolutions")
    return next(name for name, _ in reversed(order) if name)


def activation_times_gradient(image: Uint8, detector: Detector, name: str) -> NDArray[np.float64]:
    """Give the activation of a module times the logit's gradient, summed over channels.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        Not fused; is left as it is.
    name : str
        Module of `bare_network` whose output is (N, C, h, w).

    Returns
    -------
    ndarray of float64, shape (h, w)
        Logits, signed.
    """
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        activation = output.detach().requires_grad_()
        outputs.append(activation)
        return activation.clone()  # what follows may change it in place

    handle = bare_network(detector).get_submodule(name).register_forward_hook(keep)
    try:
        with evaluating(detector), torch.enable_grad():
            logit = PixelLogit(detector, image)(as_tensor(image)).sum()
        (gradient,) = torch.autograd.grad(logit, outputs[-1])
    finally:
        handle.remove()
    return np.asarray((outputs[-1].detach() * gradient)[0].double().sum(dim=0).cpu().numpy())
