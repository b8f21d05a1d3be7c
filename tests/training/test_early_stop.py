"""The schedule against a plain transcription of what the paper's code is described to do."""

from __future__ import annotations

import pytest

from freqforensics.training.early_stop import EarlyStop


def described(accuracies, rate=1e-4):
    """Reference, section 1: an object per phase, rates divided in place, the quirk included."""
    kept, rates = [], []
    best, counter, gain = None, 0, 0.001
    for epoch, accuracy in enumerate(accuracies):
        rates.append(rate)
        if best is None or not accuracy < best + gain:
            best, counter = accuracy, 0
            kept.append(epoch)
            continue
        counter += 1
        if counter == 5:
            rate = rate / 10
            if rate < 1e-6 * (1 - 1e-9):
                return kept, rates, epoch
            best, counter, gain = None, 0, 0.002
    return kept, rates, None


def walked(accuracies, variant):
    schedule, kept, rates = EarlyStop(1e-4, variant=variant), [], []
    for epoch, accuracy in enumerate(accuracies):
        rates.append(schedule.rate)
        schedule = schedule.after(accuracy)
        if schedule.improved:
            kept.append(epoch)
        if schedule.ended:
            return kept, rates, epoch
    return kept, rates, None


def test_as_published_is_what_is_described(rng):
    for _ in range(200):
        accuracies = (0.9 + 0.1 * rng.random(60).round(rng.integers(2, 5))).tolist()
        assert walked(accuracies, "as_published") == described(accuracies)


def test_the_sound_one_never_keeps_what_is_worse(rng):
    differ = 0
    for _ in range(50):
        accuracies = rng.random(60).tolist()
        kept, rates, _ = walked(accuracies, "sound")
        values = [accuracies[epoch] for epoch in kept]
        assert values == sorted(values)
        assert rates == sorted(rates, reverse=True)
        differ += kept != walked(accuracies, "as_published")[0]
    assert differ > 40


def test_three_phases_and_no_more():
    _, rates, ended = walked([0.9] + [0.5] * 40, "sound")
    assert rates == pytest.approx([1e-4] * 6 + [1e-5] * 5 + [1e-6] * 5)
    assert ended == 15
    over = EarlyStop(1e-6, best=1.0, waited=4).after(0.5)
    assert over.ended
    with pytest.raises(ValueError, match="training has ended"):
        over.after(0.9)
