"""Why an image was scored as it was. What needs torch is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freqforensics.lazy import lazy_names

_HOME = {
    "Badge": "faithfulness",
    "Counterfactual": "counterfactual",
    "Deletion": "faithfulness",
    "FlippingSet": "counterfactual",
    "Localisation": "localisation",
    "Randomisation": "faithfulness",
    "band_stops": "counterfactual",
    "cam_spectrum": "localisation",
    "exact_logits": "counterfactual",
    "flipping_set": "counterfactual",
    "fourier_deletion": "faithfulness",
    "lattice_lines": "notches",
    "lattice_localisation": "localisation",
    "lime_by_frequency": "localisation",
    "map_complexity": "properties",
    "max_sensitivity": "properties",
    "notch": "counterfactual",
    "notched": "notches",
    "occlusion_by_frequency": "localisation",
    "randomisation": "faithfulness",
    "ranked_lines": "notches",
    "region_blur": "counterfactual",
    "EIGHT_BANDS": "bases",
    "BandValue": "bases",
    "Baseline": "path",
    "PathGradient": "path",
    "PixelLogit": "differentiable",
    "band_shapley": "maps",
    "band_values": "bases",
    "baseline_image": "path",
    "cosine_map": "bases",
    "deep_lift": "maps",
    "fourier_map": "bases",
    "grad_cam": "maps",
    "integrate_path": "path",
    "occlusion_map": "maps",
    "pixel_map": "bases",
    "sensitivity_map": "sensitivity",
    "smoothed_map": "maps",
    "wavelet_maps": "bases",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from freqforensics.attribution.bases import (
        EIGHT_BANDS as EIGHT_BANDS,
        BandValue as BandValue,
        band_values as band_values,
        cosine_map as cosine_map,
        fourier_map as fourier_map,
        pixel_map as pixel_map,
        wavelet_maps as wavelet_maps,
    )
    from freqforensics.attribution.counterfactual import (
        Counterfactual as Counterfactual,
        FlippingSet as FlippingSet,
        band_stops as band_stops,
        exact_logits as exact_logits,
        flipping_set as flipping_set,
        notch as notch,
        region_blur as region_blur,
    )
    from freqforensics.attribution.differentiable import PixelLogit as PixelLogit
    from freqforensics.attribution.faithfulness import (
        Badge as Badge,
        Deletion as Deletion,
        Randomisation as Randomisation,
        fourier_deletion as fourier_deletion,
        randomisation as randomisation,
    )
    from freqforensics.attribution.localisation import (
        Localisation as Localisation,
        cam_spectrum as cam_spectrum,
        lattice_localisation as lattice_localisation,
        lime_by_frequency as lime_by_frequency,
        occlusion_by_frequency as occlusion_by_frequency,
    )
    from freqforensics.attribution.maps import (
        band_shapley as band_shapley,
        deep_lift as deep_lift,
        grad_cam as grad_cam,
        occlusion_map as occlusion_map,
        smoothed_map as smoothed_map,
    )
    from freqforensics.attribution.notches import (
        lattice_lines as lattice_lines,
        notched as notched,
        ranked_lines as ranked_lines,
    )
    from freqforensics.attribution.path import (
        Baseline as Baseline,
        PathGradient as PathGradient,
        baseline_image as baseline_image,
        integrate_path as integrate_path,
    )
    from freqforensics.attribution.properties import (
        map_complexity as map_complexity,
        max_sensitivity as max_sensitivity,
    )
    from freqforensics.attribution.sensitivity import sensitivity_map as sensitivity_map


__getattr__ = lazy_names(__name__, _HOME, globals())
