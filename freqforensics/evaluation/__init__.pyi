from .evaluate import (
    Evaluation as Evaluation,
    GeneratorEvaluation as GeneratorEvaluation,
    are_miniatures as are_miniatures,
    evaluate_tables as evaluate_tables,
    stored_miniatures as stored_miniatures,
)
from .false_alarms import FalseAlarms as FalseAlarms, count_false_alarms as count_false_alarms
from .intervals import ranking_interval as ranking_interval
from .metrics import (
    Interval as Interval,
    Metrics as Metrics,
    binomial_interval as binomial_interval,
    bootstrap_interval as bootstrap_interval,
    class_mean_ap as class_mean_ap,
    evaluate_logits as evaluate_logits,
    fit_temperature as fit_temperature,
    fit_threshold as fit_threshold,
    mean_over_seeds as mean_over_seeds,
)
from .photographs import (
    AgainstPhotographs as AgainstPhotographs,
    PhotographScores as PhotographScores,
    decision_threshold as decision_threshold,
)
from .published import PUBLISHED_AP as PUBLISHED_AP, W20_GENERATORS as W20_GENERATORS, mean_ap as mean_ap
from .robustness import Robustness as Robustness, sweep_robustness as sweep_robustness
from .sweeps import SWEEPS as SWEEPS, Sweep as Sweep
from .ways import WAYS as WAYS, Way as Way, score_ways as score_ways
