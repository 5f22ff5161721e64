"""The mark that replaces a secret: `<secret:jwt 812 chars #1f3a5c7e>`, with its kind, its length and a digest.

The digest is keyed (HMAC-SHA-256, https://www.rfc-editor.org/rfc/rfc2104): a plain digest would reveal a confirmation code
of six digits to anyone who tries a million. The key is created when an engine starts and leaves it only over its test API, so
equal secrets have equal marks within an engine and in what reads it, but nowhere else.
"""

import hmac
import re
import threading
from collections import OrderedDict
from secrets import token_bytes

MARK = re.compile(r"<secret:[a-z]{2,20} \d{1,9} chars #[0-9a-f]{8}>")
_BEGINS = "<secret:"
_MOST_KEPT_CHARACTERS = 16 * 1024 * 1024


class Marking:
    """Creates marks. With `keeps` it keeps the secrets that they stand for, in memory and bounded, to show them on request."""

    def __init__(self, key: bytes | None = None, *, keeps: bool = False) -> None:
        self.key = key or token_bytes(32)
        self.keeps = keeps
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    def __call__(self, kind: str, secret: str) -> str:
        if secret.startswith(_BEGINS) and MARK.fullmatch(secret):
            return secret
        digest = hmac.digest(self.key, secret.encode(errors="surrogatepass"), "sha256").hex()[:8]
        mark = f"{_BEGINS}{kind} {len(secret)} chars #{digest}>"
        if self.keeps:
            self._keep(mark, secret)
        return mark

    def kept(self) -> dict[str, str]:
        """The secrets that the newest marks stand for."""
        with self._lock:
            return dict(self._kept)

    def _keep(self, mark: str, secret: str) -> None:
        with self._lock:
            if mark not in self._kept:
                self._characters += len(secret)
                self._kept[mark] = secret
            while self._characters > _MOST_KEPT_CHARACTERS:
                self._characters -= len(self._kept.popitem(last=False)[1])


def is_mark(value: str) -> bool:
    return value.startswith(_BEGINS) and MARK.match(value) is not None
