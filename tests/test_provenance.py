from __future__ import annotations

import json

import numpy as np
import pytest

import freqforensics
from freqforensics.provenance import manifest, replacing, result_folder, write_json


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


def test_a_result_folder_appears_whole_or_not_at_all(tmp_path):
    out = tmp_path / "deep" / "out"

    def fill(*names: str, fail: bool = False, overwrite: bool = False) -> None:
        with result_folder(out, overwrite=overwrite) as made:
            for name in names:
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_text(name)
            write_json(made / "manifest.json", {"a": 1})
            if fail:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill("x.txt", fail=True)
    assert list(tmp_path.rglob("*")) == [tmp_path / "deep"]

    fill("x.txt", "sub/y.txt")
    assert json.loads((out / "manifest.json").read_text()) == {"a": 1, "outputs": ["sub/y.txt", "x.txt"]}
    (out / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="is not empty: give --overwrite"):
        fill("x.txt")
    with pytest.raises(KeyboardInterrupt):
        fill("z.txt", fail=True, overwrite=True)
    fill("z.txt", overwrite=True)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()) == [
        "manifest.json",
        "mine.txt",
        "z.txt",
    ]
    with pytest.raises(ValueError, match="is a file"), result_folder(out / "mine.txt"):
        pass


def test_a_forged_manifest_removes_nothing_outside(tmp_path):
    out, other = tmp_path / "out", tmp_path / "precious.txt"
    other.write_text("keep")
    write_json(out / "manifest.json", {"outputs": ["../precious.txt", str(other), 3]})
    with result_folder(out, overwrite=True) as made:
        (made / "x.txt").write_text("")
    assert other.read_text() == "keep"
