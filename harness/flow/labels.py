"""The label of each activity of a flow, and the remark that one line has room for: the same in every output."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness import aws
from harness.flow.causality import is_execution, is_state_entered
from harness.flow.error_text import error_of, one_line
from harness.flow.history import Activity
from harness.flow.names import Names
from harness.flow.outcome import Outcome, has_no_route
from harness.journal.records import Kind

_BODY_CHARACTERS = 60
"""How much of a message one line shows."""
_NAMING = ("QueueName", "Username", "StackName", "RoleName", "Name")
"""Members of a request that name the call's resource if its record does not."""
_REASONS = {
    "Disabled": "it is disabled",
    "Duplicate": "a duplicate",
    "EventType": "for other events",
    "FilterPolicy": "its filter policy does not match",
    "KeyFilter": "for other keys",
    "NoPermission": "it may not be invoked from here",
    "NoRules": "it has no rules",
    "NoSuchEventBus": "there is no such bus",
    "NoTargets": "it has no targets",
    "NotJson": "its filter is for JSON",
    "Pattern": "its pattern does not match",
    "PendingConfirmation": "it is not confirmed",
}
"""Why a decision did not let an event pass (`Kind.DECISION`), in words."""
_CHANNELS = {"sms": "text message"}


@dataclass(frozen=True, slots=True)
class Label:
    """The name of something: "function users.PreSignUpFunction". The noun is "" if the text says it all."""

    text: str
    noun: str = ""

    def __str__(self) -> str:
        return f"{self.noun} {self.text}".strip()


def label(activity: Activity, name: Names) -> Label:
    """The label of an activity. `name` returns the names of resources."""
    begin, data = activity.begin, activity.data
    match activity.kind:
        case Kind.CALL:
            return Label(_call(activity, name))
        case Kind.INVOCATION:
            return Label(name(begin.resource or begin.name), "function")
        case Kind.BATCH:
            function = name(str(data.get("target") or begin.resource))
            return Label(f"{function} ← {records_of(activity, name)}", "function")
        case Kind.DELIVERY:
            return target_of(activity, name)
        case Kind.DECISION:
            return _decision(activity, name)
        case Kind.TRANSITION if is_execution(activity):
            return Label(name(str(data.get("state_machine") or begin.name)), "execution of")
        case Kind.TRANSITION if is_state_entered(activity):
            return Label(begin.resource, "state")
        case Kind.TRANSITION:
            return Label(begin.name)
        case Kind.REQUEST if begin.service == "apigatewayv2":
            return Label(f"connect to {name(api_of(activity))}")
        case Kind.REQUEST:
            return Label(f"{data.get('method') or begin.name} {path_of(data.get('path'))}")
        case Kind.FRAME if data.get("direction") == "out":
            return Label(f"frame to {data.get('connection')}")
        case Kind.FRAME:
            route = f"frame {data.get('route') or ''}".rstrip()
            return Label(f"{route} to {name(api_of(activity))}")
        case Kind.CONNECTION:
            return Label(f"{data.get('connection')} closed by {data.get('by')}", "connection")
        case Kind.MESSAGE:
            channel = str(data.get("channel") or "mail")
            return Label(f"{_CHANNELS.get(channel, channel)} to {', '.join(map(str, data.get('recipients') or ()))}")
        case Kind.DEAD_LETTER:
            target = data.get("target")
            return Label(f"given up, kept in {name(str(target))}" if target else "given up, kept nowhere: lost")
        case Kind.TIMER:
            return _timer(activity, name)
        case Kind.WORK:
            return Label("work of the engine")
    return Label(str(activity))


def said(activity: Activity, outcome: Outcome) -> str:
    """The remark on an activity: what went wrong, the status of a response, the subject of a mail."""
    data = activity.data
    match activity.kind:
        case Kind.REQUEST if data.get("status"):
            return str(data["status"])
        case Kind.FRAME if has_no_route(activity):
            return "no route takes it"
        case Kind.DEAD_LETTER:
            reason = str(data.get("reason") or "")
            error = error_of(activity)
            return f"{reason}: {error}".lstrip(": ") if error and reason != "RetriesExhausted" else reason
        case Kind.DECISION if outcome is Outcome.REFUSED:
            reason = str(data.get("reason") or "")
            return str(error_of(activity) or _REASONS.get(reason, reason))
        case Kind.BATCH if data.get("failed") and not error_of(activity):
            return f"{len(data['failed'])} of them failed"
    if outcome is Outcome.FAILED:
        return str(error_of(activity) or data.get("status") or "")
    if outcome is Outcome.PENDING:
        return ""
    match activity.kind:
        case Kind.FRAME:
            return _shortened(data.get("body"))
        case Kind.CONNECTION:
            return f"{data.get('code')} {data.get('reason') or ''}".strip()
        case Kind.MESSAGE:
            return one_line(str(data.get("subject") or ""))
        case Kind.TIMER if data.get("what") == "alarm":
            return f"{data.get('before')} → {data.get('after')}"
    return ""


