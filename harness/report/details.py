"""What the page and the exports show of an activity in addition to its label: the service, and further facts."""

from collections.abc import Mapping
from typing import Any

from harness import aws
from harness.flow.history import Activity
from harness.flow.labels import api_of
from harness.flow.names import Names
from harness.flow.outcome import Outcome
from harness.flow.steps import ShownActivity
from harness.journal.records import Kind
from harness.topology import NodeId

_FACTS = {
    Kind.INVOCATION: ("request_id", "cold", "environment"),
    Kind.CALL: ("status", "request_id"),
    Kind.REQUEST: ("status", "connection", "stage"),
    Kind.FRAME: ("direction", "connection", "route", "number"),
    Kind.CONNECTION: ("connection", "code", "reason", "by"),
    Kind.DELIVERY: ("attempt", "input", "Input", "InputPath", "InputTransformer", "raw"),
    Kind.DECISION: (
        "reason",
        "pattern",
        "scope",
        "attributes",
        "principal",
        "role",
        "operation",
        "by",
        "missing",
        "near",
        "type",
        "first",
    ),
    Kind.BATCH: ("attempt", "shard", "failed", "filtered", "deleted", "visible_at", "committed", "retries"),
    Kind.TRANSITION: ("status",),
    Kind.DEAD_LETTER: ("reason",),
    Kind.TIMER: ("what", "when", "attempt", "schedule", "before", "after"),
}


def subtitle(shown: ShownActivity, attempt: int, name: Names, node: NodeId | None) -> str:
    """The service, what the label does not name, and the remark of the terminal. `node` is the activity's resource."""
    activity, data = shown.activity, shown.activity.data
    about: list[str] = []
    match activity.kind:
        case Kind.FRAME | Kind.CONNECTION:
            about.append(name(api_of(activity)))
            about.append(str(data.get("connection") or ""))
        case Kind.CALL | Kind.REQUEST:
            about.append(name(activity.begin.resource) or (str(node) if node else ""))
        case Kind.INVOCATION:
            about.append(name(activity.begin.resource or activity.begin.name))
            about.append(f"attempt {attempt}" if attempt > 1 else "")
            about.append("cold start" if data.get("cold") else "")
        case Kind.DELIVERY | Kind.BATCH:
            about.append(f"from {name(str(data['source']))}" if data.get("source") else "")
            about.append(f"attempt {data['attempt']}" if data.get("attempt", 1) != 1 else "")
        case Kind.DEAD_LETTER:
            about.append(f"of {name(str(data.get('source') or ''))}")
    # An error has a separate place; what a label names need not be named again.
    about.append("" if shown.outcome is Outcome.FAILED and activity.kind is not Kind.DEAD_LETTER else shown.said)
    words = str(shown.label)
    return " · ".join([aws.title(activity.begin.service), *(each for each in about if each and each not in words)])


def facts(activity: Activity, name: Names) -> dict[str, Any]:
    """Further facts about it, without empty ones."""
    data = activity.data
    found = {name: data[name] for name in _FACTS.get(activity.kind, ()) if data.get(name) not in (None, "", [], {})}
    caller = data.get("caller")
    if isinstance(caller, Mapping):
        found["caller"] = _caller(caller, name)
    if decided := [_decided(each) for each in data.get("access") or () if isinstance(each, Mapping)]:
        found["access"] = "; ".join(decided)
    if isinstance(activity.error, Mapping) and activity.error.get("fault"):
        found["fault"] = f"{activity.error['fault']}, which the test put in force"
    if activity.begin.region:
        found["region"] = activity.begin.region
    return found


def _decided(decision: Mapping[str, Any]) -> str:
    """IAM's decision about one action of a call, with the statement that decided."""
    by = decision.get("by")
    statement = (
        ", ".join(filter(None, [str(by.get("policy") or ""), str(by.get("statement") or "")]))
        if isinstance(by, Mapping)
        else ""
    )
    said = "allowed" if decision.get("allowed") else "denied"
    return " ".join(filter(None, [str(decision.get("action", "")), said, f"by {statement}" if statement else ""]))


def _caller(caller: Mapping[str, Any], name: Names) -> str:
    who = caller.get("principal") or caller.get("agent") or ""
    source = name(str(caller.get("source_arn") or ""))
    return " ".join(filter(None, [str(caller.get("kind", "")), str(who), f"for {source}" if source else ""]))


def node_kind(service_name: str, kind: str) -> str:
    """The kind of topology node that stands for a service; for a mail the sender's, for a timer the clock's."""
    if kind == "timer":
        return "schedule"
    if kind == "message":
        return "email_identity"
    main = aws.main_kind(service_name)
    return main.kind if main else "external"
