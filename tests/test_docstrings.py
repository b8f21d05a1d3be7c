"""What every public function says of itself, by numpydoc's rules.

PR07, RT03: every parameter and return value that is listed is described. SS03, SS05: a summary ends with a full stop
and does not begin with a verb in the third person. PR01: where parameters are listed, all are; a function of one
line may do without.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import freqforensics

RULES = {"PR07", "RT03", "SS03", "SS05"}


def members(generated):
    homes = {
        one.home: one.value for room in ("", *generated.ROOMS) for one in generated.exported(room) if one.kind != "data"
    }
    for home, value in homes.items():
        yield home
        if isinstance(value, type):
            for name, member in vars(value).items():
                if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                    yield f"{home}.{name}"


@pytest.mark.long
def test_docstrings_describe_what_they_list(generated):
    validate = pytest.importorskip("numpydoc.validate").validate
    broken = []
    names = list(members(generated))
    assert len(names) > 500
    for name in names:
        result = validate(name)
        broken += [
            f"{name}: {words}"
            for code, words in result["errors"]
            if code in RULES or (code == "PR01" and "Parameters\n-----" in result["docstring"])
        ]
    assert not broken, "\n".join(broken)


def test_descriptions_stand_by_themselves():
    """None completes the parameter's name ("Of the file"), and none only refers ("As for `score_files`")."""
    package = Path(freqforensics.__file__).parent
    broken = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in sorted(package.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"^ +(Of [a-z].*|As for `\w+`\.)$", line)
    ]
    assert not broken, "\n".join(broken)
