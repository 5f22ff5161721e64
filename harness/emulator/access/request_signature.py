"""Who signed an HTTP request that is no AWS API call: Signature Version 4 at REST APIs and function URLs.

The signature is in the Authorization header or in the query (a presigned URL). S3 signs in other ways (`emulator/s3`).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from localstack.aws.accounts import get_account_id_from_access_key_id
from localstack.http import Request

from harness.emulator.access import principals, secret_keys
from harness.emulator.access.principals import Principal

CLOCK_SKEW = timedelta(minutes=5)
LONGEST_PRESIGNED = timedelta(days=7)
_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<signed>[^,\s]+)"
    r",\s*Signature=(?P<signature>[0-9a-f]+)"
)
_CREDENTIAL = re.compile(r"(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_ACCOUNT_KEY = re.compile(r"\d{12}|test")
_STALE_SECURITY_TOKEN = "The security token included in the request is invalid."
_WRONG = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


class SignatureError(Exception):
    """A request that is not signed as it must be. `code` is AWS's name of the error, `message` its text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Signer:
    """The caller who signed a request."""

    access_key: str
    account_id: str
    principal: Principal

    @property
    def user_id(self) -> str:
        """The unique id of the user or the role session, as `aws:userid` has it."""
        return next(iter(self.principal.facts.get("aws:userid", ())), self.access_key)


@dataclass(frozen=True, slots=True)
class _Signature:
    """What the request says of its signature."""

    key: str
    region: str
    service: str
    signed_headers: frozenset[str]
    signature: str
    timestamp: str
    token: str | None
    expires: timedelta | None
    """The time for which a presigned URL is good; None where the header is signed."""


def authenticate(request: Request, body: bytes, service: str, *, raw_uri: str | None = None) -> Signer:
    """Who signed `request` for `service` ("execute-api", "lambda"). Raises SignatureError.

    `raw_uri` is the path with the query that the client signed; without it, that of the request.
    """
    stated = _stated(request)
    signer, secret = _signer(stated)
    if stated.service != service:
        raise SignatureError(
            "InvalidSignatureException", f"Credential should be scoped to correct service: '{service}'. "
        )
    _check_signature(request, body, stated, secret, raw_uri or _raw_uri(request))
    _check_time(stated)
    return signer


def _stated(request: Request) -> _Signature:
    header = (request.headers.get("Authorization") or "").strip()
    if not header and request.args.get("X-Amz-Algorithm") == _ALGORITHM:
        return _from_query(request.args)
    if not header:
        raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")
    parts = _AUTHORIZATION.fullmatch(header)
    credential = _CREDENTIAL.fullmatch(parts["credential"]) if parts else None
    if parts is None or credential is None:
        raise SignatureError(
            "IncompleteSignatureException",
            f"'{header}' not a valid key=value pair (missing equal-sign) in Authorization header",
        )
    return _Signature(
        key=credential["key"],
        region=credential["region"],
        service=credential["service"],
        signed_headers=frozenset(parts["signed"].split(";")),
        signature=parts["signature"],
        timestamp=request.headers.get("X-Amz-Date") or "",
        token=request.headers.get("X-Amz-Security-Token"),
        expires=None,
    )


def _from_query(query: Mapping[str, str]) -> _Signature:
    credential = _CREDENTIAL.fullmatch(query.get("X-Amz-Credential", ""))
    seconds = query.get("X-Amz-Expires", "")
    if credential is None or not seconds.isdecimal() or "X-Amz-Signature" not in query:
        raise SignatureError(
            "IncompleteSignatureException", "The query of a presigned URL needs all of its X-Amz- parameters."
        )
    return _Signature(
        key=credential["key"],
        region=credential["region"],
        service=credential["service"],
        signed_headers=frozenset(query.get("X-Amz-SignedHeaders", "").split(";")),
        signature=query["X-Amz-Signature"],
        timestamp=query.get("X-Amz-Date", ""),
        token=query.get("X-Amz-Security-Token"),
        expires=min(timedelta(seconds=int(seconds[:9])), LONGEST_PRESIGNED),
    )


def _signer(stated: _Signature) -> tuple[Signer, Credentials]:
    secret = secret_keys.secret_of(stated.key)
    account_id = get_account_id_from_access_key_id(stated.key)
    unknown = not secret.known and not _ACCOUNT_KEY.fullmatch(stated.key)
    if unknown or (secret.token is not None and secret.token != stated.token):
        raise SignatureError("UnrecognizedClientException", _STALE_SECURITY_TOKEN)
    principal = principals.of_access_key(stated.key, account_id)
    account_id = principal.caller.account_id or account_id
    return Signer(stated.key, account_id, principal), Credentials(stated.key, secret.secret, secret.token)


def _raw_uri(request: Request) -> str:
    raw: str = request.environ.get("RAW_URI") or request.full_path
    return raw if raw.startswith("/") else "/" + raw.split("/", 3)[-1]


def _check_signature(request: Request, body: bytes, stated: _Signature, credentials: Credentials, raw_uri: str) -> None:
    headers = {name: value for name, value in request.headers.items() if name.lower() in stated.signed_headers}
    path, _, query = raw_uri.partition("?")
    if stated.expires is not None:
        query = "&".join(pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature="))
    url = f"http://{request.host}{path}" + (f"?{query}" if query else "")
    signed = AWSRequest(method=request.method, url=url, data=body, headers=headers)
    signed.context["timestamp"] = stated.timestamp
    signer = SigV4Auth(credentials, stated.service, stated.region)
    canonical = signer.canonical_request(signed)
    to_sign = signer.string_to_sign(signed, canonical)
    claimed = request.headers.get("X-Amz-Content-SHA256", "")
    body_matches = len(claimed) != 64 or claimed == hashlib.sha256(body).hexdigest()
    if not body_matches or not hmac.compare_digest(signer.signature(to_sign, signed), stated.signature):
        raise SignatureError(
            "InvalidSignatureException",
            f"{_WRONG}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{to_sign}'\n",
        )


def _check_time(stated: _Signature) -> None:
    try:
        sent_at = datetime.strptime(stated.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError(
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ) from None
    now = datetime.now(UTC)
    if stated.expires is None:
        expired, limit, allowance = abs(now - sent_at) > CLOCK_SKEW, now - CLOCK_SKEW, "5 min."
    else:
        expired, limit, allowance = now > sent_at + stated.expires, now - stated.expires, str(stated.expires)
    if expired:
        raise SignatureError(
            "InvalidSignatureException",
            f"Signature expired: {sent_at:%Y%m%dT%H%M%SZ} is now earlier than {limit:%Y%m%dT%H%M%SZ} "
            f"({now:%Y%m%dT%H%M%SZ} - {allowance})",
        )
