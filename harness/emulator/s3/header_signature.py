"""S3 requests that are signed in the header Authorization: LocalStack 4.14.0 accepts any signature.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
import io
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.auth import HmacV1Auth, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders, urlsplit
from botocore.credentials import Credentials
from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.api.s3 import AccessDenied
from localstack.aws.chain import HandlerChain
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID
from localstack.http import Response
from localstack.http.request import get_raw_path
from localstack.services.s3.constants import S3_HOST_ID

from harness.emulator.access import principals, secret_keys
from harness.emulator.patches import inserted
from harness.emulator.s3 import errors, streaming_payload

LOG = logging.getLogger(__name__)

CLOCK_SKEW = timedelta(minutes=15)
UNSIGNED = frozenset({"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
_V4 = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/\s]+)/(?P<date>\d{8})/(?P<region>[^/\s]+)/(?P<service>[^/\s]+)/aws4_request"
    r",\s*SignedHeaders=(?P<signed>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)
_V2 = re.compile(r"AWS (?P<key>[^:]+):(?P<signature>.+)")
_IN_QUERY = ("X-Amz-Signature", "Signature")


def verify(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler: refuses a request to S3 that another secret signed, or that was altered since."""
    if context.service is None or context.service.service_name != "s3" or context.is_internal_call:
        return
    header = (context.request.headers.get("Authorization") or "").strip()
    if not header or any(name in context.request.args for name in _IN_QUERY):
        # Presigned URLs were verified before. LocalStack gives them a header besides.
        return
    if (old := _V2.fullmatch(header)) is not None:
        _verify_v2(context, old)
        return
    parts = _V4.fullmatch(header)
    if parts is None:
        raise errors.header_malformed('the authorization component "Credential=..." is malformed.')
    if parts["key"] in (principals.ANONYMOUS_KEY, INTERNAL_AWS_ACCESS_KEY_ID):
        return
    _verify_v4(context, parts)


def credentials_of(access_key: str, token: str | None) -> Credentials:
    """What the key signs with. Raises InvalidToken where its session has another token."""
    secret = secret_keys.secret_of(access_key)
    if secret.token is not None and secret.token != token:
        raise errors.invalid_token()
    if not secret.known:
        LOG.debug("S3: access key %s is unknown; its secret is %r", access_key, secret.secret)
    return Credentials(access_key, secret.secret, secret.token)


def _verify_v4(context: RequestContext, parts: re.Match[str]) -> None:
    headers = context.request.headers
    if parts["service"] != "s3":
        raise errors.header_malformed(f'incorrect service "{parts["service"]}". This endpoint belongs to "s3".')
    sent_at = _sent_at(headers)
    _check_clock(sent_at)
    payload = headers.get("X-Amz-Content-SHA256")
    if payload is None:
        raise errors.S3ServiceError(
            "InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400
        )
    signed = parts["signed"].split(";")
    _check_all_signed(headers, signed)
    credentials = credentials_of(parts["key"], headers.get("X-Amz-Security-Token"))
    signer = S3SigV4Auth(credentials, "s3", parts["region"])
    date = f"{sent_at:%Y%m%dT%H%M%SZ}"
    canonical = _canonical_request(context, signer, signed, payload)
    scope = f"{parts['date']}/{parts['region']}/s3/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    of_key = AWSRequest()
    of_key.context["timestamp"] = parts["date"]

    def sign(text: str) -> str:
        return str(signer.signature(text, of_key))

    if not hmac.compare_digest(sign(to_sign), parts["signature"]):
        raise errors.signature_does_not_match(parts["key"], parts["signature"], to_sign, canonical)
    _verify_payload(context, parts, payload, streaming_payload.SigningScope(date, scope, sign))


