from .ablation import plot_ablation as plot_ablation
from .audit import plot_audit as plot_audit
from .compare import (
    plot_learning as plot_learning,
    plot_origins as plot_origins,
    plot_shared as plot_shared,
    plot_similarities as plot_similarities,
)
from .drawings import Drawing as Drawing, draw as draw, drawing as drawing
from .evaluate import plot_evaluation as plot_evaluation
from .explore import plot_labels as plot_labels, plot_notched as plot_notched
from .false_alarms import plot_false_alarms as plot_false_alarms
from .pair import plot_pair as plot_pair
from .plane import PlotKind as PlotKind, plot_spectrum as plot_spectrum, spectrum_limits as spectrum_limits
from .profiles import plot_profiles as plot_profiles
from .quality import (
    plot_forest as plot_forest,
    plot_least as plot_least,
    plot_percentiles as plot_percentiles,
    plot_scatter as plot_scatter,
)
from .robustness import plot_robustness as plot_robustness
from .score import (
    plot_calibration as plot_calibration,
    plot_population as plot_population,
    plot_scores as plot_scores,
)
from .spectrum import plot_fingerprints as plot_fingerprints
from .style import new_figure as new_figure, save_figure as save_figure
from .upsampling import plot_evidence as plot_evidence, plot_lattices as plot_lattices
