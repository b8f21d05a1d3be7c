"""Questions asked of detectors' scores."""

from freqforensics.evaluation.metrics import (
    Interval,
    Metrics,
    bootstrap_interval,
    class_mean_ap,
    evaluate_logits,
    fit_temperature,
    fit_threshold,
    mean_over_seeds,
)
from freqforensics.evaluation.published import PUBLISHED_AP, W20_GENERATORS, mean_ap

__all__ = [
    "PUBLISHED_AP",
    "W20_GENERATORS",
    "Interval",
    "Metrics",
    "bootstrap_interval",
    "class_mean_ap",
    "evaluate_logits",
    "fit_temperature",
    "fit_threshold",
    "mean_ap",
    "mean_over_seeds",
]
