from .bases import (
    EIGHT_BANDS as EIGHT_BANDS,
    band_values as band_values,
    cosine_map as cosine_map,
    fourier_map as fourier_map,
    pixel_map as pixel_map,
    wavelet_maps as wavelet_maps,
)
from .counterfactual import (
    band_stops as band_stops,
    exact_logits as exact_logits,
    flipping_set as flipping_set,
    notch as notch,
    region_blur as region_blur,
)
from .differentiable import PixelLogit as PixelLogit
from .faithfulness import (
    fourier_deletion as fourier_deletion,
    randomisation as randomisation,
)
from .localisation import (
    Localisation as Localisation,
    cam_spectrum as cam_spectrum,
    lattice_localisation as lattice_localisation,
    lime_by_frequency as lime_by_frequency,
    occlusion_by_frequency as occlusion_by_frequency,
)
from .maps import (
    band_shapley as band_shapley,
    deep_lift as deep_lift,
    grad_cam as grad_cam,
    smoothed_map as smoothed_map,
)
from .notches import lattice_lines as lattice_lines, notched as notched, ranked_lines as ranked_lines
from .occlusion import occlusion_map as occlusion_map
from .outcomes import (
    Badge as Badge,
    BandValue as BandValue,
    Counterfactual as Counterfactual,
    Deletion as Deletion,
    FlippingSet as FlippingSet,
    Randomisation as Randomisation,
)
from .path import (
    Baseline as Baseline,
    PathGradient as PathGradient,
    baseline_image as baseline_image,
    integrate_path as integrate_path,
)
from .properties import map_complexity as map_complexity, max_sensitivity as max_sensitivity
from .sensitivity import sensitivity_map as sensitivity_map
