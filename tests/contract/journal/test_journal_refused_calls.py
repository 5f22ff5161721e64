"""Calls that are refused before they are made, and calls that a fault of a test makes fail."""

import uuid

import httpx
import pytest

from harness.engine.tracing import add_header
from harness.journal.records import Kind


@pytest.fixture
def bucket(aws):
    name = f"journal-{uuid.uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    yield name
    aws("s3").delete_object(Bucket=name, Key="in/1")
    aws("s3").delete_bucket(Bucket=name)


def test_a_signed_url_that_s3_refuses_is_a_call_of_the_flow(flow, bucket, aws):
    """S3 looks at the signature before it reads what is asked for
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html)."""
    url = aws("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "in/1"})
    headers: dict[str, str] = {}
    with flow() as f:
        add_header(headers)
        assert (
            httpx.put(url.replace("/in/1?", "/in/2?"), headers=headers, trust_env=False, timeout=30).status_code == 403
        )
    [call] = f.settle().find(Kind.CALL, service="s3")
    assert (call.begin.name, call.begin.resource) == ("PutObject", f"{bucket}/in/2")
    assert call.error["code"] == "SignatureDoesNotMatch"
    assert call.data["status"] == 403


def test_a_signed_url_that_s3_takes_is_recorded_once(flow, bucket, aws):
    aws("s3").put_object(Bucket=bucket, Key="in/1", Body=b"1")
    url = aws("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "in/1"})
    headers: dict[str, str] = {}
    with flow() as f:
        add_header(headers)
        assert httpx.get(url, headers=headers, trust_env=False, timeout=30).status_code == 200
    [call] = f.settle().find(Kind.CALL, service="s3")
    assert (call.begin.name, call.error) == ("GetObject", None)


def test_a_call_that_a_fault_makes_fail_names_the_fault(flow, faults, aws):
    table = f"journal-{uuid.uuid4().hex[:12]}"
    client = aws("dynamodb")
    with flow() as f:
        with (
            faults.failing("dynamodb", "DescribeTable", code="ThrottlingException", when=f"TableName == '{table}'"),
            pytest.raises(client.exceptions.ClientError, match="ThrottlingException"),
        ):
            client.describe_table(TableName=table)
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.describe_table(TableName=table)
    by_fault, by_itself = f.settle().find(Kind.CALL, name="DescribeTable")
    assert by_fault.data["fault"]
    assert "fault" not in by_itself.data
