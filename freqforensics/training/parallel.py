"""Several processes that train as one: the same numbers as one process on the same batch."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


def make_fabric(*, device: str, devices: int, nodes: int, precision: str) -> Fabric:
    """Give Lightning Fabric for a device and a number of processes; launched by the caller.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda", "mps", ...
    devices, nodes : int
        Processes on each machine, machines. Of several, each is one device.
    precision : str
        Fabric's word: "32-true", "bf16-mixed", "16-mixed", ...

    Raises
    ------
    ValueError
        No such device or precision here.
    """
    try:
        return Fabric(
            accelerator=device,
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if devices * nodes > 1 else "auto",
            precision=precision,  # type: ignore[arg-type]  # Fabric checks it
        )
    except (RuntimeError, ValueError, TypeError, ImportError) as error:
        raise ValueError(
            f"{devices} x {device!r} with precision {precision!r}: {str(error).splitlines()[0]}"
        ) from error


def share_statistics(network: nn.Module, device: str) -> nn.Module:
    """Let batch normalisation take the statistics of the batch of all processes.

    torch's own `SyncBatchNorm` does so on accelerators and refuses CPUs.
    """
    if device != "cpu":
        shared: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return shared
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(network, name, _SharedBatchNorm(child))
        else:
            share_statistics(child, device)
    return network


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the images of all processes, each of which may have another number of them."""

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self.load_state_dict(layer.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        channels = x.shape[1]
        wide = x.double()  # a variance as a difference of sums
        count = wide.new_tensor([x.numel() / channels])
        sums: Tensor = all_reduce(  # type: ignore[no-untyped-call]
            torch.cat([wide.sum((0, 2, 3)), wide.square().sum((0, 2, 3)), count])
        )
        total = sums[-1]
        mean = sums[:channels] / total
        variance = sums[channels:-1] / total - mean.square()
        with torch.no_grad():
            rate = float(self.momentum or 0.0)
            for average, new in ((self.running_mean, mean), (self.running_var, variance * total / (total - 1))):
                assert average is not None  # tracked, as in every ResNet
                average.mul_(1 - rate).add_(new.to(average.dtype), alpha=rate)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = self.weight * (variance + self.eps).rsqrt().to(x.dtype)
        shift = self.bias - mean.to(x.dtype) * scale
        normalised: Tensor = x * scale[:, None, None] + shift[:, None, None]
        return normalised
