"""When a delivery of a rule or a schedule to a target is retried.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from botocore.exceptions import HTTPClientError

from harness.emulator.controls.delays import DELAYS
from harness.emulator.journal.activity import error_of

RETRYABLE = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "ServiceException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Errors of a target that may pass. Missing permission or a deleted target do not: such an event is not retried."""
MAX_PAUSE_SECONDS = 300.0


def pause_after(attempt: int) -> float:
    """How many seconds pass between an attempt (the first is 1) and the next."""
    return min(DELAYS.events_retry_seconds * 2.0 ** (attempt - 1), MAX_PAUSE_SECONDS)


def may_pass(error: Exception) -> bool:
    """Whether an error of a target is worth another attempt."""
    code = error_of(error)["code"]
    status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in RETRYABLE or status >= 500 or isinstance(error, OSError | HTTPClientError)
