"""The files around the package agree with each other: version, citation, changelog, workflows, forms."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import freqforensics

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

there = pytest.mark.skipif(not GITHUB.is_dir(), reason="an sdist has no .github")


def read(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version():
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == freqforensics.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["cff-version"] == "1.2.0"
    for work in (citation, *citation["references"]):
        assert work["title"]
        assert work["authors"]


def test_version_citation_and_changelog_agree():
    """Before the first release nothing is dated. From then on the version is the newest of the changelog."""
    citation = read(ROOT / "CITATION.cff")
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text, flags=re.M)
    if released:
        assert released[0] == (freqforensics.__version__, str(citation["date-released"]))
    else:
        assert "date-released" not in citation


def test_the_release_page_names_what_is_to_be_set():
    page = (ROOT / "docs" / "development" / "release.md").read_text(encoding="utf-8")
    for name in ("freqforensics/_version.py", "CITATION.cff", "CHANGELOG.md", "date-released"):
        assert f"`{name}`" in page
    assert ("[project.urls]" in page) != ("urls" in PROJECT), "the addresses are set: the page need not ask for them"


def test_the_changelog_has_versions_in_order():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *others = re.findall(r"^## (.+)$", text, flags=re.M)
    assert first == "[Unreleased]"
    dates = [re.fullmatch(r"\[\d+\.\d+\.\d+\] - (\d{4}-\d\d-\d\d)", head) for head in others]
    assert all(dates), others
    assert [date[1] for date in dates] == sorted((date[1] for date in dates), reverse=True)
    for section in re.findall(r"^### (.+)$", text, flags=re.M):
        assert re.match(r"(Added|Changed|Deprecated|Removed|Fixed|Security)\b", section), section


def test_all_is_the_sum_of_the_extras():
    (everything,) = PROJECT["optional-dependencies"]["all"]
    named = re.fullmatch(r"freqforensics\[(.*)\]", everything)
    assert set(named[1].split(",")) == set(PROJECT["optional-dependencies"]) - {"all", "dev", "docs"}


@there
def test_every_supported_python_is_tested_on_three_systems():
    matrix = read(GITHUB / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    supported = re.findall(r":: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert matrix["python"] == supported
    systems = {*matrix["os"], *(extra["os"] for extra in matrix["include"])}
    assert {system.split("-")[0] for system in systems} == {"ubuntu", "macos", "windows"}


@there
def test_workflows_ask_for_no_more_than_they_need():
    for path in (GITHUB / "workflows").glob("*.yml"):
        workflow = read(path)
        assert workflow["permissions"] == {"contents": "read"}, path.name
        for name, job in workflow["jobs"].items():
            if "write" in job.get("permissions", {}).values():
                assert name in ("deploy", "publish"), (path.name, name)
                assert job["environment"], "a person can hold it back"
        for target in re.findall(r"run: make ([a-z-]+)", path.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M), target


@there
@pytest.mark.parametrize(
    ("form", "asks"), [("bug", "freqforensics doctor"), ("false_alarm", "finding.json"), ("feature", "")]
)
def test_forms_ask_for_what_helps(form, asks):
    content = read(GITHUB / "ISSUE_TEMPLATE" / f"{form}.yml")
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert any(asks in field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields) or form == "feature"
