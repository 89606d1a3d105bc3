"""``--view`` and what goes with it, on a real command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from tests.stream.web.served import PATIENCE_S, ROOT


def started(*arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "MYOSTREAM_WEB_TOKEN"}
    return subprocess.Popen(
        [sys.executable, "-m", "stream", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(*arguments: str) -> str:
    """The one sentence with which a command line is refused."""
    with started(*arguments) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2, err
    assert out == ""
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    return err


@pytest.fixture
def replay(recorded, checkpoint):
    return ("replay", str(recorded), "--checkpoint", str(checkpoint), "--engine", "torch")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--view", "hologram"], "known are terminal, web, none"),
        (["--view", "none", "--view", "web"], "leaves no room"),
        (["--web-address", "127.0.0.1:0"], "add --view web"),
        (["--web-token", "auto"], "--web-token is for the web view"),
        (["--view", "web", "--web-address", "nonsense"], "like 127.0.0.1:8765"),
        (["--view", "web", "--web-address", "0.0.0.0:0"], "no token was given"),
        (["--view", "web", "--web-token", "a b"], "8 to 64 letters"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_sentence(replay, given, words):
    assert words in refused(*replay, *given)
    assert words in refused("live", "sim:", *replay[2:], *given)


def test_a_port_that_is_taken_is_refused_before_anything_is_loaded(replay):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert "choose another --web-address" in refused(*replay, "--view", "web", "--web-address", address)


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts with a signal")
@pytest.mark.parametrize("source", ["replay", "live"])
def test_the_web_view_alone_prints_its_address_and_the_summary(replay, source):
    command = [*replay, "--speed", "0.2"] if source == "replay" else ["live", "sim:", *replay[2:]]
    with started(*command, "--view", "web", "--web-address", "127.0.0.1:0", "--web-token", "auto") as process:
        assert process.stderr is not None
        address = next(line.strip() for line in process.stderr if line.startswith("http://"))
        assert "/?token=" in address
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(address, timeout=PATIENCE_S) as page:
            assert b"<canvas" in page.read()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "interrupted; this far" in out
    assert " s  " not in out.partition("per gesture")[0]


def test_no_view_is_the_summary_alone(replay):
    with started(*replay, "--speed", "max", "--view", "none") as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    assert out.lstrip().splitlines()[0].startswith("simulated person")
