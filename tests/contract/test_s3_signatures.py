"""S3 checks who signed a request: in its URL, in its header, in the chunks of its body.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import base64
import hashlib
import io
import json
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import boto3
import httpx
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError


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
    assert httpx.get(presigned(aws, bucket), timeout=30).content == b"content"


def test_a_tampered_presigned_url_is_refused(aws, bucket):
    url = presigned(aws, bucket)
    status, code, _ = error(httpx.get(url.replace("/k?", "/other?"), timeout=30))
    assert (status, code) == (403, "SignatureDoesNotMatch")


def test_an_expired_presigned_url_is_refused(engine, bucket):
    request = AWSRequest("GET", f"{engine.endpoint_url}/{bucket}/k")
    past = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")
    signer = S3SigV4QueryAuth(Credentials(engine.account_id, "test"), "s3", engine.region, expires=60)
    request.context["timestamp"] = past
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert error(httpx.get(f"{request.url}&X-Amz-Signature={signature}", timeout=30)) == (
        403,
        "AccessDenied",
        "Request has expired",
    )


# In the header Authorization: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html


@pytest.fixture
def signed_by(engine):
    """`signed_by("wrong")`: a client whose secret is another; further arguments as of boto3's."""

    def client(secret: str = "test", **further):
        return boto3.client(
            "s3",
            **{
                "aws_access_key_id": engine.account_id,
                "aws_secret_access_key": secret,
                "region_name": engine.region,
                "endpoint_url": engine.endpoint_url,
                **further,
            },
        )

    return client


def refused(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    return raised.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


MISMATCH = (
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
)


@pytest.mark.parametrize("signature_version", ["s3v4", "s3"])
def test_a_header_signed_with_the_wrong_secret_is_refused(bucket, signed_by, signature_version):
    config = Config(signature_version=signature_version)
    assert refused(signed_by("wrong", config=config).get_object, Bucket=bucket, Key="k") == MISMATCH
    assert signed_by(config=config).get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_nothing_of_an_upload_with_the_wrong_secret_is_kept(aws, bucket, signed_by):
    assert refused(signed_by("wrong").put_object, Bucket=bucket, Key="k", Body=b"other") == MISMATCH
    assert aws("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


@pytest.mark.parametrize(
    "key", ["a b", "a+b", "a%2Fb", "ä/ö", "a//b", "a/../b", "a=b&c", "~tilde!*'()", "{braces}", "日本語 🎉"]
)
def test_any_key_and_parameter_can_be_signed(aws, bucket, key):
    s3 = aws("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=b"1", Metadata={"of": "a  b", "empty": ""}, Tagging="a=b%20c")
    assert s3.get_object(Bucket=bucket, Key=key, ResponseContentType="text/x; a=b")["Body"].read() == b"1"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}, {"Key": "copy"}]})


def test_an_upload_in_parts_can_be_signed(aws, bucket):
    s3 = aws("s3")
    where = {"Bucket": bucket, "Key": "parts"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(**where)["Body"].read() == b"part"
    s3.delete_object(**where)


def test_a_stream_with_a_checksum_behind_it_can_be_signed(aws, bucket):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html"""
    aws("s3").upload_fileobj(io.BytesIO(b"streamed"), bucket, "k", ExtraArgs={"ChecksumAlgorithm": "CRC32"})
    assert aws("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"streamed"


def test_a_bucket_in_the_host_can_be_signed(engine, bucket):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"""
    host = f"{bucket}.s3.{engine.region}.localhost.localstack.cloud:{httpx.URL(engine.endpoint_url).port}"
    for secret, status in (("test", 200), ("wrong", 403)):
        request = AWSRequest("GET", f"http://{host}/k", headers={"Host": host})
        S3SigV4Auth(Credentials(engine.account_id, secret), "s3", engine.region).add_auth(request)
        assert httpx.get(f"{engine.endpoint_url}/k", headers=dict(request.headers), timeout=30).status_code == status


def sent(engine, method, path, body=b"", *, signed_body=None, change=None, **changed):
    """A request that botocore signs, changed afterwards: other headers, or by `change` another URL."""
    request = AWSRequest(method, f"{engine.endpoint_url}{path}", data=body if signed_body is None else signed_body)
    S3SigV4Auth(Credentials(engine.account_id, "test"), "s3", engine.region).add_auth(request)
    headers = {**dict(request.headers), **{name.replace("_", "-"): value for name, value in changed.items()}}
    url = change(request.url) if change else request.url
    return httpx.request(method, url, headers={n: v for n, v in headers.items() if v}, content=body, timeout=30)


def test_another_body_than_was_signed_is_refused(engine, aws, bucket):
    status, code, _ = error(sent(engine, "PUT", f"/{bucket}/k", b"other", signed_body=b"content"))
    assert (status, code) == (400, "XAmzContentSHA256Mismatch")
    assert aws("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_another_query_than_was_signed_is_refused(engine, bucket):
    answer = sent(engine, "GET", f"/{bucket}?prefix=a", change=lambda url: url.replace("prefix=a", "prefix=b"))
    assert error(answer) == MISMATCH
    assert sent(engine, "GET", f"/{bucket}?prefix=a").status_code == 200


def test_a_header_of_s3_that_was_not_signed_is_refused(engine, bucket):
    answer = sent(engine, "PUT", f"/{bucket}/k", b"x", x_amz_acl="public-read")
    assert error(answer)[:2] == (403, "AccessDenied")
    assert ElementTree.fromstring(answer.text).findtext("HeadersNotSigned") == "x-amz-acl"


def test_a_request_of_an_hour_ago_is_refused(engine, bucket, monkeypatch):
    now = datetime.now(UTC) - timedelta(hours=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_arguments, **_further: now.replace(tzinfo=None))
    status, code, message = error(sent(engine, "GET", f"/{bucket}/k"))
    assert (status, code) == (403, "RequestTimeTooSkewed")
    assert message == "The difference between the request time and the current time is too large."


def test_a_header_that_is_no_signature_is_refused(engine, bucket):
    assert error(sent(engine, "GET", f"/{bucket}/k", Authorization="AWS4-HMAC-SHA256 nonsense"))[:2] == (
        400,
        "AuthorizationHeaderMalformed",
    )


def test_the_keys_of_a_role_sign_with_its_token_only(aws, bucket, signed_by, role_of_anyone):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#UsingTemporarySecurityCredentials"""
    given = aws("sts").assume_role(RoleArn=role_of_anyone, RoleSessionName="somebody")["Credentials"]
    keys = {"aws_access_key_id": given["AccessKeyId"]}
    right = signed_by(given["SecretAccessKey"], aws_session_token=given["SessionToken"], **keys)
    assert right.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"
    wrong = signed_by("test", aws_session_token=given["SessionToken"], **keys)
    assert refused(wrong.get_object, Bucket=bucket, Key="k") == MISMATCH
    other = signed_by(given["SecretAccessKey"], aws_session_token="other", **keys)
    assert refused(other.get_object, Bucket=bucket, Key="k")[:2] == (400, "InvalidToken")


@pytest.fixture
def role_of_anyone(aws):
    iam, name = aws("iam"), f"r-{uuid.uuid4().hex[:12]}"
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    document = {"Version": "2012-10-17"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({**document, "Statement": trusted}))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({**document, "Statement": allowed}))
    yield role["Role"]["Arn"]
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)


