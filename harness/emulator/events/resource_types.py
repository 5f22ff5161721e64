"""The resource types of EventBridge that LocalStack does not have.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Events.html
"""

import json
from typing import Any

from harness.emulator.cloudformation.in_place import anew, create_again, tag
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import parameters_of
from harness.emulator.cloudformation.provider import plugin_of
from harness.emulator.cloudformation.resource_type import Model, ResourceOperation, ResourceType
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _pattern_as_text(model: Model) -> Model:
    """A template has the pattern as a mapping, the API as JSON text."""
    if isinstance(model.get("EventPattern"), dict):
        model["EventPattern"] = json.dumps(model["EventPattern"])
    return model


ARCHIVE = ResourceType(
    name="AWS::Events::Archive",
    service="events",
    create=ResourceOperation("CreateArchive"),
    update=ResourceOperation("UpdateArchive", {"ArchiveName": "ArchiveName"}),
    delete=ResourceOperation("DeleteArchive", {"ArchiveName": "ArchiveName"}),
    ref="ArchiveName",
    attributes={"Arn": "ArchiveArn"},
    renames={"SourceArn": "EventSourceArn"},
    generated_name="ArchiveName",
    replaced_by=frozenset({"ArchiveName", "SourceArn"}),
    reshape=_pattern_as_text,
)


def _rule(update: Update) -> None:
    events = update.client("events")
    bus, _, name = update.before["Id"].rpartition("|")
    where = {"EventBusName": bus} if bus else {}
    if left := _ids(update.before.get("Targets")) - _ids(update.after.get("Targets")):
        events.remove_targets(Rule=name, Ids=sorted(left), **where)
    create_again(update, {**update.after, "Name": name})
    if "Name" not in update.request.previous_state:
        update.after.pop("Name", None)


def _ids(targets: Any) -> set[str]:
    return {target["Id"] for target in targets or ()}


def _event_bus(update: Update) -> None:
    tag(update, "events")


def _event_bus_policy(update: Update) -> None:
    events, bus = update.client("events"), update.after["Name"]
    if (policy := update.after.get("Policy")) is not None:
        events.put_permission(EventBusName=bus, Policy=policy if isinstance(policy, str) else json.dumps(policy))
    elif update.gone("Policy"):
        events.remove_permission(EventBusName=bus, RemoveAllPermissions=True)


def _connection(update: Update) -> None:
    given = {
        n: update.after[n] for n in ("Name", "AuthorizationType", "AuthParameters", "Description") if n in update.after
    }
    update.client("events").update_connection(**given)


def _api_destination(update: Update) -> None:
    names = ("Name", "Description", "ConnectionArn", "InvocationEndpoint", "HttpMethod", "InvocationRateLimitPerSecond")
    update.client("events").update_api_destination(**{n: update.after[n] for n in names if n in update.after})


TYPES = (
    KnownType("AWS::Events::ApiDestination", change=TypeUpdate(_api_destination)),
    KnownType("AWS::Events::Connection", change=TypeUpdate(_connection)),
    KnownType(
        "AWS::Events::EventBus",
        change=TypeUpdate(
            _event_bus,
            takes=frozenset({"Policy", "Tags"}),
            completes=frozenset({"Policy"}),
            complete=_event_bus_policy,
        ),
        parameters=parameters_of("create_event_bus", "Description", "Tags"),
        ignored={
            "DeadLetterConfig": (),
            "EventSourceName": (),
            "KmsKeyIdentifier": (),
            "LogConfig": ({"Level": "OFF"},),
        },
    ),
    KnownType("AWS::Events::EventBusPolicy", change=TypeUpdate(anew)),
    KnownType("AWS::Events::Rule", change=TypeUpdate(_rule), parameters=parameters_of("put_rule", "RoleArn", "Tags")),
)

archive = plugin_of(ARCHIVE)
