"""A flow as a person tells it: one step for what the engine writes down as several activities.

That a rule hands an event to a function is a delivery, a call, work behind its answer and an invocation; somebody who reads
it wants one line, with the function's name. What only carries an event on is part of the step that it serves; a function's
attempts are below the step of its event; reads that repeat are counted.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.flow.history import Activity
from harness.journal.records import Kind


class Outcome(StrEnum):
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    """A decision not to let an event pass, which is how rules and filters work."""
    GIVEN_UP = "given up"
    GOES_ON = "goes on"


@dataclass(slots=True)
class Step:
    """Something that happened, in a person's words, and what came of it."""

    title: str
    activities: list[Activity]
    """What it stands for, in the order in which it began."""
    outcome: Outcome = Outcome.DONE
    said: str = ""
    """More about it: what went wrong, what was refused, how often it was tried."""
    children: list["Step"] = field(default_factory=list)
    noun: str = ""
    """What the title names, where it is the name of a resource: "function", "queue", "rule"."""
    plain: bool = False
    """A call of a service that nothing came of but its answer."""
    times: int = 1
    """How many equal ones there were in a row."""
    attempts: int = 0
    """How often its event was tried, where that is told by the steps below it."""

    def __str__(self) -> str:
        return f"{self.noun} {self.title}".lstrip()

    @property
    def at(self) -> float:
        """When it began, in seconds since the epoch."""
        return self.activities[0].begin.at

    @property
    def seconds(self) -> float | None:
        """How long it took, of what goes on for a while; None while it goes on and for what happens in a moment."""
        own = [*self.activities, *(a for child in self.children if self.attempts for a in child.activities)]
        lasting = [activity for activity in own if activity.ended is not activity.begin]
        if not lasting or any(a.ended is None for a in lasting):
            return None
        return max(a.ended.at for a in lasting if a.ended is not None) - min(a.begin.at for a in lasting)

    def walk(self) -> Iterator["Step"]:
        """This step and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def steps(activities: Iterable[Activity], called: Callable[[str], str] = str) -> list[Step]:
    """The steps of a flow, as trees: those that nothing of it caused, with what came of them.

    `called` is how a person calls a resource, by its ARN, URL or physical id.
    """
    told = _Telling(activities, called)
    return _counted([step for root in told.roots for step in told.of(root)])


def parents(activities: Sequence[Activity]) -> dict[int, int | None]:
    """The one activity that each came of, by its number: what caused it, else the first that left what it took up.

    Further attempts at an asynchronous event, and giving it up, come of what left the event, not of the attempt before.
    """
    known = {activity.id: activity for activity in activities}
    leavers = _leavers(activities)
    found: dict[int, int | None] = {}
    for activity in activities:
        left = [leavers[mark] for mark in activity.takes if mark in leavers]
        events = [leavers[mark] for mark in activity.takes if mark.startswith("invocation:") and mark in leavers]
        cause = known.get(activity.begin.cause) if activity.begin.cause is not None else None
        before = (one for one in (*events, cause, *left) if one and one.begin.sequence < activity.begin.sequence)
        found[activity.id] = next((one.id for one in before), None)
    return found


def _leavers(activities: Iterable[Activity]) -> dict[str, Activity]:
    """Who left what first, by its mark."""
    found: dict[str, Activity] = {}
    for activity in activities:
        for mark in activity.leaves:
            found.setdefault(mark, activity)
    return found


def error_text(error: Any) -> str:
    """An error in a line: its code, and what it says."""
    if not isinstance(error, dict):
        return _line(str(error))
    code = str(error.get("code") or error.get("errorType") or error.get("Code") or "")
    message = str(error.get("message") or error.get("errorMessage") or error.get("Message") or "")
    if code and message.startswith(f"An error occurred ({code})"):
        # botocore's own words around what the service said.
        message = message.partition(": ")[2] or message
    return _line(f"{code}: {message}" if code and message else code or message)


def _line(text: str) -> str:
    return " ".join(text.split())


class _Telling:
    def __init__(self, activities: Iterable[Activity], called: Callable[[str], str]) -> None:
        in_order = sorted(activities, key=lambda activity: activity.begin.sequence)
        self._called = called
        self._next: defaultdict[int | None, list[Activity]] = defaultdict(list)
        came_of = parents(in_order)
        for activity in in_order:
            self._next[came_of[activity.id]].append(activity)
        leavers = _leavers(in_order)
        self._told_above = {
            leavers[mark].id
            for taker in in_order
            for mark in taker.takes
            if mark in leavers and came_of[taker.id] != leavers[mark].id and taker.kind is Kind.BATCH
        }
        """Those whose record was in the batch of another's, which is told where that is."""

    @property
    def roots(self) -> list[Activity]:
        return self._next[None]

    def of(self, activity: Activity) -> list[Step]:
        """The steps that tell of an activity: one; or those of what it led to, where it only carries on."""
        below = [step for following in self._next[activity.id] for step in self.of(following)]
        match activity.kind:
            case Kind.WORK:
                still = [Step("work of the engine", [activity], Outcome.GOES_ON)] if activity.goes_on else []
                return below or still
            case Kind.TIMER:
                return self._timer(activity, below)
            case Kind.DECISION:
                return self._decision(activity, below)
            case Kind.DELIVERY:
                return [self._delivery(activity, below)]
            case Kind.CALL:
                return [] if _tells_nobody(activity, below) else [self._call(activity, below)]
            case Kind.INVOCATION:
                title = self._called(activity.begin.resource or activity.begin.name)
                return [self._step(activity, title, below, noun="function")]
            case Kind.BATCH:
                return [self._batch(activity, below)]
            case Kind.TRANSITION:
                return self._transition(activity, below)
            case Kind.REQUEST:
                return [self._request(activity, below)]
            case Kind.FRAME:
                return [self._frame(activity, below)]
            case Kind.CONNECTION:
                return [self._connection(activity, below)]
            case Kind.MESSAGE:
                data = activity.data
                title = f"{data.get('channel', 'mail')} to {', '.join(data.get('recipients') or ())}"
                return [self._step(activity, title, below, said=_line(str(data.get("subject") or "")))]
            case Kind.DEAD_LETTER:
                return [self._dead_letter(activity, below)]
        return [self._step(activity, str(activity), below)]

    def _step(self, activity: Activity, title: str, below: list[Step], *, noun: str = "", said: str = "") -> Step:
        outcome = Outcome.DONE
        if activity.goes_on:
            outcome = Outcome.GOES_ON
        elif activity.error is not None:
            outcome, said = Outcome.FAILED, error_text(activity.error)
        return Step(title, [activity], outcome, said, _counted(below), noun)

    def _call(self, activity: Activity, below: list[Step]) -> Step:
        begin, request = activity.begin, activity.data.get("request")
        request = request if isinstance(request, dict) else {}
        resource = self._called(begin.resource) if begin.resource else ""
        if (begin.service, begin.name) == ("lambda", "Invoke"):
            return self._invoke(activity, resource, below)
        if begin.service == "apigatewaymanagementapi":
            return self._of_connection(activity, below)
        about = resource or next((str(request[name]) for name in _NAMING if request.get(name)), "")
        title = f"{begin.service} {begin.name} {about}".rstrip()
        if (begin.service, begin.name) == ("events", "PutEvents"):
            types = dict.fromkeys(str(entry.get("DetailType")) for entry in request.get("Entries") or ())
            title = f"{title}: {', '.join(types)}" if types else title
        step = self._step(activity, title, below)
        step.plain = not below
        if activity.id in self._told_above and not step.said:
            step.said = "in a batch above"
        return step

    def _invoke(self, activity: Activity, function: str, below: list[Step]) -> Step:
        """One step for the call and its invocation; with one below it for each attempt, where there were several."""
        step = self._invoked(activity, function, below)
        if (activity.data.get("caller") or {}).get("kind") == "client":
            # What somebody outside did is told as that.
            step.title, step.noun = f"lambda Invoke {function}", ""
        return step

    def _invoked(self, activity: Activity, function: str, below: list[Step]) -> Step:
        attempts = [step for step in below if step.activities[0].kind is Kind.INVOCATION]
        # The work behind the answer goes on as long as its invocations do.
        others = [step for step in below if step not in attempts and step.activities[0].kind is not Kind.WORK]
        if not attempts:
            if any(mark.startswith("invocation:") for mark in activity.leaves) and not below:
                return Step(function, [activity], Outcome.GOES_ON, "has not taken it up", noun="function")
            return self._step(activity, f"lambda Invoke {function}", below)
        if len(attempts) == 1:
            [invocation] = attempts
            invocation.activities.insert(0, activity)
            invocation.children += others
            return invocation
        for number, attempt in enumerate(attempts, 1):
            attempt.title, attempt.noun = f"attempt {number}", ""
        step = Step(function, [activity], children=[*attempts, *others], noun="function")
        step.attempts, step.said = len(attempts), f"{len(attempts)} attempts"
        step.outcome = attempts[-1].outcome
        if any(other.outcome is Outcome.GIVEN_UP for other in others):
            step.outcome, step.said = Outcome.FAILED, f"{len(attempts)} attempts, then given up"
        return step

    def _delivery(self, activity: Activity, below: list[Step]) -> Step:
        """A delivery is told by what it called, where that is one thing."""
        arn = str(activity.data.get("target") or activity.begin.resource)
        target, noun = self._called(arn), _NOUNS.get(arn.split(":")[2] if arn.startswith("arn:") else "", "")
        if (
            activity.error is not None
            or len(below) != 1
            or below[0].activities[0].kind not in (Kind.CALL, Kind.REQUEST)
        ):
            # What was called is told where it went well; the delivery tells what went wrong.
            failed_too = activity.error is not None and len(below) == 1 and not below[0].children
            step = self._step(activity, target, [] if failed_too else below, noun=noun)
            step.activities += below[0].activities if failed_too else []
            return step
        [step] = below
        if step.activities[0].begin.name != "Invoke":
            step.title, step.noun, step.plain = target, noun, False
        step.activities.insert(0, activity)
        return step

    def _batch(self, activity: Activity, below: list[Step]) -> Step:
        data = activity.data
        records, failed = data.get("records") or (), data.get("failed") or ()
        source = self._called(str(data.get("source") or ""))
        what = "messages" if ":sqs:" in str(data.get("source")) else "records"
        count = f"{len(records)} {what if len(records) != 1 else what[:-1]} of {source}"
        handlers = [step for step in below if _is_invocation(step)]
        if len(handlers) == 1:
            [step] = handlers
            step.title = f"{step.title} ← {count}"
            step.activities.insert(0, activity)
            step.children += [other for other in below if other is not step]
        else:
            function = self._called(str(data.get("target") or activity.begin.resource))
            step = self._step(activity, f"{function} ← {count}", below, noun="function")
        if failed and step.outcome is Outcome.DONE:
            step.outcome, step.said = Outcome.FAILED, f"{len(failed)} of them failed"
        return step

    def _transition(self, activity: Activity, below: list[Step]) -> list[Step]:
        data = activity.data
        if activity.begin is not activity.ended:
            machine = self._called(str(data.get("state_machine") or ""))
            step = self._step(activity, machine, below, noun="execution of")
            step.children = _counted(_grouped_by_state(below))
            if step.outcome is not Outcome.FAILED and data.get("status") not in (None, "SUCCEEDED", "RUNNING"):
                step.outcome, step.said = Outcome.FAILED, str(data["status"])
            if step.outcome is Outcome.FAILED and data.get("cause"):
                step.said = f"{step.said}: {_line(str(data['cause']))}"
            return [step]
        event = data.get("event") or {}
        name, details = activity.begin.name, event.get("details") or {}
        if name.endswith("StateEntered"):
            return [self._step(activity, activity.begin.resource, below, noun="state")]
        if name.endswith(("Failed", "TimedOut", "Aborted")) and not name.startswith("Execution"):
            said = error_text({"code": details.get("error"), "message": details.get("cause")})
            return [Step(name, [activity], Outcome.FAILED, said, below)]
        # For whoever puts what an execution does below its states.
        return [*([Step("", [activity])] if _leaves_state(activity) else ()), *below]

    def _decision(self, activity: Activity, below: list[Step]) -> list[Step]:
        begin, data = activity.begin, activity.data
        rule = self._called(str(data.get("rule") or begin.resource or begin.name))
        noun = _DECIDERS.get(begin.service, "")
        if data.get("passed"):
            if begin.service == "events" and "Events-Archive-" in begin.name:
                kept = [a for step in below for a in step.activities]
                name = begin.name.partition("Events-Archive-")[2]
                return [Step(name, [activity, *kept], noun="archive", plain=True)]
            if begin.service == "events":
                return [self._step(activity, rule, below, noun="rule")]
            return below
        if begin.service == "events" and not data.get("rule"):
            noun = "bus"
        reason = str(data.get("reason") or "")
        said = _REASONS.get(reason, reason)
        if data.get("error"):
            said = error_text(data["error"])
        return [Step(rule, [activity], Outcome.REFUSED, said, below, noun)]

    def _request(self, activity: Activity, below: list[Step]) -> Step:
        data = activity.data
        title = f"{data.get('method')} {path_of(data.get('path'))}"
        if activity.begin.service == "apigatewayv2":
            title = f"connect to {self._called(api_of(activity))}"
        step = self._step(activity, title, below)
        status = int(data.get("status") or 0)
        if status:
            step.said = str(status)
        if status >= 500:
            step.outcome = Outcome.FAILED
        elif status >= 400:
            step.outcome = Outcome.REFUSED
        return step

    def _frame(self, activity: Activity, below: list[Step]) -> Step:
        """A message on a WebSocket connection; what it is answered is part of it."""
        data = activity.data
        body = _shortened(data.get("body"))
        if data.get("direction") == "out":
            return self._step(activity, f"frame to {data.get('connection')}", below, said=body)
        answers = [step for step in below if step.activities[0].kind is Kind.FRAME]
        api = self._called(api_of(activity))
        step = self._step(activity, f"frame {data.get('route') or ''}".rstrip() + f" to {api}", below, said=body)
        if activity.error is not None:
            step.outcome = Outcome.REFUSED if data.get("route") is None else Outcome.FAILED
            step.said = "no route takes it" if data.get("route") is None else step.said
            # The client is told the same.
            step.children = [child for child in step.children if child not in answers]
            step.activities += [told for answer in answers for told in answer.activities]
        return step

    def _of_connection(self, activity: Activity, below: list[Step]) -> Step:
        """A call about a WebSocket connection; of a message to a client the message."""
        connection = str((activity.data.get("request") or {}).get("ConnectionId") or "")
        sent = [step for step in below if step.activities[0].kind is Kind.FRAME]
        if activity.begin.name != "PostToConnection" or (len(sent) != 1 and activity.error is None):
            return self._step(activity, f"{activity.begin.name} {connection}", below)
        step = self._step(activity, f"frame to {connection}", [one for one in below if one not in sent])
        for one in sent:
            step.activities += one.activities
            step.said = step.said or one.said
        return step

    def _connection(self, activity: Activity, below: list[Step]) -> Step:
        data = activity.data
        said = f"{data.get('code')} {data.get('reason') or ''}".strip()
        return self._step(
            activity, f"{data.get('connection')} closed by {data.get('by')}", below, said=said, noun="connection"
        )

    def _dead_letter(self, activity: Activity, below: list[Step]) -> Step:
        data = activity.data
        target = data.get("target")
        where = f"given up, kept in {self._called(str(target))}" if target else "given up, kept nowhere: lost"
        said = str(data.get("reason") or "")
        if data.get("error") and said != "RetriesExhausted":
            said = f"{said}: {error_text(data['error'])}"
        step = Step(where, [activity], Outcome.GIVEN_UP, said, _counted(below))
        if len(below) == 1 and below[0].outcome is Outcome.DONE and below[0].activities[0].kind is Kind.CALL:
            # The call that put it there.
            step.activities += below[0].activities
            step.children = below[0].children
        return step

    def _timer(self, activity: Activity, below: list[Step]) -> list[Step]:
        data = activity.data
        match data.get("what"):
            case "schedule":
                schedule = self._called(str(data.get("schedule") or activity.begin.resource))
                return [self._step(activity, schedule, below, noun="schedule")]
            case "alarm":
                said = f"{data.get('before')} → {data.get('after')}"
                return [self._step(activity, activity.begin.name, below, noun="alarm", said=said)]
            case "fire":
                return [self._step(activity, f"fire {activity.begin.name}", below)]
            case "Wait" | "delayed message":
                seconds = float(data.get("when") or activity.begin.at) - activity.begin.at
                return [Step(f"{data['what']}, {seconds:.3g} s", [activity], children=below, plain=not below)]
        return below


