"""Values that the model allows and that name nothing: ARNs of no region, queue URLs that are none, tokens of no listing.

LocalStack 4.14.0 and moto raise internal exceptions for them, and so answer 500. What AWS answers is one of the errors
that the operation's model declares.
"""

import re
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel
from localstack.aws.api import RequestContext
from localstack.utils.aws.arns import InvalidArnException

from harness.emulator.validation.messages import Refusal, validation_code

TOKENS = frozenset({"NextToken", "nextToken", "Marker", "marker", "NextMarker", "PaginationToken", "position"})
"""Parameters that hold what an earlier answer of the same operation said."""
_OF_TOKENS = (
    "InvalidNextTokenException",
    "InvalidNextToken",
    "InvalidMarkerException",
    "InvalidPaginationTokenException",
)
_OF_ARNS = (
    *("InvalidArnException", "InvalidArn", "InvalidParameterValueException", "InvalidParameterException"),
    *("InvalidArgumentException", "ValidationException", "InvalidRequestException"),
)
_OF_ADDRESSES: Mapping[str, str] = {"sqs": "InvalidAddress"}
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html#API_SendMessage_Errors"""
_OF_NOTHING = re.compile("NotFound|NoSuch|DoesNotExist|NotExist")
_NO_ARN = re.compile(r"is not a valid AWS (region name|account ID)|is an ARN, but neither of")
_NO_ADDRESS = re.compile("Not a valid queue URL")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What it means when an operation fails with one of these exceptions. `message` may name parameters of the request."""

    exceptions: tuple[type[Exception], ...]
    code: str
    message: str
    status: int = 400


MEANINGS: Mapping[tuple[str, str], Meaning] = {
    ("dynamodb", "Query"): Meaning((ValueError,), "ValidationException", "Invalid FilterExpression: {error}"),
    ("dynamodb", "Scan"): Meaning((ValueError,), "ValidationException", "Invalid FilterExpression: {error}"),
    ("dynamodbstreams", "DescribeStream"): Meaning(
        (IndexError,), "ValidationException", "Invalid StreamArn: {StreamArn}"
    ),
    ("dynamodbstreams", "GetRecords"): Meaning((KeyError,), "ValidationException", "Invalid ShardIterator"),
    ("dynamodbstreams", "GetShardIterator"): Meaning(
        (IndexError, ValueError), "ValidationException", "Invalid StreamArn or SequenceNumber"
    ),
    ("kms", "ImportKeyMaterial"): Meaning(
        (UnicodeError,), "InvalidImportTokenException", "The import token is not valid."
    ),
    ("kms", "RetireGrant"): Meaning((ValueError,), "InvalidGrantTokenException", "The grant token is not valid."),
    ("logs", "PutDeliverySource"): Meaning((IndexError,), "ValidationException", "Invalid resource ARN: {resourceArn}"),
    ("logs", "PutDeliveryDestination"): Meaning((IndexError,), "ValidationException", "Invalid destination ARN."),
    **dict.fromkeys(
        (("logs", "ListTagsForResource"), ("logs", "TagResource"), ("logs", "UntagResource")),
        Meaning((AttributeError,), "InvalidParameterException", "Invalid resource ARN: {resourceArn}"),
    ),
    ("ses", "SendRawEmail"): Meaning((UnicodeError,), "InvalidParameterValue", "The message is not valid: {error}"),
    ("sts", "AssumeRoleWithSAML"): Meaning((ValueError,), "InvalidIdentityToken", "The SAML assertion is not valid."),
}
"""Exceptions of LocalStack and moto for what cannot be read. A type that could as well be a defect of theirs is not here."""


def refusal(exception: Exception, context: RequestContext) -> Refusal | None:
    """What the service answers; None for an exception that says nothing of the request."""
    operation, service = context.operation, context.service
    if operation is None or service is None:
        return None
    default = validation_code(service.service_name, str(context.protocol))
    meaning = MEANINGS.get((service.service_name, operation.name))
    if meaning is not None and isinstance(exception, meaning.exceptions):
        parameters = defaultdict(str, context.service_request or {}, error=str(exception))
        return Refusal(meaning.code, meaning.message.format_map(parameters), meaning.status)
    if isinstance(exception, KeyError) and (name := _named(exception, context.service_request)) is not None:
        return _not_found(operation, name, default)
    if isinstance(exception, KeyError) and _is_of_moto_backend(exception):
        return Refusal(_declared(operation, _OF_ARNS) or default, f"There is no region or account {exception}.")
    if not isinstance(exception, ValueError | InvalidArnException):
        return None
    if isinstance(exception, InvalidArnException) or _NO_ARN.search(str(exception)):
        return Refusal(_declared(operation, _OF_ARNS) or default, str(exception))
    if _NO_ADDRESS.search(str(exception)):
        return Refusal(_OF_ADDRESSES.get(service.service_name, default), str(exception))
    token = next((name for name in TOKENS if (context.service_request or {}).get(name)), None)
    if token is not None:
        return Refusal(_declared(operation, _OF_TOKENS) or default, f"The value of {token} is not valid.")
    return None


def _named(exception: KeyError, request: Any) -> str | None:
    """What a store was asked for, where it is a value of the request: nothing has that name."""
    key = exception.args[0] if exception.args else None
    values = request.values() if isinstance(request, dict) else ()
    return key if isinstance(key, str) and key and key in values else None


def _is_of_moto_backend(exception: KeyError) -> bool:
    """A region or an account that an ARN of the request names and moto does not know."""
    frames = traceback.extract_tb(exception.__traceback__)
    return bool(frames) and frames[-1].filename.endswith("moto/core/base_backend.py")


def _not_found(operation: OperationModel, name: str, default: str) -> Refusal:
    for shape in operation.error_shapes:
        if _OF_NOTHING.search(shape.name):
            error = shape.metadata.get("error", {})
            code, status = error.get("code", shape.name), error.get("httpStatusCode", 400)
            return Refusal(str(code), f"{name} does not exist.", int(status))
    return Refusal(default, f"{name} does not exist.")


def _declared(operation: OperationModel, names: Sequence[str]) -> str | None:
    """The first of the names that the operation's model has among its errors."""
    declared = {shape.name for shape in operation.error_shapes}
    return next((name for name in names if name in declared), None)
