"""The mail SaaS: its API as the functions of this service call it, and the signature of its webhooks.

Address, API key and webhook secret are one secret of Secrets Manager, cached for five minutes. If the SaaS refuses a
rotated key or is not reachable after a move, the secret is fetched again, once. So a rotation needs no deployment.
"""

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities import parameters

SECRET_AGE_SECONDS = 300
TIMEOUT_SECONDS = 5
SIGNATURE_AGE_SECONDS = 300
"""How old a signed webhook may be: an old one may be a recorded one that is sent again."""


class MailSaasUnavailableError(RuntimeError):
    """The SaaS is not reachable, or failed. A retry may succeed."""


class MailSaasUnauthorizedError(RuntimeError):
    """The SaaS accepts neither the key that was used nor the key that is stored now."""


class MailSaasRefusedError(RuntimeError):
    """The SaaS does not take what it was sent, and will not take it later."""


class InvalidSignatureError(ValueError):
    """A webhook that the SaaS has not signed, or too long ago."""


@dataclass(frozen=True, slots=True)
class Account:
    """Lumen's account at the SaaS."""

    address: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The SaaS's response. `retry_after_seconds` is set if it requested a later retry (429)."""

    status: int
    body: dict[str, Any]
    retry_after_seconds: int | None = None


def account(*, anew: bool = False) -> Account:
    secret: Any = parameters.get_secret(
        os.environ["MAIL_SAAS_SECRET"], max_age=SECRET_AGE_SECONDS, transform="json", force_fetch=anew
    )
    return Account(secret["address"], secret["api_key"], secret["webhook_secret"])


def call(method: str, path: str, body: dict[str, Any] | None = None, *, idempotency_key: str | None = None) -> Answer:
    """Send one request. Returns the response if it is a success or a 429; raises the errors above for every other.

    The SaaS processes requests with the same `idempotency_key` once.
    """
    used = account()
    try:
        answer = _send(used, method, path, body, idempotency_key)
    except OSError:
        answer = None
    if answer is None or answer.status == 401:
        stored = account(anew=True)
        if stored != used:
            used = stored
            try:
                answer = _send(used, method, path, body, idempotency_key)
            except OSError:
                answer = None
    said = f"{method} {path}"
    if answer is None:
        raise MailSaasUnavailableError(f"{said}: the mail SaaS at {used.address} is not reached")
    if answer.status == 401:
        raise MailSaasUnauthorizedError(f"{said}: the mail SaaS refuses the API key that is stored")
    if answer.status >= 500:
        raise MailSaasUnavailableError(f"{said}: the mail SaaS said {answer.status}")
    if answer.status >= 400 and answer.status != 429:
        raise MailSaasRefusedError(f"{said}: the mail SaaS said {answer.status}: {answer.body.get('error', '')}")
    return answer


def verify(body: bytes, signature: str) -> None:
    """Raises InvalidSignatureError unless the SaaS signed this body, and not long ago.

    `signature` is "t=<seconds since 1970>,v1=<HMAC-SHA256 of t, a dot and the body, hexadecimal>".
    """
    parts = dict(part.partition("=")[::2] for part in signature.split(","))
    at, given = parts.get("t", ""), parts.get("v1", "")
    if not (at.isascii() and at.isdigit()):
        raise InvalidSignatureError("the signature has no time")
    if not _is_signed(account(), at, body, given) and not _is_signed(account(anew=True), at, body, given):
        raise InvalidSignatureError("the signature is not that of the mail SaaS")
    if abs(time.time() - int(at)) > SIGNATURE_AGE_SECONDS:
        raise InvalidSignatureError("the signature is too old")


def _is_signed(by: Account, at: str, body: bytes, given: str) -> bool:
    made = hmac.new(by.webhook_secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made.encode(), given.encode())


def _send(by: Account, method: str, path: str, body: dict[str, Any] | None, idempotency_key: str | None) -> Answer:
    headers = {"Authorization": f"Bearer {by.api_key}", "Content-Type": "application/json"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    request = urllib.request.Request(
        f"{by.address}{path}",
        method=method,
        data=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
        headers=headers,
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return Answer(response.status, _json(response.read()))
    except urllib.error.HTTPError as error:
        after = error.headers.get("Retry-After", "")
        seconds = int(after) if after.isascii() and after.isdigit() else None
        return Answer(error.code, _json(error.read()), seconds)


def _json(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
