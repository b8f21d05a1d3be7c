"""Findings made by hand, which no network had to be asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from freqforensics.attribution.outcomes import (
    Badge,
    BandValue,
    Counterfactual,
    Deletion,
    FlippingSet,
    OtherCause,
    Randomisation,
    ScoreCurve,
    TileScores,
)
from freqforensics.detector.used_weights import UsedWeights
from freqforensics.detector.verdict import Thresholds
from freqforensics.inspection.finding import Finding
from freqforensics.inspection.parts import (
    Changes,
    Comparison,
    DetectorParts,
    Explanation,
    ImageScore,
    InspectedImage,
    Inspection,
    LineValue,
    MapTests,
    PhotographRate,
    ScoredView,
)
from freqforensics.spectra.population import PERCENTILES, Nearest, Standing

SIDE = 96
SETTINGS = {
    "region": None,
    "baseline": None,
    "fast": False,
    "seed": 0,
    "low": 0.5,
    "high": 2.0,
    "freqforensics": "0.0",
}


def notched(what, after, p_value, *, null_mean=-0.1, z=-6.5, null_energy=0.02):
    return Counterfactual("notch", what, 3.25, after, after + 0.5, 0.021, 100, null_mean, 0.25, z, p_value, null_energy)


def hand_made():
    """Give a finding of evidence with every part filled, of a fused detector."""
    rng = np.random.default_rng(0)
    frequencies = tuple((number + 0.5) / 32 for number in range(16))
    percentiles = tuple(tuple(-20.0 - number + 2 * row for number in range(16)) for row in range(len(PERCENTILES)))
    return Finding(
        inspection=Inspection("0.0", UsedWeights("hand", "ab" * 32, "parts", "Made by hand."), SETTINGS, "cd" * 32),
        image=InspectedImage("photo.jpg", "ef" * 32, 640, 480, "JPEG", 90, "4:2:0", ("its last rows are missing",)),
        score=ImageScore(
            verdict="evidence",
            domain="bars cut off",
            thresholds=Thresholds(0.5, 2.0, "10% and 1% of 2,400 photographs"),
            logit=3.5,
            rate=4 / 2401,
            rate_of=PhotographRate(3, 2400, "JPEG 4:2:0, large"),
            region=(0, 32, 640, 416),
            views=tuple(ScoredView((x, 32, SIDE, SIDE), logit) for x, logit in ((0, 3.0), (96, 3.5), (192, 4.0))),
            view=1,
            parts=DetectorParts({"local": 3.25, "coherence": 0.25}, "local"),
        ),
        explanation=Explanation(
            baseline="smooth",
            logit=3.25,
            baseline_logit=-0.75,
            gap=4.0,
            delta=0.015,
            steps=16,
            bands=tuple(BandValue(n / 16, (n + 1) / 16 if n < 7 else 1.0, 0.25 * n - 0.375) for n in range(8)),
            shapley=tuple(BandValue(n / 16, (n + 1) / 16 if n < 7 else 1.0, 0.5) for n in range(8)),
            lines=(
                LineValue(0.5, 0.5, 1.25, ("JPEG's 8x8 blocks", "colour interpolation")),
                LineValue(0.25, 0.0, 0.75, ()),
            ),
            complexity=12,
            stability=0.25,
        ),
        tests=MapTests(
            Deletion((1, 2), 3.25, -1.0, (2.0, 1.0), (2.5, 2.0), ((3.0, 2.5),) * 10, (0.0, 1.0), ((-1.0, 0.0),) * 10),
            {
                "frequencies": Randomisation(("fc", "stem"), (0.5, 0.1)),
                "pixels": Randomisation(("fc", "stem"), (0.6, 0.4)),
            },
            {
                "path": Badge(True, ()),
                "frequencies": Badge(True, ()),
                "pixels": Badge(False, ("random weights draw a similar map (Spearman 0.40, limit 0.3)",)),
            },
        ),
        changes=Changes(
            (
                notched("the frequency that counts most, (1/2, 1/2)", 1.0, 0.01),
                notched("the lattice of 1/2", 2.0, 0.3, z=None),
                Counterfactual("band", "0 to 0.125 cycles per pixel", 3.25, 3.0, 3.0, 4.5),
            ),
            FlippingSet(((0.5, 0.5), (0.25, 0.0)), 2.0, 1.75),
            True,
            (
                ScoreCurve("jpeg", "JPEG quality (4:2:0)", (100.0, 95.0, 90.0), (3.5, 2.5, 1.5), 92.5, 2.0),
                ScoreCurve("blur", "Gaussian blur: sigma (pixels)", (0.0, 0.5), (3.5, 1.0), 0.3, 2.0),
                ScoreCurve("resize", "resize, antialiased: factor", (1.0, 0.9), (3.5, 3.0), None, 2.0),
                ScoreCurve("crop", "pixels cut off above and to the left", (0.0, 1.0), (3.5, 1.5), 0.75, 2.0),
            ),
            TileScores(48, ((3.0, 2.0), (1.0, 4.0))),
        ),
        comparison=Comparison(
            Standing(frequencies, percentiles[2], percentiles, 0.25),
            Nearest("biggan", 0.02, (("biggan", 0.75), ("dcgan", 0.1)), 99),
            (
                OtherCause("JPEG", True, "A JPEG file of quality 90."),
                OtherCause("lattice of tiles", True, "The lattice test: an upsampling by 2."),
                OtherCause("resampling", None, "Too small."),
                OtherCause("colour interpolation", False, "None."),
            ),
        ),
        maps={
            "image": rng.integers(0, 256, (480, 640, 3), np.uint8),
            "view": rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8),
            "pixels": rng.normal(0, 1e-3, (SIDE, SIDE)).astype(np.float32),
            "frequencies": rng.normal(0, 0.1, (32, 32)),
            "cosines": rng.normal(0, 0.1, (8, 8)),
            "sensitivity": rng.uniform(0.1, 1, (SIDE, SIDE)).astype(np.float32),
            "cam": rng.normal(0, 0.1, (6, 6)),
            "occlusion": rng.normal(0, 0.1, (SIDE, SIDE)).astype(np.float32),
            "wavelet smooth": rng.normal(0, 0.1, (12, 12)).astype(np.float32),
            **{
                f"wavelet {kind} {level}": rng.normal(0, 0.01, (SIDE >> level, SIDE >> level)).astype(np.float32)
                for level in (1, 2, 3)
                for kind in ("horizontal", "vertical", "diagonal")
            },
        },
    )


def unjudged():
    """Give a finding of an image that cannot be judged."""
    finding = hand_made()
    score = ImageScore("cannot-judge", "uniform: no residual to look at", finding.score.thresholds)
    return Finding(finding.inspection, finding.image, score, maps={"image": finding.maps["image"]})


def with_parts(finding, **parts):
    """Give a finding some of whose parts have other values: ``with_parts(finding, score={"logit": 1.0})``."""
    return replace(finding, **{name: replace(getattr(finding, name), **values) for name, values in parts.items()})


def variants():
    """Give findings that between them take every branch of the page's sentences, by name."""
    base = hand_made()
    score, changes, nearest = base.score, base.changes, base.comparison.nearest
    single = {"views": score.views[1:2], "view": 0, "parts": None}
    uncalibrated = {"rate": None, "rate_of": None, "probability": 0.97}
    flat = replace(base.comparison.standing, levels=(-400.0,) * 16)
    failed = Badge(False, ("weights do not matter", "nor images"))
    weak = notched("weak lines", 3.0, 0.01, null_mean=-2.0, z=15.0)
    chance = notched("a lattice", 3.2, 0.3)
    explained = {"baseline": "incoherent", "complexity": 1, "stability": None}
    return {
        "evidence": base,
        "unjudged": unjudged(),
        "small": with_parts(unjudged(), image={"width": 100, "height": 40}),
        "single": with_parts(base, score={**single, "domain": ""}, explanation=explained),
        "whole": with_parts(
            base,
            image={"name": "", "notes": ()},
            score={
                **single,
                **uncalibrated,
                "region": (0, 0, 640, 480),
                "views": (ScoredView((0, 0, 640, 480), 3.5),),
                "domain": "",
            },
            inspection={"weights": UsedWeights("", "ab" * 32, "residual", "")},
        ),
        "none": with_parts(
            base,
            score={**uncalibrated, "verdict": "none", "logit": -3.0},
            changes={"flip": None, "flip_sought": False, "counterfactuals": (weak,)},
            comparison={"nearest": replace(nearest, name=None)},
        ),
        "inconclusive": with_parts(
            base,
            score={
                "verdict": "inconclusive",
                "rate_of": PhotographRate(0, 30, "any"),
                "thresholds": Thresholds(0.5, np.inf, "few"),
            },
            changes={"flip": None, "flip_sought": False, "counterfactuals": (chance,)},
            comparison={"nearest": replace(nearest, name=None), "causes": ()},
        ),
        "between": with_parts(
            base,
            score={**uncalibrated, "verdict": "inconclusive", "logit": 1.0},
            explanation={"baseline": "median", "lines": (), "complexity": 0},
            changes={"counterfactuals": ()},
            comparison={"nearest": None},
        ),
        "unflipped": with_parts(
            base,
            score={"rate_of": PhotographRate(1, 340, "WebP"), "rate": 2 / 341},
            explanation={"baseline": "natural", "gap": -4.0},
            changes={
                "flip": None,
                "curves": tuple(replace(c, flip=None, logits=(3.5,) * len(c.values)) for c in changes.curves),
                "counterfactuals": (notched("all", 5.0, 0.04, z=None, null_energy=0.001),),
            },
            comparison={"nearest": replace(nearest, name=None)},
            tests={"badges": {**base.tests.badges, "frequencies": failed}},
        ),
        "one-frequency": with_parts(
            base,
            explanation={"baseline": "grey"},
            changes={"flip": FlippingSet(((0.5, 0.5),), 2.0, 1.5), "counterfactuals": (chance,)},
            comparison={
                "nearest": replace(nearest, name=None, p_value=0.5),
                "standing": replace(base.comparison.standing, outside=0.05),
            },
        ),
        "few-photographs": with_parts(
            base,
            explanation={"baseline": "black"},
            score={"rate_of": PhotographRate(300, 400, "any"), "rate": 301 / 401},
            comparison={"nearest": replace(nearest, name=None, images=5), "standing": None},
        ),
        "no-generators": with_parts(
            base, comparison={"nearest": replace(nearest, name=None, likeness=())}, tests={"deletion": None}
        ),
        "flat-middle": with_parts(base, comparison={"standing": flat}),
        "uniform": with_parts(base, explanation={"lines": ()}, comparison={"standing": flat}),
    }
