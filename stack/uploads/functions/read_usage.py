"""GET /usage: how many pictures the caller keeps, and how many bytes they have."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import answer

logger = Logger()
app = APIGatewayRestResolver(cors=CORSConfig(allow_origin=os.environ["WEB_ORIGIN"]))
pictures = boto3.resource("dynamodb").Table(os.environ["PICTURES_TABLE"])


@app.get("/usage")
def read_usage() -> Response[str]:
    user_id = (app.current_event.request_context.authorizer.claims or {})["sub"]
    found: dict[str, Any] = pictures.get_item(Key={"user_id": user_id, "item": "usage"}).get("Item") or {}
    return answer({"pictures": int(found.get("pictures", 0)), "size_bytes": int(found.get("size_bytes", 0))})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
