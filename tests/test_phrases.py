"""Plain English: no phrase of `tests/phrases.txt` is in the pages, and none of those for everywhere is in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "freqforensics"


def rules() -> list[tuple[str, str, str]]:
    """Read all rules: section, pattern and remedy."""
    listed = []
    section = ""
    for line in (ROOT / "tests" / "phrases.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            pattern, _, remedy = line.partition(" => ")
            listed.append((section, pattern, remedy))
    return listed


RULES = rules()


def pages() -> list[Path]:
    """Return what people read: documentation, front matter, forms and the templates of reports."""
    top = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT")]
    docs = [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts]
    templates = (PACKAGE / "report" / "templates").iterdir()
    forms = (ROOT / ".github").rglob("*.[ym][md]*")
    return sorted(
        [
            *top,
            *docs,
            *forms,
            ROOT / "notebooks" / "README.md",
            *(p for p in templates if p.suffix in (".html", ".json")),
        ]
    )


def prose(path: Path) -> str:
    """Return the text of a file with code, addresses and templates' commands blanked, line by line as it was."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".md", ".html"):
        patterns = (r"^```(?!\{).*?^```", r"`[^`\n]+`", r"\]\([^)]+\)", r"\{#.*?#\}", r"\{%.*?%\}")
        for pattern in patterns:
            text = re.sub(pattern, lambda hit: re.sub(r"[^\n]", "_", hit[0]), text, flags=re.M | re.S)
    return text


def hits(pattern: str, paths: list[Path]) -> list[str]:
    """Return each place where a pattern is, also across the end of a line."""
    spaced = re.compile(pattern.replace(" ", r"\s+"), flags=re.I | re.M)
    return [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, hit.start()) + 1}: {' '.join(hit[0].split())}"
        for path, text in ((path, prose(path)) for path in paths)
        for hit in spaced.finditer(text)
    ]


@pytest.mark.parametrize(("section", "pattern", "remedy"), RULES)
def test_pages_have_none_of_the_phrases(section, pattern, remedy):
    found = hits(pattern, pages())
    assert not found, f"write {remedy!r}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "remedy"), [(pattern, remedy) for at, pattern, remedy in RULES if at == "everywhere"]
)
def test_the_code_has_none_of_the_phrases_for_everywhere(pattern, remedy):
    found = hits(pattern, sorted(PACKAGE.rglob("*.py")))
    assert not found, f"write {remedy!r}:\n" + "\n".join(found)


def test_a_phrase_is_found_across_lines_and_not_in_code(tmp_path, monkeypatch):
    monkeypatch.setitem(hits.__globals__, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("`but for`\n\n```sh\nbut for\n```\n\nAll but\nfor one.\nOf cats none.\n", encoding="utf-8")
    assert hits(r"\bbut for\b", [page]) == ["page.md:7: but for"]
    of = next(pattern for _, pattern, _ in RULES if "Of (?!" in pattern)
    assert hits(of, [page]) == ["page.md:9: Of c"]
    page.write_text("Of 58 tests, 5 pass. Of the tests, 5 pass. All of cats.\n", encoding="utf-8")
    assert hits(of, [page]) == []
