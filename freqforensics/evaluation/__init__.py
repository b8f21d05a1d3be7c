"""Questions asked of detectors' scores. What needs torch or scikit-learn is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freqforensics.lazy import lazy_names

_HOME = {
    "Ablation": "ablation",
    "Evaluation": "evaluate",
    "GeneratorEvaluation": "evaluate",
    "Interval": "metrics",
    "Metrics": "metrics",
    "PUBLISHED_AP": "published",
    "Robustness": "robustness",
    "SWEEPS": "robustness",
    "Sweep": "robustness",
    "W20_GENERATORS": "published",
    "are_miniatures": "evaluate",
    "bootstrap_interval": "metrics",
    "class_mean_ap": "metrics",
    "evaluate_logits": "metrics",
    "evaluate_tables": "evaluate",
    "fit_temperature": "metrics",
    "fit_threshold": "metrics",
    "mean_ap": "published",
    "mean_over_seeds": "metrics",
    "run_ablation": "ablation",
    "sweep_robustness": "robustness",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from freqforensics.evaluation.ablation import Ablation as Ablation, run_ablation as run_ablation
    from freqforensics.evaluation.evaluate import (
        Evaluation as Evaluation,
        GeneratorEvaluation as GeneratorEvaluation,
        are_miniatures as are_miniatures,
        evaluate_tables as evaluate_tables,
    )
    from freqforensics.evaluation.metrics import (
        Interval as Interval,
        Metrics as Metrics,
        bootstrap_interval as bootstrap_interval,
        class_mean_ap as class_mean_ap,
        evaluate_logits as evaluate_logits,
        fit_temperature as fit_temperature,
        fit_threshold as fit_threshold,
        mean_over_seeds as mean_over_seeds,
    )
    from freqforensics.evaluation.published import (
        PUBLISHED_AP as PUBLISHED_AP,
        W20_GENERATORS as W20_GENERATORS,
        mean_ap as mean_ap,
    )
    from freqforensics.evaluation.robustness import (
        SWEEPS as SWEEPS,
        Robustness as Robustness,
        Sweep as Sweep,
        sweep_robustness as sweep_robustness,
    )


__getattr__ = lazy_names(__name__, _HOME, globals())
