"""Quick checks of sources: what is refused, and what is accepted without a look at the whole tree."""

from __future__ import annotations

import pytest
from trees import touch

from freqforensics.sources import sources as indexing
from freqforensics.sources.presence import check_images, check_sources
from freqforensics.sources.selection import Sources


def test_sources_that_need_no_question_are_not_indexed(tmp_path, monkeypatch):
    touch(tmp_path, "gan/0_real/a.png", "gan/1_fake/b.png", "c.png", "photos/d.png", "diffusion/e.png")
    monkeypatch.setattr(indexing, "index_sources", lambda *_, **__: pytest.fail("indexed"))
    check_sources([tmp_path / "gan"], None, f"mine={tmp_path / 'gan'}", tmp_path / "c.png")
    check_sources(Sources(tmp_path, labels={"photos": "real", "diffusion": "fake"}))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("gone", FileNotFoundError, "^no such file or folder: "),
        ("mine={root}/gone", FileNotFoundError, "^no such file or folder: .*gone$"),
        ("empty", ValueError, "^no image in "),
        ("unclear", ValueError, "^labels must say what 'photos' and 'diffusion' are"),
        ("notes.txt", ValueError, "^no image in "),
    ],
)
def test_what_index_sources_refuses_is_refused(source, error, message, tmp_path):
    touch(tmp_path, "empty/readme.md", "unclear/photos/a.png", "unclear/diffusion/b.png", "notes.txt")
    text = source.format(root=tmp_path)
    with pytest.raises(error, match=message):
        check_sources(text if "=" in text else tmp_path / text)
    with pytest.raises(error, match=message):
        check_sources(Sources(touch(tmp_path, "good/a.png") / "good", real=text if "=" in text else tmp_path / text))


def test_one_image_that_is_there_is_enough(tmp_path):
    touch(tmp_path, "a.png", "folder/b.png", "empty/readme.md")
    check_images([str(tmp_path / "gone.png"), str(tmp_path / "a.png")])
    check_images([str(tmp_path / "folder")])
    with pytest.raises(ValueError, match=r"gone\.png: .*; .*lost\.png: "):
        check_images([str(tmp_path / "gone.png"), str(tmp_path / "lost.png")])
    with pytest.raises(ValueError, match=r"^no image in "):
        check_images([str(tmp_path / "a.png"), str(tmp_path / "empty")])
