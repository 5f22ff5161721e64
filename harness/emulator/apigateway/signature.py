"""Methods with AWS_IAM: the request's Signature Version 4, and what the caller's policies say.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    InvalidSignatureError,
    MissingAuthTokenError,
)
from moto.iam.access_control import (
    AssumedRoleAccessKey,
    CreateAccessKeyFailure,
    IAMUserAccessKey,
)
from moto.iam.models import iam_backends

from harness.emulator.access import principals
from harness.emulator.access.enforcement import ACCESS, Mode
from harness.emulator.access.evaluation import Resource, decide
from harness.emulator.apigateway.lambda_authorizer import method_arn

ACCOUNT_SECRET = "test"
"""The secret that goes with an account's own id as access key: the account's administrator here."""
CLOCK_SKEW = timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,\s*"
    r"SignedHeaders=(?P<signed>[^,]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)


class UnrecognizedClientError(InvalidSignatureError):
    code = "UnrecognizedClientException"


class IncompleteSignatureError(InvalidSignatureError):
    code = "IncompleteSignatureException"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed."""

    access_key: str
    account_id: str
    arn: str
    credentials: Credentials
    administers: bool = False
    """The account itself, which may do everything."""


def authenticate(context: RestApiInvocationContext) -> dict[str, Any]:
    """`requestContext.identity` of the caller who signed the request, or the refusal that AWS gives."""
    request = context.request
    header = request.headers.get("Authorization")
    if not header:
        raise MissingAuthTokenError("Missing Authentication Token")
    parts = _AUTHORIZATION.fullmatch(header.strip())
    if parts is None:
        raise IncompleteSignatureError(
            f"'{header}' not a valid key=value pair (missing equal-sign) in Authorization header"
        )
    sent_at = _timestamp(request.headers)
    caller = _caller(parts["key"], request.headers, context.account_id)
    _check_signature(context, parts, caller)
    now = datetime.now(UTC)
    if abs(now - sent_at) > CLOCK_SKEW:
        limit = now - CLOCK_SKEW
        raise InvalidSignatureError(
            f"Signature expired: {sent_at:%Y%m%dT%H%M%SZ} is now earlier than {limit:%Y%m%dT%H%M%SZ} "
            f"({now:%Y%m%dT%H%M%SZ} - 5 min.)"
        )
    _check_permitted(caller, method_arn(context))
    return {
        "accountId": caller.account_id,
        "accessKey": caller.access_key,
        "caller": caller.access_key,
        "user": caller.access_key,
        "userArn": caller.arn,
    }


def _timestamp(headers: Mapping[str, str]) -> datetime:
    try:
        return datetime.strptime(headers.get("X-Amz-Date") or "", "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise IncompleteSignatureError(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        ) from None


def _caller(key: str, headers: Mapping[str, str], account_id: str) -> Caller:
    if key in (account_id, ACCOUNT_SECRET):
        arn = f"arn:aws:iam::{account_id}:root"
        return Caller(key, account_id, arn, Credentials(key, ACCOUNT_SECRET), administers=True)
    kind = AssumedRoleAccessKey if headers.get("X-Amz-Security-Token") else IAMUserAccessKey
    for account in [account_id, *(a for a in list(iam_backends) if a != account_id)]:
        try:
            known = kind(account, "aws", key, headers)
        except (CreateAccessKeyFailure, KeyError):
            continue
        return Caller(key, account, known.arn, known.create_credentials())
    raise UnrecognizedClientError("The security token included in the request is invalid.")


def _check_signature(context: RestApiInvocationContext, parts: re.Match[str], caller: Caller) -> None:
    if parts["service"] != "execute-api":
        raise InvalidSignatureError("Credential should be scoped to correct service: 'execute-api'. ")
    signed = set(parts["signed"].split(";"))
    headers = {k: v for k, v in context.request.headers.items() if k.lower() in signed}
    body = context.invocation_request["body"] or b""
    raw = context.request.environ.get("RAW_URI") or context.request.full_path
    path = raw if raw.startswith("/") else "/" + raw.split("/", 3)[-1]
    request = AWSRequest(
        method=context.request.method, url=f"http://{context.request.host}{path}", data=body, headers=headers
    )
    request.context["timestamp"] = context.request.headers["X-Amz-Date"]
    signer = SigV4Auth(caller.credentials, "execute-api", parts["region"])
    canonical = signer.canonical_request(request)
    to_sign = signer.string_to_sign(request, canonical)
    claimed = context.request.headers.get("X-Amz-Content-SHA256", "")
    body_is_theirs = len(claimed) != 64 or claimed == hashlib.sha256(body).hexdigest()
    if not body_is_theirs or not hmac.compare_digest(signer.signature(to_sign, request), parts["signature"]):
        raise InvalidSignatureError(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.\n\n"
            f"The Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{to_sign}'\n"
        )


def _check_permitted(caller: Caller, resource: str) -> None:
    if caller.administers or ACCESS.mode is not Mode.ENFORCE:
        return
    who = principals.of_access_key(caller.access_key, caller.account_id)
    about = Resource(resource, resource.split(":")[4])
    decision = decide(caller.arn, who.caller, who.identity, "execute-api:Invoke", about, who.facts)
    ACCESS.decided(decision)
    if not decision.allowed:
        suffix = " with an explicit deny" if decision.explicit else ""
        account = resource.split(":")[4]
        masked = resource.replace(f":{account}:", f":********{account[-4:]}:")
        raise AccessDeniedError(
            f"User: {caller.arn} is not authorized to perform: execute-api:Invoke on resource: {masked}{suffix}"
        )