# In chunks: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html


def in_chunks(engine, path, chunks, *, trailer=None, spoil=None):
    """An upload whose chunks are signed one by one, as the SDKs for Java and C++ send them. `spoil` changes the body."""
    signer = S3SigV4Auth(Credentials(engine.account_id, "test"), "s3", engine.region)
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    request = AWSRequest("PUT", f"{engine.endpoint_url}{path}")
    request.headers["X-Amz-Content-SHA256"] = kind
    request.headers["X-Amz-Decoded-Content-Length"] = str(sum(map(len, chunks)))
    request.headers["Content-Encoding"] = "aws-chunked"
    if trailer:
        request.headers["X-Amz-Trailer"] = trailer[0]
    signer.payload = lambda _request: kind
    signer.add_auth(request)
    scope = f"{request.headers['X-Amz-Date'][:8]}/{engine.region}/s3/aws4_request"
    before = request.headers["Authorization"].rpartition("=")[2]
    of_key = AWSRequest()
    of_key.context["timestamp"] = request.headers["X-Amz-Date"]
    body = b""

    def digest(content):
        return hashlib.sha256(content).hexdigest()

    def signature(kind, *parts):
        return signer.signature("\n".join((kind, request.headers["X-Amz-Date"], scope, before, *parts)), of_key)

    for content in (*chunks, b""):
        before = signature("AWS4-HMAC-SHA256-PAYLOAD", digest(b""), digest(content))
        body += f"{len(content):x};chunk-signature={before}\r\n".encode() + content + (b"\r\n" if content else b"")
    if trailer:
        line = f"{trailer[0]}:{trailer[1]}\n".encode()
        body += line.replace(b"\n", b"\r\n")
        body += f"x-amz-trailer-signature:{signature('AWS4-HMAC-SHA256-TRAILER', digest(line))}\r\n".encode()
    body += b"\r\n"
    return httpx.put(request.url, headers=dict(request.headers), content=spoil(body) if spoil else body, timeout=30)


CHUNKS = (b"first " * 2000, b"second " * 2000)
CHECKSUM = ("x-amz-checksum-crc32", base64.b64encode(zlib.crc32(b"".join(CHUNKS)).to_bytes(4, "big")).decode())


@pytest.mark.parametrize("trailer", [None, CHECKSUM])
def test_chunks_that_are_signed_are_taken(engine, aws, bucket, trailer):
    answer = in_chunks(engine, f"/{bucket}/k", CHUNKS, trailer=trailer)
    assert answer.status_code == 200, answer.text
    assert aws("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(CHUNKS)


@pytest.mark.parametrize(
    ("trailer", "spoil"),
    [
        (None, lambda body: body.replace(b"second", b"SECOND", 1)),
        (CHECKSUM, lambda body: body.replace(b"second", b"SECOND", 1)),
        (CHECKSUM, lambda body: body.replace(b"x-amz-trailer-signature:", b"x-amz-trailer-signature:0")),
        (CHECKSUM, lambda body: body.partition(b"x-amz-trailer-signature")[0] + b"\r\n"),
    ],
)
def test_a_chunk_or_a_trailer_that_was_changed_is_refused(engine, aws, bucket, trailer, spoil):
    assert error(in_chunks(engine, f"/{bucket}/k", CHUNKS, trailer=trailer, spoil=spoil)) == MISMATCH
    assert aws("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_a_body_that_is_no_chunks_is_refused(engine, bucket):
    answer = in_chunks(engine, f"/{bucket}/k", CHUNKS, spoil=lambda body: body[:100])
    assert error(answer)[:2] == (400, "InvalidRequest")
