from .association import (
    Association as Association,
    Associations as Associations,
    LeastFake as LeastFake,
    associate as associate,
    least_fake_of as least_fake_of,
)
from .fakeness import FakenessByQuality as FakenessByQuality, fakeness_by_quality as fakeness_by_quality
from .niqe import NaturalModel as NaturalModel, fit_natural_model as fit_natural_model
from .pooling import Summary as Summary, summarise as summarise
from .scores import (
    QualityScore as QualityScore,
    QualityTable as QualityTable,
    as_score as as_score,
    measure_quality as measure_quality,
)
