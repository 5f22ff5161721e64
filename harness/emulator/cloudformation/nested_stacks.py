"""Nested stacks are changed by a separate change set."""

import secrets
import time
from collections.abc import Callable
from typing import Any

from harness.emulator.cloudformation.in_place import as_text
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _nested_stack(update: Update) -> None:
    """By a change set, whose end says whether it failed, and whose events why."""
    cloudformation, stack_id = update.client("cloudformation"), update.before["Id"]
    parameters = [
        {"ParameterKey": name, "ParameterValue": as_text(value)}
        for name, value in (update.after.get("Parameters") or {}).items()
    ]
    change_set = cloudformation.create_change_set(
        StackName=stack_id,
        ChangeSetName=f"parent-{secrets.token_hex(8)}",
        ChangeSetType="UPDATE",
        TemplateURL=update.after["TemplateURL"],
        Parameters=parameters,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )["Id"]
    made = _when_done(lambda: cloudformation.describe_change_set(ChangeSetName=change_set, StackName=stack_id))
    if made["Status"] == "CREATE_COMPLETE":
        before = {event["EventId"] for event in _events(cloudformation, stack_id)}
        cloudformation.execute_change_set(ChangeSetName=change_set, StackName=stack_id)
        _when_done(
            lambda: cloudformation.describe_change_set(ChangeSetName=change_set, StackName=stack_id), "ExecutionStatus"
        )
        for event in reversed(_events(cloudformation, stack_id)):
            if event["ResourceStatus"].endswith("_FAILED") and event["EventId"] not in before:
                raise NestedStackError(event.get("ResourceStatusReason") or event["LogicalResourceId"])
    elif "didn't contain changes" not in made.get("StatusReason", ""):
        raise NestedStackError(made.get("StatusReason", made["Status"]))
    [stack] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    update.after["Outputs"] = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}


class NestedStackError(Exception):
    """A nested stack could not be updated."""


def _events(cloudformation: Any, stack_id: str) -> list[dict[str, Any]]:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    return [event for page in pages for event in page["StackEvents"]]


def _when_done(describe: Callable[[], dict[str, Any]], status: str = "Status") -> dict[str, Any]:
    while True:
        described = describe()
        if described.get(status, "").endswith(("_COMPLETE", "FAILED")):
            return described
        time.sleep(_POLL_SECONDS)


_POLL_SECONDS = 0.1


TYPES = (
    KnownType(
        "AWS::CloudFormation::Stack", change=TypeUpdate(_nested_stack, given=frozenset({"StackName", "Outputs"}))
    ),
)
