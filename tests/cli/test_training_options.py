"""Options of train and ablate: presets, what overrides them, and former spellings, down to the configuration."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from freqforensics.cli.spellings import respelled
from freqforensics.cli.training_options import ChosenTraining, with_training_options
from freqforensics.training.recipe import TrainConfig


def configured(*arguments: str, command: str = "train") -> TrainConfig:
    """What a command line comes to, parsed as train and ablate parse theirs."""
    parsed: list[TrainConfig] = []
    app = typer.Typer()

    @app.command()
    @with_training_options
    def only(training: ChosenTraining) -> None:
        parsed.append(training.options.config(training.chosen))

    result = CliRunner().invoke(app, respelled(command, arguments))
    assert result.exception is None, result.output
    return parsed[0]


def test_without_options_the_configuration_is_the_default_one():
    assert configured("photos") == TrainConfig(("photos",))


@pytest.mark.parametrize("preset", ["shipped", "w20", "w20-sound"])
def test_a_preset_is_the_librarys(preset):
    assert configured("a", "b", "--preset", preset) == TrainConfig.preset(preset, sources=["a", "b"])


def test_options_override_a_preset_wherever_they_stand():
    expected = TrainConfig.preset("shipped", sources=["a"], epochs=3, input="rgb", align=("mixup",), recipe="no-aug")
    options = ("--epochs", "3", "--input", "rgb", "--align", "mixup", "--recipe", "no-aug")
    assert configured("--preset", "shipped", "a", *options) == expected
    assert configured(*options, "a", "--preset", "shipped") == expected
    # An option with the value of its default is given, too.
    assert configured("a", "--preset", "shipped", "--ramp", "0").ramp == 0
    assert configured("a", "--preset", "shipped", "--align", "none").align == ()


def test_labels_and_a_real_side_are_part_of_the_configuration():
    config = configured("a", "--labels", "real=Photos,fake=diffusion", "--real", "b", "--real", "c")
    assert config == TrainConfig(("a",), labels={"photos": "real", "diffusion": "fake"}, real=("b", "c"))
    assert TrainConfig.from_json(config.to_json()) == config
    sources, validation = config.chosen_sources()
    assert (sources.paths, sources.real, validation.paths) == (("a",), ("b", "c"), ())
    assert dict(sources.labels) == dict(validation.labels) == {"photos": "real", "diffusion": "fake"}
    assert not {"labels", "real"} & set(configured("a").to_json())  # which folders of earlier trainings do not have


def test_lists_are_given_by_commas_or_by_repeating():
    for kinds in (("--simulate", "miniature,polyphase"), ("--simulate", "miniature", "--simulate", "polyphase")):
        assert configured("a", *kinds).simulate == ("miniature", "polyphase")
    assert configured("a", "--classes", "4").classes == 4
    assert configured("a", "--classes", "cat, dog").classes == ("cat", "dog")
    assert configured("a", "--validation", "b", "--validation", "c").validation == ("b", "c")


@pytest.mark.parametrize("command", ["train", "ablate"])
def test_as_published_is_what_it_was(command, capsys):
    """The former flag brought no augmentation; what stands beside it counts, before or behind."""
    published = TrainConfig(("a",), variant="as_published", resize=256)
    assert configured("a", "--as-published", command=command) == published
    assert "--as-published is called --preset w20 --recipe no-aug now" in capsys.readouterr().err
    for arguments in (("--recipe", "blur", "--as-published"), ("--as-published", "--recipe=blur")):
        assert configured("a", *arguments, command=command).recipe == "blur"
    assert configured("a", "--resize", "300", "--as-published", command=command).resize == 300


@pytest.mark.parametrize(
    ("command", "former", "today"),
    [
        ("train", ["a", "--shelf", "mine"], ["a", "--miniatures", "mine"]),
        ("ablate", ["--seeds", "2", "--scored=center"], ["--runs", "2", "--view=center"]),
        (
            "train-everyday",
            ["--pairs", "t=2", "--calibrate", "c"],
            ["--trees", "t=2", "--calibration-photographs", "c"],
        ),
        ("weights pack", ["run", "--runs", "t.csv"], ["run", "--run-table", "t.csv"]),
        ("weights card", ["--runs=t.csv"], ["--run-table=t.csv"]),
        ("train", ["a", "--pairs"], ["a", "--pairs"]),
    ],
)
def test_former_spellings_keep_their_values(command, former, today, capsys):
    assert respelled(command, former) == today
    changed = [word for word in former if word not in today]
    assert len(capsys.readouterr().err.splitlines()) == len(changed)
