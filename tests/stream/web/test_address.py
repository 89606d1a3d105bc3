"""Where the page may be served, and by which names it may be asked for."""

from __future__ import annotations

import socket

import pytest

from stream.web.address import NEXT, PORT, Place, hosts, link, listening, place_of, split


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8765", ("::1", 8765)), ("Localhost:1", ("localhost", 1))],
)
def test_an_address_is_host_and_port(text, found):
    assert split(text) == found


@pytest.mark.parametrize("text", ["", "8765", ":8765", "127.0.0.1:", "127.0.0.1:x", "a b:1", "host:70000", "é:1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="--web-address cannot be"):
        split(text)


def test_a_name_that_nobody_knows_is_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"'nobody\.invalid:8765': .*; give an address of this machine"):
        place_of("nobody.invalid:8765", "auto")


def test_elsewhere_needs_a_token():
    with pytest.raises(ValueError, match="no token was given; add --web-token auto"):
        place_of("0.0.0.0:0", None)
    place = place_of("0.0.0.0:0", "auto")
    assert len(place.token) >= 20
    assert place.token != place_of("0.0.0.0:0", "auto").token
    assert place_of("127.0.0.1:0", None).token == ""


@pytest.mark.parametrize("token", ["short", "has space", "a" * 65, "önnerfors"])
def test_a_token_stands_in_an_address(token):
    with pytest.raises(ValueError, match="--web-token takes 8 to 64"):
        place_of(None, token)


def test_a_port_that_was_asked_for_and_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match="choose another --web-address"):
            place_of(f"127.0.0.1:{port}", None)
        with pytest.raises(ValueError, match="choose another --web-address"):
            listening(Place("127.0.0.1", port, asked=True))


def test_of_the_default_the_next_free_one_does():
    with listening(Place()) as one, listening(Place()) as other:
        first, second = one.getsockname()[1], other.getsockname()[1]
    assert PORT <= first < second < PORT + NEXT


def test_names_that_lead_here():
    allowed = hosts(Place("127.0.0.1", 8765), 8765)
    assert allowed == {"127.0.0.1:8765", "localhost:8765"}
    everywhere = hosts(Place("0.0.0.0", 8765, True, "long-enough"), 8765)  # noqa: S104 - nothing is bound
    assert {"127.0.0.1:8765", "localhost:8765"} < everywhere
    assert not any("evil" in host for host in everywhere)
    assert link(Place("127.0.0.1", 8765, True, "long-enough"), 99) == "http://127.0.0.1:99/?token=long-enough"
    assert link(Place("::1", 0), 99) == "http://[::1]:99/"
