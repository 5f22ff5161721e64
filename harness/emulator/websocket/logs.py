"""What a stage writes into CloudWatch Logs: a line for each request (access log), and its result (execution log).

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
"""

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from harness.emulator.websocket.apis import Api
from harness.emulator.websocket.connections import WebSocketConnection
from harness.emulator.websocket.integrations import GatewayError, IntegrationResponse
from harness.emulator.websocket.throttling import settings_of

LOG = logging.getLogger(__name__)
_VARIABLE = re.compile(r"\$context((?:\.\w+)+)")
_UNKNOWN = "-"
"""What a variable is that a request has not."""


@dataclass(frozen=True)
class RequestOutcome:
    """What became of a request: what the integration answered, or the gateway's own error."""

    seconds: float
    answer: IntegrationResponse | None = None
    error: GatewayError | None = None

    @property
    def status(self) -> int:
        if self.error is not None:
            return self.error.status
        return self.answer.status if self.answer is not None else 200


def write(
    connection: WebSocketConnection,
    context: Mapping[str, Any],
    outcome: RequestOutcome,
    event: Mapping[str, Any] | None,
) -> None:
    """What the stage's settings ask for; `event` is what the integration was given. Its failure affects only the log."""
    stage = connection.api.parts["Stage"].get(connection.stage) or {}
    try:
        if access := stage.get("AccessLogSettings"):
            line = access_line(access["Format"], context, outcome)
            _put(
                connection.api, access["DestinationArn"].split(":log-group:")[1].removesuffix(":*"), connection, [line]
            )
        settings = settings_of(stage, str(context["routeKey"]))
        if (level := settings.get("LoggingLevel", "OFF")) != "OFF":
            data = bool(settings.get("DataTraceEnabled"))
            if lines := execution_lines(level, data, context, outcome, event):
                group = f"/aws/apigateway/{connection.api.api_id}/{connection.stage}"
                _put(connection.api, group, connection, lines, create_group=True)
    except ClientError as error:
        LOG.warning("%s: nothing is logged of a request: %s", connection.arn, error)


def access_line(form: str, context: Mapping[str, Any], outcome: RequestOutcome) -> str:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html"""
    latency = int(outcome.seconds * 1000)
    known: dict[str, Any] = {
        **context,
        "status": outcome.status,
        "integrationLatency": latency,
        "integrationStatus": outcome.answer.status if outcome.answer else None,
        "integration": {"latency": latency, "status": outcome.answer.status if outcome.answer else None},
    }
    if outcome.error is not None:
        message = outcome.error.message
        known["error"] = {"message": message, "messageString": json.dumps(message), "responseType": outcome.error.name}

    def value(match: re.Match[str]) -> str:
        found: Any = known
        for step in match[1].split(".")[1:]:
            found = found.get(step) if isinstance(found, Mapping) else None
        return _UNKNOWN if found is None else str(found)

    return _VARIABLE.sub(value, form)


def execution_lines(
    level: str, data: bool, context: Mapping[str, Any], outcome: RequestOutcome, event: Mapping[str, Any] | None
) -> list[str]:
    """`level` is ERROR or INFO; with `data` what was given to the integration and came back is in it, too."""
    lines = [f"Extended Request Id: {context['extendedRequestId']}"]
    if level == "INFO":
        lines.append(f"Starting execution for request: {context['requestId']}")
        if data and event is not None:
            lines.append(f"Endpoint request body after transformations: {json.dumps(event)}")
        if outcome.answer is not None:
            took = f"Integration latency: {int(outcome.seconds * 1000)} ms"
            lines.append(f"Received response. Status: {outcome.answer.status}, {took}")
            if data:
                lines.append(f"Endpoint response body before transformations: {outcome.answer.body or ''}")
            lines.append("Successfully completed execution")
    if outcome.error is not None:
        lines.append(f"Execution failed due to: {outcome.error.name}: {outcome.error.message}")
        lines.append(f"Method completed with status: {outcome.error.status}")
    elif level == "ERROR":
        return []
    return [f"({context['requestId']}) {line}" for line in lines]


def _put(
    api: Api, group: str, connection: WebSocketConnection, lines: list[str], *, create_group: bool = False
) -> None:
    logs = connect_to(aws_access_key_id=api.account_id, region_name=api.region).logs
    now = int(time.time() * 1000)
    stream = f"{api.api_id}-{connection.stage}"
    events = [{"timestamp": now, "message": line} for line in lines]
    try:
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    except logs.exceptions.ResourceNotFoundException:
        for create in (*([logs.create_log_group] if create_group else []), logs.create_log_stream):
            names = {"logGroupName": group} | ({"logStreamName": stream} if create == logs.create_log_stream else {})
            try:
                create(**names)
            except logs.exceptions.ResourceAlreadyExistsException:
                continue
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
