"""What can be held of the house rules: which way imports run, and who may do what."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "freqforensics"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# Which rooms and top-level modules a room may import, besides itself. `spectra` reads files in one module only.
MAY_IMPORT = {
    "devices": set(),
    "lazy": set(),
    "unfinished": set(),
    "destinations": {"unfinished"},
    "provenance": {"destinations", "unfinished"},
    "engine": set(),
    "archives": set(),
    "tables": {"provenance"},
    "proportions": set(),
    "images": {"proportions"},
    "spectra": {"provenance"},
    "spectra/files.py": {"engine", "images", "provenance"},
    "generators": {"images", "provenance", "spectra"},
    "detector": {"engine", "generators", "images", "provenance", "spectra"},
    "attribution": {"detector", "engine", "images", "provenance", "spectra"},
    "evaluation": {
        "attribution",
        "detector",
        "engine",
        "generators",
        "images",
        "proportions",
        "provenance",
        "spectra",
    },
    "figures": {
        "commonality",
        "finding",
        "attribution",
        "detector",
        "evaluation",
        "generators",
        "images",
        "provenance",
        "spectra",
    },
    "finding": {"attribution", "detector", "spectra"},
    "judging": {"detector", "finding", "images"},
    "explaining": {"attribution", "detector", "finding", "judging", "population", "spectra"},
    "report": {"attribution", "figures", "finding", "images", "provenance"},
    "auditing": {"engine", "figures", "images", "provenance", "spectra"},
    "commonality": {"spectra"},
    "comparing": {"commonality", "figures", "images", "provenance", "spectra"},
    "origins": {"commonality", "comparing", "figures", "provenance", "spectra"},
    "calibrated": {"detector", "finding"},
    "population": {"detector", "images", "spectra"},
    "inspection": {
        "attribution",
        "detector",
        "explaining",
        "finding",
        "judging",
        "images",
        "provenance",
        "report",
        "spectra",
    },
    "survey": {"engine", "figures", "images", "provenance", "spectra"},
    "relating": {"calibrated", "detector", "evaluation", "figures", "images", "provenance"},
    "lattices": {"engine", "figures", "generators", "images", "provenance", "spectra"},
    "explore": {"attribution", "detector", "figures", "images", "judging", "spectra"},
    "experiments": {"detector", "evaluation", "figures", "images", "provenance"},
    "false_alarms": {"detector", "engine", "evaluation", "figures", "images", "provenance"},
    "packing": {"detector", "images", "provenance"},
    "doctor": {"detector", "engine"},
    "gallery": {
        "demo",
        "detector",
        "evaluation",
        "experiments",
        "figures",
        "generators",
        "images",
        "provenance",
        "relating",
        "report",
        "spectra",
        "survey",
    },
    "showcase": {
        "calibrated",
        "comparing",
        "demo",
        "detector",
        "evaluation",
        "experiments",
        "generators",
        "images",
        "inspection",
        "provenance",
        "report",
        "spectra",
        "survey",
    },
    "demo": {"engine", "generators", "images", "provenance", "spectra"},
    "cli": None,  # all
    "__main__": {"cli"},
}
# Who alone imports a library.
ONLY_IN = {"matplotlib": {"figures"}, "typer": {"cli"}, "dask": {"engine"}, "distributed": {"engine"}}
FORBIDDEN_NAMES = {"types.py", "utils.py", "config.py", "common.py", "helpers.py", "misc.py"}


def imports(path: Path) -> set[str]:
    """Full names of the modules a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def rooms(path: Path) -> set[str]:
    names = {name.split(".")[1] for name in imports(path) if name.startswith("freqforensics.")}
    return names - {"__version__", "archives", "destinations", "devices", "lazy", "tables", "unfinished"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_run_one_way(path):
    relative = path.relative_to(PACKAGE)
    if relative.as_posix() == "__init__.py":
        return
    room = relative.parts[0].removesuffix(".py")
    # A room's front door lists what its modules define.
    allowed = MAY_IMPORT.get(relative.as_posix(), MAY_IMPORT[room])
    if allowed is not None:
        assert rooms(path) - {room} <= allowed


def test_no_module_imports_itself_in_a_circle():
    graph = {}
    for path in MODULES:
        name = ".".join(("freqforensics", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        graph[name] = imports(path)
    modules = set(graph)
    graph = {name: {target for target in targets if target in modules} for name, targets in graph.items()}
    graph["freqforensics"] = set()  # lazy

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above, name))
        for target in graph[name]:
            visit(target, (*above, name))

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(("library", "homes"), ONLY_IN.items())
def test_a_library_has_one_home(library, homes):
    users = {
        path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for path in MODULES
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert users <= homes


def test_only_the_command_line_prints_or_exits():
    for path in MODULES:
        if path.relative_to(PACKAGE).parts[0] in ("cli", "__main__.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
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
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
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

    from freqforensics import gallery, showcase, spectra, survey
    from freqforensics.cli import detecting, everyday, gallery as gallery_commands, scoring, spectral
    from freqforensics.detector import everyday_recipe, inference, recipe, resnet, score, training_set, views, weights
    from freqforensics.evaluation import ablation
    from freqforensics.images.augmentation import RECIPES

    for name in ("Crop", "Residual", "Channel", "Window", "Normalisation"):
        assert getattr(spectral, name) == getattr(spectra, name)
    assert spectral.LabelChoice == survey.LabelChoice
    assert detecting.Input == resnet.InputKind
    assert detecting.ImbalanceChoice == training_set.Imbalance
    assert detecting.ScoreCrop == scoring.ScoreCrop == score.ScoreCrop
    assert detecting.AblationAxis == ablation.Axis
    assert scoring.Engine == inference.Engine
    assert scoring.DEFAULT_WEIGHTS == weights.DEFAULT
    assert scoring.DEFAULT_CROP == views.DEFAULT_CROP
    assert inspect.signature(score.score_files).parameters["crop"].default == views.DEFAULT_CROP
    assert detecting.DecayChoice == recipe.Decay
    assert get_args(detecting.Recipe) == RECIPES
    assert get_args(everyday.Part) == tuple(everyday_recipe.PARTS)
    assert gallery_commands.GALLERY_PARTS == gallery.PARTS
    assert spectral.DEMO_PARTS == showcase.PARTS
    words = {str(word) for kind in get_args(_PRECISION_INPUT) for word in get_args(kind)}
    assert set(recipe.PRECISIONS) == words
