from __future__ import annotations

import numpy as np
import pytest
from pictures import encoded, picture
from served import bomb

from freqforensics.app.folders import count_pictures, folder_at
from freqforensics.app.limits import Limits, RefusedError, megabytes, plain_name, plain_suffix


def test_sizes_and_numbers_are_limited():
    limits = Limits(file_bytes=10 << 20, total_bytes=2 << 30, jobs=3)
    limits.check_file(10 << 20)
    with pytest.raises(RefusedError, match="larger than 10 MB"):
        limits.check_file((10 << 20) + 1)
    limits.check_room(jobs=3, total=2 << 30)
    with pytest.raises(RefusedError, match="The list is full: 3 entries"):
        limits.check_room(jobs=4, total=0)
    with pytest.raises(RefusedError, match="exceed 2 GB"):
        limits.check_room(jobs=1, total=(2 << 30) + 1)
    assert megabytes(3 << 20) == "3 MB"


def test_pixels_are_counted_before_they_are_decoded(rng, monkeypatch):
    monkeypatch.setattr("PIL.Image.open", None)
    limits = Limits(pixels=10_000)
    limits.check_pixels(encoded(picture(rng, 100, 100), "JPEG"))
    with pytest.raises(RefusedError, match="101 × 100 pixels"):
        limits.check_pixels(encoded(picture(rng, 100, 101), "JPEG"))
    with pytest.raises(RefusedError, match="more than 178 million"):
        Limits().check_pixels(bomb(50_000, 50_000))
    with pytest.raises(RefusedError, match="empty"):
        limits.check_pixels(b"")
    limits.check_pixels(b"no picture at all")  # whose decoder will say so


@pytest.mark.parametrize(
    ("name", "shown", "suffix"),
    [
        ("photo.JPG", "photo.JPG", ".jpg"),
        ("../../etc/passwd", "passwd", ""),
        ("C:\\Users\\x\\a.png", "a.png", ".png"),
        ("a\r\nSet-Cookie: x.png", "a\ufffd\ufffdSet-Cookie: x.png", ".png"),
        ("\u202egnp.exe", "\ufffdgnp.exe", ""),
        ("a\0.png", "a\ufffd.png", ".png"),
        ("\udc80.webp", "\ufffd.webp", ".webp"),
        ("", "picture", ""),
        ("..", "..", ""),
        (".png/../x.sh", "x.sh", ""),
    ],
)
def test_names_are_words_and_never_paths(name, shown, suffix):
    assert plain_name(name) == shown
    assert plain_suffix(name) == suffix


def test_a_long_name_is_shortened_in_the_middle():
    shown = plain_name("a" * 5000 + ".png")
    assert len(shown) == 150
    assert shown.endswith("a.png")


def test_folders_are_understood_as_people_paste_them(tmp_path, monkeypatch):
    folder = tmp_path / "my photos"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for text in (f"  {folder} ", f'"{folder}"', f"'{folder}'", "~/my photos", folder.as_uri()):
        assert folder_at(text) == folder.resolve()
    with pytest.raises(RefusedError, match="There are no pictures in"):
        count_pictures(folder)
    (folder / "below").mkdir()
    (folder / "below" / "a.JPG").write_bytes(b"x")
    assert count_pictures(folder) == "1 picture."
    (folder / "b.png").write_bytes(b"x")
    (folder / "c.txt").write_bytes(b"x")
    assert count_pictures(folder) == "2 pictures."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Type the path"),
        ("''", "Type the path"),
        ("a\0b", "Type the path"),
        ("/nowhere/at/all", "There is no folder /nowhere/at/all"),
        ("x" * 5000, "too long"),
        ("~nobody-of-this-name/x", "home"),
    ],
)
def test_what_is_no_folder_is_one_line(text, said):
    with pytest.raises(RefusedError, match=said) as refused:
        folder_at(text)
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(RefusedError, match="is a file"):
        folder_at(str(tmp_path / "a.png"))


def test_a_picture_of_just_enough_pixels_is_taken():
    Limits(pixels=16).check_pixels(encoded(np.zeros((4, 4, 3), np.uint8), "PNG"))
