"""What can be held of the house rules: which way imports run, and who may do what."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "freqforensics"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

OURS = {".".join(("freqforensics", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in MODULES}

# The rooms from top to bottom: each may import those on the lines below it, never one above, nor one beside it.
LAYERS = """
__main__
cli
app
studies
report explore
figures
inspection training
attribution
evaluation quality
detector fingerprints generators
spectra
regions sources
perturbations
images
storage
runtime
_version
"""
FLOOR = {room: floor for floor, rooms in enumerate(LAYERS.split("\n")) for room in rooms.split()}
# Who alone imports a library.
ONLY_IN = {
    "matplotlib": {"figures"},
    "typer": {"cli"},
    "dask": {"runtime/cluster.py"},
    "distributed": {"runtime/cluster.py"},
    "fsspec": {"storage"},
    "starlette": {"app"},
    "uvicorn": {"app"},
}
# Texts that name a module and import nothing: what a stored part may hold, once somebody above has put it there.
NAMED_ONLY = {("runtime/parts.py", "freqforensics.storage.locations")}
NAMES_A_MODULE = re.compile(r"freqforensics(\.\w+)+\.?(:\w+)?")
FORBIDDEN_NAMES = {"types.py", "utils.py", "config.py", "common.py", "helpers.py", "misc.py"}


def named_modules(path: Path) -> set[str]:
    """Rooms and modules of the package that a file names in a text, as `import_module` takes them."""
    texts = {
        node.value
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMES_A_MODULE.fullmatch(node.value)
    }
    file = "/".join(path.parts[-2:])
    return {text.partition(":")[0].rstrip(".") for text in texts if (file, text) not in NAMED_ONLY}


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """The syntax of a file, whose parts several tests look at."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imports(path: Path) -> frozenset[str]:
    """Full names of the modules a file imports, wherever in it."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            # A module taken from its package needs nothing of the package's front.
            found |= names if names <= OURS else names | {node.module or ""}
    return frozenset(found)


def room_of(path: Path, package: Path) -> str:
    return path.relative_to(package).parts[0].removesuffix(".py")


def wrong_imports(package: Path) -> list[str]:
    """Imports of a package named freqforensics that do not run down."""
    wrong = []
    for path in sorted(package.rglob("*.py")):
        room = room_of(path, package)
        if room == "__init__":
            continue  # the front door
        imported = imports(path)
        if "freqforensics" in imported and room not in ("cli", "__main__"):
            wrong.append(f"{path.relative_to(package).as_posix()} imports the front door")
        names = {*(name for name in imported if name.startswith("freqforensics.")), *named_modules(path)}
        targets = {name.split(".")[1] for name in names} - {room}
        wrong += [
            f"{path.relative_to(package).as_posix()} imports {target}"
            for target in sorted(targets)
            if FLOOR.get(target, -1) <= FLOOR[room]
        ]
    return wrong


def test_imports_run_one_way():
    assert wrong_imports(PACKAGE) == []
    assert {room_of(path, PACKAGE) for path in MODULES} - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize(
    "line",
    [
        "from freqforensics.studies.compare import compare_study",
        "import freqforensics.cli.compare",
        "def late():\n    from freqforensics.figures import plot_spectrum",
        "from freqforensics import plot_spectrum",
        "import freqforensics",
        "import_module('freqforensics.report.notebook')",
        "PAGES = 'freqforensics.report.notebook:html_of'",
        "import_module(f'freqforensics.studies.{name}')",
    ],
)
def test_a_planted_import_upward_is_noticed(tmp_path, line):
    package = tmp_path / "freqforensics"
    (package / "spectra").mkdir(parents=True)
    (package / "spectra" / "peaks.py").write_text(f"import numpy\n{line}\n", encoding="utf-8")
    (package / "spectra" / "power.py").write_text("from freqforensics.images import read_image\n", encoding="utf-8")
    assert {line.split(" imports ")[0] for line in wrong_imports(package)} == {"spectra/peaks.py"}


def test_no_module_imports_itself_in_a_circle():
    graph = {}
    for path in MODULES:
        name = ".".join(("freqforensics", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        graph[name] = imports(path) - {"freqforensics"}
    graph = {name: targets & set(graph) for name, targets in graph.items()}
    assert list(TopologicalSorter(graph).static_order())  # CycleError names the circle


def test_fronts_of_rooms_import_nothing():
    """A name is imported when it is first used; the command line alone gathers its commands.

    The front door of the package tells results, which lie below, what draws them in Jupyter.
    """
    for path in PACKAGE.rglob("__init__.py"):
        if path.parent == PACKAGE:
            drawn = {"freqforensics.runtime.showing.draw_with", "freqforensics.report.notebook.html_of"}
            rooms = {name.rpartition(".")[0] for name in drawn}
            assert imports(path) <= {"lazy_loader", "typing", "typing.Any", *drawn, *rooms}, path
        elif path.parent.name != "cli":
            assert imports(path) <= {"lazy_loader"}, path


# Long studies, which write each part when it is there.
WRITTEN_BIT_BY_BIT = {"demo", "paper_figures"}
ENDS_WITH = {"notes", "skipped", "to_json", "save"}


def is_study(path: Path) -> bool:
    """Whether a module has `<name>_study`, which gives a frozen dataclass with all that a command ends with."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    study = functions.get(f"{path.stem}_study")
    returned = classes.get(ast.unparse(study.returns)) if study is not None and study.returns is not None else None
    if study is None or returned is None or not returned.name.endswith("Study"):
        return False
    members = {node.target.id for node in returned.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
    members |= {node.name for node in returned.body if isinstance(node, ast.FunctionDef)}
    frozen = any(ast.unparse(line).startswith("dataclass(frozen=True") for line in returned.decorator_list)
    return frozen and members >= ({"skipped"} if path.stem in WRITTEN_BIT_BY_BIT else ENDS_WITH)


def test_every_study_of_a_command_is_one():
    from typer.main import get_command

    from freqforensics.cli.app import app

    commands = {name.replace("-", "_") for name in get_command(app).commands}  # type: ignore[attr-defined]
    modules = [path for path in (PACKAGE / "studies").glob("*.py") if path.stem in commands]
    assert len(modules) >= 15
    assert [path.stem for path in modules if not is_study(path)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def spectrum_study(", "def study_spectrum("),
        ("frozen=True", "frozen=False"),
        ("def save(", "def write("),
        ("def skipped(", "def left_out("),
    ],
)
def test_a_study_that_is_none_is_noticed(tmp_path, old, new):
    text = (PACKAGE / "studies" / "spectrum.py").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "spectrum.py").write_text(text.replace(old, new), encoding="utf-8")
    assert is_study(PACKAGE / "studies" / "spectrum.py")
    assert not is_study(tmp_path / "spectrum.py")


@pytest.mark.parametrize(("library", "homes"), ONLY_IN.items())
def test_a_library_has_one_home(library, homes):
    users = {path for path in MODULES if any(name.split(".")[0] == library for name in imports(path))}
    outside = {path.relative_to(PACKAGE).as_posix() for path in users if room_of(path, PACKAGE) not in homes}
    assert outside <= homes


def test_only_the_command_line_prints_or_exits():
    for path in MODULES:
        if path.relative_to(PACKAGE).parts[0] in ("cli", "__main__.py"):
            continue
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                called = ast.unparse(node.func)
                assert called not in ("print", "exit", "quit", "sys.exit", "os._exit"), f"{path}:{node.lineno}"


def test_modules_stay_small_and_are_named_by_the_fields_nouns():
    for path in MODULES:
        assert path.name not in FORBIDDEN_NAMES
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 500, f"{path} has {lines} lines"


def test_options_of_public_functions_are_keyword_only():
    """Data is positional; whatever has a default, beyond the first two parameters, is not."""
    import inspect

    import freqforensics

    for name in freqforensics.__all__:
        value = getattr(freqforensics, name)
        if inspect.isfunction(value):
            positional = [
                parameter
                for parameter in inspect.signature(value).parameters.values()
                if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            ]
            assert len(positional) <= 2, name
            assert all(parameter.default is parameter.empty for parameter in positional[:1]), name


def test_every_public_name_is_documented():
    import inspect

    import freqforensics

    for name in freqforensics.__all__:
        value = getattr(freqforensics, name)
        if not isinstance(value, str):
            assert inspect.getdoc(value), name
            if inspect.isfunction(value) and inspect.signature(value).parameters:
                doc = inspect.getdoc(value) or ""
                assert "Parameters\n" in doc or ">>>" in doc or len(inspect.signature(value).parameters) == 1, name


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_the_package_loads_next_to_nothing():
    heavy = ("numpy", "scipy", "cv2", "PIL", "matplotlib", "torch", "skimage", "typer", "pandas")
    code = f"import sys, freqforensics; print([m for m in {heavy!r} if m in sys.modules])"
    assert run(code).strip() == "[]"


def test_spectra_load_neither_torch_nor_matplotlib():
    code = (
        "import sys; from freqforensics import mean_spectrum, radial_profile;"
        "print([m for m in ('torch', 'matplotlib', 'skimage', 'sklearn', 'pandas') if m in sys.modules])"
    )
    assert run(code).strip() == "[]"


def test_lazy_names_are_the_real_ones():
    import freqforensics

    assert set(freqforensics.__all__) <= set(dir(freqforensics))
    with pytest.raises(AttributeError, match="attribute nonsense"):
        _ = freqforensics.nonsense


def test_what_the_readmes_link_to_is_there_and_committed():
    """A picture that git ignores is missing in every clone."""
    root = PACKAGE.parent
    for page in (root / "README.md", root / "figures" / "README.md", root / "CHANGELOG.md"):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
            path = page.parent / target
            assert path.exists(), f"{page.name} links to {target}"
            if (root / ".git").exists():
                listed = subprocess.run(["git", "ls-files", str(path)], cwd=root, capture_output=True, text=True)
                assert listed.stdout.strip(), f"{target} is not committed"


def test_the_command_lines_choices_are_the_librarys():
    """They are written again in `cli`, for importing them would load numpy before --help is shown."""
    import inspect
    from typing import get_args

    from lightning_fabric.plugins.precision.precision import _PRECISION_INPUT

    from freqforensics import spectra
    from freqforensics.cli import (
        demo as demo_commands,
        options,
        paper_figures as gallery_commands,
        spectrum as spectral,
        train_everyday,
        training_options,
    )
    from freqforensics.detector import inference, resnet, score, weights
    from freqforensics.perturbations.augmentation import RECIPES
    from freqforensics.regions import views
    from freqforensics.studies import demo as showcase, paper_figures as gallery, spectrum as survey
    from freqforensics.training import everyday_recipe, recipe

    for name in ("Residual", "Channel", "Window", "Normalisation"):
        assert getattr(spectral, name) == getattr(spectra, name)
    assert spectral.Placement == spectra.Crop
    assert spectral.LabelChoice == survey.LabelChoice
    assert training_options.Input == resnet.InputKind
    assert training_options.ImbalanceChoice == recipe.Imbalance
    assert options.View == score.View
    assert options.Backend == inference.Backend
    assert options.DEFAULT_WEIGHTS == weights.DEFAULT
    assert options.DEFAULT_VIEW == views.DEFAULT_VIEW
    assert inspect.signature(score.score_files).parameters["view"].default == views.DEFAULT_VIEW
    assert training_options.DecayChoice == recipe.Decay
    assert training_options.Preset == recipe.Preset
    assert get_args(recipe.Preset) == tuple(recipe.PRESETS)
    plain = training_options.TrainingOptions(["photos"])
    assert plain.config(frozenset()) == plain.config(frozenset(vars(plain)) - {"align"})
    assert get_args(training_options.Recipe) == RECIPES
    assert get_args(train_everyday.Part) == tuple(everyday_recipe.PARTS)
    assert gallery_commands.PAPER_FIGURES_PARTS == gallery.PARTS
    assert demo_commands.DEMO_PARTS == showcase.PARTS
    words = {str(word) for kind in get_args(_PRECISION_INPUT) for word in get_args(kind)}
    assert set(recipe.PRECISIONS) == words
