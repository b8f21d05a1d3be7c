from .fingerprint import (
    Cluster as Cluster,
    Fingerprint as Fingerprint,
    Similarity as Similarity,
    clusters as clusters,
    shared_map as shared_map,
    similarity as similarity,
)
from .grouping import Grouping as Grouping, group as group
from .measures import Measure as Measure
from .origin import Candidate as Candidate, KnownGenerators as KnownGenerators, Origin as Origin
from .stability import (
    Influence as Influence,
    LearningCurve as LearningCurve,
    influence as influence,
    learning_curve as learning_curve,
)
