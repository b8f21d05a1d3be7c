from __future__ import annotations

import json

import numpy as np
import pytest

import freqforensics
from freqforensics.provenance import manifest, replacing, write_json


def test_manifest_says_what_made_a_result_and_nothing_that_changes():
    about = manifest({"size": 64}, inputs={"sha256": "00"}, seed=3, command="freqforensics spectrum x")
    assert about["freqforensics"] == freqforensics.__version__
    assert about["libraries"]["numpy"] == np.__version__
    assert (about["parameters"], about["seed"], about["inputs"]) == ({"size": 64}, 3, {"sha256": "00"})
    assert about == manifest({"size": 64}, inputs={"sha256": "00"}, seed=3, command="freqforensics spectrum x")
    json.dumps(about)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "sub" / "x.json"
    write_json(target, {"a": 1})

    def break_off() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert json.loads(target.read_text()) == {"a": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(target, float("nan"))
    assert [path.name for path in target.parent.iterdir()] == ["x.json"]
    write_json(target, {"a": 2})
    assert json.loads(target.read_text()) == {"a": 2}
    plain = tmp_path / "plain"
    plain.write_text("")
    assert target.stat().st_mode == plain.stat().st_mode
