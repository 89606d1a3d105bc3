"""The door: who comes by another name, from another page or without the token is refused before anything is looked at.

Written to ASGI, so that it stands before all there is, requests and WebSockets alike.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from stream.web.refusals import Refusals

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer: nothing from elsewhere, nothing inline, no frames, and nowhere is it told where one came from."""

WHOLE = "open the whole address that was printed when this was started, with its token"


class Door:
    """What stands before the page.

    Args:
        app: behind it.
        hosts: what a Host header may say.
        token: what a visitor has to know; "" for nothing.
        refused: is told of who is turned away.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], token: str, refused: Refusals) -> None:
        self._app, self._hosts, self._token, self._refused = app, hosts, token, refused
        self._origins = {f"http://{host}" for host in hosts}
        port = next(iter(hosts)).rpartition(":")[2]
        self.cookie = f"myostream-{port}"  # cookies know no ports
        self._pass = hmac.new(token.encode(), b"myostream", sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets in, or answers."""
        if scope["type"] not in ("http", "websocket"):
            return
        answer = self._answer(scope)
        if scope["type"] == "http":
            await (answer or self._app)(scope, receive, _with_headers(send))
        elif answer is None:
            await self._app(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).send_denial_response(answer)

    def _answer(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        named = headers.getlist("host")
        if len(named) != 1 or named[0].lower() not in self._hosts:
            return self._turn_away(
                "a request by another name than this page's",
                421,
                "open the address that was printed, or start it with --web-address and the name",
            )
        if scope["type"] == "websocket" and headers.get("origin", "").lower() not in self._origins:
            return self._turn_away("a request from another page", 403)
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            return self._turn_away("a request to change something", 405)
        return self._asked_for_token(scope, headers) if self._token else None

    def _asked_for_token(self, scope: Scope, headers: Headers) -> Response | None:
        if hmac.compare_digest(_cookie(headers, self.cookie), self._pass.encode()):
            return None
        given = (
            parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8).get("token", [])
            if (scope["type"] == "http" and len(scope["query_string"]) <= 512)
            else []
        )
        if not given:
            return self._turn_away("a request without the token", 403, WHOLE)
        if not hmac.compare_digest(given[0].encode(), self._token.encode()):
            return self._turn_away("a request with a wrong token", 403, WHOLE)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self.cookie, self._pass, path="/", httponly=True, samesite="strict")
        return answer

    def _turn_away(self, kind: str, status: int, way: str = "") -> Response:
        self._refused(kind)
        return PlainTextResponse(f"refused: {kind}{'; ' if way else ''}{way}\n", status)


def _cookie(headers: Headers, name: str) -> bytes:
    """The value of a cookie, b"" where there is none."""
    for pair in headers.get("cookie", "")[:4096].split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value.encode("latin-1", errors="replace")
    return b""


def _with_headers(send: Send) -> Send:
    added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *added]
        await send(message)

    return sending
