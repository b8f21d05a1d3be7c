"""A network that stands in for ResNet-50 where what is tested does not depend on its size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torchvision
from torchvision.models.resnet import Bottleneck, ResNet


class ThinBottleneck(Bottleneck):
    """A block that gives as many channels as its stage has, not four times as many."""

    expansion = 1


def thin_resnet(*, weights: None = None, zero_init_residual: bool = False) -> ResNet:
    """A ResNet with one narrow block per stage: parts and names of ResNet-50, a hundredth of its weights."""
    assert weights is None
    return ResNet(ThinBottleneck, [1, 1, 1, 1], zero_init_residual=zero_init_residual, width_per_group=8)


@contextmanager
def thin_networks() -> Iterator[None]:
    """Make all detectors of this process with `thin_resnet`, those loaded from files included."""
    with mock.patch.object(torchvision.models, "resnet50", thin_resnet):
        yield
