"""The whole recipe of the everyday detector: two parts trained, fused, and calibrated; each stage is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Final

from freqforensics.detector.calibrate import AS_IS, calibrate_photographs, chosen_carriers
from freqforensics.detector.calibrated import CalibratedDetector, known_detector
from freqforensics.detector.calibration import Calibration
from freqforensics.detector.checkpoint import load_detector, save_detector
from freqforensics.detector.inference import weights_sha256
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.writing import write_json
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import index_sources
from freqforensics.training.everyday import EverydayConfig, SmallNetwork, train_everyday
from freqforensics.training.fusing import fuse_detectors

PARTS: Final[dict[str, SmallNetwork]] = {"local": "local", "coherence": "coherence-small"}
"""Parts of the fused detector, by name: their networks."""
NAME: Final = "everyday"
SCALED: Final = 100
"""Photographs, of those of the calibration, that put the parts on one scale."""


@dataclass(frozen=True, eq=False)
class EverydayRecipe:
    """The everyday detector: weights, calibration and model card.

    Parameters
    ----------
    folder : Path
        Holds ``everyday.safetensors``, ``everyday.npz``, ``everyday.json`` and a folder for each part.
    scales : dict of str to (float, float)
        Factor and offset of each part's logit.
    calibration : Calibration
    card : dict
        Model card, JSON values.
    failures : tuple of (str, str)
        Path and reason of every photograph that could not be scored.
    """

    folder: Path
    scales: dict[str, tuple[float, float]]
    calibration: Calibration
    card: dict[str, Any]
    failures: tuple[tuple[str, str], ...]


def make_everyday(
    config: EverydayConfig,
    calibration: SourcesLike,
    out: str | Path,
    *,
    parts: Sequence[str] = tuple(PARTS),
    trained: Mapping[str, str | Path] | None = None,
    each: int = 6,
    device: str = "auto",
    resume: bool = False,
    workers: int = 1,
    about: str = "",
    command: str | None = None,
    progress: bool = False,
) -> EverydayRecipe:
    """Train the parts, fuse them, and calibrate the whole.

    Parameters
    ----------
    config : EverydayConfig
        Configuration of every part, except for `network`.
    calibration : sequence of str or Path
        Photographs, as for `index_sources`, that are not among those of `config`: they give the scales and the
        rates, as they are and through every carrier.
    out : str or Path
        Folder for the parts, the fused weights, the calibration and the card.
    parts : sequence of str
        Parts to train, names of `PARTS`.
    trained : mapping of str to path, optional
        Weights of parts that are trained already.
    each : int
        Carriers that every photograph of the calibration is sent through, besides being scored as it is. Which ones
        changes from photograph to photograph, so that all carriers are seen about as often.
    device : str
        Device of torch that the parts are trained on, see `train_everyday`. Scores are computed on the CPU.
    resume : bool
        Keep the parts that are finished, and continue the one that is not.
    workers : int
        Number of processes that prepare batches, and of threads that score.
    about : str
        What the calibration photographs are, in words, for the card.
    command : str, optional
        Command line, for the manifest.
    progress : bool
        Show progress bars.

    Returns
    -------
    EverydayRecipe

    Raises
    ------
    ValueError, FileNotFoundError
        An unknown part; photographs of the calibration that are trained on; as `train_everyday`.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown or not parts:
        raise ValueError(f"parts must be of {', '.join(PARTS)}, got {', '.join(unknown) or 'none'}")
    folder = Path(out)
    records = [record for record in index_sources(calibration) if record.label != "fake"]
    learnt = {r.path.resolve() for source in config.photographs for r in index_sources([source.path])}
    both = learnt & {record.path.resolve() for record in records}
    if both:
        raise ValueError(f"{len(both)} photographs of the calibration are trained on, first {min(both).name}")
    detectors = {}
    for name in parts:
        part = Path((trained or {}).get(name, folder / name / "detector.safetensors"))
        if not (part.is_file() and (resume or name in (trained or {}))):
            train_everyday(
                replace(config, network=PARTS[name]),
                folder / name,
                device=device,
                resume=resume,
                workers=workers,
                command=command,
                progress=f"train {name}" if progress else None,
            )
        detectors[name] = load_detector(part)
    shares = share_carriers(records, each)
    few = share_carriers(records[:: max(1, len(records) // SCALED)], min(1, each))
    fused, scales = fuse_detectors(detectors, few, progress="scale" if progress else None)
    weights = folder / f"{NAME}.safetensors"
    (folder / f"{NAME}.json").unlink(missing_ok=True)  # the card goes first and comes last
    save_detector(fused, weights, halve=True)
    known = known_detector(load_detector(weights), name=NAME)
    calibrated, failures = _calibrate(shares, known, about, workers, progress)
    calibrated.save(folder / f"{NAME}.npz")
    card = {
        "name": NAME,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "scales": {name: list(scale) for name, scale in scales.items()},
        "calibration": {"photographs": len(records), "rows": len(calibrated.logits), "about": about},
        "training": {"parameters": _without_folders(config), "parts": list(parts)},
        "made": manifest(
            {}, inputs={"weights": weights_sha256(known.detector)}, command=command, also=DETECTOR_LIBRARIES
        ),
    }
    write_json(folder / f"{NAME}.json", card)
    return EverydayRecipe(folder, scales, calibrated, card, failures)


def _without_folders(config: EverydayConfig) -> dict[str, Any]:
    """The parameters; of sources only their names, for they lie elsewhere for whoever reads the card."""
    parameters = asdict(config)
    for key in ("photographs", "pairs"):
        parameters[key] = [
            {"name": Path(source["path"]).name, "weight": source["weight"]} for source in parameters[key]
        ]
    return parameters


def share_carriers(
    records: Sequence[ImageRecord], each: int
) -> dict[str, tuple[Perturbation | None, tuple[ImageRecord, ...]]]:
    """Share carriers out among photographs.

    Parameters
    ----------
    records : sequence of ImageRecord
        Photographs.
    each : int
        Number of carriers for each photograph, besides "as-is".

    Returns
    -------
    dict of str to (Perturbation or None, tuple of ImageRecord)
        What each carrier does, and the photographs that go through it. All of them go through "as-is".
    """
    carriers = chosen_carriers([AS_IS, "all"])
    count = len(carriers) - 1
    if not 0 <= each <= count:
        raise ValueError(f"each must lie between 0 and {count}, the number of carriers, got {each}")
    shared: dict[str, tuple[Perturbation | None, tuple[ImageRecord, ...]]] = {}
    for number, (name, carrier) in enumerate(carriers.items()):
        photographs = tuple(r for n, r in enumerate(records) if name == AS_IS or (n * each + number) % count < each)
        shared[name] = (carrier, photographs)
    return shared


def _calibrate(
    shares: Mapping[str, tuple[Perturbation | None, tuple[ImageRecord, ...]]],
    known: CalibratedDetector,
    about: str,
    workers: int,
    progress: bool,
) -> tuple[Calibration, tuple[tuple[str, str], ...]]:
    def calibrate(name: str) -> tuple[Calibration, tuple[tuple[str, str], ...]] | None:
        carrier, photographs = shares[name]
        bar = f"calibrate {name}" if progress else None
        try:
            return calibrate_photographs(photographs, known, carriers={name: carrier}, about=about, progress=bar)
        except ValueError:  # nothing that can be judged is left of any photograph, as of pages of text
            return None

    names = [name for name, (_, photographs) in shares.items() if photographs]
    with ThreadPoolExecutor(max(1, workers)) as pool:
        results = [result for result in pool.map(calibrate, names) if result is not None]
    if not results:
        raise ValueError("no photograph of the calibration can be judged")
    merged = reduce(Calibration.merged, (calibration for calibration, _ in results))
    return merged, tuple(failure for _, failures in results for failure in failures)