def api_of(activity: Activity) -> str:
    """The id of the API that a record of a WebSocket connection is about."""
    return activity.begin.resource.rpartition(":")[2].partition("/")[0]


def _shortened(body: Any) -> str:
    # The journal has what is JSON as what it is.
    line = _line(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))
    return line if len(line) <= _BODY else f"{line[: _BODY - 1]}…"


_BODY = 60
"""How much of a message a line has room for."""
_NAMING = ("QueueName", "Username", "StackName", "RoleName", "Name")
"""Members of a request that name what a call is about, where its record does not."""
_NOUNS = {
    "events": "bus",
    "firehose": "delivery stream",
    "kinesis": "stream",
    "lambda": "function",
    "logs": "log group",
    "sns": "topic",
    "sqs": "queue",
    "states": "state machine",
}
"""What a delivery goes to, by the service in its ARN."""
_DECIDERS = {
    "apigateway": "authorizer",
    "apigatewayv2": "authorizer",
    "elbv2": "rule",
    "events": "rule",
    "lambda": "",
    "s3": "notification",
    "scheduler": "schedule",
    "sns": "subscription",
    "sqs": "queue",
}
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
"""What a decision not to let an event pass comes from (`Kind.DECISION`), for people."""


def path_of(path: Any) -> str:
    """The path as a client of the deployed API knows it, without LocalStack's own way to the stage."""
    parts = str(path or "/").split("/")
    if parts[1:3] == ["_aws", "execute-api"]:
        return "/" + "/".join(parts[5:])
    if parts[1:3] == ["_aws", "elb"]:
        return "/" + "/".join(parts[4:])
    if parts[1:2] == ["restapis"] and "_user_request_" in parts:
        return "/" + "/".join(parts[parts.index("_user_request_") + 1 :])
    return str(path or "/")


