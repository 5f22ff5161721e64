"""A small OpenID Connect provider that signs everybody in as the person a test names."""

import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwk, jwt


@dataclass
class Provider:
    """`claims` are those of whoever signs in next; `extra` goes into the ID token over what is right."""

    claims: dict[str, Any]
    client_id: str = "lumen"
    client_secret: str = "provider-secret"
    extra: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: jwk.RSAKey.generate_key(2048))
    sign_with: Any = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    issuer: str = ""

    def get(self, path: str, query: dict[str, str], authorization: str) -> tuple[int, dict[str, Any], str | None]:
        if path == "/.well-known/openid-configuration":
            return 200, self.discovery(), None
        if path == "/keys":
            return 200, {"keys": [{**self.key.as_dict(private=False), "kid": "1", "alg": "RS256"}]}, None
        if path == "/userinfo":
            return (200, self.claims, None) if authorization == "Bearer provider-token" else (401, {}, None)
        if path == "/authorize":
            code = secrets.token_hex(8)
            self.codes[code] = query
            answer = urlencode({"code": code, "state": query["state"]})
            return 302, {}, f"{query['redirect_uri']}?{answer}"
        return 404, {}, None

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        proven = (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        if asked is None or not proven or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "sub": self.claims["sub"], "exp": now + 60, "iat": now}
        claims |= {"nonce": asked["nonce"], **self.extra}
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.sign_with or self.key)
        return 200, {"access_token": "provider-token", "id_token": signed, "token_type": "Bearer"}


def serve(provider: Provider) -> ThreadingHTTPServer:
    """Serve it on a free port of this machine; the caller shuts it down."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(split.query).items()}
            self._answer(*provider.get(split.path, query, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form), None)

        def _answer(self, status: int, body: dict[str, Any], location: str | None) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
