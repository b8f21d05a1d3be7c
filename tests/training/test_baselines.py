from __future__ import annotations

import json

import numpy as np
import pytest
from pictures import picture, write

from freqforensics.evaluation.evaluate import evaluate_tables
from freqforensics.perturbations.perturb import Blur
from freqforensics.sources.sources import index_sources
from freqforensics.studies.baselines import baselines_study
from freqforensics.training.baselines import LATTICE, fit_profiles, lattice_logit, profile_features, score_baseline
from freqforensics.training.recipe import TrainConfig


@pytest.mark.long
def test_a_lattice_in_one_image_is_found(rng):
    photos = [picture(rng, 128, 128) for _ in range(12)]
    grids = [np.clip(p + 6.0 * (np.indices((128, 128)).sum(0) % 2)[..., None], 0, 255).astype(np.uint8) for p in photos]
    without, with_grid = ([lattice_logit(image) for image in images] for images in (photos, grids))
    assert np.median(with_grid) > 3
    assert np.mean(np.array(without) > 2) < 0.2
    with pytest.raises(ValueError, match="at least 64x64 pixels, got 63x80"):
        lattice_logit(photos[0][:80, :63])


def test_profiles_are_of_power_relative_to_the_first_ring(rng):
    photo = picture(rng, 64, 80)
    features = profile_features(photo)
    assert features.shape == (16,)
    assert features[0] == 0
    # Half the contrast changes nothing but the constant under the logarithm; a blur lowers the high frequencies.
    noise = rng.integers(0, 200, (64, 64, 3)).astype(np.uint8)
    np.testing.assert_allclose(profile_features(noise // 2), profile_features(noise), atol=0.02)
    assert (profile_features(Blur(1.0)(noise))[8:] < profile_features(noise)[8:] - 2).all()


def test_profiles_tell_blurred_fakes(rng, tmp_path, monkeypatch):
    """The configuration's own window, fakes and augmentation: here every fake is a blurred photo."""
    from freqforensics.generators.randomised import Faker

    for index in range(16):
        write(tmp_path / "photos" / f"{index}.png", picture(rng, 120, 120))
    monkeypatch.setattr(Faker, "__call__", lambda self, photo, source: Blur(1.0)(photo))
    config = TrainConfig((str(tmp_path / "photos"),), held_out=0.2, crop=64, simulate=("polyphase",))
    classifier = fit_profiles(config)
    for side, blur in (("0_real", 0.0), ("1_fake", 1.0)):
        for index in range(10):
            write(tmp_path / "set" / side / f"{index}.png", Blur(blur)(picture(rng, 96, 96)))
    table = score_baseline(index_sources([tmp_path / "set"]), classifier.logit, name="profile", crop=64)
    assert evaluate_tables([table]).generators[0].metrics.ap > 0.95
    with pytest.raises(ValueError, match="must simulate"):
        fit_profiles(TrainConfig((str(tmp_path / "photos"),)))


def test_what_cannot_be_scored_is_listed(rng, tmp_path):
    write(tmp_path / "0_real" / "a.png", picture(rng, 64, 64))
    write(tmp_path / "1_fake" / "small.png", picture(rng, 40, 40))
    (tmp_path / "1_fake" / "b.png").write_bytes(b"no image")
    table = score_baseline(index_sources([tmp_path]), lattice_logit, name=LATTICE)
    assert [score.weights for score in table.scores] == [LATTICE]
    assert any("the lattice test needs" in reason for _, reason in table.failures)
    assert len(table.failures) == 2


@pytest.mark.long
def test_the_command_writes_a_folder_for_each(rng, tmp_path):
    for index in range(6):
        photo = picture(rng, 160, 160)
        write(tmp_path / "photos" / f"{index}.png", photo)
        write(tmp_path / "set" / "0_real" / f"{index}.png", photo[:128, :128])
        grid = photo.astype(int) + 12 * (np.indices((160, 160)).sum(0) % 2)[..., None]
        write(tmp_path / "set" / "1_fake" / f"{index}.png", np.clip(grid, 0, 255).astype(np.uint8)[:128, :128])
    study = baselines_study([tmp_path / "set"], photographs=[tmp_path / "photos"])
    study.save(tmp_path / "out")
    evaluations = study.evaluations
    assert not study.skipped
    assert list(evaluations) == ["lattice-test", "radial-profile"]
    assert evaluations["lattice-test"].generators[0].metrics.ap > 0.95
    for name in evaluations:
        assert {path.name for path in (tmp_path / "out" / name).iterdir()} >= {
            "evaluation.json",
            "ap.png",
            "scores.csv",
        }
    with pytest.raises(ValueError, match="overwrite"):
        study.save(tmp_path / "out")
    study.save(tmp_path / "out", overwrite=True)
    about = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert "radial-profile/scores.csv" in about["outputs"]
    assert (about["inputs"], about["parameters"]) == ({"images": 12}, {"crop": None, "limit": None})
