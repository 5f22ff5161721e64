"""GET /campaigns/{campaign_id}: how a campaign of the caller stands."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import answer, problem

SHOWN = ("campaign_id", "title", "status", "delivered", "bounced", "reason", "detail")

logger = Logger()
app = APIGatewayRestResolver()
campaigns = boto3.resource("dynamodb").Table(os.environ["CAMPAIGNS_TABLE"])


@app.get("/campaigns/<campaign_id>")
def read_campaign(campaign_id: str) -> Response[str]:
    user_id = (app.current_event.request_context.authorizer.claims or {})["sub"]
    campaign = campaigns.get_item(Key={"campaign_id": campaign_id}).get("Item")
    # Do not reveal that another user's campaign exists.
    if campaign is None or campaign["user_id"] != user_id:
        return problem(404, "No campaign", "You have no campaign with this id.")
    # DynamoDB's numbers are decimals; these are whole ones.
    return answer(json.loads(json.dumps({name: campaign[name] for name in SHOWN if name in campaign}, default=int)))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
