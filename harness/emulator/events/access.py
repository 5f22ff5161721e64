"""How IAM sees EventBridge: what a call asks for, and the policies of resources."""

from typing import Any

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction, arn_or
from harness.emulator.access.services import asks, keeps_policies


def install() -> None:
    asks("events", _asked)
    keeps_policies("events", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    parameters = operation.parameters
    if operation.name == "PutEvents":
        # A condition has to hold for each entry
        # (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html).
        return [
            RequestedAction(
                action,
                _bus(operation, entry.get("EventBusName")),
                facts={
                    key: (str(entry[name]),)
                    for key, name in (("events:source", "Source"), ("events:detail-type", "DetailType"))
                    if entry.get(name)
                },
            )
            for entry in parameters.get("Entries") or ()
        ]
    rule = parameters.get("Rule") or (parameters.get("Name") if operation.name.endswith("Rule") else None)
    if rule:
        bus = str(parameters.get("EventBusName") or "default").rpartition("/")[2]
        path = f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}"
        return [RequestedAction(action, operation.arn("events", path))]
    if operation.name in ("PutPermission", "RemovePermission"):
        return [RequestedAction(action, _bus(operation, parameters.get("EventBusName")))]
    if name := parameters.get("Name"):
        if operation.name.endswith("EventBus"):
            return [RequestedAction(action, _bus(operation, str(name)))]
        for kind in ("ApiDestination", "Connection"):
            if operation.name.endswith(kind):
                path = {"ApiDestination": "api-destination", "Connection": "connection"}[kind]
                return [RequestedAction(action, operation.arn("events", f"{path}/{name}"))]
    return None


def _bus(operation: Operation, name: str | None) -> str:
    return arn_or(name or "default", lambda n: operation.arn("events", f"event-bus/{n}"))


def _policy(arn: str, _action: str) -> Any:
    from localstack.services.events.models import events_stores

    region, account_id, rest = split_arn(arn)
    if not rest.startswith("event-bus/"):
        return None
    bus = events_stores[account_id][region].event_buses.get(rest.partition("/")[2])
    return bus.policy if bus is not None else None