def _canonical_request(context: RequestContext, signer: S3SigV4Auth, signed: list[str], payload: str) -> str:
    """As the client made it: of S3, the path is encoded once and not normalised."""
    request = context.request
    query = request.query_string.decode("latin-1")
    url = f"http://{request.host}{get_raw_path(request)}" + (f"?{query}" if query else "")
    canonical = AWSRequest(method=request.method, url=url)
    headers = HTTPHeaders()
    for name in signed:
        for value in request.headers.getlist(name):
            headers[name] = value
    lines = [
        request.method.upper(),
        get_raw_path(request) or "/",
        signer.canonical_query_string(canonical),
        signer.canonical_headers(headers) + "\n",
        ";".join(signed),
        payload,
    ]
    return "\n".join(lines)


def _verify_payload(
    context: RequestContext, parts: re.Match[str], claimed: str, scope: streaming_payload.SigningScope
) -> None:
    """Whether the body is the one that was signed."""
    if claimed in UNSIGNED:
        return
    body = _body(context)
    if claimed.startswith(streaming_payload.SIGNED):
        trailer = claimed == streaming_payload.SIGNED_WITH_TRAILER
        try:
            wrong = streaming_payload.first_wrong(body, parts["signature"], scope, trailer=trailer)
        except streaming_payload.MalformedChunksError as error:
            raise errors.S3ServiceError("InvalidRequest", f"The body is not aws-chunked: {error}", 400) from error
        if wrong is not None:
            raise errors.signature_does_not_match(parts["key"], wrong.provided, wrong.string_to_sign)
    elif claimed != hashlib.sha256(body).hexdigest():
        said = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise errors.S3ServiceError("XAmzContentSHA256Mismatch", said, 400)


def _body(context: RequestContext) -> bytes:
    """The request's body, which later handlers of the request can read again."""
    asked: Any = context.service_request or {}
    streamed = next((name for name, value in asked.items() if hasattr(value, "read")), None)
    if streamed is None:
        return context.request.get_data()
    content: bytes = asked[streamed].read()
    asked[streamed] = io.BytesIO(content)
    return content


def _sent_at(headers: Mapping[str, str]) -> datetime:
    if written := headers.get("X-Amz-Date"):
        try:
            return datetime.strptime(written, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass
    elif written := headers.get("Date"):
        try:
            return parsedate_to_datetime(written).astimezone(UTC)
        except ValueError:
            pass
    raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header", HostId=S3_HOST_ID)


def _check_clock(sent_at: datetime) -> None:
    if abs(datetime.now(UTC) - sent_at) > CLOCK_SKEW:
        raise errors.time_too_skewed()


def _check_all_signed(headers: Mapping[str, str], signed: list[str]) -> None:
    names = {name.lower() for name, _ in headers.items()}
    unsigned = sorted({name for name in names if name.startswith("x-amz-")} - set(signed))
    # Without the header of the payload's hash nothing is changed that is not in the signature all the same.
    unsigned = [name for name in unsigned if name != "x-amz-content-sha256"]
    if unsigned:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            HostId=S3_HOST_ID,
            HeadersNotSigned=", ".join(unsigned),
        )


def _verify_v2(context: RequestContext, parts: re.Match[str]) -> None:
    """Signature Version 2, which S3 takes in its oldest regions
    (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html)."""
    request = context.request
    credentials = credentials_of(parts["key"], request.headers.get("X-Amz-Security-Token"))
    headers = HTTPHeaders()
    for name, value in request.headers.items():
        headers[name] = value
    query = request.query_string.decode("latin-1")
    split = urlsplit(f"http://{request.host}{get_raw_path(request)}" + (f"?{query}" if query else ""))
    signer = HmacV1Auth(credentials)
    to_sign = signer.canonical_string(request.method, split, headers)  # type: ignore[arg-type]  # a Mapping in all but name
    if not hmac.compare_digest(signer.sign_string(to_sign), parts["signature"]):
        raise errors.signature_does_not_match(parts["key"], parts["signature"], to_sign)


def install() -> None:
    secret_keys.install()
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        verify,
        because="requests are taken whatever their signature",
        source="https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html",
    )
