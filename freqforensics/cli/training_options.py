"""Options of a training, for train and ablate alike, and the TrainConfig that they become."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_type_hints

import typer

from freqforensics.cli.checks import check_sources
from freqforensics.cli.options import is_given, parsed_list, set_signature
from freqforensics.cli.sources import LabelsOption, RealOption, parsed_labels
from freqforensics.sources.selection import Sources

if TYPE_CHECKING:
    from freqforensics.training.recipe import TrainConfig

Preset = Literal["shipped", "w20", "w20-sound"]
Input = Literal["rgb", "residual", "coherence", "local"]
Recipe = Literal["no-aug", "blur", "jpeg", "blur+jpeg-0.5", "blur+jpeg-0.1", "laundering"]
DecayChoice = Literal["plateau", "cosine"]
ImbalanceChoice = Literal["error", "undersample", "allow"]

ReadingProcesses = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of processes that read images and make fakes.  "
        "[default: one for two processors, at most 4; up to 8 for a GPU]",
        min=0,
    ),
]

_FIELDS: Final = {"source": "sources", "miniatures": "shelf"}
"""Options whose parameter of TrainConfig has another name."""


@dataclass(frozen=True)
class TrainingOptions:
    """Options of a training, with the defaults of TrainConfig; those that are not given leave a preset as it is."""

    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Images to learn from: folders with train and val, or with 0_real and 1_fake.",
            show_default=False,
        ),
    ]
    preset: Annotated[
        Preset | None,
        typer.Option(
            help="Complete recipe, which other options override. shipped: that of miniature-resnet50, from photographs "
            "only. w20: that of Wang et al. 2020 with its quirks (blur in uint8, augmented validation, their early "
            "stop). w20-sound: the same without the quirks."
        ),
    ] = None
    validation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="Images to validate on. Repeatable.  [default: val folders, else --held-out]"
        ),
    ] = None
    held_out: Annotated[
        float,
        typer.Option(metavar="NUMBER", help="Share of the images to validate on where there are no others, 0 to 1."),
    ] = 0.1
    classes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N|NAME,...", help="Categories to learn from: their names, or the first N by name.  [default: all]"
        ),
    ] = None
    imbalance: Annotated[
        ImbalanceChoice, typer.Option(help="What to do if real and fake differ in number by more than a tenth.")
    ] = "error"
    recipe: Annotated[
        Recipe,
        typer.Option(help="Augmentation: one of Wang et al. 2020, or laundering, which is milder and has more kinds."),
    ] = "no-aug"
    resize: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Shorter side that images are resized to first, pixels.  [default: no resizing]"
        ),
    ] = None
    crop: Annotated[int, typer.Option(metavar="N", help="Side of the crops to learn from, pixels.")] = 224
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="Put real and fake images of one file name into one batch, with the same crop."),
    ] = False
    simulate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND,...",
            help="Learn from photographs and make fakes of them at random: miniature, polyphase or both.",
        ),
    ] = None
    align: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT,...",
            help="How simulated fakes are aligned to their photographs: radial, mixup, both or none.  "
            "[default: radial,mixup]",
        ),
    ] = None
    miniatures: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of miniatures for --simulate.  [default: those that ship]"),
    ] = None
    ramp: Annotated[
        int, typer.Option(metavar="N", help="Number of epochs until simulated fakes are hardest.", min=0)
    ] = 0
    ranking: Annotated[
        float,
        typer.Option(
            metavar="NUMBER", help="Weight of a loss that ranks each photograph below its simulated fake; 0: none."
        ),
    ] = 0.0
    input: Annotated[
        Input,
        typer.Option(
            help="Input of the network. rgb: the image. residual: the image minus its 5x5 median. coherence: the "
            "coherence of its tiles. local: the image minus its 3x3 median."
        ),
    ] = "rgb"
    early_down: Annotated[
        int,
        typer.Option(
            metavar="4|2|1",
            help="Down-sampling before the first residual stage. 4: as ResNet-50. 2: half of it. 1: none, with 16 "
            "times the work.",
        ),
    ] = 4
    band: Annotated[
        str | None,
        typer.Option(
            metavar="LOW:HIGH",
            help="Frequencies that the network sees, cycles per pixel. Either end may be omitted.  [default: all]",
        ),
    ] = None
    init: Annotated[
        str,
        typer.Option(
            metavar="imagenet|scratch|identity|FILE",
            help="Initial weights. imagenet: downloaded. scratch: random. identity: random, with every block the "
            "identity.",
        ),
    ] = "imagenet"
    batch: Annotated[int, typer.Option(metavar="N", help="Number of images in a step, over all processes.")] = 64
    passes: Annotated[
        int, typer.Option(metavar="N", help="Number of passes through the images in an epoch.", min=1)
    ] = 1
    learning_rate: Annotated[float, typer.Option(metavar="NUMBER", help="Initial learning rate of Adam.")] = 1e-4
    decay: Annotated[
        DecayChoice,
        typer.Option(
            help="Decay of the learning rate: when validation stops improving, or along a cosine to zero over --epochs."
        ),
    ] = "plateau"
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="At most N epochs.  [default: until early stopping]", min=1)
    ] = None
    precision: Annotated[
        str, typer.Option(metavar="TEXT", help="Precision of the arithmetic: 32-true, bf16-mixed, 16-mixed, ...")
    ] = "32-true"
    seed: Annotated[
        int,
        typer.Option(
            metavar="N", help="Random seed of weights, order and augmentation; the first of several runs.", min=0
        ),
    ] = 0

    labels: LabelsOption = None
    real: RealOption = None

    def sources(self) -> Sources:
        """Sources to learn from, with their labels."""
        return Sources(self.source, labels=parsed_labels(self.labels), real=self.real or ())

    def config(self, chosen: frozenset[str]) -> TrainConfig:
        """Give the configuration: the preset's, or the default one, with the options that were chosen."""
        from freqforensics.spectra import Band
        from freqforensics.training.recipe import TrainConfig

        values: dict[str, Any] = {
            **vars(self),
            "source": tuple(self.source),
            "validation": tuple(self.validation or ()),
            "classes": _parsed_classes(self.classes),
            "simulate": tuple(parsed_list(self.simulate)),
            "align": tuple(word for word in parsed_list(self.align) if word != "none"),
            "labels": parsed_labels(self.labels),
            "real": tuple(self.real or ()),
            "band": None if self.band is None else Band.parse(self.band),
        }
        options = {_FIELDS.get(name, name): values[name] for name in chosen | {"source"} if name != "preset"}
        return TrainConfig(**options) if self.preset is None else TrainConfig.preset(self.preset, **options)