def _tells_nobody(activity: Activity, below: list[Step]) -> bool:
    """Whether it is a service's own event, which no rule wants: Step Functions tells the default bus of each execution."""
    by_service = (activity.data.get("caller") or {}).get("kind") == "service"
    unwanted = below and all(step.outcome is Outcome.REFUSED and not step.children for step in below)
    return activity.begin.name == "PutEvents" and by_service and bool(unwanted)


def _is_invocation(step: Step) -> bool:
    return any(activity.kind is Kind.INVOCATION for activity in step.activities) or (
        step.activities[0].begin.name == "Invoke"
    )


def _leaves_state(activity: Activity) -> bool:
    return activity.kind is Kind.TRANSITION and activity.begin.name.endswith("StateExited")


def _grouped_by_state(below: list[Step]) -> list[Step]:
    """What an execution did in each state below that state, where it is in one at a time."""
    top: list[Step] = []
    open_: list[Step] = []
    for step in below:
        first = step.activities[0]
        if _leaves_state(first):
            left = next((one for one in open_ if one.activities[0].begin.resource == first.begin.resource), None)
            if left is not None:
                left.activities.append(first)
                open_.remove(left)
        elif first.kind is Kind.TRANSITION and first.begin.name.endswith("StateEntered"):
            top.append(step)
            open_.append(step)
        elif len(open_) == 1:
            open_[0].children.append(step)
        else:
            top.append(step)
    return top


def _counted(below: list[Step]) -> list[Step]:
    """Without what was only there to say that a state was left, and with equal calls in a row as one."""
    found: list[Step] = []
    for step in below:
        last = found[-1] if found else None
        if _leaves_state(step.activities[0]):
            continue
        if last and step.plain and last.plain and (step.title, step.outcome) == (last.title, last.outcome):
            last.times += 1
            last.activities += step.activities
        else:
            found.append(step)
    return found
