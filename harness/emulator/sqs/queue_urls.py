"""Calls at a queue's URL keep their caller.

LocalStack 4.14.0 serves `GET <queue URL>?Action=...` by a call to itself, for which IAM decides nothing
(`localstack/services/sqs/query_api.py`), so that a request without a signature does what the engine may do.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
"""

from typing import Any

from localstack import config
from localstack.aws.connect import connect_externally_to
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID

from harness.emulator.access.principals import ANONYMOUS_KEY
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import replaced


def _as_the_caller(*, aws_access_key_id: str, **given: Any) -> Any:
    key = ANONYMOUS_KEY if aws_access_key_id == INTERNAL_AWS_ACCESS_KEY_ID else aws_access_key_id
    return connect_externally_to(aws_access_key_id=key, endpoint_url=config.internal_service_url(), **given)


def _patch() -> None:
    from localstack.services.sqs import query_api

    replaced(
        query_api,
        "connect_to",
        _as_the_caller,
        because="a call at a queue's URL is made as the engine, so that IAM decides nothing",
        source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html",
    )


def install() -> None:
    when_loaded("sqs", _patch)
