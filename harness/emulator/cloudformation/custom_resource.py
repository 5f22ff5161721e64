"""Custom resources: a Lambda function makes something, and responds with a PUT to the URL in its event.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import threading
import time
import uuid
from typing import Any

from localstack import config
from localstack.http import Request, Response
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)
from localstack.services.edge import ROUTER

TYPE = "AWS::CloudFormation::CustomResource"
PATH = "/_harness/cloudformation/responses"
DEFAULT_TIMEOUT_SECONDS = 3600
# What the provider keeps with the resource, in addition to the function's response.
_SPECIFIED, _PHYSICAL = "_SpecifiedProperties", "PhysicalResourceId"


class _Answers:
    """Answers of functions, by the token in the URL that each was given."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._answers: dict[str, dict[str, Any] | None] = {}

    def expect(self) -> str:
        token = uuid.uuid4().hex
        with self._changed:
            self._answers[token] = None
        return token

    def put(self, token: str, answer: dict[str, Any]) -> bool:
        with self._changed:
            if token not in self._answers:
                return False
            self._answers[token] = answer
            self._changed.notify_all()
            return True

    def wait(self, token: str, seconds: float) -> dict[str, Any] | None:
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._answers[token] is None and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._answers.pop(token)


_ANSWERS = _Answers()


def _receive(request: Request, token: str) -> Response:
    try:
        answer = json.loads(request.get_data())
    except ValueError:
        return Response("the answer of a custom resource must be JSON", 400)
    if not isinstance(answer, dict):
        return Response("the answer of a custom resource must be a JSON object", 400)
    return Response("", 200) if _ANSWERS.put(token, answer) else Response("this URL has expired", 403)


class CustomResourceProvider(ResourceProvider[Any]):
    """Runs the function of `ServiceToken` for create, update and delete."""

    SCHEMA = {"typeName": TYPE, "primaryIdentifier": [f"/properties/{_PHYSICAL}"]}  # noqa: RUF012 - LocalStack's shape

    def create(self, request: ResourceRequest[Any]) -> ProgressEvent[Any]:
        return self._ask(request, "Create", request.desired_state, {})

    def update(self, request: ResourceRequest[Any]) -> ProgressEvent[Any]:
        before = request.previous_state or {}
        event = self._ask(
            request,
            "Update",
            {n: v for n, v in request.desired_state.items() if n != _SPECIFIED},
            {"OldResourceProperties": before.get(_SPECIFIED, {}), "PhysicalResourceId": before.get(_PHYSICAL)},
        )
        model = event.resource_model or {}
        if event.status == OperationStatus.SUCCESS and model[_PHYSICAL] != before.get(_PHYSICAL):
            # Another physical id is another resource: the old one is deleted.
            self._ask(request, "Delete", before.get(_SPECIFIED, {}), {"PhysicalResourceId": before.get(_PHYSICAL)})
        return event

    def delete(self, request: ResourceRequest[Any]) -> ProgressEvent[Any]:
        before = request.previous_state or request.desired_state
        specified = before.get(_SPECIFIED)
        if specified is None:  # never created
            return ProgressEvent(OperationStatus.SUCCESS, resource_model={})
        return self._ask(request, "Delete", specified, {"PhysicalResourceId": before[_PHYSICAL]})

    def _ask(
        self, request: ResourceRequest[Any], kind: str, properties: dict[str, Any], more: dict[str, Any]
    ) -> ProgressEvent[Any]:
        if not properties.get("ServiceToken"):
            return _failed(request, "ServiceToken is required: the ARN of the Lambda function or SNS topic to ask")
        token = _ANSWERS.expect()
        event = {
            "RequestType": kind,
            "ServiceToken": properties["ServiceToken"],
            "ResponseURL": f"{config.internal_service_url()}{PATH}/{token}",
            "StackId": request.stack_id,
            "RequestId": str(uuid.uuid4()),
            "LogicalResourceId": request.logical_resource_id,
            "ResourceType": request.resource_type,
            "ResourceProperties": _as_text(properties),
            **{name: _as_text(value) for name, value in more.items() if value is not None},
        }
        self._send(request, properties["ServiceToken"], event)
        seconds = float(properties.get("ServiceTimeout") or DEFAULT_TIMEOUT_SECONDS)
        answer = _ANSWERS.wait(token, seconds)
        if answer is None:
            return _failed(
                request,
                f"CloudFormation did not receive a response from your Custom Resource within {seconds:g} seconds",
            )
        if answer.get("Status") != "SUCCESS":
            reason = answer.get("Reason") or "the function gave no Reason"
            return _failed(
                request, f"Received response status [FAILED] from custom resource. Message returned: {reason}"
            )
        if kind != "Delete" and not answer.get("PhysicalResourceId"):
            return _failed(request, "Invalid PhysicalResourceId: the function's answer has none")
        data = answer.get("Data") or {}
        model = {**data, _SPECIFIED: properties, _PHYSICAL: answer.get("PhysicalResourceId")}
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)

    def _send(self, request: ResourceRequest[Any], service_token: str, event: dict[str, Any]) -> None:
        clients = request.aws_client_factory
        if ":sns:" in service_token:
            clients.sns.publish(TopicArn=service_token, Message=json.dumps(event))
        else:
            clients.lambda_.invoke(FunctionName=service_token, InvocationType="Event", Payload=json.dumps(event))


def _as_text(value: Any) -> Any:
    """CloudFormation gives numbers and booleans to a custom resource as strings."""
    if isinstance(value, dict):
        return {name: _as_text(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_text(member) for member in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _failed(request: ResourceRequest[Any], reason: str) -> ProgressEvent[Any]:
    return ProgressEvent(
        OperationStatus.FAILED,
        resource_model=request.previous_state or {},
        message=f"{request.logical_resource_id} ({request.resource_type}): {reason}",
    )


class CustomResource(CloudFormationResourceProviderPlugin):
    """LocalStack looks up every `Custom::*` under this name and has no provider for it."""

    name = TYPE

    def __init__(self) -> None:
        self.factory: type[CustomResourceProvider] | None = None

    def load(self) -> None:
        self.factory = CustomResourceProvider


def install() -> None:
    ROUTER.add(f"{PATH}/<token>", _receive, methods=["PUT"])
