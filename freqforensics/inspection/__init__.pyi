from .finding import Finding as Finding, finding_json as finding_json, finding_schema as finding_schema
from .inspection import inspect as inspect
from .parts import (
    Changes as Changes,
    Comparison as Comparison,
    DetectorParts as DetectorParts,
    Explanation as Explanation,
    ImageScore as ImageScore,
    InspectedImage as InspectedImage,
    Inspection as Inspection,
    LeftOut as LeftOut,
    LineValue as LineValue,
    MapTests as MapTests,
    PhotographRate as PhotographRate,
    ScoredView as ScoredView,
)
from .score import JudgedImage as JudgedImage, judge_image as judge_image
