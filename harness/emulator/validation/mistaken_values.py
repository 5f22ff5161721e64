"""Values that the model allows and that name nothing: ARNs without a region, malformed queue URLs, tokens of unknown listings.

LocalStack 4.14.0 and moto raise internal exceptions for them, and so answer 500. What AWS answers is one of the errors
that the operation's model declares.
"""

import logging
import re
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError
from botocore.model import OperationModel
from localstack.aws.api import RequestContext
from localstack.utils.aws.arns import InvalidArnException

from harness.emulator.validation.constraints import NOT_NULL
from harness.emulator.validation.messages import RequestRefusal, validation_code
from harness.emulator.validation.messages import refusal as refusal_of
from harness.emulator.validation.offending_members import MemberFault, Offence, offence
from harness.emulator.validation.violations import Violation, ViolationKind, shown

LOG = logging.getLogger(__name__)

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
_OF_VALUES = (
    *("InvalidParameterValueException", "InvalidParameterValue", "InvalidParameterException", "InvalidParameter"),
    *("InvalidArgumentException", "InvalidArgument"),
    *("InvalidInputException", "InvalidInput", "ValidationException", "BadRequestException", "InvalidRequestException"),
)
_LIBRARIES: Mapping[str, str] = {"jsonpatch": "Invalid patch operation", "jsonpointer": "Invalid patch path"}
"""Modules whose every exception is about what a client sent."""
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


_GRANTING = ("CopyObject", "CreateBucket", "CreateMultipartUpload", "PutBucketAcl", "PutObject", "PutObjectAcl")
"""Operations of S3 that take grants in headers."""

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
    ("dynamodb", "TransactWriteItems"): Meaning(
        (ValueError,), "ValidationException", "Invalid ConditionExpression: {error}"
    ),
    # https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionConcurrency.html#API_DeleteFunctionConcurrency_Errors
    **dict.fromkeys(
        (("lambda", "DeleteFunctionConcurrency"), ("lambda", "PutProvisionedConcurrencyConfig")),
        Meaning((AttributeError,), "ResourceNotFoundException", "Function not found: {FunctionName}", 404),
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
    **dict.fromkeys(
        (("s3", name) for name in _GRANTING),
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html: "as a type=value pair"
        Meaning((ValueError,), "InvalidArgument", "Argument format not recognized"),
    ),
    ("s3", "ListBuckets"): Meaning((ValueError,), "InvalidArgument", "The continuation token provided is incorrect"),
    ("ses", "SendRawEmail"): Meaning((UnicodeError,), "InvalidParameterValue", "The message is not valid: {error}"),
    ("sesv2", "SendEmail"): Meaning((UnicodeError,), "BadRequestException", "The message is not valid: {error}"),
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html#API_CreateDocument_Errors
    **dict.fromkeys(
        (("ssm", "CreateDocument"), ("ssm", "UpdateDocument")),
        Meaning((TypeError, AttributeError), "InvalidDocumentContent", "The content for the document is not valid."),
    ),
    ("sts", "AssumeRoleWithSAML"): Meaning((ValueError,), "InvalidIdentityToken", "The SAML assertion is not valid."),
}
"""Exceptions of LocalStack and moto for what cannot be read. A type that could also be a defect in them is not here."""


