"""The answer to a denied call: each service's code, status and message.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from dataclasses import dataclass

from botocore.exceptions import UnknownServiceError
from localstack.aws.spec import load_service

from harness.emulator.access.evaluation import Decision, PolicyKind


@dataclass(frozen=True, slots=True)
class Denial:
    code: str
    status: int
    message: str


def denial_of(decision: Decision, service: str) -> Denial:
    """What `service` (botocore's name) answers."""
    action, resource = decision.action, decision.resource
    if action.startswith("kms:") and service != "kms":
        return _of_key(decision, service)
    match service:
        case "s3":
            return Denial("AccessDenied", 403, _of_object(decision))
        case "sns":
            name = f"SNS:{action.partition(':')[2]}"
            return Denial("AuthorizationError", 403, _message(decision, name, resource))
        case "sqs":
            return Denial("AccessDenied", 403, _message(decision, action.lower(), resource))
        case "ses":
            return Denial("AccessDenied", 403, _of_mail(decision))
        case "sesv2":
            return Denial("AccessDeniedException", 403, _of_mail(decision))
        case "ec2":
            message = "You are not authorized to perform this operation. "
            return Denial("UnauthorizedOperation", 403, message + _message(decision, action, resource))
    if action == "sts:AssumeRole" and decision.missing is PolicyKind.RESOURCE:
        # The trust policy is not spoken of.
        return Denial(
            "AccessDenied",
            403,
            f"User: {decision.principal} is not authorized to perform: {action} on resource: {resource}",
        )
    message = _message(decision, action, resource)
    if _speaks_query(service):
        return Denial("AccessDenied", 403, message)
    return Denial("AccessDeniedException", 400 if _protocol(service) == "json" else 403, message)


def _protocol(service: str) -> str:
    try:
        return str(load_service(service).metadata["protocol"])
    except UnknownServiceError:
        return ""


def _speaks_query(service: str) -> bool:
    """Whether the service has, or had, a protocol that answers in XML: their code is `AccessDenied`, without `Exception`.
    Of the others those that speak JSON answer 400, and those with paths and methods 403."""
    try:
        metadata = load_service(service).metadata
    except UnknownServiceError:
        return False
    return metadata["protocol"] in ("query", "ec2", "rest-xml") or "awsQueryCompatible" in metadata


def _message(decision: Decision, action: str, resource: str) -> str:
    reason = decision.reason.replace(decision.action, action)
    return f"User: {decision.principal} is not authorized to perform: {action} on resource: {resource} {reason}"


def _of_key(decision: Decision, service: str) -> Denial:
    """A key that the caller may not use, reported by the service that would have used it."""
    message = _message(decision, decision.action, decision.resource)
    match service:
        case "sns":
            # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
            return Denial("KMSAccessDenied", 400, message)
        case "sqs":
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html#API_SendMessage_Errors
            return Denial("KMS.AccessDeniedException", 400, message)
        case "s3":
            return Denial("AccessDenied", 403, message)
        case "secretsmanager":
            return Denial("AccessDeniedException", 400, "Access to KMS is not allowed")
        case "dynamodb":
            return Denial("AccessDeniedException", 400, f"KMS key access denied error: {message}")
    return Denial("AccessDeniedException", 400, message)


def _of_object(decision: Decision) -> str:
    """S3 says more than `Access Denied` within an account alone
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html)."""
    if decision.missing is PolicyKind.RESOURCE:
        return "Access Denied"
    return _message(decision, decision.action, f'"{decision.resource}"')


def _of_mail(decision: Decision) -> str:
    """SES has other quotes (https://repost.aws/knowledge-center/ses-554-400-message-rejected-error)."""
    return f"User `{decision.principal}' is not authorized to perform `{decision.action}' on resource `{decision.resource}'"