@dataclass(frozen=True)
class ChosenTraining:
    """A training as the command line has it.

    Parameters
    ----------
    options : TrainingOptions
    chosen : frozenset of str
        Names of the options that were given.
    """

    options: TrainingOptions
    chosen: frozenset[str]

    @property
    def sources(self) -> list[str]:
        """Sources to learn from and to validate on."""
        return [*self.options.source, *(self.options.validation or ())]

    def config(self) -> TrainConfig:
        """Give the configuration, checked, with what it needs in place: weights to begin with, miniatures, sources."""
        config = self.options.config(self.chosen)
        from freqforensics.generators.randomised import miniature_files
        from freqforensics.training.folder import check_init

        check_init(config)
        if "miniature" in config.simulate:
            miniature_files(config.shelf)
        sources = self.options.sources()
        check_sources(sources, sources.alike(self.options.validation))
        return config


def with_training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all of `TrainingOptions` in place of its parameter ``training``, a ChosenTraining."""
    hints = get_type_hints(TrainingOptions, include_extras=True)
    training = [
        inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if item.default is MISSING else item.default,
            annotation=hints[item.name],
        )
        for item in fields(TrainingOptions)
    ]
    parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context), training[0]]
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if parameter.name == "training":
            parameters += training[1:]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    names = [item.name for item in fields(TrainingOptions)]

    @wraps(command)
    def run(*, context: typer.Context, **values: Any) -> None:
        options = TrainingOptions(**{name: values.pop(name) for name in names})
        chosen = frozenset(name for name in names if is_given(context, name))
        command(training=ChosenTraining(options, chosen), **values)

    set_signature(run, parameters)
    return run


def _parsed_classes(values: list[str] | None) -> int | tuple[str, ...] | None:
    if values is None:
        return None
    names = parsed_list(values)
    return int(names[0]) if len(names) == 1 and names[0].isdecimal() else tuple(names)
