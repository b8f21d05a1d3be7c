"""The README is one screen, its links lead somewhere, its commands parse, and its numbers are those of the tables."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest
from command import run
from pictures import write_tree

import freqforensics as ff

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, flags=re.M | re.S)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("freqforensics ")]


def leaves(command, name=""):
    for word, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from leaves(below, f"{name} {word}".strip())
    if not hasattr(command, "commands"):
        yield name, command


@pytest.fixture(scope="module")
def program():
    from typer.main import get_command

    from freqforensics.cli.app import app

    return get_command(app)


def rows(name: str) -> list[dict[str, str]]:
    with (ROOT / "figures" / "everyday" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_is_short():
    assert len(README.splitlines()) <= 200
    assert sum(bool(re.search(r"\w", word)) for word in README.split()) <= 900


def test_links_and_pictures_have_an_end():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README) + re.findall(r'<img src="([^"]+)"', README)
    assert len(targets) > 40
    assert not [target for target in targets if not (ROOT / target).exists()]
    assert all('alt="' in tag for tag in re.findall(r"<img [^>]+>", README))


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(program, line):
    words = shlex.split(line, comments=True)[1:]
    command = program.commands[words[0]]
    context = command.make_context(words[0], words[1:])
    assert context.params


def test_every_command_is_in_the_table(program):
    listed = re.findall(r"^\| [\w ]*\| \[`([\w-]+)`\]", README, flags=re.M)
    assert sorted(listed) == sorted({name.split()[0] for name, _ in leaves(program)})


def test_targets_of_make_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"\bmake ([a-z-]+)", " ".join(BLOCKS))
    assert {"demo", "test"} <= set(named)
    assert not [name for name in named if not re.search(rf"^{name}:", makefile, flags=re.M)]


@pytest.mark.long
def test_quick_commands_run(tmp_path, rng):
    """Those that average: `demo` and `inspect` take longer, and have tests of their own."""
    write_tree(tmp_path / "path" / "to" / "images", rng, ("dcgan",), count=8, shape=(128, 128))
    quick = [line for line in COMMANDS if line.split()[1] in ("spectrum", "upsampling")]
    assert len(quick) == 2
    for line in quick:
        ended = run(*shlex.split(line, comments=True)[1:], cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "results" / "fingerprints.png").exists()
    assert (tmp_path / "lattices" / "manifest.json").exists()


def test_the_python_runs(tmp_path, rng, monkeypatch, capsys):
    """The part on sets on small images; of the part on one image, the names."""
    (code,) = re.findall(r"^```python\n(.*?)^```", README, flags=re.M | re.S)
    sets, _, image = code.partition("\nfinding = ")
    assert image
    write_tree(tmp_path / "path" / "to" / "images", rng, ("dcgan",), count=8, shape=(64, 64))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(sets, "README.md", "exec"), names)
    assert len(names["spectra"]) == 2
    assert capsys.readouterr().out.count("dcgan") == 2
    compile(f"finding = {image}", "README.md", "exec")
    for name in re.findall(r"\bff\.(\w+)", image):
        assert callable(getattr(ff, name))


def test_false_alarms_are_those_of_the_table():
    table = {(row["source"], row["carrier"]): row for row in rows("false_alarms.csv")}
    everything = {carrier: row for (source, carrier), row in table.items() if source == "all sources"}
    whole = everything["as-is"]
    assert f"{whole['evidence']} of {whole['images']} ({100 * float(whole['evidence_rate']):.1f} %)" in README
    makers = table["cameras-held-out-makers", "as-is"]
    assert f"| {makers['evidence']} of {makers['images']} |" in README
    others = [row for carrier, row in everything.items() if carrier != "as-is"]
    assert f"any of {len(others)} carriers" in README
    assert f"at most {max(int(row['evidence']) for row in others)} of {whole['images']}" in README


def test_detection_is_that_of_the_table(generated):
    line = next(line for line in generated.everyday_markdown().splitlines() if "mean of the six" in line)
    ap, reencoded, jpeg, auc = re.findall(r"\*\*(0\.\d+)\*\*", line)
    for what, value in (
        ("mean AP, six held-out generators", ap),
        ("the same, both sides re-encoded as JPEG", reencoded),
        ("the same, fakes as JPEG 96", jpeg),
        ("**detection**: AUC against cameras, ten generators", f"{float(auc):.2f}"),
    ):
        assert f"| {what} | {value} |" in README
    published = generated.published_markdown()
    assert f"mean AP of 0.{published.split('**mean** |')[1].split('**')[3].replace('.', '')}" in README