def records_of(batch: Activity, name: Names) -> str:
    """The content of a batch: "3 messages of orders"."""
    source = str(batch.data.get("source") or "")
    count = len(batch.data.get("records") or ())
    noun = "message" if ":sqs:" in source else "record"
    return f"{count} {noun}{'' if count == 1 else 's'} of {name(source)}"


def target_of(delivery: Activity, name: Names) -> Label:
    """The target of a delivery."""
    arn = str(delivery.data.get("target") or delivery.begin.resource)
    kind = aws.main_kind(aws.of_prefix(arn.split(":")[2]).name) if arn.startswith("arn:") else None
    return Label(name(arn), kind.noun if kind else "")


def connection_of(call: Activity) -> str:
    """The WebSocket connection of a call."""
    return str(_request(call).get("ConnectionId") or "")


def api_of(activity: Activity) -> str:
    """The id of the API to which a record of a WebSocket connection belongs."""
    return activity.begin.resource.rpartition(":")[2].partition("/")[0]


def path_of(path: Any) -> str:
    """The path as a client of the deployed API knows it, without the prefix that LocalStack adds for the stage."""
    parts = str(path or "/").split("/")
    if parts[1:3] == ["_aws", "execute-api"]:
        return "/" + "/".join(parts[5:])
    if parts[1:3] == ["_aws", "elb"]:
        return "/" + "/".join(parts[4:])
    if parts[1:2] == ["restapis"] and "_user_request_" in parts:
        return "/" + "/".join(parts[parts.index("_user_request_") + 1 :])
    return str(path or "/")


def _call(call: Activity, name: Names) -> str:
    begin, request = call.begin, _request(call)
    if begin.service == "apigatewaymanagementapi":
        return f"{begin.name} {connection_of(call)}"
    about = name(begin.resource) if begin.resource else ""
    about = about or next((str(request[member]) for member in _NAMING if request.get(member)), "")
    text = f"{begin.service} {begin.name} {about}".rstrip()
    if (begin.service, begin.name) == ("events", "PutEvents"):
        entries = request.get("Entries") or ()
        types = dict.fromkeys(str(entry.get("DetailType")) for entry in entries if isinstance(entry, Mapping))
        return f"{text}: {', '.join(types)}" if types else text
    return text


def _decision(decision: Activity, name: Names) -> Label:
    begin, data = decision.begin, decision.data
    if begin.service == "iam":
        # IAM records what it denies; in the mode `report`, what it would deny and allows.
        return Label(f"IAM {'would deny' if data.get('passed') else 'denies'} {begin.name}")
    if begin.service == "sns" and data.get("target"):
        return Label(f"of {name(str(data['target']))}", "subscription")
    decided_by = name(str(data.get("rule") or begin.resource or begin.name))
    if begin.service == "events":
        return Label(decided_by, "rule" if data.get("rule") else "bus")
    return Label(decided_by, aws.service(begin.service).decider)


def _timer(timer: Activity, name: Names) -> Label:
    begin, data = timer.begin, timer.data
    what, when = data.get("what"), data.get("when")
    match what:
        case "schedule":
            return Label(name(str(data.get("schedule") or begin.resource)), "schedule")
        case "alarm":
            return Label(begin.name, "alarm")
        case "fire":
            return Label(f"fire {begin.name}")
    text = str(what or begin.name)
    return Label(f"{text}, {max(0.0, when - begin.at):.3g} s" if isinstance(when, (int, float)) else text)


def _request(call: Activity) -> Mapping[str, Any]:
    request = call.data.get("request")
    return request if isinstance(request, Mapping) else {}


def _shortened(body: Any) -> str:
    # The journal keeps JSON parsed.
    line = one_line(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))
    return line if len(line) <= _BODY_CHARACTERS else f"{line[: _BODY_CHARACTERS - 1]}…"
