"""Objects without a notification, and signed URLs that S3 refuses
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html)."""

import contextlib
import json
import time

import httpx
from botocore.exceptions import ClientError

from harness.engine.tracing import add_header
from tests.contract.lab.broken_stack import BrokenStack, Stack

WORK = """
Work: {Type: AWS::Serverless::Function, Properties: {InlineCode: "def handler(event, context): pass"}}
MayWork:
  Type: AWS::Lambda::Permission
  Properties: {FunctionName: !Ref Work, Action: lambda:InvokeFunction, Principal: s3.amazonaws.com}
Bucket:
  Type: AWS::S3::Bucket
  DependsOn: MayWork
  Properties:
    NotificationConfiguration:
      LambdaConfigurations:
"""


def upload(key: str):
    def stimulate(stack: Stack) -> None:
        stack.aws("s3").put_object(Bucket=stack.id("Bucket"), Key=key, Body=b"picture")

    return stimulate


SIGNING = """
Bucket: {Type: AWS::S3::Bucket}
Sign:
  Type: AWS::Serverless::Function
  Properties:
    InlineCode: |
      import os, boto3
      from botocore.config import Config
      def handler(event, context):
          s3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
          params = {"Bucket": os.environ["BUCKET"], "Key": "k"}
          return s3.generate_presigned_url("get_object", Params=params, ExpiresIn=int(os.environ["SECONDS"]))
    Policies: [{S3ReadPolicy: {BucketName: !Ref Bucket}}]
    Environment:
      Variables:
        BUCKET: !Ref Bucket
        SECONDS: "1"  # <- here
"""


def download(stack: Stack) -> None:
    """Until the URL is refused, where it is good for a second."""
    stack.aws("s3").put_object(Bucket=stack.id("Bucket"), Key="k", Body=b"picture")
    answer = stack.aws("lambda").invoke(FunctionName=stack.id("Sign"))
    url = json.loads(answer["Payload"].read())
    headers: dict[str, str] = {}
    add_header(headers)
    until = time.monotonic() + 10
    with httpx.Client(trust_env=False, headers=headers, timeout=30) as http:
        while http.get(url).status_code == 200 and "X-Amz-Expires=1&" in url:
            assert time.monotonic() < until, "the URL does not expire"


def download_altered(stack: Stack) -> None:
    """Request the same object by another URL; with a bucket marked as fixed, by the signed one."""
    s3, bucket = stack.aws("s3"), stack.id("Bucket")
    s3.put_object(Bucket=bucket, Key="k", Body=b"picture")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    headers: dict[str, str] = {}
    add_header(headers)
    with httpx.Client(trust_env=False, headers=headers, timeout=30) as http:
        http.get(url if "fixed" in stack.template.read_text() else f"{url}&versionId=1")


FORM = """
Bucket: {Type: AWS::S3::Bucket}
Sign:  # <- here
  Type: AWS::Serverless::Function
  Properties:
    InlineCode: |
      import os, boto3
      def handler(event, context):
          limits = [["content-length-range", 1, int(os.environ["BYTES"])]]
          return boto3.client("s3").generate_presigned_post(os.environ["BUCKET"], "k", Conditions=limits)
    Policies: [{S3WritePolicy: {BucketName: !Ref Bucket}}]
    Environment:
      Variables:
        BUCKET: !Ref Bucket
        BYTES: "7"
"""


def send_form(stack: Stack) -> None:
    """With a field that is not in the policy, unless the template is marked as fixed."""
    answer = stack.aws("lambda").invoke(FunctionName=stack.id("Sign"))
    form = json.loads(answer["Payload"].read())
    headers: dict[str, str] = {}
    add_header(headers)
    extra = {} if "fixed" in stack.template.read_text() else {"acl": "public-read"}
    with httpx.Client(trust_env=False, headers=headers, timeout=30) as http:
        http.post(form["url"], data={**form["fields"], **extra}, files={"file": b"12345678"})


def sign_with_another_secret(stack: Stack) -> None:
    secret = "test" if "fixed" in stack.template.read_text() else "wrong"
    s3 = stack.aws("s3", aws_access_key_id=stack.target.account_id, aws_secret_access_key=secret)
    with contextlib.suppress(ClientError):
        s3.put_object(Bucket=stack.id("Bucket"), Key="k", Body=b"picture")


BROKEN = [
    BrokenStack(
        "a prefix that the key does not have",
        f"""
{WORK}        - Event: s3:ObjectCreated:*
          Function: !GetAtt Work.Arn
          Filter:  # <- here
            S3Key:
              Rules: [{{Name: prefix, Value: uploads/}}, {{Name: suffix, Value: .jpg}}]
""",
        upload("upload/1.jpg"),
        "object-key-mismatch",
        "No notification of bucket Bucket reported 'upload/1.jpg' (s3:ObjectCreated:Put): the one for Work, the only one, "
        "refused it, as the key must begin with 'uploads/', it is 'upload/1.jpg'.",
        {"uploads/": "upload/"},
    ),
    BrokenStack(
        "another event than the request is",
        f"""
{WORK}        - Event: s3:ObjectCreated:Post  # <- here
          Function: !GetAtt Work.Arn
""",
        upload("1.jpg"),
        "event-type-mismatch",
        "No notification of bucket Bucket reported '1.jpg' (s3:ObjectCreated:Put): the one for Work, the only one, "
        "refused it, as it is about s3:ObjectCreated:Post, the event is s3:ObjectCreated:Put.",
        {"ObjectCreated:Post": "ObjectCreated:Put"},
    ),
    BrokenStack(
        "a signed URL that has expired",
        SIGNING,
        download,
        "signed-url-expired",
        "Bucket Bucket refused the signed URL of function Sign for 1 second (GetObject of 'k'): it has expired.",
        {'SECONDS: "1"': 'SECONDS: "60"'},
    ),
    BrokenStack(
        "a signed URL that was altered",
        """
Bucket: {Type: AWS::S3::Bucket}  # <- here
""",
        download_altered,
        "signed-url-altered",
        "Bucket Bucket refused the signed URL (GetObject of 'k'): its signature is of another request: the URL, the method "
        "or a signed header is not what was signed.",
        {
            "Bucket: {Type: AWS::S3::Bucket}": "Bucket: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: is, Value: fixed}]}}"
        },
    ),
    BrokenStack(
        "a form with a file that is larger than its policy allows",
        FORM.replace('BYTES: "7"', 'BYTES: "7"  # fixed'),
        send_form,
        "upload-size-refused",
        "Bucket Bucket refused the signed form of function Sign (PostObject of 'k'): the file is larger than its policy allows.",
        {'BYTES: "7"': 'BYTES: "8"'},
    ),
    BrokenStack(
        "a form with a field that its policy does not know",
        FORM.replace('BYTES: "7"', 'BYTES: "8"'),
        send_form,
        "signed-form-altered",
        "Bucket Bucket refused the signed form of function Sign (PostObject of 'k'): its policy knows no field acl.",
        {'BYTES: "8"': 'BYTES: "8"  # fixed'},
    ),
    BrokenStack(
        "a request that another secret signed",
        """
Bucket: {Type: AWS::S3::Bucket}  # <- here
""",
        sign_with_another_secret,
        "signature-mismatch",
        "Bucket Bucket refused PutObject of 'k': the request is signed with another secret than its access key has, or was "
        "changed since.",
        {
            "Bucket: {Type: AWS::S3::Bucket}": "Bucket: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: is, Value: fixed}]}}"
        },
    ),
]
