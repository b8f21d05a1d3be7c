"""The device that a name stands for."""

from __future__ import annotations

import pytest
import torch

from freqforensics.runtime.device import chosen_device


@pytest.mark.parametrize(
    ("cuda", "mps", "device"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_is_the_accelerator_that_is_there(monkeypatch, cuda, mps, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert chosen_device("auto") == device


def test_a_device_by_name_must_work():
    assert chosen_device("cpu") == "cpu"
    with pytest.raises(ValueError, match="device 'abacus' cannot be used"):
        chosen_device("abacus")
