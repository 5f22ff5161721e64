"""The words and the code with which each service refuses a request that breaks a constraint."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness import aws
from harness.emulator.validation.violations import Violation, ViolationKind


@dataclass(frozen=True, slots=True)
class RequestRefusal:
    code: str
    message: str
    status: int = 400


SHOWN_VIOLATIONS = 20
"""In one message; its count is of all."""

QUERY_CODE = "ValidationError"
"""https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""
JSON_CODE = "ValidationException"
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""


def refusal(service: str, protocol: str, operation: str, violations: Sequence[Violation]) -> RequestRefusal:
    """What `service` (botocore's name) answers; `violations` are not empty."""
    words = OWN_WORDS.get(service)
    if words is not None and (own := words(operation, violations)) is not None:
        return own
    return RequestRefusal(validation_code(service, protocol), detected(violations))


def validation_code(service: str, protocol: str) -> str:
    """The code of `service` (botocore's name), or that of its protocol. CloudWatch speaks three protocols and keeps the code of
    the oldest (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html)."""
    return aws.service(service).validation_error or (
        QUERY_CODE if protocol in ("query", "ec2", "rest-xml") else JSON_CODE
    )


def detected(violations: Sequence[Violation]) -> str:
    """What AWS's own framework says; most services let it speak."""
    count = len(violations)
    shown = "; ".join(violation.message for violation in violations[:SHOWN_VIOLATIONS])
    return f"{count} validation error{'s' if count > 1 else ''} detected: {shown}"


def _of_ec2(_operation: str, violations: Sequence[Violation]) -> RequestRefusal:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""
    first = violations[0]
    if first.kind is ViolationKind.MISSING:
        return RequestRefusal("MissingParameter", f"The request must contain the parameter {first.member}")
    value = "" if first.shown is None else first.shown.strip("'")
    return RequestRefusal("InvalidParameterValue", f"Value ({value}) for parameter {first.member} is invalid.")


def _of_sqs(_operation: str, violations: Sequence[Violation]) -> RequestRefusal | None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html"""
    first = violations[0]
    if first.kind is ViolationKind.MISSING and "." not in first.path:
        return RequestRefusal("MissingParameter", f"The request must contain the parameter {first.member}.")
    return None


def _of_sns(_operation: str, violations: Sequence[Violation]) -> RequestRefusal | None:
    """https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html#API_GetTopicAttributes_Errors"""
    first = violations[0]
    if first.kind is ViolationKind.MISSING and first.path.endswith("Arn"):
        return RequestRefusal(
            "InvalidParameter", f"Invalid parameter: {first.member} Reason: no value for required parameter"
        )
    return None


_IAM_NAME = r"[\w+=,.@-]+"


def _of_iam(_operation: str, violations: Sequence[Violation]) -> RequestRefusal | None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names"""
    first = violations[0]
    if first.kind is ViolationKind.PATTERN and first.shape.metadata.get("pattern") == _IAM_NAME:
        characters = "It must contain only alphanumeric characters and/or the following: +=,.@_-"
        return RequestRefusal("ValidationError", f"The specified value for {first.path} is invalid. {characters}")
    return None


def _of_step_functions(_operation: str, violations: Sequence[Violation]) -> RequestRefusal | None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html#API_CreateStateMachine_Errors"""
    first = violations[0]
    if first.path == "name" and first.kind in (ViolationKind.PATTERN, ViolationKind.LENGTH):
        return RequestRefusal("InvalidName", f"Invalid Name: {first.shown}")
    return None


OWN_WORDS: Mapping[str, Callable[[str, Sequence[Violation]], RequestRefusal | None]] = {
    "ec2": _of_ec2,
    "iam": _of_iam,
    "sns": _of_sns,
    "sqs": _of_sqs,
    "stepfunctions": _of_step_functions,
}
"""Services that word some refusals in their own way; None for those that they do not."""
