"""The page over HTTP: who may ask, what is refused, what becomes of files."""

from __future__ import annotations

import re
import socket
import stat
from types import SimpleNamespace

import pytest
from pictures import encoded, picture
from served import TOKEN, bomb, wait_for

from freqforensics.app.limits import Limits
from freqforensics.app.session import AWAY

CHANGES = [
    ("POST", "pictures?name=a.png"),
    ("POST", "folders"),
    ("POST", "folders/check"),
    ("POST", "close"),
    ("POST", "jobs/x/whole"),
    ("POST", "jobs/x/closer/0"),
    ("DELETE", "jobs/x"),
]
READS = ["", "state", "jobs/x/report", "jobs/x/thumbnail", "jobs/x/files/scores.csv", "nothing"]


def stored(served) -> list[str]:
    return sorted(path.name for path in served.session.root.rglob("*") if path.is_file())


def test_the_page_is_served_with_headers_that_keep_it_to_itself(serving):
    served = serving()
    page = served.get()
    assert page.status == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for path in READS:
        headers = served.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert not [name for name in headers if name.startswith("access-control")]
        assert "server" not in headers


def test_the_page_loads_nothing_from_anywhere(serving):
    text = serving().get().body.decode()
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert text.count("<script") == text.count("<style") == 1


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "[::1]:{port}"]
)
def test_a_foreign_host_is_refused_everywhere(serving, host):
    served = serving()
    name = host.format(port=served.port)
    for method, path in [*CHANGES, *(("GET", path) for path in READS)]:
        answer = served.ask(method, path, {}, host=name)
        assert answer.status == 403, path
        assert answer.body.startswith(b"This host is refused")


def test_both_names_of_this_machine_are_taken(serving):
    served = serving()
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert served.ask("GET", "state", host=f"{name}:{served.port}").status == 200
        assert served.ask("POST", "folders/check", {"path": ""}, host=f"{name}:{served.port}").status == 400


def test_two_hosts_in_one_request_are_refused(serving):
    served = serving()
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        hosts = f"Host: 127.0.0.1:{served.port}\r\nHost: evil.example\r\n"
        client.sendall(f"GET /{TOKEN}/state HTTP/1.1\r\n{hosts}\r\n".encode())
        status = client.recv(4096).split(b" ")[1]
    assert status in (b"400", b"403")


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:{port}"]
)
def test_what_changes_something_must_come_from_the_page(serving, examined, origin):
    served = serving()
    assert served.add(b"x").status == 201
    key = served.finished()[0]["key"]
    sent = None if origin is None else origin.format(port=served.port)
    for method, path in [*CHANGES, ("DELETE", f"jobs/{key}"), ("POST", f"jobs/{key}/whole")]:
        answer = served.ask(method, path, {}, origin=sent)
        assert answer.status == 403, path
        assert answer.body.startswith(b"This origin is refused")
    assert [job["key"] for job in served.jobs()] == [key]
    assert served.thread.is_alive()


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "%00", "\u00fc".encode().hex()])
def test_without_the_token_nothing_is_there(serving, token):
    served = serving()
    for method, path in [*CHANGES, *(("GET", path) for path in READS)]:
        answer = served.ask(method, path, {}, token=token)
        assert answer.status == 403, path
        assert answer.body.startswith(b"Open the address that the terminal shows")


def test_the_address_without_its_last_stroke_leads_to_the_page(serving):
    served = serving()
    answer = served.ask("GET", "", token="").status, served.ask("GET", TOKEN, token="")
    assert answer[0] == 403
    assert (answer[1].status, answer[1].headers["location"]) == (307, f"/{TOKEN}/")


def test_other_methods_and_preflights_get_nothing(serving):
    served = serving()
    for method in ("OPTIONS", "PUT", "PATCH", "TRACE"):
        answer = served.ask(method, "pictures")
        assert answer.status in (400, 404, 405)
        assert "access-control-allow-origin" not in answer.headers


def test_a_picture_is_stored_examined_and_deleted(serving, examined, rng):
    served = serving()
    assert served.add(encoded(picture(rng, 300, 200), "PNG"), "my photo.png").status == 201
    (job,) = served.finished()
    assert (job["name"], job["state"], job["mode"]) == ("my photo.png", "done", "quick")
    assert job["result"]["headline"] == "No traces"
    assert stored(served) == ["page.html", "picture.png", "thumbnail.jpg"]
    assert stat.S_IMODE(served.session.root.stat().st_mode) == 0o700
    thumbnail = served.get(f"jobs/{job['key']}/thumbnail")
    assert (thumbnail.status, thumbnail.headers["content-type"], thumbnail.body[:2]) == (200, "image/jpeg", b"\xff\xd8")
    report = served.get(f"jobs/{job['key']}/report")
    assert b"A report. quick" in report.body
    policy = report.headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy
    printed = served.get(f"jobs/{job['key']}/print").body
    assert b"window.print()" in printed
    assert printed.endswith(b"</body></html>")
    assert served.get(f"jobs/{job['key']}/download").body == report.body
    assert served.ask("DELETE", f"jobs/{job['key']}").status == 204
    assert served.jobs() == []
    assert stored(served) == []
    for path in ("report", "print", "download", "thumbnail"):
        assert served.get(f"jobs/{job['key']}/{path}").status == 404


