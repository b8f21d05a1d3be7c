from .augmentation import (
    RECIPES as RECIPES,
    W20_RECIPES as W20_RECIPES,
    W20_TEST as W20_TEST,
    W20_VALIDATION as W20_VALIDATION,
    augmentation as augmentation,
    double_jpeg as double_jpeg,
    social as social,
    validation_augmentation as validation_augmentation,
    w20_training as w20_training,
    w20_validation as w20_validation,
)
from .canvases import (
    Border as Border,
    Canvas as Canvas,
    Caption as Caption,
    Collage as Collage,
    Letterbox as Letterbox,
    Region as Region,
)
from .carriers import (
    ALL as ALL,
    AS_IS as AS_IS,
    CARRIERS as CARRIERS,
    GIF as GIF,
    CutGrid as CutGrid,
    Denoise as Denoise,
    FitWithin as FitWithin,
    Grey as Grey,
    chosen_carriers as chosen_carriers,
)
from .compression import (
    AVIF as AVIF,
    JPEG as JPEG,
    ChromaSubsampling as ChromaSubsampling,
    Subsampling as Subsampling,
    WebP as WebP,
)
from .perturb import (
    Blur as Blur,
    Chain as Chain,
    Crop as Crop,
    Flip as Flip,
    Interpolation as Interpolation,
    OneOf as OneOf,
    Perturbation as Perturbation,
    Resize as Resize,
    ResizeShorter as ResizeShorter,
    Sharpen as Sharpen,
    Sometimes as Sometimes,
    Variant as Variant,
)
from .screens import ChatScreenshot as ChatScreenshot, TextPage as TextPage
