"""Access control: the token, the Host and Origin headers, and a session cookie for every browser."""

import hashlib
import re
import secrets
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from dreamgaussian.studio.settings import StudioSettings, is_loopback

SESSION_ID = re.compile(r"[0-9a-f]{32}")
COOKIE_MAX_AGE_S = 400 * 24 * 3600  # the longest that browsers keep a cookie
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; connect-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
)
"""The page loads nothing from elsewhere; a notebook on this machine may frame it."""


class AuthMiddleware:
    """Checks every request before the app sees it, and puts the session's id into `scope["state"]`."""

    def __init__(self, app: ASGIApp, settings: StudioSettings) -> None:
        self._app = app
        self._token = settings.token
        self._host_name = settings.host.strip("[]").lower()
        suffix = hashlib.sha256((settings.token or "").encode()).hexdigest()[:8]
        self._session_cookie, self._token_cookie = "dreamgaussian-session", f"dreamgaussian-token-{suffix}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or pass it on, with security headers in the response."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await (refusal if scope["type"] == "http" else WebSocketClose(4403))(scope, receive, send)
            return
        cookies = _cookies(headers)
        known = cookies.get(self._session_cookie, "")
        session = known if SESSION_ID.fullmatch(known) else secrets.token_hex(16)
        scope.setdefault("state", {})["session"] = hashlib.sha256(session.encode()).hexdigest()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), None if session == known else session)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """The response to a request that is refused; None where it is allowed."""
        host = headers.get("host", "")
        if self._token is None and not self._is_this_machine(host):
            return _refuse(
                403, f"This studio does not answer to the host name {host!r}. Open it as http://127.0.0.1:PORT."
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return _refuse(403, "Requests from other sites' pages are refused.")
        return None if self._token is None else self._check_token(scope, headers, self._token)

    def _is_this_machine(self, host: str) -> bool:
        """Whether a Host header names this machine; after DNS rebinding it would name an attacker's domain."""
        name = urlsplit(f"//{host}").hostname or ""
        return is_loopback(name) or name == self._host_name

    def _check_token(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        """Take the token once from the address and then from a cookie; programs may send it as a bearer token."""
        query = QueryParams(scope["query_string"])
        if "token" in query and _is_same(query["token"], token) and scope["type"] == "http":
            rest = urlencode([(key, value) for key, value in query.multi_items() if key != "token"])
            response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            response.set_cookie(
                self._token_cookie, token, max_age=COOKIE_MAX_AGE_S, httponly=True, samesite="lax", path="/"
            )
            return response
        given = _cookies(headers).get(self._token_cookie) or headers.get("authorization", "").removeprefix("Bearer ")
        if _is_same(given, token):
            return None
        return _refuse(401, "A token is needed. Open the studio with the address that it printed when it was started.")

    def _add_headers(self, headers: MutableHeaders, new_session: str | None) -> None:
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers.setdefault("Cache-Control", "no-store")
        if new_session is not None:
            cookie = f"{self._session_cookie}={new_session}; Path=/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_MAX_AGE_S}"
            headers.append("Set-Cookie", cookie)


def _refuse(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)


def _is_same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _cookies(headers: Headers) -> dict[str, str]:
    return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
