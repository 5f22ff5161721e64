"""S3 takes an upload by form as its policy allows it, from the one who signed it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
"""

import base64
import json
import uuid
from xml.etree import ElementTree

import boto3
import httpx
import pytest
from botocore.config import Config

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)


@pytest.fixture
def bucket(aws):
    name = f"b-{uuid.uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    yield name
    for each in aws("s3").list_objects_v2(Bucket=name).get("Contents", []):
        aws("s3").delete_object(Bucket=name, Key=each["Key"])
    aws("s3").delete_bucket(Bucket=name)


@pytest.fixture
def form(engine, bucket):
    """`form(fields, conditions)`: a form for the object `k`, signed by boto3."""

    def sign(fields=None, conditions=None, *, secret="test", key="k", version="s3v4", **further):
        client = boto3.client(
            "s3",
            aws_access_key_id=engine.account_id,
            aws_secret_access_key=secret,
            region_name=engine.region,
            endpoint_url=engine.endpoint_url,
            config=Config(signature_version=version),
        )
        conditions = [{name: value} for name, value in (fields or {}).items()] + (conditions or [])
        return client.generate_presigned_post(bucket, key, Fields=fields, Conditions=conditions, **further)

    return sign


def post(signed, content=b"content", *, without=(), **changed):
    fields = {**signed["fields"], **{name.replace("_", "-"): value for name, value in changed.items()}}
    fields = {name: value for name, value in fields.items() if name not in without}
    return httpx.post(signed["url"], data=fields, files={"file": ("name.txt", content)}, timeout=30)


def error(answer):
    root = ElementTree.fromstring(answer.text)
    return answer.status_code, root.findtext("Code"), root.findtext("Message")


def keys(aws, bucket):
    return [each["Key"] for each in aws("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_an_upload_as_it_was_signed_is_taken(aws, bucket, form, version):
    signed = form({"Content-Type": "text/plain", "x-amz-meta-of": "a"}, version=version)
    assert post(signed).status_code == 204
    found = aws("s3").get_object(Bucket=bucket, Key="k")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"content", "text/plain", {"of": "a"})


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_form_signed_with_the_wrong_secret_is_refused(aws, bucket, form, version):
    answer = post(form(secret="wrong", version=version))
    assert error(answer) == (403, "SignatureDoesNotMatch", MISMATCH)
    assert keys(aws, bucket) == []


def test_form_with_another_policy_is_signature_mismatch(aws, bucket, form):
    signed = form()
    other = form(conditions=[["starts-with", "$key", ""]])["fields"]["policy"]
    answer = post(signed, policy=other)
    assert error(answer) == (403, "SignatureDoesNotMatch", MISMATCH)
    root = ElementTree.fromstring(answer.text)
    assert root.findtext("StringToSign") == other
    assert root.findtext("SignatureProvided") == signed["fields"]["x-amz-signature"]
    assert keys(aws, bucket) == []


def test_the_signature_is_looked_at_before_the_policy(form):
    """A policy that was cut off is another one, and not one that cannot be read."""
    signed = form()
    assert error(post(signed, policy=signed["fields"]["policy"][:-2]))[1] == "SignatureDoesNotMatch"


def test_a_form_that_has_expired_is_refused(form):
    assert error(post(form(ExpiresIn=-1))) == (403, "AccessDenied", "Invalid according to Policy: Policy expired.")


@pytest.mark.parametrize(
    ("conditions", "changed", "failed"),
    [
        ([{"acl": "private"}], {"acl": "public-read"}, '["eq", "$acl", "private"]'),
        ([["eq", "$acl", "private"]], {"acl": "public-read"}, '["eq", "$acl", "private"]'),
        ([["starts-with", "$acl", "priv"]], {"acl": "public-read"}, '["starts-with", "$acl", "priv"]'),
        ([["starts-with", "$acl", ""]], {}, '["starts-with", "$acl", ""]'),
        ([["eq", "acl", "private"]], {"acl": "private"}, '["eq", "acl", "private"]'),
        ([["content-length-range", "a", "10"]], {}, '["content-length-range", "a", "10"]'),
    ],
)
def test_a_condition_that_is_not_met_is_named(aws, bucket, form, conditions, changed, failed):
    said = f"Invalid according to Policy: Policy Condition failed: {failed}"
    assert error(post(form(conditions=conditions), **changed)) == (403, "AccessDenied", said)
    assert keys(aws, bucket) == []


def test_names_of_fields_are_of_any_case_and_values_are_not(form):
    signed = form(conditions=[["eq", "$ACL", "private"]])
    assert post(signed, Acl="private").status_code == 204
    assert post(signed, Acl="Private").status_code == 403


def test_every_field_must_be_in_the_policy(form):
    said = "Invalid according to Policy: Extra input fields: x-amz-meta-of"
    assert error(post(form(), x_amz_meta_of="a")) == (403, "AccessDenied", said)
    assert post(form(), x_ignore_this="a").status_code == 204


@pytest.mark.parametrize(("size", "status"), [(4, 400), (5, 204), (10, 204), (11, 400)])
@pytest.mark.parametrize("limits", [(5, 10), ("5", "10")])
def test_a_file_has_as_many_bytes_as_the_policy_allows(form, size, status, limits):
    answer = post(form(conditions=[["content-length-range", *limits]]), b"x" * size)
    assert answer.status_code == status
    if status == 400:
        root = ElementTree.fromstring(answer.text)
        told = [(each.tag, each.text) for each in root if each.tag.endswith(("Allowed", "Size"))]
        limit = ("MaxSizeAllowed", "10") if size > 10 else ("MinSizeAllowed", "5")
        assert root.findtext("Code") == ("EntityTooLarge" if size > 10 else "EntityTooSmall")
        assert sorted(told) == sorted([limit, ("ProposedSize", str(size))])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"{", "Invalid Policy: Invalid JSON."),
        (
            {"conditions": [{"bucket": "b", "key": "k"}]},
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
        ({"conditions": [{"key": 1}]}, "Invalid Policy: Invalid Simple-Condition: value must be a string."),
    ],
)
def test_invalid_policy_document_is_refused(engine, form, document, said):
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    signed = form()
    if isinstance(document, dict):
        document = json.dumps({"expiration": "2999-01-01T00:00:00Z", **document}).encode()
    policy = base64.b64encode(document).decode()
    request = AWSRequest()
    request.context["timestamp"] = signed["fields"]["x-amz-date"]
    signature = S3SigV4Auth(Credentials(engine.account_id, "test"), "s3", engine.region).signature(policy, request)
    answer = post(signed, policy=policy, x_amz_signature=signature)
    assert error(answer) == (400, "InvalidPolicyDocument", said)


