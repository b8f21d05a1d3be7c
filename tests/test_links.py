"""Every link inside the repository leads somewhere: files, headings, pictures, and paths that pages name as code.

Links to other sites are not followed: tests run without a network.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest

markdown_it = pytest.importorskip("markdown_it")

ROOT = Path(__file__).parents[1]
BELOW = [path for room in ("docs", "notebooks", "figures") for path in (ROOT / room).rglob("*.md")]
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *BELOW) if "_build" not in path.parts)
EXAMPLES = {"figures/brightness.py"}
"""Files that a page tells you to write."""
ROOMS = "docs|figures|freqforensics|notebooks|tests|benchmarks"
PARSER = markdown_it.MarkdownIt("commonmark").enable("table")


def tokens(path: Path):
    """Yield all tokens of a page, those inside a line too. What a colon fence or an include holds is not parsed."""
    for token in PARSER.parse(path.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and myst-parser write it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors of a page: headings, and targets in parentheses."""
    text = path.read_text(encoding="utf-8")
    parsed = PARSER.parse(text)
    headings = [after.content for token, after in pairwise(parsed) if token.type == "heading_open"]
    return {*map(slug, headings), *re.findall(r"^\(([\w-]+)\)=$", text, flags=re.M)}


def links(path: Path) -> list[str]:
    """Return the targets of links and pictures of a page, within the repository."""
    targets = []
    for token in tokens(path):
        if token.type in ("link_open", "image"):
            targets.append(str(token.attrs["href" if token.type == "link_open" else "src"]))
        elif token.type in ("html_block", "html_inline"):
            targets += re.findall(r"""(?:src|href)=["']([^"']+)""", token.content)
        elif token.type == "fence" and re.match(r"\{(figure|include)\}", token.info):
            targets.append(token.info.split()[1])
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def dead(path: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    broken = []
    for target in links(path):
        file, _, anchor = unquote(target).partition("#")
        # A page may name another without its suffix, and the rendered notebooks by their page.
        aim = (path.parent / file).resolve() if file else path
        choices = [aim, aim.with_name(f"{aim.name}.md")]
        here = next((choice for choice in choices if choice.exists()), None)
        if here is None or (anchor and here.suffix == ".md" and anchor not in anchors(here)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    assert not dead(path)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_are_named_exist(path):
    """Names in backticks, such as tables of results and the scripts that wrote them."""
    if path.name == "CHANGELOG.md":
        pytest.skip("it also names what is gone")
    code = [token.content for token in tokens(path) if token.type == "code_inline"]
    named = [hit[0] for text in code for hit in re.finditer(rf"(?<![\w/.-])(?:{ROOMS})/[\w./*-]*\w", text)]
    missing = [name for name in {*named} - EXAMPLES if not list(ROOT.glob(name)) and not list(path.parent.glob(name))]
    assert not missing


def test_dead_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# One heading, `code`\n\n(target)=\n## Two\n", encoding="utf-8")
    page.write_text(
        "[a](other.md) [b](other.md#one-heading-code) [c](other#target) [d](https://example.org/gone) [](#here)\n\n"
        "# Here\n\n[e](gone.md) [f](other.md#gone) ![g](gone.png)\n\n<img src='gone.svg'>\n\n"
        "```{figure} gone.jpg\n```\n\n| table |\n|---|\n| [h](gone/page.md) |\n\n`[code](gone)`\n",
        encoding="utf-8",
    )
    assert sorted(dead(page)) == ["gone.jpg", "gone.md", "gone.png", "gone.svg", "gone/page.md", "other.md#gone"]
