"""Who is let in, who is not, and that whoever is not costs nobody else anything."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.stream.web.served import Served, ask, follow, get, handshake, knock, masked, message_of

TOKEN = "open-sesame-7"  # noqa: S105 - of nothing


def test_the_page_and_its_parts_come_with_strict_headers():
    with Served() as served:
        for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
            status, headers, body = get(served.port, path)
            assert status == 200
            assert headers["content-type"].startswith(kind)
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "server" not in headers
            assert body
        assert get(served.port, "/../served.py")[0] == 404
        assert get(served.port, "/", host=f"localhost:{served.port}")[0] == 200
        assert served.end() == ""


def test_a_token_is_asked_for_and_becomes_a_cookie():
    with Served(TOKEN) as served:
        port = served.port
        status, _, body = get(port)
        assert (status, b"open the whole address that was printed" in body) == (403, True)
        assert get(port, "/page.js")[0] == 403
        for wrong in ("wrong", "", "%00", TOKEN[:-1], TOKEN + "x", "x" * 400, "%ff%fe"):
            status, headers, body = get(port, f"/?token={wrong}")
            assert (status, "set-cookie" in headers) == (403, False)
            assert TOKEN.encode() not in body
        assert knock(port) == 403
        assert knock(port, cookie=f"myostream-{port}={TOKEN}") == 403
        status, headers, _ = get(port, f"/?token={TOKEN}")
        assert (status, headers["location"]) == (303, "/")
        cookie, *flags = headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(flags)
        assert TOKEN not in cookie
        assert get(port, cookie=cookie)[0] == 200
        assert knock(port, cookie=cookie) == 101
        said = served.end()
    assert said.count("without the token") == said.count("with a wrong token") == 1
    assert TOKEN not in said


def test_the_token_is_on_no_command_line():
    with Served(TOKEN) as served:
        if not os.path.isdir("/proc/self"):  # noqa: PTH112 - of Linux alone
            pytest.skip("needs /proc")
        with open(f"/proc/{served.process.pid}/cmdline", "rb") as file:  # noqa: PTH123
            assert TOKEN.encode() not in file.read()


def test_other_names_and_other_pages_are_refused():
    with Served() as served:
        port = served.port
        for host in (
            "evil.example",
            f"evil.example:{port}",
            "127.0.0.1",
            f"127.0.0.1:{port + 1}",
            "",
            f"127.0.0.1.nip.io:{port}",
        ):
            assert get(port, host=host)[0] == 421
            assert knock(port, host=host) in (400, 421)
        assert get(port, host=f"127.0.0.1:{port}\r\nhost: evil.example")[0] in (400, 421)
        for origin in ("http://evil.example", f"https://127.0.0.1:{port}", "null", "", f"http://127.0.0.1:{port + 1}"):
            assert knock(port, origin=origin) == 403
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            assert get(port, method=method)[0] == 405
        assert knock(port) == 101
        said = served.end()
    assert said.count("by another name") == said.count("from another page") == said.count("to change something") == 1


def test_ten_thousand_malformed_frames_and_requests_are_refused_and_said_once():
    chance = random.Random(1)  # noqa: S311 - the same each time
    with Served() as served:
        port = served.port
        status, good = handshake(port)
        assert status == 101
        follow(good, 0)

        def others_go_on() -> None:
            served.publish()
            follow(good, len(served.made))

        bad = [
            masked(b"no"),  # not the word
            masked(b"ok") * 2,  # twice for one frame
            masked(b"ok", kind=2),
            masked(b"x" * 65),
            masked(b"x" * 40000),
            b"\x81\x02ok",  # not masked
            b"\xff" * 20,
            b"\x83\x80" + bytes(4),  # a kind that there is not
        ]
        sent = 0
        while sent < 9000:
            status, plug = handshake(port)
            assert status == 101
            with plug:
                each = bad[sent // 100 % len(bad)] if sent < 6400 else masked(chance.randbytes(chance.randrange(60)), 2)
                try:
                    plug.sendall(each * 100)
                    while message_of(plug) is not None:
                        pass
                except OSError:
                    pass
            sent += 100
            others_go_on()
        junk = [
            b"\x16\x03\x01" + bytes(200),
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"A" * 20000,
            b"GET / HTTP/1.1\r\nhost\r\n\r\n",
        ]
        for turn in range(1000):
            ask(port, junk[turn % len(junk)] + chance.randbytes(20))
            if turn % 20 == 0:
                others_go_on()
        good.close()
        said = served.end()
    lines = said.splitlines()
    assert len(lines) == len(set(lines)) <= 3
    assert "what is no acknowledgement" in said
    assert "what is no proper request" in said
    assert "Traceback" not in said


def test_a_request_that_never_ends_is_ended():
    with Served() as served:
        answer = ask(served.port, b"GET / HTTP/1.1\r\nx: " + b"a" * 30000)
        assert answer == b"" or b" 400 " in answer or b" 431 " in answer
        assert get(served.port)[0] == 200


def test_of_viewers_there_is_a_most():
    with Served() as served:
        plugs = [handshake(served.port)[1] for _ in range(16)]
        status, more = handshake(served.port)
        assert status == 429
        for plug in (*plugs, more):
            plug.close()
        deadline = time.monotonic() + 30
        while knock(served.port) != 101:
            assert time.monotonic() < deadline
        assert served.end().count("beyond the 16") == 1
