"""Questions asked of detectors' scores. What needs torch or scikit-learn is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freqforensics.lazy import lazy_names

_HOME = {
    "Ablation": "ablation",
    "AgainstPhotographs": "photographs",
    "Association": "association",
    "Associations": "association",
    "Evaluation": "evaluate",
    "FakenessStudy": "fakeness",
    "FalseAlarms": "false_alarms",
    "GeneratorEvaluation": "evaluate",
    "Interval": "metrics",
    "LeastFake": "association",
    "Metrics": "metrics",
    "NaturalModel": "niqe",
    "PUBLISHED_AP": "published",
    "PhotographScores": "photographs",
    "QualityScore": "quality",
    "QualityTable": "quality",
    "Robustness": "robustness",
    "SWEEPS": "sweeps",
    "Summary": "summary",
    "Sweep": "sweeps",
    "W20_GENERATORS": "published",
    "WAYS": "ways",
    "Way": "ways",
    "are_miniatures": "evaluate",
    "as_score": "quality",
    "associate": "association",
    "binomial_interval": "metrics",
    "bootstrap_interval": "metrics",
    "class_mean_ap": "metrics",
    "count_false_alarms": "false_alarms",
    "decision_threshold": "photographs",
    "evaluate_logits": "metrics",
    "evaluate_tables": "evaluate",
    "fit_natural_model": "niqe",
    "fit_temperature": "metrics",
    "fit_threshold": "metrics",
    "least_fake_of": "association",
    "mean_ap": "published",
    "mean_over_seeds": "metrics",
    "measure_quality": "quality",
    "ranking_interval": "intervals",
    "run_ablation": "ablation",
    "score_ways": "ways",
    "study_fakeness": "fakeness",
    "summarise": "summary",
    "sweep_robustness": "robustness",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from freqforensics.evaluation.ablation import Ablation as Ablation, run_ablation as run_ablation
    from freqforensics.evaluation.association import (
        Association as Association,
        Associations as Associations,
        LeastFake as LeastFake,
        associate as associate,
        least_fake_of as least_fake_of,
    )
    from freqforensics.evaluation.evaluate import (
        Evaluation as Evaluation,
        GeneratorEvaluation as GeneratorEvaluation,
        are_miniatures as are_miniatures,
        evaluate_tables as evaluate_tables,
    )
    from freqforensics.evaluation.fakeness import (
        FakenessStudy as FakenessStudy,
        study_fakeness as study_fakeness,
    )
    from freqforensics.evaluation.false_alarms import (
        FalseAlarms as FalseAlarms,
        count_false_alarms as count_false_alarms,
    )
    from freqforensics.evaluation.intervals import ranking_interval as ranking_interval
    from freqforensics.evaluation.metrics import (
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
    from freqforensics.evaluation.niqe import (
        NaturalModel as NaturalModel,
        fit_natural_model as fit_natural_model,
    )
    from freqforensics.evaluation.photographs import (
        AgainstPhotographs as AgainstPhotographs,
        PhotographScores as PhotographScores,
        decision_threshold as decision_threshold,
    )
    from freqforensics.evaluation.published import (
        PUBLISHED_AP as PUBLISHED_AP,
        W20_GENERATORS as W20_GENERATORS,
        mean_ap as mean_ap,
    )
    from freqforensics.evaluation.quality import (
        QualityScore as QualityScore,
        QualityTable as QualityTable,
        as_score as as_score,
        measure_quality as measure_quality,
    )
    from freqforensics.evaluation.robustness import Robustness as Robustness, sweep_robustness as sweep_robustness
    from freqforensics.evaluation.summary import (
        Summary as Summary,
        summarise as summarise,
    )
    from freqforensics.evaluation.sweeps import SWEEPS as SWEEPS, Sweep as Sweep
    from freqforensics.evaluation.ways import (
        WAYS as WAYS,
        Way as Way,
        score_ways as score_ways,
    )


__getattr__ = lazy_names(__name__, _HOME, globals())
