"""The JSON of a finding: flat, as programs have read it before, and as its schema says."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
from credentials import signed
from findings import hand_made, unjudged, variants
from statements import PARAMETERS, camera_exif, jpeg_with, png_texts, saved, scene

from freqforensics.images import parse_testimony
from freqforensics.inspection.disagree import contradictions
from freqforensics.inspection.finding import FORMAT, finding_json, finding_schema

FINDINGS = Path(__file__).parent / "findings"
NEW = ("format", "testimony", "contradictions")


@pytest.mark.parametrize("name", ["evidence", "inconclusive", "unjudged"])
def test_the_json_is_that_of_the_version_without_parts(name):
    """The files were written by it; since then it has a new number, two further keys, and error rates."""
    values = json.loads(finding_json(variants()[name]))
    assert (values["testimony"], values["contradictions"]) == (None, [])
    assert values["weights"].pop("error_rates") is None
    values = {"format": 2, **{key: values[key] for key in values if key not in NEW}}
    assert json.dumps(values, indent=2) + "\n" == (FINDINGS / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", variants())
def test_the_json_is_what_its_schema_says(name):
    jsonschema.validate(json.loads(finding_json(variants()[name])), finding_schema())


@pytest.mark.long
def test_what_a_file_says_is_in_the_json_as_its_schema_says():
    testimonies = {
        "names a generator": png_texts({"parameters": PARAMETERS}),
        "edited": jpeg_with((0xE1, b"Exif\0\0" + camera_exif(software="GIMP", preview=saved(scene(7), "JPEG")))),
        "signed": signed() if find_spec("c2pa") and find_spec("cryptography") else saved(scene(), "WEBP"),
    }
    for data in testimonies.values():
        testimony = parse_testimony(data)
        finding = replace(unjudged(), testimony=testimony, contradictions=contradictions(testimony, "cannot-judge"))
        values = json.loads(finding_json(finding))
        assert values["format"] == FORMAT == 3
        assert values["testimony"] == json.loads(json.dumps(testimony.to_json()))
        jsonschema.validate(values, finding_schema())
        for part, key in (("testimony", "extra"), ("testimony", "implies")):
            broken = {**values, part: {**values[part], key: "perhaps"}}
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(broken, finding_schema())


@pytest.mark.long
def test_the_schema_holds():
    schema = finding_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    plain = json.loads(finding_json(hand_made()))
    # Views that are left out are listed where there are any.
    assert list(plain) == [key for key in schema["properties"] if key != "left_out"]
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
