"""EventBridge, "Object Deleted" of a picture: removes its thumbnail, its metadata and its review.

The cause may be its owner, an administrator or a lifecycle rule.
"""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.pictures import PictureKey

logger = Logger()
storage = boto3.client("s3")
pictures = boto3.resource("dynamodb").Table(os.environ["PICTURES_TABLE"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    # Unlike in S3's own notifications, the key is not URL-encoded here
    # (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html).
    key = PictureKey.of(event["detail"]["object"]["key"])
    storage.delete_object(Bucket=event["detail"]["bucket"]["name"], Key=key.thumbnail)
    for kind in ("picture", "review"):
        pictures.delete_item(Key={"user_id": key.user_id, "item": f"{kind}#{key.picture_id}"})
    logger.info("forgotten", extra={"user_id": key.user_id, "picture_id": key.picture_id})
