"""DELETE /pictures/{picture_id}: deletes the picture from the bucket. S3's notification triggers the rest."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import answer, problem

logger = Logger()
app = APIGatewayRestResolver(cors=CORSConfig(allow_origin=os.environ["WEB_ORIGIN"]))
storage = boto3.client("s3")
pictures = boto3.resource("dynamodb").Table(os.environ["PICTURES_TABLE"])


@app.delete("/pictures/<picture_id>")
def delete_picture(picture_id: str) -> Response[str]:
    user_id = (app.current_event.request_context.authorizer.claims or {})["sub"]
    found = pictures.get_item(Key={"user_id": user_id, "item": f"picture#{picture_id}"}, ConsistentRead=True).get(
        "Item"
    )
    if found is None or found["status"] != "kept":
        return problem(404, "No such picture", "You have no picture of this id.")
    storage.delete_object(Bucket=os.environ["BUCKET"], Key=str(found["key"]))
    return answer({"picture_id": picture_id, "status": "being deleted"}, status=202)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
