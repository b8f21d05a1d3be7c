"""Results to figures: one function for each, computing nothing, and the only room that imports matplotlib."""

from freqforensics.figures.ablation import plot_ablation
from freqforensics.figures.evaluation import plot_evaluation
from freqforensics.figures.false_alarms import plot_false_alarms
from freqforensics.figures.fingerprints import plot_fingerprints
from freqforensics.figures.lattices import plot_lattices
from freqforensics.figures.plane import PlotKind, plot_spectrum, scale_label, spectrum_limits
from freqforensics.figures.profiles import plot_profiles
from freqforensics.figures.robustness import plot_robustness
from freqforensics.figures.style import OKABE_ITO, new_figure, save_figure

__all__ = [
    "OKABE_ITO",
    "PlotKind",
    "new_figure",
    "plot_ablation",
    "plot_evaluation",
    "plot_false_alarms",
    "plot_fingerprints",
    "plot_lattices",
    "plot_profiles",
    "plot_robustness",
    "plot_spectrum",
    "save_figure",
    "scale_label",
    "spectrum_limits",
]