@pytest.mark.parametrize(
    ("version", "missing", "named"),
    [
        ("s3v4", "x-amz-signature", "X-Amz-Signature"),
        ("s3v4", "x-amz-credential", "X-Amz-Credential"),
        ("s3", "signature", "Signature"),
        ("s3", "AWSAccessKeyId", "AWSAccessKeyId"),
        ("s3v4", "key", "key"),
    ],
)
def test_a_field_of_the_form_that_is_missing_is_named(form, version, missing, named):
    answer = post(form(version=version), without=(missing,))
    said = (
        f"Bucket POST must contain a field named '{named}'.  If it is specified, please check the order of the fields."
    )
    assert error(answer) == (400, "InvalidArgument", said)


def test_unsigned_form_is_access_denied(form):
    answer = post(form(), without=("policy", "x-amz-signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date"))
    assert error(answer)[:2] == (403, "AccessDenied")


def test_form_has_the_permissions_of_its_signer(aws, engine, bucket):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html#who-presigned-url"""
    iam, name = aws("iam"), f"u-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=name)
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/incoming/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    keys_of_user = iam.create_access_key(UserName=name)["AccessKey"]
    client = boto3.client(
        "s3",
        aws_access_key_id=keys_of_user["AccessKeyId"],
        aws_secret_access_key=keys_of_user["SecretAccessKey"],
        region_name=engine.region,
        endpoint_url=engine.endpoint_url,
    )
    assert post(client.generate_presigned_post(bucket, "incoming/1")).status_code == 204
    assert error(post(client.generate_presigned_post(bucket, "elsewhere/1")))[:2] == (403, "AccessDenied")
    iam.delete_access_key(UserName=name, AccessKeyId=keys_of_user["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="p")
    iam.delete_user(UserName=name)


def test_the_name_of_the_file_is_put_into_the_key(aws, bucket, form):
    assert post(form(key="in/${filename}")).status_code == 204
    assert keys(aws, bucket) == ["in/name.txt"]
