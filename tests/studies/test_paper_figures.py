"""The figures by name: all are there, linked, and the same to the byte when made again."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from pictures import picture, write

from freqforensics.cli import main
from freqforensics.studies.paper_figures import paper_figures_study
from freqforensics.training.ablation import Ablation, AblationRow

pytestmark = pytest.mark.usefixtures("bare_pdf")

ROWS = tuple(
    AblationRow(value, 0, generator, 0.75, 0.5, 1.0, 0.625, 0.875, 12)
    for value in ("no-aug", "blur")
    for generator in ("one", "two")
)


def test_a_table_of_an_ablation_comes_back(tmp_path):
    Ablation("recipe", ROWS, (), {}).save(tmp_path)
    back = Ablation.load(tmp_path / "ablation.csv", axis="recipe", miniatures=True)
    assert (back.axis, back.rows, back.miniatures) == ("recipe", ROWS, True)
    with pytest.raises(ValueError, match=r"axis must .*got 'size'"):
        Ablation.load(tmp_path / "ablation.csv", axis="size")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"other\.csv is not a table of an ablation"):
        Ablation.load(tmp_path / "other.csv", axis="band")
    text = (tmp_path / "ablation.csv").read_text()
    (tmp_path / "bad.csv").write_text(text.replace("0.75", "much", 1))
    with pytest.raises(ValueError, match=r"bad\.csv is not a table of an ablation"):
        Ablation.load(tmp_path / "bad.csv", axis="band")


@pytest.mark.slow
def test_a_gallery_shows_what_it_links_to(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("onegan", "twogan"):
        for label in ("0_real", "1_fake"):
            for index in range(6):
                write(tmp_path / "in" / name / label / f"{index}.png", picture(rng, 64, 64))
    Ablation("recipe", ROWS, (), {}).save(tmp_path)
    out = tmp_path / "out"
    options = {"ablations": {"recipe": tmp_path / "ablation.csv"}, "crop": 64, "view": "none", "sweeps": ["blur"]}
    study = paper_figures_study(out, [tmp_path / "in"], **options)
    assert study.skipped == ()
    page = study.page
    text = page.read_text()
    assert text.count("data:image/png") == 5
    links = [unquote(link) for link in re.findall(r'href="([^"]+)"', text)]
    assert len(links) >= 4
    assert all((out / link).exists() for link in links)
    assert "stand-ins" not in text
    made = {path: path.read_bytes() for path in sorted(out.rglob("*.png"))}
    with pytest.raises(ValueError, match="is not empty: overwrite must"):
        paper_figures_study(out, [tmp_path / "in"], **options)
    other = tmp_path / "other" / "onegan"
    for label in ("0_real", "1_fake"):
        for index in range(6):
            write(other / label / f"{index}.png", picture(rng, 64, 64))
    paper_figures_study(out, [other], overwrite=True, **options)  # of other images
    assert page.read_text() != text
    with pytest.raises(ValueError, match="must hold real and fake images"):
        paper_figures_study(tmp_path / "none", [other / "0_real"], **options)
    paper_figures_study(out, [tmp_path / "in"], overwrite=True, **options)
    assert {path: path.read_bytes() for path in made} == made
    assert page.read_text() == text


def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys):
    for ablation in ("recipe", "recipe=", f"recipe={tmp_path / 'none.csv'}", f"size={Path(__file__)}"):
        monkeypatch.setattr(
            sys, "argv", ["freqforensics", "paper-figures", "--out", str(tmp_path / "out"), "--ablation", ablation]
        )
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        assert capsys.readouterr().err.strip().splitlines()[-1].startswith("freqforensics: ")
