"""The JSON of a finding: flat, as programs have read it before, and as its schema says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from findings import hand_made, unjudged, variants

from freqforensics.inspection.finding import finding_json, finding_schema

FINDINGS = Path(__file__).parent / "findings"


@pytest.mark.parametrize("name", ["evidence", "inconclusive", "unjudged"])
def test_the_json_is_that_of_format_2_with_error_rates(name):
    """The files were written by the version that wrote format 2; what is new has a key of its own."""
    plain = json.loads(finding_json(variants()[name]))
    earlier = json.loads((FINDINGS / f"{name}.json").read_text(encoding="utf-8"))
    assert (plain.pop("format"), earlier.pop("format")) == (3, 2)
    assert plain["weights"].pop("error_rates") is None
    assert plain == earlier


@pytest.mark.parametrize("name", variants())
def test_the_json_is_what_its_schema_says(name):
    jsonschema.validate(json.loads(finding_json(variants()[name])), finding_schema())


def test_the_schema_holds():
    schema = finding_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    plain = json.loads(finding_json(hand_made()))
    assert list(plain) == list(schema["properties"])
    # Findings of before these were measured are still valid.
    del plain["attribution"]["complexity"], plain["attribution"]["stability"]
    for change in plain["counterfactuals"]:
        del change["null_energy"]
    jsonschema.validate(plain, schema)
    for key, value in (("logit", "high"), ("verdict", "perhaps"), ("extra", 1)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**plain, key: value}, schema)
    del plain["causes"]
    with pytest.raises(jsonschema.ValidationError, match="causes"):
        jsonschema.validate(plain, schema)


def test_what_is_not_explained_is_refused():
    finding = unjudged()
    assert (finding.verdict, finding.logit, finding.judged) == ("cannot-judge", None, False)
    with pytest.raises(ValueError, match="cannot be judged: uniform"):
        _ = finding.explained
