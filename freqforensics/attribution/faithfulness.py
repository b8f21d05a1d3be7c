"""Is an explanation one of this decision? Frequencies taken out and put back, and weights made random."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from freqforensics.attribution.controls import RadiusRings
from freqforensics.attribution.counterfactual import exact_logits
from freqforensics.attribution.differentiable import bare_network, stage_names
from freqforensics.attribution.notches import Line, dense_reach, image_of, notch_change, spectra_of
from freqforensics.attribution.outcomes import MOST_LIKENESS as MOST_LIKENESS, Deletion, Randomisation
from freqforensics.detector.resnet import Detector
from freqforensics.quality.ranks import spearman
from freqforensics.spectra import half_plane_weights, notch_mask

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]

COUNTS: Final = (1, 2, 4, 8, 16, 32, 64, 128)
CONTROLS: Final = 19


def fourier_deletion(
    image: Uint8,
    detector: Detector,
    order: Sequence[Line],
    *,
    counts: Sequence[int] = COUNTS,
    controls: int = CONTROLS,
    sign: int = 1,
    insert: bool = True,
    insertions: int | None = None,
    rng: np.random.Generator | None = None,
) -> Deletion:
    """Delete and insert frequencies in an order, compared with random orders of the same radii.

    Frequencies are taken out by notches: they take the amplitude of the spectrum between the multiples of 1/32.
    A control takes out as many frequencies of the same radii in random order, see `RadiusRings`. If the order itself
    is random, its p-value is at most a with a probability of at most a.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Detector, which is not changed.
    order : sequence of (fx, fy)
        As of `ranked_lines`; not empty.
    counts : sequence of int
        How many are taken out at once; those beyond the order's length are left out.
    controls : int
        Random orders.
    sign : {1, -1}
        -1 if what is attributed to those of `order` is negative.
    insert : bool
        Put frequencies back, too. No p-value rests on it.
    insertions : int, optional
        Random orders whose frequencies are put back; default `controls`, which is twice the work.
    rng : Generator, optional
        Random generator; default with seed 0.

    Returns
    -------
    Deletion
        Curves of the map's order and of the random ones, with p-values.

    Raises
    ------
    ValueError
        An empty order, a frequency that is no multiple of 1/32, or a number of insertions below 1 or above `controls`.
    """
    if not order:
        raise ValueError("order must not be empty")
    if insertions is None:
        insertions = controls
    elif not 1 <= insertions <= controls:
        raise ValueError(f"insertions must be from 1 to the {controls} controls, got {insertions}")
    rng = rng if rng is not None else np.random.default_rng(0)
    shape = (image.shape[0], image.shape[1])
    counts = tuple(count for count in counts if count <= len(order)) or (len(order),)
    rings = RadiusRings()
    orders = [tuple(order), *(rings.shuffled(order, rng) for _ in range(controls))]
    put_back = orders[: 1 + insertions] if insert else []
    spectra, reach = spectra_of(image), dense_reach(shape)
    everything = notch_change(spectra, rings.lines, shape, reach=reach)
    energy = (np.abs(everything) ** 2).sum(axis=0) * half_plane_weights(shape)

    def mask(lines: Sequence[Line]) -> NDArray[np.bool_]:
        return notch_mask(shape, lines, reach=reach)

    energies = {line: float(energy[mask([line])].sum()) for line in rings.lines}
    budgets = [float(energy[mask(order[:count])].sum()) for count in counts]
    worth = [_worth(energies, budget) for budget in budgets]
    # Often they are the same for several counts: a single line has the energy of all.
    of_worth = dict.fromkeys(worth)
    sets = [*of_worth, *(lines_in_order[:count] for lines_in_order in orders for count in counts)]
    restored = [lines_in_order[:count] for lines_in_order in put_back for count in counts]

    def images() -> Iterator[NDArray[np.float32]]:
        yield image.astype(np.float32)
        yield image_of(spectra + everything, shape)
        for lines in sets:
            yield image_of(spectra + everything * mask(lines), shape)
        for lines in restored:
            yield image_of(spectra + everything - everything * mask(lines), shape)

    logits = exact_logits(images(), detector, image)
    start, end = 2 + len(of_worth), 2 + len(sets)
    by_amplitude = dict(zip(of_worth, logits[2:start], strict=True))
    deleted = _rows(logits[start:end].reshape(len(orders), len(counts)))
    inserted = _rows(logits[end:].reshape(len(put_back), len(counts)))
    return Deletion(
        counts=counts,
        before=float(logits[0]),
        without=float(logits[1]),
        deleted=deleted[0],
        deleted_by_amplitude=tuple(float(by_amplitude[lines]) for lines in worth),
        deleted_at_random=deleted[1:],
        inserted=inserted[0] if insert else (),
        inserted_at_random=inserted[1:],
        sign=sign,
    )


def randomisation(
    detector: Detector,
    explain: Callable[[Detector], Mapping[str, Float]],
    *,
    trained: Mapping[str, Float] | None = None,
    stages: Sequence[str] | None = None,
    cascading: bool = True,
    seed: int = 0,
) -> dict[str, Randomisation]:
    """Compare signed maps with those of the same network with random weights (Adebayo et al. 2018).

    Parameters
    ----------
    detector : Detector
        Its normalisations not folded; is left as it is. Of a fused detector give the part that is explained.
    explain : callable
        From a detector to maps by name, ndarrays of any shape.
    trained : mapping of str to ndarray, optional
        The maps of `detector`, if they are known.
    stages : sequence of str, optional
        Names of modules of the network, from the logit down; default all with weights (`stage_names`). A stage's
        weights are put in random order, so their spread stays.
    cascading : bool
        Explain after each stage; otherwise only once all are random.
    seed : int
        Random seed of the weights.

    Returns
    -------
    dict of str to Randomisation
        By name of the map, its likeness to the one of every random network.

    Raises
    ------
    ValueError
        A network without these stages, or a fused detector.
    """
    stages = stage_names(detector) if stages is None else stages
    trained = {name: values.ravel() for name, values in (explain(detector) if trained is None else trained).items()}
    twin = copy.deepcopy(detector).eval()
    done: list[str] = []
    likeness: dict[str, list[float]] = {name: [] for name in trained}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for stage in stages:
            _make_random(bare_network(twin), stage)
            if cascading or stage == stages[-1]:
                done.append(stage)
                for name, values in explain(twin).items():
                    flat = values.ravel()
                    constant = not np.ptp(trained[name]) or not np.ptp(flat)
                    likeness[name].append(0.0 if constant else float(spearman(trained[name], flat)[0]))
    return {name: Randomisation(tuple(done), tuple(values)) for name, values in likeness.items()}


def _make_random(network: nn.Module, name: str) -> None:
    """Put a stage's weights in random order: whatever a map keeps then is not learnt."""
    try:
        stage = network.get_submodule(name)
    except AttributeError:
        raise ValueError(f"{type(network).__name__} has no {name} to make random") from None
    for module in stage.modules():
        for weight in module.parameters(recurse=False):
            if weight.ndim >= 2:
                with torch.no_grad():
                    flat = weight.flatten()
                    weight.copy_(flat[torch.randperm(len(flat))].reshape(weight.shape))


def _worth(energies: dict[Line, float], budget: float) -> tuple[Line, ...]:
    """As many of the lines that stand out most as have an energy, at least one."""
    total, lines = 0.0, list[Line]()
    for line in sorted(energies, key=lambda line: -energies[line]):
        lines.append(line)
        total += energies[line]
        if total >= budget:
            break
    return tuple(lines)


def _rows(values: Float) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in values)
