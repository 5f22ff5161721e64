"""POST /callbacks/{callback_id}: the mail SaaS reports the state of a campaign, and the execution continues.

Responses: 200 done, or done before; 400, 401, 403 and 404 do not retry; 410 no execution waits any more; 5xx retry.
A callback reports a state once. A repeated callback is recognised by its event id.
"""

import json
import os
from typing import Any

import boto3
import fastjsonschema
import mail_saas
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import answer, problem

GONE = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
"""No task waits with that token any more
(https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html#API_SendTaskSuccess_Errors)."""

logger = Logger()
app = APIGatewayRestResolver()
callbacks = boto3.resource("dynamodb").Table(os.environ["CALLBACKS_TABLE"])
executions = boto3.client("stepfunctions")
validated = fastjsonschema.compile(
    {
        "type": "object",
        "required": ["event_id", "type", "campaign"],
        "properties": {
            "event_id": {"type": "string", "minLength": 1, "maxLength": 128},
            "type": {"enum": ["alive", "status"]},
            "campaign": {"type": "string"},
            "status": {"enum": ["accepted", "in_progress", "done", "bounced", "rejected"]},
            "delivered": {"type": "integer", "minimum": 0, "default": 0},
            "bounced": {"type": "array", "maxItems": 1000, "items": {"type": "string"}, "default": []},
        },
        "if": {"properties": {"type": {"const": "status"}}},
        "then": {"required": ["status"]},
    }
)


def take(callback_id: str, event_id: str) -> bool:
    """Whether this event is the one that uses up the callback: the first, or the same again."""
    try:
        callbacks.update_item(
            Key={"callback_id": callback_id},
            UpdateExpression="SET taken_by = :event",
            ConditionExpression="attribute_not_exists(taken_by) OR taken_by = :event",
            ExpressionAttributeValues={":event": event_id},
        )
    except callbacks.meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


@app.post("/callbacks/<callback_id>")
def called_back(callback_id: str) -> Response[str]:
    body = (app.current_event.decoded_body or "").encode()
    try:
        mail_saas.verify(body, app.current_event.headers.get("X-Mail-Saas-Signature") or "")
        told: dict[str, Any] = validated(json.loads(body))
    except mail_saas.InvalidSignatureError as error:
        return problem(401, "Invalid signature", f"{error}.")
    except (ValueError, fastjsonschema.JsonSchemaValueException) as error:
        return problem(400, "Invalid callback", f"{error}.")
    waiting: Any = callbacks.get_item(Key={"callback_id": callback_id}, ConsistentRead=True).get("Item")
    if waiting is None:
        return problem(404, "Unknown callback", "No campaign has been waiting for this callback.")
    logger.append_keys(campaign_id=waiting["campaign_id"], event_id=told["event_id"])
    if told["campaign"] != waiting["campaign_id"]:
        return problem(403, "Foreign callback", "Another campaign waits for this callback.")
    try:
        if told["type"] == "alive":
            executions.send_task_heartbeat(taskToken=waiting["token"])
            return answer({"result": "waiting on"})
        if not take(callback_id, told["event_id"]):
            return problem(410, "Late callback", "The campaign has gone on with another callback.")
        output = {"status": told["status"], "delivered": told["delivered"], "bounced": told["bounced"]}
        executions.send_task_success(taskToken=waiting["token"], output=json.dumps(output))
    except executions.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        if waiting.get("taken_by") == told["event_id"]:
            return answer({"result": "taken before"})
        return problem(410, "Late callback", "The campaign does not wait any more.")
    logger.info("resumed", extra={"status": told["status"]})
    return answer({"result": "taken"})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
