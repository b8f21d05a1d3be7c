from .ablation import plot_ablation as plot_ablation
from .evaluate import plot_evaluation as plot_evaluation
from .false_alarms import plot_false_alarms as plot_false_alarms
from .plane import (
    PlotKind as PlotKind,
    plot_spectrum as plot_spectrum,
    scale_label as scale_label,
    spectrum_limits as spectrum_limits,
)
from .profiles import plot_profiles as plot_profiles
from .robustness import plot_robustness as plot_robustness
from .spectrum import plot_fingerprints as plot_fingerprints
from .style import OKABE_ITO as OKABE_ITO, new_figure as new_figure, save_figure as save_figure
from .upsampling import plot_lattices as plot_lattices
