"""Objects that no notification tells of, and signed URLs that S3 does not take
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html)."""

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
        "No notification of bucket Bucket told of 'upload/1.jpg' (ObjectCreated:Put): that for Work, the only one there is, "
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
        "No notification of bucket Bucket told of '1.jpg' (ObjectCreated:Put): that for Work, the only one there is, "
        "refused it, as it is about s3:ObjectCreated:Post, the event is s3:ObjectCreated:Put.",
        {"ObjectCreated:Post": "ObjectCreated:Put"},
    ),
]
