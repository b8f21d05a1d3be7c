"""The documentation says what there is: every option, every public name, and tests that exist.

The pages themselves are built by `make docs`, with warnings as errors; here only what they are made of is looked at.
"""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TEST_NAME = re.compile(r"`(?:tests/)?(?:\w+/)?(test_\w+\.py(?:::\w+)+)`")


@pytest.fixture(scope="module")
def reference(generated):
    """All pages of the reference, as they are given to Sphinx."""
    written = {page: generated.api_rst(page) for page in generated.ROOMS}
    for page in written:
        assert f"GENERATED {page}\n" in (DOCS / "api" / f"{page}.rst").read_text(encoding="utf-8")
    return "\n".join(written.values())


@cache
def names_in(path: Path) -> frozenset[str]:
    """Names as pytest has them, without parameters."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(f"{path.name}::{node.name}")
        elif isinstance(node, ast.ClassDef):
            names.update(
                f"{path.name}::{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)
            )
    return frozenset(names)


@pytest.mark.parametrize("page", ["theory.md", "reproduction.md"])
def test_tests_that_are_named_exist(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    named = TEST_NAME.findall(text)
    assert len(named) == text.count(".py::"), "a name of a test that is not written as one"
    known = frozenset().union(*(names_in(path) for path in (ROOT / "tests").rglob("test_*.py")))
    assert not sorted(set(named) - known)
    if page == "theory.md":
        assert len(set(named)) > 60


@pytest.mark.parametrize(
    ("page", "writer"),
    [
        ("false_alarms", "photographs_markdown"),
        ("false_alarms", "false_alarms_markdown"),
        ("detection", "everyday_markdown"),
    ],
)
def test_pages_of_results_have_the_numbers_of_the_tables(generated, page, writer):
    """They hold the tables themselves, for those who read them where nothing is generated."""
    assert getattr(generated, writer)().strip() in (DOCS / "results" / f"{page}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted(path.stem for path in (DOCS / "results").glob("*.md")))
def test_results_have_a_date_data_and_command(page):
    text = (DOCS / "results" / f"{page}.md").read_text(encoding="utf-8")
    if page not in ("index", "calibration"):  # a list; written by `make calibration`, which it names
        assert re.search(r"November 2026", text)
        assert re.search(r"`(tests|figures)/|make bench", text), "no table, script or test is named"
    assert f"\n{page}\n" in (DOCS / "results" / "index.md").read_text(encoding="utf-8") or page == "index"


def test_every_page_is_in_the_menu():
    pages = {
        path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md") if "_build" not in path.parts
    }
    listed = {"index"}
    for index in ("index.md", "results/index.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / index).read_text(encoding="utf-8"), flags=re.S):
            listed.update(
                (Path(index).parent / line).as_posix() for line in tree.splitlines() if line and line[0] != ":"
            )
    assert pages <= listed


def test_every_command_answers_a_question(generated):
    """`docs/which_command.md` leads to each of them."""
    text = (DOCS / "which_command.md").read_text(encoding="utf-8")
    for one in generated.commands():
        assert re.search(rf"`{one.name.split()[1]}[ `]", text), one.name


def test_every_option_is_in_the_reference(generated):
    text = generated.cli_markdown()
    # In place of what the generator walks: typer's own tree, asked once more.
    from typer.main import get_command

    from freqforensics.cli.app import app

    def leaves(command, name):
        for word, below in getattr(command, "commands", {}).items():
            yield from leaves(below, f"{name} {word}".strip())
        if not hasattr(command, "commands"):
            yield name, command

    sections = dict(re.findall(r"^## ([\w -]+)\n(.*?)(?=^## |\Z)", text, flags=re.M | re.S))
    commands = dict(leaves(get_command(app), ""))
    assert set(sections) == set(commands)
    assert {"spectrum", "weights list", "inspect", "train"} <= set(commands)
    for name, command in commands.items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                for option in (*parameter.opts, *parameter.secondary_opts):
                    assert re.search(rf"^(`[^`]+`, )*`{re.escape(option)}`", sections[name], flags=re.M), (name, option)
            else:
                assert f"`{parameter.metavar or parameter.name.upper()}" in sections[name].replace("[", ""), name
            assert parameter.help, f"{name} {parameter.name} has no help"
    assert "`center|tiles|random`" in sections["spectrum"]
    assert "default: `256`" in sections["spectrum"]
    assert "required" in sections["spectrum"]


def test_commands_in_pages_are_commands(generated):
    """Words, and options, of every line that begins with the program's name."""
    known = {
        one.name.split(maxsplit=1)[1]: {
            name for each in one.command.params for name in (*each.opts, *each.secondary_opts)
        }
        for one in generated.commands()
    }
    found = 0
    for path in (*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^(?:freqforensics|.*-m freqforensics) (?!-)(.*)$", text, flags=re.M):
            words = line.split("#")[0].split()
            name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
            assert name in known, f"{path.name}: {line}"
            unknown = {word for word in words if word.startswith("--")} - known[name]
            assert not unknown, f"{path.name}: {line}"
            found += 1
    assert found > 30


def test_every_public_name_is_in_the_reference_with_a_docstring(generated, reference):
    listed = re.findall(r"^\.\. (?:auto\w+|py:data):: (\S+)(?:\n   :module: (\S+))?", reference, flags=re.M)
    names = [f"{module}.{name}" if module else name for name, module in listed]
    assert len(names) == len(set(names)), "a name is there twice"
    for room in generated.ROOMS:
        for one in generated.exported(room):
            assert one.shown in names, room
            if one.kind == "data":
                assert generated.constant_doc(one.home), one.shown
            else:
                assert inspect.getdoc(one.value), one.shown
    front = generated.front_door_rst()
    for one in generated.exported(""):
        target = re.search(rf":py:\w+:`{one.shown.rpartition('.')[2]} <(.+?)>`", front)
        assert target is not None, one.shown
        assert target[1] in names, f"{one.shown} is linked to {target[1]}, which is not there"
        assert inspect.getdoc(one.value), one.shown


def test_a_constants_string_is_its_docstring(generated):
    assert generated.constant_doc("freqforensics.spectra.tiles.LEAST").startswith("Added to N R")
    assert "``'luma'``" in generated.constant_doc("freqforensics.spectra.spec.Channel")
    assert "``'progan'``" in generated.constant_doc("freqforensics.evaluation.published.W20_GENERATORS") or (
        "mAP" in generated.constant_doc("freqforensics.evaluation.published.W20_GENERATORS")
    )


def test_tables_of_numbers_have_the_numbers(generated):
    """Of the same files and constants, read once more."""
    published = generated.published_markdown()
    assert "| progan | 100.0 | 100.0 |" in published
    assert "| **mean** | **90.8** | **92.6** |" in published
    shipped = generated.shipped_markdown()
    lines = (ROOT / "figures" / "shipped" / "whole.csv").read_text(encoding="utf-8").splitlines()
    for line in lines[1:]:
        name, _, _, ap, *_ = line.split(",")
        assert re.search(rf"^\| {name}( \\\*)? \| .*\| {100 * float(ap):.1f} \| ", shipped, flags=re.M), name
    assert "**mean of 6** |  | **87.4** |  | **86.3**" in shipped
    ablations = generated.ablations_markdown()
    assert ablations.count("\n| augmentation: ") == 5


def test_pictures_are_linked_where_they_are_and_links_have_an_end():
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"```\{figure\} (\S+)", text) + re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
    assert not [path for path in DOCS.rglob("*.png") if "_build" not in path.parts], "figures lie in figures/, once"


def test_cells_of_tables_are_short():
    """A cell of more than 200 characters is a paragraph: it belongs below the table, or into a list."""
    pages = [
        path
        for path in (*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("*/README.md"))
        if "_build" not in path.parts
    ]
    long = [
        f"{path.relative_to(ROOT)}:{number}: {cell.strip()[:60]}"
        for path in pages
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.startswith("|")
        for cell in line.split("|")
        if len(cell.strip()) > 200
    ]
    assert len(pages) > 60
    assert not long