def refusal(exception: Exception, context: RequestContext) -> RequestRefusal | None:
    """What the service answers; None for an exception that says nothing of the request."""
    operation, service = context.operation, context.service
    if operation is None or service is None:
        return None
    default = validation_code(service.service_name, str(context.protocol))
    if service.service_name == "dynamodb" and (undefined := _undefined(exception)) is not None:
        return undefined
    meaning = MEANINGS.get((service.service_name, operation.name))
    if meaning is not None and isinstance(exception, meaning.exceptions):
        parameters = defaultdict(str, context.service_request or {}, error=str(exception))
        return RequestRefusal(meaning.code, meaning.message.format_map(parameters), meaning.status)
    if (what := _LIBRARIES.get(type(exception).__module__)) is not None:
        return RequestRefusal(_declared(operation, _OF_VALUES) or default, f"{what}: {exception}")
    if isinstance(exception, ClientError):
        return _of_other_service(exception, operation, default)
    found = offence(exception, context.service_request, operation)
    if found is not None and found.fault is not MemberFault.UNREADABLE and found.member not in TOKENS:
        return _of_offence(found, exception, context, default)
    if isinstance(exception, KeyError) and _is_of_moto_backend(exception):
        return RequestRefusal(_declared(operation, _OF_ARNS) or default, f"There is no region or account {exception}.")
    if isinstance(exception, InvalidArnException) or _NO_ARN.search(str(exception)):
        return RequestRefusal(_declared(operation, _OF_ARNS) or default, str(exception))
    if _NO_ADDRESS.search(str(exception)):
        return RequestRefusal(_OF_ADDRESSES.get(service.service_name, default), str(exception))
    if found is not None and found.member not in TOKENS:
        return _of_offence(found, exception, context, default)
    if found is None and not isinstance(exception, ValueError):
        return None
    token = next((name for name in TOKENS if (context.service_request or {}).get(name)), None)
    if token is not None:
        return RequestRefusal(_declared(operation, _OF_TOKENS) or default, f"The value of {token} is not valid.")
    return None


def _undefined(exception: Exception) -> RequestRefusal | None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeValues.html"""
    key = exception.args[0] if isinstance(exception, KeyError) and exception.args else None
    if not isinstance(key, str) or not key.startswith((":", "#")):
        return None
    what = "value" if key.startswith(":") else "name"
    message = f"An expression attribute {what} used in expression is not defined; attribute {what}: {key}"
    return RequestRefusal("ValidationException", message)


def _of_other_service(exception: ClientError, operation: OperationModel, default: str) -> RequestRefusal | None:
    """A service refused what this one passed to it."""
    error, status = (
        exception.response["Error"],
        exception.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500),
    )
    if not 400 <= status < 500:
        return None
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    if code.startswith("AccessDenied"):
        return RequestRefusal(code, message, status)
    return RequestRefusal(_declared(operation, (code, *_OF_VALUES)) or default, message)


def _of_offence(found: Offence, exception: Exception, context: RequestContext, default: str) -> RequestRefusal:
    operation = context.operation
    assert operation is not None
    service = operation.service_model.service_name
    if found.fault is MemberFault.NAMES_NOTHING:
        return _not_found(operation, found, default)
    # AWS may have a default or take the value. It is a row of `member_rules` then, and the log says that one is missing.
    LOG.warning(
        "%s.%s: %s at %s is refused because the code behind it fails: %s: %s",
        *(service, operation.name, found.fault.name, found.path, type(exception).__name__, exception),
    )
    if found.fault is MemberFault.LEFT_OUT:
        missing = Violation(ViolationKind.MISSING, found.member, found.path, "null", NOT_NULL, found.shape)
        return refusal_of(service, str(context.protocol), operation.name, [missing])
    value = "" if found.value is None else f" {shown(found.shape, found.value)}"
    return RequestRefusal(_declared(operation, _OF_VALUES) or default, f"Value{value} at '{found.path}' is not valid.")


def _is_of_moto_backend(exception: KeyError) -> bool:
    """A region or an account that an ARN of the request names and moto does not know."""
    frames = traceback.extract_tb(exception.__traceback__)
    return bool(frames) and frames[-1].filename.endswith("moto/core/base_backend.py")


def _not_found(operation: OperationModel, found: Offence, default: str) -> RequestRefusal:
    name = f"{found.value}" or f"The empty {found.path}"
    for shape in operation.error_shapes:
        if _OF_NOTHING.search(shape.name):
            error = shape.metadata.get("error", {})
            code, status = error.get("code", shape.name), error.get("httpStatusCode", 400)
            return RequestRefusal(str(code), f"{name} does not exist.", int(status))
    return RequestRefusal(default, f"{name} does not exist.")


def _declared(operation: OperationModel, names: Sequence[str]) -> str | None:
    """The first of the names that the operation's model has among its errors, as the protocol has it."""
    declared = {shape.name: shape.metadata.get("error", {}).get("code") for shape in operation.error_shapes}
    name = next((name for name in names if name in declared), None)
    has_codes = operation.service_model.protocol in ("query", "ec2", "rest-xml")
    return declared[name] or name if name is not None and has_codes else name
