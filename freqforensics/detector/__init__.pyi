from .calibrated import open_detector as open_detector
from .checkpoint import (
    CheckpointError as CheckpointError,
    load_detector as load_detector,
    save_detector as save_detector,
)
from .fetch import fetch_weights as fetch_weights
from .inference import weights_sha256 as weights_sha256
from .resnet import (
    Detector as Detector,
    InputKind as InputKind,
    attribution_safe as attribution_safe,
    make_detector as make_detector,
    prepare_input as prepare_input,
)
from .score import score_files as score_files
from .score_table import ScoreTable as ScoreTable
from .weights import (
    WeightsError as WeightsError,
    find_weights as find_weights,
    verify_weights as verify_weights,
)
from .wrap import WrappedDetector as WrappedDetector, wrap as wrap
