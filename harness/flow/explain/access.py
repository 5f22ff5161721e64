"""Calls that IAM denied: the principal, the action, the resource, and the line of the policy that denies or is missing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness import aws
from harness.flow.explain.evidence import Evidence, name_of
from harness.flow.explanation import Finding, Place
from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.topology import NodeId
from harness.topology.references import mentions
from harness.topology.resources import TemplateResource, listed

RESOURCE_POLICIES = frozenset(type_ for type_, kind in aws.TYPES.items() if kind.policy_of)
"""Policies that are separate resources and name what they are attached to."""
_LIMITS = {"boundary": "permissions boundary", "session": "session policy"}


def denials(evidence: Evidence) -> Iterator[Activity]:
    """The decisions of IAM that refused a call, except those that were allowed later."""
    allowed: dict[tuple[Any, ...], int] = {}
    for call in evidence.of(Kind.CALL):
        for decided in call.data.get("access") or ():
            if decided["allowed"]:
                allowed[decided["action"], decided["resource"]] = call.begin.sequence
    for note in evidence.of(Kind.DECISION, "iam"):
        later = allowed.get((note.begin.name, note.begin.resource), 0)
        if not note.data.get("passed") and later < note.begin.sequence:
            yield note


def denied_calls(evidence: Evidence) -> Iterator[Finding]:
    """One finding for each principal, action and resource, however often it was tried."""
    alike: defaultdict[tuple[str, str, str], list[Activity]] = defaultdict(list)
    for note in denials(evidence):
        who = str(note.data.get("role") or note.data.get("principal"))
        alike[who, note.begin.name, note.begin.resource].append(note)
    for notes in alike.values():
        yield _finding(evidence, notes)


def _finding(evidence: Evidence, notes: list[Activity]) -> Finding:
    note = notes[-1]
    data = note.data
    waits = {pending.activity.id for pending in evidence.pending}
    calls = [call for each in notes if (call := evidence.cause_of(each)) is not None]
    return Finding(
        cause="access-denied-explicitly" if data.get("by") else "access-denied",
        sentence=f"{_who(evidence, note)} may not {note.begin.name} on {_what(evidence, note.begin.resource)}: "
        f"{_why(data)}.",
        resource=evidence.resource(_policy_holder(data) or note.begin.resource),
        place=_place(evidence, note),
        activities=(*notes, *calls),
        lost=not any(cause.id in waits for cause in evidence.causes(note)),
    )


def _policy_holder(data: Mapping[str, Any]) -> str:
    """The role whose policies count; "" if the resource's own policy counts."""
    kind = (data.get("by") or {}).get("kind") or data.get("missing")
    return "" if kind == "resource" else str(data.get("role") or "")


# ── the sentence ────────────────────────────────────────────────────────────────────────────────────────────────────


def _who(evidence: Evidence, note: Activity) -> str:
    role = str(note.data.get("role") or "")
    if ":role/" not in role:
        return name_of(role) if role else str(note.data.get("principal"))
    named = f"the role {evidence.named(role)}"
    user = next((cause for cause in evidence.causes(note) if cause.kind is not Kind.CALL), None)
    if user is not None and user.kind is Kind.INVOCATION:
        return f"{named} of function {evidence.named(user.begin.resource)}"
    if user is not None and user.kind is Kind.TRANSITION:
        machine = str(user.data.get("state_machine") or user.begin.resource)
        return f"{named} of state machine {evidence.named(machine)}"
    return named


def _what(evidence: Evidence, resource: str) -> str:
    """By its logical id if a template declares it, else the whole ARN: its region or account may be what is wrong."""
    node = evidence.node(resource)
    return f"{node.kind.replace('_', ' ')} {node.logical_id}" if node else resource


def _why(data: Mapping[str, Any]) -> str:
    if by := data.get("by"):
        return f"{_called(by)} denies it"
    missing = str(data.get("missing"))
    if missing in _LIMITS:
        return f"its {_LIMITS[missing]} does not allow it{_nearly(data)}"
    where = "its resource policy" if missing == "resource" else "its policies"
    return f"no statement of {where} allows it{_nearly(data)}"


def _called(statement: Mapping[str, Any]) -> str:
    return f"{statement['statement']} of {statement['policy']}"


