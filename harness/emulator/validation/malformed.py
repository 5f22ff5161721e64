"""The response to a request that cannot be parsed: each protocol's error, with a 4xx status.

LocalStack 4.14.0 answers 500 to all of them.
"""

import logging
from typing import Any

from botocore.model import OperationNotFoundError, ServiceModel
from localstack.aws.protocol.parser import (
    OperationNotFoundParserError,
    ProtocolParserError,
    RequestParserError,
    UnknownParserError,
)
from werkzeug.exceptions import HTTPException

from harness.emulator.validation.messages import RequestRefusal
from harness.emulator.validation.wire_types import MalformedBodyError

LOG = logging.getLogger(__name__)

QUERY = frozenset({"query", "ec2"})
BODY_NOT_JSON = "Could not parse request body into json"
NOT_OF_TYPE = "Invalid type when parsing"
"""How LocalStack's parsers begin about a value of another type: in S3's requests, one of the address or the headers."""
XML_CODES = {"route53": "InvalidInput"}
"""Services with XML bodies whose code is not MalformedXML."""


def refusal(error: RequestParserError, service: ServiceModel, protocol: str, request: Any) -> RequestRefusal:
    """What the service answers where a request cannot be parsed."""
    no_target = protocol == "json" and "X-Amz-Target" not in request.headers
    if no_target or _is_unknown_operation(error):
        return unknown_operation(service, protocol, request)
    if protocol in QUERY and "Action" not in _form(request):
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
        return RequestRefusal("MissingAction", "The request is missing an action or a required parameter.")
    cause = error.__cause__
    if isinstance(error, UnknownParserError) and not isinstance(cause, _OF_THE_CLIENT):
        LOG.warning("a request to %s could not be parsed", service.service_name, exc_info=error)
    if isinstance(cause, HTTPException) and cause.code == 413:
        return RequestRefusal("RequestEntityTooLarge", "The request body is too large.", 413)
    return malformed(service, protocol, _why(error))


def malformed(service: ServiceModel, protocol: str, why: str) -> RequestRefusal:
    name = service.service_name
    if protocol in QUERY:
        return RequestRefusal("MalformedQueryString" if protocol == "query" else "InvalidParameterValue", why)
    if name == "s3" and why.startswith(NOT_OF_TYPE):
        return RequestRefusal("InvalidArgument", why)
    if protocol == "rest-xml":
        # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
        text = "The XML you provided was not well-formed or did not validate against our published schema"
        return RequestRefusal(XML_CODES.get(name, "MalformedXML"), text)
    if name == "lambda" and why.startswith(BODY_NOT_JSON):
        # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
        return RequestRefusal("InvalidRequestContentException", why)
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CommonErrors.html
    return RequestRefusal("SerializationException", why)


def unknown_operation(service: ServiceModel, protocol: str, request: Any) -> RequestRefusal:
    if protocol in QUERY:
        form = _form(request)
        action, version = form.get("Action", ""), form.get("Version", service.api_version)
        if protocol == "ec2":
            return RequestRefusal("InvalidAction", f"The action {action} is not valid for this web service.")
        return RequestRefusal("InvalidAction", f"Could not find operation {action} for version {version}")
    if service.service_name == "s3":
        return RequestRefusal("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    named = request.headers.get("X-Amz-Target") or f"{request.method} {request.path}"
    status = 400 if protocol == "json" else 404
    return RequestRefusal("UnknownOperationException", f"{service.service_name} has no operation {named}", status)


_OF_THE_CLIENT = (ProtocolParserError, HTTPException, RecursionError, OverflowError, OSError, EOFError, ValueError)
"""What reading a request raises because of what is in it. Anything else is logged: it may be a defect of the parser."""


def _is_unknown_operation(error: BaseException | None) -> bool:
    if isinstance(error, UnknownParserError):
        return _is_unknown_operation(error.__cause__)
    return isinstance(error, OperationNotFoundParserError | OperationNotFoundError)


def _why(error: RequestParserError) -> str:
    for each in (error, error.__cause__):
        if isinstance(each, MalformedBodyError):
            return str(each)
    cause = error.__cause__ if isinstance(error, UnknownParserError) else error
    if isinstance(cause, RecursionError):
        return "The request is nested too deeply"
    if isinstance(cause, ProtocolParserError | OverflowError):
        return str(cause)[:500]
    return "The request could not be read"


def _form(request: Any) -> Any:
    try:
        return request.values
    except (HTTPException, ValueError, OSError, EOFError):  # a form that cannot be read has no Action
        return request.args
