"""From a training to weights that ship: calibrated, in eight bits, with a model card that says what they are worth."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from tqdm import tqdm

from freqforensics.detector import Detector, load_detector, save_detector, weights_sha256
from freqforensics.perturbations.perturb import Crop
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.writing import write_json
from freqforensics.training.batches import AugmentedImages, Simulated, draws_of
from freqforensics.training.model_card import read_runs
from freqforensics.training.recipe import TrainConfig
from freqforensics.training.train import index_configured
from freqforensics.training.training_set import pair_up

SIDES: Final = (64, 128, 224)
"""Crops that a detector is calibrated on, pixels."""
ERROR: Final = 0.05
"""Part of the photographs above, and of the fakes below, what is inconclusive."""

Float = NDArray[np.float64]


def pack_training(
    run: str | Path,
    out: str | Path,
    *,
    evaluations: Sequence[str | Path] = (),
    baselines: Sequence[tuple[str, str | Path]] = (),
    runs: str | Path | None = None,
    data: str = "",
    limits: str = "",
    command: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Make weights that ship of a training from photographs.

    The photographs held out of it, and fakes of them, at crops of `SIDES`, calibrate the logit (Platt 1999: a factor
    and an offset, folded into the last layer, so that 0 is an even chance), set the band in which it is inconclusive,
    and measure what rounding to eight bits costs.

    Parameters
    ----------
    run : str or Path
        Folder of a training with `TrainConfig.simulate`.
    out : str or Path
        Ends in ``.safetensors``; the model card is written beside it.
    evaluations : sequence of str or Path
        Folders that `EvaluationStudy.save` wrote; their numbers go into the card.
    baselines : sequence of (str, str or Path)
        Names and folders of the same kind, for what the detector is set beside; a name may have several.
    runs : str or Path, optional
        A table (CSV) of the runs that were made; its rows go into the card.
    data, limits : str
        For the card, in words: which photographs, under which licences; where it fails.
    command : str, optional
    overwrite : bool
    progress : bool

    Returns
    -------
    dict
        The card, JSON values.

    Raises
    ------
    ValueError
        The folder holds no training from photographs, or `out` exists.
    FileNotFoundError
        The folder, a photograph or an evaluation is not there.
    """
    place = Path(out)
    for path in (place, place.with_suffix(".json")):
        if path.exists() and not overwrite:
            raise ValueError(f"overwrite must be set to replace {path}, which exists")
    measured = [_measured(Path(folder)) for folder in evaluations]
    beside: dict[str, list[dict[str, Any]]] = {}
    for name, folder in baselines:
        beside.setdefault(name, []).extend(_measured(Path(folder))["generators"])
    run_rows = [] if runs is None else read_runs(runs)
    detector = load_detector(Path(run) / "detector.safetensors")
    config, about = _trained(Path(run))
    logits, fake = _validation_logits(detector, config, progress=progress)
    model = LogisticRegression(C=1e6).fit(logits[:, None], fake)
    factor, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
    calibrated = _calibrated(detector, factor, offset)
    source = {"trained_as": weights_sha256(detector), "factor": repr(factor), "offset": repr(offset)}
    place.with_suffix(".json").unlink(missing_ok=True)  # the card goes first and comes last
    save_detector(calibrated, place, quantise=True, metadata=source)
    rounded, _ = _validation_logits(load_detector(place), config, progress=progress)
    logits = factor * logits + offset
    band = sorted((float(np.quantile(logits[fake], ERROR)), float(np.quantile(logits[~fake], 1 - ERROR))))
    card = {
        "name": place.stem,
        "sha256": hashlib.sha256(place.read_bytes()).hexdigest(),
        "about": "ResNet-50 trained on photographs and fakes made of them at random; has seen no generator's image",
        "data": data,
        "limits": limits,
        "training": {"parameters": _without_places(config), "inputs": about["inputs"], "epochs": _epochs(Path(run))},
        "calibration": {"images": len(fake), "crops": list(SIDES), "factor": factor, "offset": offset},
        "thresholds": {"inconclusive": band, "error": ERROR},
        "validation": {
            "ap": float(average_precision_score(fake, logits)),
            "ap_8_bits": float(average_precision_score(fake, rounded)),
            "greatest_change_of_a_logit": float(np.abs(rounded - logits).max()),
        },
        "measured": measured,
        "baselines": beside,
        "runs": run_rows,
        "made": manifest({}, inputs={}, command=command, also=DETECTOR_LIBRARIES),
    }
    write_json(place.with_suffix(".json"), card)
    return card


def _trained(run: Path) -> tuple[TrainConfig, dict[str, Any]]:
    try:
        about: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        config = TrainConfig.from_json(about["parameters"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{run} holds no training: {error}") from error
    if not config.simulate:
        raise ValueError(f"{run} is not a training from photographs: it did not simulate fakes")
    if config.validation:
        raise ValueError(f"{run} was validated on other images: no photograph was held out to calibrate it on")
    return config, about


def _without_places(config: TrainConfig) -> dict[str, Any]:
    """The parameters; of folders, which lie elsewhere for whom reads the card, only the names."""
    parameters = config.to_json()
    for key in parameters.keys() & {"sources", "validation", "real"}:
        parameters[key] = [Path(source).name for source in parameters[key]]
    return parameters


def _epochs(run: Path) -> int:
    return len((run / "epochs.csv").read_text(encoding="utf-8").splitlines()) - 1


@torch.no_grad()
def _validation_logits(detector: Detector, config: TrainConfig, *, progress: bool) -> tuple[Float, NDArray[np.bool_]]:
    """Logits of the photographs held out and of fakes of them, the same ones each time."""
    data = index_configured(config)
    draws = draws_of(pair_up(data.validation))
    logits: list[float] = []
    fake: list[bool] = []
    total = len(SIDES) * len(data.validation)
    with tqdm(total=total, desc="calibrate", unit="image", delay=2, disable=None if progress else True) as bar:
        for side in SIDES:
            simulated = Simulated(replace(config, crop=side).window(), config.faker())
            images = AugmentedImages(data.validation, Crop(side), (config.seed, 3, side), draws, simulate=simulated)
            for image, is_fake in map(images.__getitem__, range(len(images))):
                logits.append(float(detector.logits([image])[0]))
                fake.append(is_fake)
                bar.update(1)
    return np.array(logits), np.array(fake)


def _calibrated(detector: Detector, factor: float, offset: float) -> Detector:
    """Fold factor and offset of the logit into the last layer."""
    calibrated = copy.deepcopy(detector)
    last: Any = calibrated.network.fc
    with torch.no_grad():
        last.weight.mul_(factor)
        last.bias.mul_(factor).add_(offset)
    return calibrated


def _measured(folder: Path) -> dict[str, Any]:
    """What a model card says of an evaluation."""
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    names = (
        "generator",
        "real",
        "fake",
        "ap",
        "ap_low",
        "ap_high",
        "auc",
        "real_accuracy",
        "fake_accuracy",
        "tpr_at_5",
    )
    rows = [{name: row[name] for name in names if name in row} for row in evaluation["generators"]]
    return {"crop": evaluation["crop"], "mean_ap": evaluation["mean_ap"], "generators": rows}
