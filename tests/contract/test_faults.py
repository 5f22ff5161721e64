"""Faults make AWS calls fail, as often and for whom a test says."""

import uuid

import pytest
from botocore.exceptions import ClientError


def test_fault_fails_matching_calls_the_given_number_of_times(aws, faults):
    mine, other = (aws("sqs").create_queue(QueueName=f"faults-{uuid.uuid4().hex[:8]}")["QueueUrl"] for _ in range(2))
    with faults.failing(
        "sqs", "SendMessage", code="ThrottlingException", status=429, times=2, when=f"QueueUrl == '{mine}'"
    ) as fault:
        for _ in range(2):
            with pytest.raises(ClientError) as failed:
                aws("sqs").send_message(QueueUrl=mine, MessageBody="x")
            assert failed.value.response["Error"]["Code"] == "ThrottlingException"
            assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        aws("sqs").send_message(QueueUrl=mine, MessageBody="x")
        aws("sqs").send_message(QueueUrl=other, MessageBody="x")
        assert fault.struck == 2