def test_a_quick_picture_is_examined_wholly_on_request(serving, examined):
    served = serving()
    served.add(b"x", "a.jpg")
    key = served.finished()[0]["key"]
    assert served.ask("POST", f"jobs/{key}/whole").status == 201
    first, second = served.finished()
    assert (second["name"], second["mode"]) == ("a.jpg", "whole")
    assert first["key"] == key
    refused = served.ask("POST", f"jobs/{second['key']}/whole")
    assert (refused.status, refused.error) == (400, "Only a picture that was examined quickly can be examined wholly.")


def test_waiting_pictures_know_their_place_and_can_be_cancelled(serving, examined):
    served = serving()
    examined.clear()
    keys = [served.add(b"x", f"{number}.png").json["key"] for number in range(4)]
    wait_for(lambda: served.jobs()[0]["state"] == "working")
    wait_for(lambda: served.jobs()[0]["stage"] == "stage 0")
    jobs = served.jobs()
    assert [(job["state"], job["before"]) for job in jobs] == [
        ("working", 0),
        ("waiting", 1),
        ("waiting", 2),
        ("waiting", 3),
    ]
    assert (jobs[0]["step"], jobs[0]["steps"]) == (0, 3)
    assert served.ask("DELETE", f"jobs/{keys[1]}").status == 204
    assert [job["before"] for job in served.jobs()] == [0, 1, 2]
    assert served.ask("DELETE", f"jobs/{keys[0]}").status == 204  # the one that is worked on
    examined.set()
    assert [job["key"] for job in served.finished()] == keys[2:]
    assert len({path.parent for path in served.session.root.rglob("picture.png")}) == 2


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>.png",
        '"; filename="x.exe',
        "a\r\nSet-Cookie: a=b\r\n\r\n<script>.png",
        "../../../../tmp/escaped.png",
        "\u202egnp.exe",
        "%2e%2e%2fescaped.png",
        "{{ 7 * 7 }}.png",
        "日本.png",
    ],
)
def test_a_hostile_name_is_a_word(serving, examined, name):
    served = serving()
    served.add(b"x", name)
    (job,) = served.finished()
    assert job["name"].isprintable()
    assert "/" not in job["name"] or name.startswith("<")
    assert [path.name for path in served.session.root.iterdir()] == [job["key"]]
    assert set(stored(served)) <= {"page.html", "picture.png", "picture"}
    headers = served.get(f"jobs/{job['key']}/download").headers
    assert "set-cookie" not in headers
    said = headers["content-disposition"]
    assert said.startswith('attachment; filename="')
    assert said.count('"') == 2
    assert said.isascii()
    assert said.split("filename*=UTF-8''")[1].endswith("-report.html")
    (line,) = served.log
    assert line.isprintable()
    assert name not in served.get().body.decode()


def test_a_damaged_file_is_one_line_and_no_traceback(serving, examined):
    served = serving()
    served.add(b"damaged", "bad.png")
    served.add(b"x", "good.png")
    bad, good = served.finished()
    assert (bad["state"], bad["error"]) == ("failed", "unexpected error (RuntimeError)")
    assert good["state"] == "done"
    assert served.log[0] == "bad.png: unexpected error (RuntimeError)"
    refused = served.get(f"jobs/{bad['key']}/report")
    assert (refused.status, refused.error) == (404, "There is no report of this entry.")


def test_limits_hold_and_leave_nothing(serving, examined, rng):
    served = serving(limits=Limits(file_bytes=50_000, total_bytes=90_000, jobs=3, pixels=40_000))
    too_large = served.add(b"x" * 50_001)
    assert (too_large.status, too_large.error) == (413, "The file is larger than 0 MB.")
    assert served.add(b"").error == "The file is empty."
    assert "60000 × 60000 pixels" in served.add(bomb(60_000, 60_000)).error
    assert served.add(b"x", mode="deep").status == 400
    assert stored(served) == []
    assert list(served.session.root.iterdir()) == []
    for _ in range(2):
        assert served.add(b"x" * 40_000).status == 201
    assert "All files together" in served.add(b"x" * 10_001).error
    assert served.add(b"x" * 9_000).status == 201
    full = served.add(b"x")
    assert (full.status, full.error) == (413, "The list is full: 3 entries. Remove some first.")
    served.ask("DELETE", f"jobs/{served.finished()[0]['key']}")
    assert served.add(b"x").status == 201


