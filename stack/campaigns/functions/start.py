"""PUT /campaigns/{campaign_id}: starts a campaign. The caller chooses its id, so a repeated request starts no other."""

import hashlib
import json
import os
import uuid
from typing import Any

import boto3
import fastjsonschema
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import answer, problem

logger = Logger()
app = APIGatewayRestResolver()
campaigns = boto3.resource("dynamodb").Table(os.environ["CAMPAIGNS_TABLE"])
executions = boto3.client("stepfunctions")
validated = fastjsonschema.compile(
    {
        "type": "object",
        "required": ["title", "text", "recipients"],
        "additionalProperties": False,
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 200},
            "text": {"type": "string", "minLength": 1, "maxLength": 20000},
            "recipients": {
                "description": "The ids of the users that it is for.",
                "type": "array",
                "minItems": 1,
                "maxItems": 1000,
                "uniqueItems": True,
                "items": {"type": "string", "minLength": 1, "maxLength": 128},
            },
        },
    }
)


def is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def register(campaign_id: str, user_id: str, asked: dict[str, Any]) -> bool:
    """Store the campaign. Returns whether it belongs to this caller and comes from an equal request."""
    fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    mine = {"user_id": user_id, "fingerprint": fingerprint}
    try:
        campaigns.put_item(
            Item={"campaign_id": campaign_id, "status": "started", "title": asked["title"], **mine},
            ConditionExpression="attribute_not_exists(campaign_id)",
        )
    except campaigns.meta.client.exceptions.ConditionalCheckFailedException:
        there: Any = campaigns.get_item(Key={"campaign_id": campaign_id}, ConsistentRead=True).get("Item") or {}
        return all(there.get(name) == value for name, value in mine.items())
    return True


@app.put("/campaigns/<campaign_id>")
def start(campaign_id: str) -> Response[str]:
    if not is_uuid(campaign_id):
        return problem(400, "Invalid id", "A campaign's id is a UUID in lower case.")
    try:
        asked: dict[str, Any] = validated(json.loads(app.current_event.decoded_body or ""))
    except (ValueError, fastjsonschema.JsonSchemaValueException) as error:
        return problem(400, "Invalid campaign", f"{error}.")
    user_id = str((app.current_event.request_context.authorizer.claims or {})["sub"])
    if not register(campaign_id, user_id, asked):
        return problem(409, "Another campaign", "Another campaign has this id; choose a new one.")
    logger.append_keys(campaign_id=campaign_id)
    given = {"campaign_id": campaign_id, "user_id": user_id, "correlation_id": campaign_id, **asked}
    try:
        # While it runs, the same name with the same input is the same execution; afterwards it is refused
        # (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
        executions.start_execution(
            stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=campaign_id, input=json.dumps(given)
        )
        logger.info("started")
    except executions.exceptions.ExecutionAlreadyExists:
        logger.info("started before")
    return answer({"campaign_id": campaign_id}, status=202)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
