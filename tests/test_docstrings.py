"""What every public function says of itself, by numpydoc's rules.

PR01: every parameter is listed. PR07, RT03: every parameter and return value that is listed is described. SS03, SS05: a
summary ends with a full stop and does not begin with a verb in the third person.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import freqforensics

RULES = {"PR01", "PR07", "RT03", "SS03", "SS05"}


def public(generated):
    """Every public function and class, by its home."""
    return {
        name.home: name.value
        for room in ("", *generated.ROOMS)
        for name in generated.exported(room)
        if name.kind != "data"
    }


def members(generated):
    for home, value in public(generated).items():
        if not getattr(value, "_is_protocol", False):  # nobody calls the constructor of a protocol
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
        broken += [f"{name}: {words}" for code, words in validate(name)["errors"] if code in RULES]
    assert not broken, "\n".join(broken)


def test_many_public_names_have_an_example_that_runs(generated):
    """The examples themselves run with the tests (--doctest-modules); one that is skipped does not count."""
    parser = doctest.DocTestParser()
    with_example = [
        name
        for name, value in public(generated).items()
        if any(not example.options.get(doctest.SKIP) for example in parser.get_examples(value.__doc__ or ""))
    ]
    assert len(with_example) >= 140, with_example


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
