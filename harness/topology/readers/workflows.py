"""Step Functions: what the tasks of a state machine call
(https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import TemplateError
from harness.topology.document import Document, Location, read_document
from harness.topology.document_structure import read_json
from harness.topology.edges import Edge, TaskCondition
from harness.topology.nodes import NodeId
from harness.topology.readers.making import edge
from harness.topology.resources import TemplateResource, listed, mapping, mappings
from harness.topology.wiring import Wiring

# The property in which each integration names its resource, and what a bare name means there.
_NAMED_BY = (
    ("FunctionName", "function"),
    ("QueueUrl", "queue"),
    ("TopicArn", "topic"),
    ("StateMachineArn", "state_machine"),
    ("TableName", "table"),
    ("StreamName", "stream"),
    ("SecretId", "secret"),
    ("Bucket", "bucket"),
    ("ApiEndpoint", ""),
    ("EventBusName", "bus"),
)


def _state_machine(wiring: Wiring, machine: TemplateResource) -> Iterator[Edge]:
    definition, path, document = _definition(machine)
    if definition is None:
        return
    names = machine.mapping("DefinitionSubstitutions")
    for place, state_name, state in _tasks(definition, ()):
        condition = _condition(state_name, state)
        for target in _targets(wiring, machine, state, names):
            made = edge("task", machine.id, target, condition, machine, *path, *(() if document else place))
            if document:
                made = Edge(
                    made.kind, made.source, made.target, condition, made.via, document.file, document.line(*place)
                )
            yield made


def _definition(machine: TemplateResource) -> tuple[Mapping[str, Any] | None, Location, Document | None]:
    """The definition, its location in the template, and its file if that is another one."""
    if isinstance(definition := machine.get("Definition"), Mapping):
        return definition, ("Definition",), None
    if isinstance(uri := machine.get("DefinitionUri"), str):
        try:
            document = read_document(machine.template.path.parent / uri)
        except TemplateError:
            return None, (), None
        return document.body, ("DefinitionUri",), document
    text = machine.get("DefinitionString")
    if isinstance(text, Mapping) and "Fn::Sub" in text:
        text = text["Fn::Sub"]
        text = text[0] if isinstance(text, list) else text
    elif isinstance(text, Mapping) and "Fn::Join" in text:
        parts = listed(text["Fn::Join"])
        joined = listed(parts[1]) if len(parts) == 2 else []
        text = str(parts[0] if parts else "").join(
            part if isinstance(part, str) else _variable(part) for part in joined
        )
    try:
        body = read_json(text) if isinstance(text, str) else None
    except ValueError:
        return None, (), None
    return (body if isinstance(body, Mapping) else None), ("DefinitionString",), None


def _variable(part: Any) -> str:
    """A function in a joined text, as Fn::Sub writes it."""
    if isinstance(part, Mapping) and "Fn::GetAtt" in part:
        return "${" + ".".join(str(each) for each in listed(part["Fn::GetAtt"])) + "}"
    return "${" + str(part.get("Ref", "")) + "}" if isinstance(part, Mapping) else ""


def _tasks(definition: Mapping[str, Any], place: Location) -> Iterator[tuple[Location, str, Mapping[str, Any]]]:
    return (each for each in _states(definition, place) if each[2].get("Type") == "Task")


def _states(definition: Mapping[str, Any], place: Location) -> Iterator[tuple[Location, str, Mapping[str, Any]]]:
    """All states with their locations, including nested ones."""
    for name, state in mapping(definition.get("States")).items():
        if not isinstance(state, Mapping):
            continue
        here = (*place, "States", name)
        yield here, name, state
        for key in ("Iterator", "ItemProcessor"):
            if isinstance(inner := state.get(key), Mapping):
                yield from _states(inner, (*here, key))
        for index, branch in mappings(state.get("Branches")):
            yield from _states(branch, (*here, "Branches", index))


def place_of_state(machine: TemplateResource, name: str, *path: str | int) -> tuple[Path, int] | None:
    """File and line of a state of a state machine (its names are unique), or of a property of it; if the state does not have
    the property, the line of the state. Without a name: of the definition. None if the definition is not in a file."""
    definition, at, document = _definition(machine)
    if definition is None:
        return None
    found = next((place for place, own, _ in _states(definition, ()) if own == name), None)
    place = (*(found or ()), *path)
    if document:
        return document.file, document.line(*place)
    return machine.template.path, machine.line(*at, *place)


def _condition(name: str, state: Mapping[str, Any]) -> TaskCondition:
    resource = state.get("Resource")
    text = resource if isinstance(resource, str) else ""
    heartbeat = state.get("HeartbeatSeconds")
    return TaskCondition(
        name,
        text,
        text.endswith(".waitForTaskToken"),
        heartbeat if isinstance(heartbeat, int) else None,
        _errors(state.get("Retry")),
        _errors(state.get("Catch")),
    )


def _errors(rules: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(error) for _, rule in mappings(rules) for error in listed(rule.get("ErrorEquals"))))


def _targets(
    wiring: Wiring, machine: TemplateResource, state: Mapping[str, Any], names: Mapping[str, Any]
) -> Iterator[NodeId]:
    resource = state.get("Resource")
    if not isinstance(resource, str) or ":states:::" not in resource:
        # The ARN of a function or an activity.
        if target := _target(wiring, machine, resource, "function", names):
            yield target
        return
    given = state.get("Parameters") or state.get("Arguments") or {}
    entries = given.get("Entries") if isinstance(given, Mapping) else None
    for each in entries if isinstance(entries, list) else [given]:
        for key, kind in _NAMED_BY:
            if isinstance(each, Mapping) and key in each:
                if target := _target(wiring, machine, each[key], kind, names):
                    yield target
                break
        else:
            if ":events:putEvents" in resource:
                yield wiring.default_bus()


def _target(
    wiring: Wiring, machine: TemplateResource, value: Any, kind: str, names: Mapping[str, Any]
) -> NodeId | None:
    if isinstance(value, str) and "${" in value and not names:
        value = {"Fn::Sub": value}
    return wiring.node(value, machine, kind, names)


READERS = {"AWS::StepFunctions::StateMachine": (_state_machine,)}
