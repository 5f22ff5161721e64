"""GET /pictures/{picture_id}: what became of an upload, with addresses to look at it for a few minutes."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from lumen.http_answers import answer, problem

SECONDS = 300
_SHOWN = ("status", "album_id", "content_type", "width", "height", "size_bytes", "reason", "detail", "decided_at")

logger = Logger()
app = APIGatewayRestResolver(cors=CORSConfig(allow_origin=os.environ["WEB_ORIGIN"]))
storage = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
pictures = boto3.resource("dynamodb").Table(os.environ["PICTURES_TABLE"])


def address_of(key: str) -> str:
    wanted = {"Bucket": os.environ["BUCKET"], "Key": key}
    return str(storage.generate_presigned_url("get_object", Params=wanted, ExpiresIn=SECONDS))


@app.get("/pictures/<picture_id>")
def read_picture(picture_id: str) -> Response[str]:
    user_id = (app.current_event.request_context.authorizer.claims or {})["sub"]
    found: dict[str, Any] | None = pictures.get_item(
        Key={"user_id": user_id, "item": f"picture#{picture_id}"}, ConsistentRead=True
    ).get("Item")
    if found is None:
        return problem(404, "No such picture", "You have no picture of this id, or it was not looked at yet.")
    shown: dict[str, Any] = {
        name: int(found[name]) if name in ("width", "height", "size_bytes") else found[name]
        for name in _SHOWN
        if name in found
    }
    if found["status"] == "kept":
        shown |= {"url": address_of(found["key"]), "thumbnail_url": address_of(found["thumbnail_key"])}
    return answer({"picture_id": picture_id, **shown})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
