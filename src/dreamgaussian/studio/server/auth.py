"""Who is let in: the token, the right host name and origin, and a session for every browser."""

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

SESSION = re.compile(r"[0-9a-f]{32}")
SESSION_SECONDS = 400 * 24 * 3600
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; connect-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
)
"""Nothing is loaded from outside; a notebook on this machine may frame the page."""


class Guard:
    """Checks every request before the app sees it, and puts the session into `scope["state"]`."""

    def __init__(self, app: ASGIApp, settings: StudioSettings) -> None:
        self._app = app
        self._token = settings.token
        self._names = {settings.host.strip("[]").lower()}
        suffix = hashlib.sha256((settings.token or "").encode()).hexdigest()[:8]
        self._session_cookie, self._token_cookie = "dreamgaussian-session", f"dreamgaussian-token-{suffix}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is not allowed, pass the rest on."""
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
        session = known if SESSION.fullmatch(known) else secrets.token_hex(16)
        scope.setdefault("state", {})["session"] = hashlib.sha256(session.encode()).hexdigest()

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._seal(MutableHeaders(scope=message), None if session == known else session)
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that is not let in."""
        host = headers.get("host", "")
        if self._token is None and not self._is_ours(host):
            return _refuse(403, f"This studio does not answer to the name {host!r}. Open it as http://127.0.0.1:PORT.")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return _refuse(403, "Another site's page may not speak to this studio.")
        return None if self._token is None else self._check_token(scope, headers, self._token)

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this machine: a name that an attacker chose would be one of his own."""
        name = urlsplit(f"//{host}").hostname or ""
        return is_loopback(name) or name in self._names

    def _check_token(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        """The token comes once in the address, and then in a cookie; programs may send it as a bearer token."""
        query = QueryParams(scope["query_string"])
        if "token" in query and _same(query["token"], token) and scope["type"] == "http":
            rest = urlencode([(key, value) for key, value in query.multi_items() if key != "token"])
            response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            response.set_cookie(
                self._token_cookie, token, max_age=SESSION_SECONDS, httponly=True, samesite="lax", path="/"
            )
            return response
        shown = _cookies(headers).get(self._token_cookie) or headers.get("authorization", "").removeprefix("Bearer ")
        if _same(shown, token):
            return None
        return _refuse(401, "This studio is locked. Open it with the address that was printed where it was started.")

    def _seal(self, headers: MutableHeaders, new_session: str | None) -> None:
        headers["Content-Security-Policy"] = POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers.setdefault("Cache-Control", "no-store")
        if new_session is not None:
            cookie = f"{self._session_cookie}={new_session}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SESSION_SECONDS}"
            headers.append("Set-Cookie", cookie)


def _refuse(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status)


def _same(shown: str, token: str) -> bool:
    return secrets.compare_digest(shown.encode(), token.encode())


def _cookies(headers: Headers) -> dict[str, str]:
    return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