def _nearly(data: Mapping[str, Any]) -> str:
    """What the first statement that nearly allows it requires instead."""
    for near in data.get("near") or ():
        if failed := near.get("conditions"):
            first = failed[0]
            has = f"it is {_texts(first['found'])}" if first["found"] else "the request has none"
            negated = " not" if "not" in first["operator"] else ""
            return f"; {_called(near)} wants {first['key']}{negated} to be {_texts(first['expected'])}, and {has}"
        if resources := near.get("resources"):
            return f"; {_called(near)} is about {_texts(resources)}"
        if principals := near.get("principals"):
            return f"; {_called(near)} is for {_texts(principals)}"
    return ""


def _texts(values: Iterable[Any]) -> str:
    return " or ".join(map(str, values))


# ── the line ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _place(evidence: Evidence, note: Activity) -> Place | None:
    """The statement that denies or nearly allows, else the policies without such a statement, else their resource."""
    holder = _policy_holder(note.data)
    deciding = note.data.get("by") or next(iter(note.data.get("near") or ()), None)
    if not holder:
        return _place_of_resource_policy(evidence, note.begin.resource, deciding)
    role = evidence.node_id(holder)
    if role is None:
        return None
    if deciding and (found := _place_of_statement(evidence, role, deciding)):
        return found
    declared = evidence.topology.resources.get(role)
    return evidence.place(role, "Policies") if declared and declared.get("Policies") else evidence.place(role)


def _place_of_statement(evidence: Evidence, role: NodeId, statement: Mapping[str, Any]) -> Place | None:
    policy = str(statement["policy"])
    if policy.startswith("arn:"):
        managed = evidence.node_id(policy)
        return _statement_of(evidence, managed, ("PolicyDocument",), statement) if managed else None
    declared = evidence.topology.resources.get(role)
    for index, inline in enumerate(listed(declared.get("Policies")) if declared else ()):
        # SAM names the policies of a role after the role and their position.
        names = {f"{role.logical_id}Policy{index}", inline.get("PolicyName") if isinstance(inline, Mapping) else None}
        if policy in names:
            path: tuple[str | int, ...] = ("Policies", index)
            if isinstance(inline, Mapping) and "PolicyDocument" in inline:
                path = (*path, "PolicyDocument")
            return _statement_of(evidence, role, path, statement)
    for node_id, other in _of_stack(evidence, role.stack):
        if other.type == "AWS::IAM::Policy" and other.get("PolicyName") == policy:
            return _statement_of(evidence, node_id, ("PolicyDocument",), statement)
    return None


def _place_of_resource_policy(evidence: Evidence, resource: str, statement: Mapping[str, Any] | None) -> Place | None:
    """The policy that is attached to a resource, if a template has one, else the resource."""
    node = evidence.node_id(resource)
    if node is None:
        return None
    for node_id, other in _of_stack(evidence, node.stack):
        named = {mention.name for mention in mentions(_attached_to(other))}
        if other.type in RESOURCE_POLICIES and node.logical_id in named:
            document = ("Policy",) if "Policy" in other.properties else ("PolicyDocument",)
            return _statement_of(evidence, node_id, document, statement)
    declared = evidence.topology.resources.get(node)
    own = next((name for name in ("KeyPolicy", "Policy") if declared and declared.get(name)), None)
    return _statement_of(evidence, node, (own,), statement) if own else evidence.place(node)


def _attached_to(policy: TemplateResource) -> Any:
    return [policy.get(name) for name in ("Queues", "Topics", "Bucket", "EventBusName", "SecretId")]


def _statement_of(
    evidence: Evidence, node: NodeId, path: tuple[str | int, ...], statement: Mapping[str, Any] | None
) -> Place | None:
    declared = evidence.topology.resources.get(node)
    statements = listed(declared.get(*path, "Statement")) if declared else []
    for index, each in enumerate(statements):
        wanted = statement and statement["statement"]
        if wanted == f"Statement[{index}]" or (isinstance(each, Mapping) and wanted and each.get("Sid") == wanted):
            return evidence.place(node, *path, "Statement", index)
    return evidence.place(node, *path)


def _of_stack(evidence: Evidence, stack: str) -> Iterator[tuple[NodeId, TemplateResource]]:
    return ((node, resource) for node, resource in evidence.topology.resources.items() if node.stack == stack)