def test_a_file_of_unannounced_length_is_stopped_at_the_limit(serving, examined):
    served = serving(limits=Limits(file_bytes=100_000))
    sent = 0
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        here = f"127.0.0.1:{served.port}"
        client.sendall(
            f"POST /{TOKEN}/pictures?name=a.png HTTP/1.1\r\nHost: {here}\r\nOrigin: http://{here}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        try:
            while sent < 50_000_000:
                client.sendall(b"2710\r\n" + bytes(10_000) + b"\r\n")
                sent += 10_000
        except OSError:
            pass  # it hung up
        assert sent < 50_000_000
    wait_for(lambda: list(served.session.root.iterdir()) == [])
    assert served.jobs() == []


def test_an_upload_that_breaks_off_leaves_nothing(serving, examined):
    served = serving()
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        here = f"127.0.0.1:{served.port}"
        client.sendall(
            f"POST /{TOKEN}/pictures?name=a.png HTTP/1.1\r\nHost: {here}\r\nOrigin: http://{here}\r\n"
            "Content-Length: 1000\r\n\r\nhalf".encode()
        )
        wait_for(lambda: stored(served) == ["picture.png"])
    wait_for(lambda: list(served.session.root.iterdir()) == [])
    assert served.jobs() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"path": 1}', b'{"limit": "50"}', b"x" * 20_000])
def test_requests_that_are_no_requests_are_one_line(serving, body):
    served = serving()
    for path in ("folders", "folders/check"):
        answer = served.ask("POST", path, body)
        assert answer.status in (400, 404, 413)
        assert len(answer.error.splitlines()) == 1


def test_files_of_a_folders_result_are_those_of_the_list(serving, examined):
    served = serving()
    served.add(b"x", "a.png")
    key = served.finished()[0]["key"]
    for name in ("page.html", "..%2fpage.html", "..%2f..%2fetc%2fpasswd", "picture.png", "scores.csv"):
        assert served.get(f"jobs/{key}/files/{name}").status == 404


def test_closing_on_the_page_deletes_everything_and_ends_the_program(serving, examined):
    served = serving()
    served.add(b"x", "a.png")
    served.finished()
    assert served.ask("POST", "close").status == 204
    served.thread.join(30)
    assert served.ended == ["closed"]
    assert not served.session.root.exists()


def test_everything_is_deleted_while_a_picture_is_examined(serving, examined):
    served = serving()
    examined.clear()
    served.add(b"x", "a.png")
    wait_for(lambda: served.jobs()[0]["state"] == "working")
    served.ask("POST", "close")
    served.thread.join(30)
    assert not served.session.root.exists()


def test_the_program_ends_when_no_page_has_been_open_for_a_while(serving, examined, monkeypatch):
    """By a clock of its own: a busy machine may leave any request waiting for seconds."""
    now = [0.0]
    monkeypatch.setattr("freqforensics.app.session.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("freqforensics.app.serving._LOOK_EVERY", 0.01)
    served = serving()
    now[0] += 2 * AWAY
    served.thread.join(0.2)
    assert served.thread.is_alive()  # nobody has come yet
    served.add(b"x", "a.png")
    for _ in range(4):
        served.get("state")
        now[0] += 0.9 * AWAY
        served.thread.join(0.1)
        assert served.thread.is_alive()  # somebody was there all the time
    now[0] += 0.2 * AWAY
    served.thread.join(30)
    assert served.ended == ["away"]
    assert not served.session.root.exists()


def test_an_error_of_our_own_is_one_line_too(serving, monkeypatch, capfd):
    served = serving()
    monkeypatch.setattr(served.session, "state", lambda: {}["a secret"])
    answer = served.get("state")
    assert (answer.status, answer.error) == (500, "Something went wrong (KeyError).")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


def test_no_word_of_the_page_needs_a_glossary(serving):
    page = re.sub(
        r"<style>.*?</style>|<script>.*?</script>|<[^>]+>", " ", serving().get().body.decode(), flags=re.DOTALL
    )
    assert "Was this picture generated?" in page
    jargon = (
        r"CNN|GANs?|logits?|residuals?|spectr\w+|Fourier|lattices?|calibrat\w+|classifier|detector|model|inference|API"
    )
    assert re.findall(rf"\b(?:{jargon})\b", page, re.IGNORECASE) == []
