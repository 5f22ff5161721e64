"""S3 checks the signature of presigned URLs.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

import uuid
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import httpx
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@pytest.fixture
def bucket(aws):
    name = f"b-{uuid.uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_object(Bucket=name, Key="k", Body=b"content")
    yield name
    aws("s3").delete_object(Bucket=name, Key="k")
    aws("s3").delete_bucket(Bucket=name)


def presigned(aws, bucket, **options):
    return aws("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, **options)


def error(answer):
    root = ElementTree.fromstring(answer.text)
    return answer.status_code, root.findtext("Code"), root.findtext("Message")


def test_a_presigned_url_works_as_it_is(aws, bucket):
    assert httpx.get(presigned(aws, bucket)).content == b"content"


def test_a_tampered_presigned_url_is_refused(aws, bucket):
    url = presigned(aws, bucket)
    status, code, _ = error(httpx.get(url.replace("/k?", "/other?")))
    assert (status, code) == (403, "SignatureDoesNotMatch")


def test_an_expired_presigned_url_is_refused(engine, bucket):
    request = AWSRequest("GET", f"{engine.endpoint_url}/{bucket}/k")
    past = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")
    signer = S3SigV4QueryAuth(Credentials(engine.account_id, "test"), "s3", engine.region, expires=60)
    request.context["timestamp"] = past
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert error(httpx.get(f"{request.url}&X-Amz-Signature={signature}")) == (
        403,
        "AccessDenied",
        "Request has expired",
    )


def test_a_header_signed_with_the_wrong_secret_is_refused(engine, bucket):
    import boto3

    client = boto3.client(
        "s3",
        aws_access_key_id=engine.account_id,
        aws_secret_access_key="wrong",
        region_name=engine.region,
        endpoint_url=engine.endpoint_url,
    )
    with pytest.raises(client.exceptions.ClientError, match="SignatureDoesNotMatch"):
        client.get_object(Bucket=bucket, Key="k")
