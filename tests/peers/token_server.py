"""A token endpoint (RFC 6749) on port 0 over TLS, whose client ids are named after what it does with them.

- registered: gets a token for the right client secret or refresh token
- busy: 503
- talks: 400 with an error whose description names an account
- floods: an endless answer
- empty: 200 without a token
"""

from __future__ import annotations

import json
import ssl
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from tests.peers.http_peer import HttpPeer

TOKEN = "synthetic.access-token"
CREDENTIALS = {"client_credentials": "synthetic client secret", "refresh_token": "synthetic refresh token"}
ANSWERS: dict[str, tuple[int, dict[str, str]]] = {
    "busy": (503, {}),
    "talks": (400, {"error": "invalid_grant", "error_description": "no user alerts@lender.test"}),
    "empty": (200, {"token_type": "Bearer"}),
}


class TokenServer(HttpPeer):
    """Use as a context manager. `forms` holds every request's fields, in order."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(self._handler(), name="token-server", tls=tls)
        self.forms: list[dict[str, str]] = []

    @property
    def endpoint(self) -> str:
        """The token endpoint."""
        return self.url("/token")

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Return status and body for a request."""
        self.forms.append(form)
        if form["client_id"] in ANSWERS:
            return ANSWERS[form["client_id"]]
        given = form.get("refresh_token", form.get("client_secret"))
        if given != CREDENTIALS.get(form["grant_type"]):
            return 401, {"error": "invalid_client"}
        return 200, {"access_token": TOKEN, "token_type": "Bearer"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                status, answer = server.answer(form)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())
                while form["client_id"] == "floods":
                    try:
                        self.wfile.write(b" " * 65_536)
                    except OSError:
                        return

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler
