"""The text of a template: how long and how deep it may be, and where it may come from.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html

LocalStack 4.14.0 reads a text of any form (nested anchors keep it busy for minutes, 3,000 levels end in a RecursionError),
and a TemplateURL of any scheme and host.
"""

import ipaddress
import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from botocore.exceptions import ClientError
from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.connect import connect_to
from localstack.http import Response
from localstack.services.cloudformation import api_utils
from localstack.services.cloudformation.engine import template_preparer
from localstack.services.cloudformation.engine.v2 import change_set_model_transform
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.s3.utils import extract_bucket_name_and_key_from_headers_and_path
from localstack.utils.urls import localstack_host

from harness.emulator.bounded.nesting import MAX_DEPTH, first_place, too_deep
from harness.emulator.patches import inserted, replaced

MAX_BODY_BYTES = 51_200
MAX_OBJECT_BYTES = 1_000_000
_S3_HOST = re.compile(r"(?:.+\.)?s3[.-](?:[a-z0-9.-]+\.)?(?:amazonaws\.com(?:\.cn)?|localhost(?:\.localstack\.cloud)?)")
_MORE = "For more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"


def install() -> None:
    original = template_preparer.parse_template

    def parse_template(template: str) -> Any:
        check(template)
        parsed = original(template)
        if not isinstance(parsed, dict):
            raise ValidationError("Template format error: unsupported structure.")
        return parsed

    replaced(
        template_preparer,
        "parse_template",
        parse_template,
        because="a template of any form and from any address is read",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
    )
    replaced(
        change_set_model_transform,
        "parse_template",
        parse_template,
        because="a template of any form and from any address is read",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
    )
    replaced(
        api_utils,
        "convert_s3_to_local_url",
        lambda url: url,
        because="a template of any form and from any address is read",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
    )
    replaced(
        api_utils,
        "get_remote_template_body",
        fetch,
        because="a template of any form and from any address is read",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
    )
    replaced(
        api_utils,
        "get_template_body",
        lambda request: request.get("TemplateBody") or fetch(request.get("TemplateURL") or ""),
        because="a template of any form and from any address is read",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
    )
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        _check_parameters,
        because="a template of any form and from any address is read",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
    )


def _check_parameters(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler: also for what is read only later, as that of a stack set."""
    if context.service is None or context.service.service_name != "cloudformation":
        return
    request = context.service_request or {}
    if url := request.get("TemplateURL"):
        s3_object(url)
        if context.operation is not None and context.operation.name == "ValidateTemplate":
            # LocalStack answers any problem with its text as "Template Validation Error".
            check(template := fetch(url))
            request["TemplateBody"] = template
            del request["TemplateURL"]
            return
    if body := request.get("TemplateBody"):
        if len(body.encode("utf-8", "surrogatepass")) > MAX_BODY_BYTES:
            raise ValidationError(
                f"1 validation error detected: Value '{body[:100]}...' at 'templateBody' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_BODY_BYTES}"
            )
        check(body)


def check(template: str) -> None:
    """Raise ValidationError for a text that is too large, nested too deeply, or has aliases, which AWS does not take."""
    if len(template.encode("utf-8", "surrogatepass")) > MAX_OBJECT_BYTES:
        raise ValidationError(f"Template may not exceed {MAX_OBJECT_BYTES} bytes in size.")
    if template.lstrip().startswith("{"):
        if (line := too_deep(template)) is not None:
            raise ValidationError(
                f"Template format error: JSON not well-formed. (line {line}): nested more than {MAX_DEPTH} levels deep"
            )
        try:
            json.loads(template)
            return
        except ValueError:
            pass  # YAML in flow style begins so, too
    try:
        found = first_place(template, aliases=True)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValidationError(f"Template format error: YAML not well-formed.{place}") from error
    except yaml.YAMLError as error:
        raise ValidationError("Template format error: YAML not well-formed.") from error
    match found:
        case ("alias", line, _):
            raise ValidationError(
                f"Template error: YAML aliases are not allowed in CloudFormation templates (line {line})"
            )
        case ("depth", line, column):
            raise ValidationError(
                f"Template format error: YAML not well-formed. (line {line}, column {column}): "
                f"nested more than {MAX_DEPTH} levels deep"
            )


def s3_object(url: str) -> dict[str, str]:
    """The object that a TemplateURL names, as parameters of GetObject. Raises ValidationError for what is none."""
    try:
        split = urlsplit(url)
        host = (split.hostname or "").lower()
    except ValueError:
        raise ValidationError("TemplateURL must be a supported URL.") from None
    if split.scheme == "s3":
        raise ValidationError(f"S3 error: Domain name specified in {split.netloc} is not a valid S3 domain")
    if split.scheme not in ("http", "https") or not _is_s3(host):
        raise ValidationError("TemplateURL must be a supported URL.")
    bucket, key = extract_bucket_name_and_key_from_headers_and_path({"host": split.netloc}, unquote(split.path))
    if not bucket or not key:
        raise ValidationError("TemplateURL must reference a valid S3 object to which you have access.")
    version = parse_qs(split.query).get("versionId")
    return {"Bucket": bucket, "Key": key, **({"VersionId": version[0]} if version else {})}


def _is_s3(host: str) -> bool:
    """Whether S3 is behind a host: one of AWS's names, or a name of this machine or of this engine in a network of Docker."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        pass
    own = localstack_host().host
    names = ("localhost", "localhost.localstack.cloud", own)
    return host in names or (host != "" and "." not in host) or _S3_HOST.fullmatch(host) is not None


def fetch(url: str) -> str:
    """The text of the object that a TemplateURL names: from the S3 of this engine, never from another machine."""
    try:
        answer = connect_to().s3.get_object(**s3_object(url))
    except ClientError as error:
        raise ValidationError(f"S3 error: {error.response['Error']['Message']}\n{_MORE}") from error
    if answer["ContentLength"] > MAX_OBJECT_BYTES:
        raise ValidationError(f"Template may not exceed {MAX_OBJECT_BYTES} bytes in size.")
    try:
        return str(answer["Body"].read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValidationError("Template format error: the template is not encoded in UTF-8.") from error
