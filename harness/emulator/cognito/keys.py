"""The RSA key that signs a user pool's tokens, one for each pool as on AWS.

On AWS a pool publishes two keys and may sign with either; here there is one.
"""

import base64
import hashlib
import json
import threading
from functools import cached_property
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import JoseError


class SigningKey:
    """An RSA key of 2048 bits, made when it is first used (that takes about 0.1 s)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: jwk.RSAKey | None = None

    @property
    def _key(self) -> jwk.RSAKey:
        with self._lock:  # from Python 3.12 on, cached_property would let two threads make a key each
            if self._made is None:
                self._made = jwk.RSAKey.generate_key(2048, private=True)
            return self._made

    @cached_property
    def key_id(self) -> str:
        return base64.b64encode(hashlib.sha256(self._key.as_pem(private=False)).digest()).decode()

    def public_jwk(self) -> dict[str, Any]:
        """The key as a member of a JSON Web Key Set, with the members that AWS publishes."""
        public = self._key.as_dict(private=False)
        return {"alg": "RS256", "e": public["e"], "kid": self.key_id, "kty": "RSA", "n": public["n"], "use": "sig"}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"kid": self.key_id, "alg": "RS256"}, claims, self._key)

    def claims_of(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that this key has signed; None for any other string. Says nothing of expiry."""
        try:
            return dict(jwt.decode(token, self._key, algorithms=["RS256"]).claims)
        except (JoseError, ValueError):
            return None


def unverified_claims(token: str) -> dict[str, Any]:
    """What a token says of itself, before its signature is checked; empty when it is no JSON Web Token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
