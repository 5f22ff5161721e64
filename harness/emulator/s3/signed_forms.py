"""Uploads by form (presigned POST): who signed it, and whether its policy allows what is uploaded.

LocalStack 4.14.0 verifies no signature of a form, accepts fields that the policy does not name, and gives an
upload no principal.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.auth import HmacV1Auth, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from localstack.aws import handlers
from localstack.aws.accounts import get_account_id_from_access_key_id
from localstack.aws.api import RequestContext
from localstack.aws.api.s3 import AccessDenied, EntityTooLarge, EntityTooSmall, InvalidArgument
from localstack.aws.chain import HandlerChain
from localstack.http import Response
from localstack.services.s3.constants import S3_HOST_ID

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import inserted, replaced
from harness.emulator.s3 import errors, post_policy
from harness.emulator.s3.header_signature import credentials_of

_V4_FIELDS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature")
_V2_FIELDS = ("AWSAccessKeyId", "Signature")


def name_the_object(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler: the key that is uploaded to is a field of the form, and a parameter for all who look at the call."""
    if _is_upload(context) and _is_form(context) and _is_well_formed(context):
        fields = context.request.form
        key = next((value for name, value in fields.items() if name.lower() == "key"), None)
        file = context.request.files.get("file")
        if key and context.service_request is not None:
            context.service_request["Key"] = (
                key.replace("${filename}", file.filename) if file and file.filename else key
            )


def authenticate(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler: an upload by form acts as the principal that signed it."""
    if not _is_upload(context) or not _is_form(context):
        return
    if not _is_well_formed(context):
        said = "The body of your POST request is not well-formed multipart/form-data."
        raise errors.S3ServiceError("MalformedPOSTRequest", said, 400)
    fields = _by_lower_case(context.request.form)
    if not fields.get("key"):
        raise _missing("key")
    if "file" not in context.request.files and "file" not in context.request.form:
        said = "POST requires exactly one file upload per request."
        raise InvalidArgument(said, ArgumentName="file", ArgumentValue="0", HostId=S3_HOST_ID)
    if not fields.get("policy"):
        return
    signed_by = _signer_v4(fields) if _complete(fields, _V4_FIELDS) else None
    if signed_by is None and _complete(fields, _V2_FIELDS):
        signed_by = _signer_v2(fields)
    if signed_by is None:
        raise AccessDenied("Access Denied", HostId=S3_HOST_ID)
    access_key, scope = signed_by
    context.request.headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders=host, Signature={'0' * 64}"
    )
    context.account_id = get_account_id_from_access_key_id(access_key)
    context.request.headers["x-moto-account-id"] = context.account_id


def _is_upload(context: RequestContext) -> bool:
    return (
        context.service is not None
        and context.service.service_name == "s3"
        and context.operation is not None
        and context.operation.name == "PostObject"
    )


def _is_form(context: RequestContext) -> bool:
    return "multipart/form-data" in (context.request.headers.get("Content-Type") or "")


def _is_well_formed(context: RequestContext) -> bool:
    """Whether each part of the form has a name."""
    return None not in context.request.form and None not in context.request.files


def _by_lower_case(form: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in form.items()}


def _complete(fields: Mapping[str, str], wanted: tuple[str, ...]) -> bool:
    """Whether the form is signed this way. Raises InvalidArgument where a part of it is missing."""
    if not any(name.lower() in fields for name in wanted):
        return False
    for name in wanted:
        if name.lower() not in fields:
            raise _missing(name)
    return True


def _missing(name: str) -> InvalidArgument:
    said = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )
    return InvalidArgument(said, ArgumentName=name, ArgumentValue="", HostId=S3_HOST_ID)


def _signer_v4(fields: Mapping[str, str]) -> tuple[str, str]:
    """Who signed the form: the access key and the scope of the credential. Raises what S3 refuses it with."""
    credential = fields["x-amz-credential"]
    access_key, _, scope = credential.partition("/")
    parts = scope.split("/")
    if len(parts) != 4 or parts[2:] != ["s3", "aws4_request"]:
        raise InvalidArgument(
            'The X-Amz-Credential field is malformed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            ArgumentName="X-Amz-Credential",
            ArgumentValue=credential,
            HostId=S3_HOST_ID,
        )
    signer = S3SigV4Auth(credentials_of(access_key, fields.get("x-amz-security-token")), "s3", parts[1])
    request = AWSRequest()
    request.context["timestamp"] = parts[0]
    _compare(access_key, signer.signature(fields["policy"], request), fields["x-amz-signature"], fields["policy"])
    return access_key, scope


def _signer_v2(fields: Mapping[str, str]) -> tuple[str, str]:
    access_key = fields["awsaccesskeyid"]
    signer = HmacV1Auth(credentials_of(access_key, fields.get("x-amz-security-token")))
    _compare(access_key, signer.sign_string(fields["policy"]), fields["signature"], fields["policy"])
    return access_key, f"{datetime.now(UTC):%Y%m%d}/us-east-1/s3/aws4_request"


def _compare(access_key: str, calculated: str, provided: str, policy: str) -> None:
    digests = (hashlib.sha256(text.encode()).digest() for text in (calculated, provided))
    if not hmac.compare_digest(*digests):
        raise errors.signature_does_not_match(access_key, provided, policy)


def validate(form: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """In the place of LocalStack's `validate_post_policy`: `about` has the `bucket` and the file's `content_length`."""
    fields = _by_lower_case(form)
    if not fields.get("policy"):
        return
    try:
        policy = post_policy.parse(fields["policy"])
        post_policy.check(policy, fields, bucket=about["bucket"], size=about["content_length"], now=datetime.now(UTC))
    except post_policy.InvalidPolicyError as error:
        raise errors.S3ServiceError("InvalidPolicyDocument", str(error), 400) from error
    except post_policy.SizeError as error:
        if error.too_large:
            raise EntityTooLarge(
                str(error), ProposedSize=error.proposed, MaxSizeAllowed=error.limit, HostId=S3_HOST_ID
            ) from error
        raise EntityTooSmall(str(error), ProposedSize=error.proposed, MinSizeAllowed=error.limit) from error
    except post_policy.ForbiddenError as error:
        raise AccessDenied(str(error), HostId=S3_HOST_ID) from error


def _patch() -> None:
    from localstack.services.s3 import provider

    replaced(
        provider,
        "validate_post_policy",
        validate,
        because="fields are taken that the policy does not allow",
        source="https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html",
    )


def install() -> None:
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        authenticate,
        because="signatures of forms are not verified",
        source="https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html",
    )
    when_loaded("s3", _patch)


def install_names() -> None:
    """Before the call is recorded."""
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        name_the_object,
        because="the key of a form is known before the call is recorded",
        source="https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html",
        first=True,
    )
