"""A flow as shown: its steps, as a tree. The terminal, the page, JSON, OTLP and the list of flows are rendered from it.

An engine records more activities than a reader wants lines: a rule that passes an event to a function is a delivery, a call,
work after the call's response, and an invocation. One of them is the step, with a label, an outcome and a parent; the
others are *hidden*: part of that step. A terminal prints the steps. The page and the exports contain the hidden activities,
too, each with the step that it is part of. A failed activity is not hidden, unless its step failed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from harness.flow import labels
from harness.flow.causality import Causality, is_execution, is_state_entered
from harness.flow.history import Activity
from harness.flow.labels import Label
from harness.flow.names import Names
from harness.flow.outcome import Outcome, Recovery, outcome_of
from harness.journal.records import Kind

_ARCHIVE_RULE = "Events-Archive-"


@dataclass(slots=True)
class Step:
    """One line of a flow: what happened, and its outcome."""

    activity: Activity
    """The activity that is shown. Its id names the step."""
    activities: list[Activity]
    """All activities that it stands for, itself among them, in the order in which they began."""
    label: Label
    outcome: Outcome
    said: str = ""
    """A remark: what went wrong, what was refused, how often it was tried."""
    children: list["Step"] = field(default_factory=list)
    plain: bool = False
    """A call of a service that caused nothing but its response."""
    times: int = 1
    """How many equal steps in a row this line stands for (`counted`)."""
    attempts: int = 0
    """How many of its children are attempts at its event; 0 if it was tried once."""

    def __str__(self) -> str:
        return str(self.label)

    @property
    def id(self) -> int:
        return self.activity.id

    @property
    def at(self) -> float:
        """When it began, in seconds since the epoch."""
        return self.activities[0].begin.at

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it is in progress, and for what happens in one moment."""
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


@dataclass(frozen=True, slots=True)
class ShownActivity:
    """One activity of a flow as it is shown."""

    activity: Activity
    parent: int | None
    """The activity that caused it, or left what it takes; None if it began the flow."""
    others: tuple[int, ...]
    """Further activities that contributed: for a batch, the senders of its other records."""
    step: int | None
    """The step that it is part of; its own id if it is the step. None for a hidden one at the beginning of a flow."""
    above: int | None
    """The step that its step is below; None at the top."""
    label: Label
    outcome: Outcome
    said: str

    @property
    def hidden(self) -> bool:
        """Whether it is part of a step, and no step."""
        return self.step != self.activity.id


class ShownFlow:
    """The activities of a flow, given in the order in which they began, as steps. `name` returns the names of resources."""

    def __init__(self, activities: Iterable[Activity], name: Names = str) -> None:
        in_order = sorted(activities, key=lambda activity: activity.begin.sequence)
        self.causality = Causality(in_order)
        self._outcomes = {activity.id: outcome_of(activity) for activity in in_order}
        self.steps: tuple[Step, ...] = tuple(_Folding(self.causality, self._outcomes, name).steps())
        """The steps at the top: nothing in the flow caused them."""
        self._by_id = {step.id: step for top in self.steps for step in top.walk()}
        self._name = name

    @cached_property
    def activities(self) -> Mapping[int, ShownActivity]:
        """By their ids, in the order in which they began."""
        return self._shown([*self.causality.activities.values()], self._name)

    def outcome(self, *, lost: bool = False, waits: bool = False) -> Outcome:
        """How the flow ended. `lost`: an explanation found an event that did not arrive. `waits`: something is pending."""
        if lost:
            return Outcome.LOST
        if waits or Outcome.PENDING in self._outcomes.values():
            return Outcome.PENDING
        return Outcome.OK if self.failed is None else Outcome.FAILED

    @property
    def failed(self) -> Step | None:
        """The first step whose failure was not recovered by a later attempt or a caller."""
        recovery = Recovery(self.causality, self._outcomes)
        for step in self._by_id.values():
            if step.outcome is Outcome.FAILED and not step.attempts:
                failures = [a for a in step.activities if self._outcomes[a.id] is Outcome.FAILED]
                if not any(recovery.made_up_for(activity) for activity in failures):
                    return self._whole(step)
        return None

    def step_of(self, activity: int) -> Step | None:
        """The step that shows an activity, by its id: the one that it is part of, or that it is below."""
        shown = self.activities.get(activity)
        return self._by_id.get(shown.step) if shown is not None and shown.step is not None else None

    def _whole(self, step: Step) -> Step:
        """The step; for an attempt, the step of its event."""
        above = self._by_id.get(self.activities[step.id].above or 0)
        return above if above is not None and above.attempts else step

    def _shown(self, in_order: Sequence[Activity], name: Names) -> dict[int, ShownActivity]:
        steps = {part.id: step for step in self._by_id.values() for part in step.activities}
        above = {child.id: step.id for step in self._by_id.values() for child in step.children}
        found: dict[int, ShownActivity] = {}
        for activity in in_order:
            parent, *others = self.causality.parents[activity.id] or (None,)
            step = steps.get(activity.id)
            is_step = step is not None and step.activity is activity
            # An activity that is part of no step belongs to the nearest step above it.
            nearest = found[parent].step if parent is not None else None
            of = step.id if step is not None else nearest
            if is_step and of is not None:
                over = above.get(of)
                if _nearest(parent, found) != over:
                    parent, others = over, [*([parent] if parent is not None else []), *others]
            found[activity.id] = ShownActivity(
                activity=activity,
                parent=parent,
                others=tuple(number for number in others if number is not None),
                step=of,
                above=above.get(of) if of is not None else None,
                label=step.label if step and is_step else labels.label(activity, name),
                outcome=step.outcome if step and is_step else self._outcomes[activity.id],
                said=step.said if step and is_step else labels.said(activity, self._outcomes[activity.id]),
            )
        return found


def _nearest(number: int | None, shown: Mapping[int, ShownActivity]) -> int | None:
    """The step at or above an activity."""
    while number is not None and shown[number].hidden:
        number = shown[number].parent
    return number


def counted(steps: Iterable[Step]) -> list[Step]:
    """The steps, with equal calls in a row as one line."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        if (
            last
            and step.plain
            and last.plain
            and (step.label, step.outcome, step.said) == (last.label, last.outcome, last.said)
        ):
            found[-1] = replace(last, times=last.times + 1, activities=[*last.activities, *step.activities])
        else:
            found.append(replace(step, children=counted(step.children)))
    return found


def outline(steps: Iterable[Step], indent: str = "") -> str:
    """The steps as plain text, one a line, each below its parent: for errors and logs. `harness.terminal` draws them."""
    lines = []
    for step in steps:
        times = f" ×{step.times}" if step.times > 1 else ""
        more = ": ".join(filter(None, ["" if step.outcome is Outcome.OK else step.outcome.value, step.said]))
        lines.append(f"{indent}{step}{times}{f'  ({more})' if more else ''}")
        if step.children:
            lines.append(outline(step.children, indent + "  "))
    return "\n".join(lines)


class _Folding:
    """Builds the steps of a flow, from its leaves up."""

    def __init__(self, causality: Causality, outcomes: Mapping[int, Outcome], name: Names) -> None:
        self._causality = causality
        self._outcomes = outcomes
        self._name = name
        self._below: defaultdict[int | None, list[Activity]] = defaultdict(list)
        for activity in causality.activities.values():
            parent = causality.parent(activity)
            self._below[parent.id if parent else None].append(activity)

    def steps(self) -> list[Step]:
        # From the last to the first: a parent began before its children. So a deep flow needs no deep recursion.
        made: dict[int, list[Step]] = {}
        for activity in reversed(self._causality.activities.values()):
            below = [step for child in self._below[activity.id] for step in made.pop(child.id)]
            made[activity.id] = self._of(activity, below)
        return [step for top in self._below[None] for step in made[top.id]]

    def _of(self, activity: Activity, below: list[Step]) -> list[Step]:
        """The steps that show an activity: one; or those below it, if the activity only passes something on."""
        match activity.kind:
            case Kind.WORK:
                return below or ([self._step(activity, [])] if activity.goes_on else [])
            case Kind.TIMER:
                return self._timer(activity, below)
            case Kind.DECISION:
                return self._decision(activity, below)
            case Kind.DELIVERY:
                return [self._delivery(activity, below)]
            case Kind.CALL:
                return [] if self._is_unwanted_event(activity, below) else [self._call(activity, below)]
            case Kind.BATCH:
                return [self._batch(activity, below)]
            case Kind.TRANSITION:
                return self._transition(activity, below)
            case Kind.FRAME:
                return [self._frame(activity, below)]
            case Kind.DEAD_LETTER:
                return [self._dead_letter(activity, below)]
        return [self._step(activity, below)]

    def _step(self, activity: Activity, below: list[Step]) -> Step:
        outcome = self._outcomes[activity.id]
        label = labels.label(activity, self._name)
        return Step(activity, [activity], label, outcome, labels.said(activity, outcome), below)

    def _absorb(self, step: Step, activity: Activity) -> Step:
        """Make an activity part of the step that shows it."""
        step.activities = sorted((activity, *step.activities), key=lambda each: each.begin.sequence)
        outcome = self._outcomes[activity.id]
        if step.outcome in (Outcome.OK, Outcome.REFUSED) and outcome in (Outcome.FAILED, Outcome.PENDING):
            step.outcome, step.said = outcome, labels.said(activity, outcome)
        return step

    def _shown_as(self, step: Step, activity: Activity, others: Sequence[Step]) -> Step:
        """The step of what an activity caused, for both of them, with everything else that it caused below.

        It is named after the activity if the activity caused another step earlier.
        """
        if any(other.activity.begin.sequence < step.activity.begin.sequence for other in others):
            step.activity = activity
        step.children = sorted((*step.children, *others), key=lambda each: each.activity.begin.sequence)
        return self._absorb(step, activity)

    def _call(self, activity: Activity, below: list[Step]) -> Step:
        begin = activity.begin
        if (begin.service, begin.name) == ("lambda", "Invoke"):
            return self._invoke(activity, below)
        if begin.service == "apigatewaymanagementapi":
            return self._of_connection(activity, below)
        step = self._step(activity, below)
        step.plain = not below
        if self._causality.is_sent_in_batch(activity) and not step.said:
            step.said = "in a batch above"
        return step

    def _is_unwanted_event(self, activity: Activity, below: Collection[Step]) -> bool:
        """Whether it is a service's own event that no rule takes: Step Functions sends one for each execution."""
        if activity.begin.name != "PutEvents" or (activity.data.get("caller") or {}).get("kind") != "service":
            return False
        if self._causality.parent(activity) is None:
            return False
        return self._outcomes[activity.id] is Outcome.OK and all(
            step.outcome is Outcome.REFUSED and not step.children for step in below
        )

    def _invoke(self, activity: Activity, below: list[Step]) -> Step:
        """One step for the call and its invocation. If there were several attempts, one step below it for each."""
        step = self._invoked(activity, below)
        if (activity.data.get("caller") or {}).get("kind") == "client":
            # What a client did is shown as the client's call.
            step.label = labels.label(activity, self._name)
            step.activity = activity
        return step

    def _invoked(self, activity: Activity, below: list[Step]) -> Step:
        attempts = [step for step in below if step.activity.kind is Kind.INVOCATION]
        # The work after the response is in progress as long as its invocations are.
        others = [step for step in below if step not in attempts and step.activity.kind is not Kind.WORK]
        function = Label(self._name(activity.begin.resource) if activity.begin.resource else "", "function")
        if not attempts:
            step = self._step(activity, below)
            if step.outcome is Outcome.OK and not below and any(m.startswith("invocation:") for m in activity.leaves):
                step.label, step.outcome, step.said = function, Outcome.PENDING, "has not taken it up"
            return step
        if len(attempts) == 1:
            return self._shown_as(attempts[0], activity, others)
        for number, attempt in enumerate(attempts, 1):
            attempt.label = Label(f"attempt {number}")
        step = Step(activity, [activity], function, attempts[-1].outcome, f"{len(attempts)} attempts")
        step.children = [*attempts, *others]
        step.attempts = len(attempts)
        if any(other.activity.kind is Kind.DEAD_LETTER for other in others):
            step.outcome, step.said = Outcome.FAILED, f"{len(attempts)} attempts, then given up"
        return step

    def _delivery(self, activity: Activity, below: list[Step]) -> Step:
        """A delivery is shown as the call that it made, if it made one."""
        failed = self._outcomes[activity.id] is Outcome.FAILED
        if failed or len(below) != 1 or below[0].activities[0].kind not in (Kind.CALL, Kind.REQUEST):
            # The call is shown if it succeeded; the delivery says what went wrong.
            same = below[0].activities if failed and len(below) == 1 and not below[0].children else []
            step = self._step(activity, [] if same else below)
            step.activities += same
            return step
        [step] = below
        if step.activities[0].begin.name != "Invoke":
            step.label, step.plain = labels.target_of(activity, self._name), False
        return self._absorb(step, activity)

    def _batch(self, activity: Activity, below: list[Step]) -> Step:
        """A batch is shown as the function that handles it, if it was invoked once."""
        handlers = [step for step in below if _is_invocation(step)]
        if len(handlers) != 1:
            return self._step(activity, below)
        [step] = handlers
        step.label = replace(step.label, text=f"{step.label.text} ← {labels.records_of(activity, self._name)}")
        return self._shown_as(step, activity, [other for other in below if other is not step])

    def _transition(self, activity: Activity, below: list[Step]) -> list[Step]:
        if is_execution(activity):
            return [self._step(activity, below)]
        failed = self._outcomes[activity.id] is Outcome.FAILED and not activity.begin.name.startswith("Execution")
        if failed or is_state_entered(activity):
            return [self._step(activity, below)]
        return below

    def _decision(self, activity: Activity, below: list[Step]) -> list[Step]:
        begin, data = activity.begin, activity.data
        step = self._step(activity, below)
        if self._outcomes[activity.id] is Outcome.REFUSED:
            source = (data.get("event") or {}).get("source") if isinstance(data.get("event"), Mapping) else ""
            # AWS's services send their own events to the default bus, whether a rule takes them or not.
            unwanted = data.get("reason") == "NoRules" and str(source).startswith("aws.")
            return below if unwanted else [step]
        if begin.service == "events" and _ARCHIVE_RULE in begin.name and _is_well(below):
            # An archive takes every event:
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
            return []
        return [step] if begin.service in ("events", "iam") or step.outcome is not Outcome.OK else below

    def _frame(self, activity: Activity, below: list[Step]) -> Step:
        """A message on a WebSocket connection; an error that is sent to the client is part of it."""
        if activity.data.get("direction") == "out" or not activity.error:
            return self._step(activity, below)
        answers = [step for step in below if step.activity.kind is Kind.FRAME]
        step = self._step(activity, [child for child in below if child not in answers])
        step.activities += [each for answer in answers for each in answer.activities]
        step.children += [child for answer in answers for child in answer.children]
        return step

    def _of_connection(self, activity: Activity, below: list[Step]) -> Step:
        """A call about a WebSocket connection; a message to a client is shown as the message."""
        sent = [step for step in below if step.activity.kind is Kind.FRAME]
        if activity.begin.name != "PostToConnection" or (len(sent) != 1 and not activity.error):
            return self._step(activity, below)
        step = self._step(activity, [child for child in below if child not in sent])
        step.label = Label(f"frame to {labels.connection_of(activity)}")
        for frame in sent:
            step.activities += frame.activities
            step.children += frame.children
            step.said = step.said or frame.said
        return step

    def _dead_letter(self, activity: Activity, below: list[Step]) -> Step:
        step = self._step(activity, below)
        if len(below) == 1 and below[0].outcome is Outcome.OK and below[0].activity.kind is Kind.CALL:
            # The call that put it there.
            step.activities += below[0].activities
            step.children = below[0].children
        return step

    def _timer(self, activity: Activity, below: list[Step]) -> list[Step]:
        match activity.data.get("what"):
            case "schedule" | "alarm" | "fire":
                return [self._step(activity, below)]
            case "Wait" | "delayed message":
                step = self._step(activity, below)
                step.plain = not below
                return [step]
        return [self._step(activity, below)] if self._outcomes[activity.id] is Outcome.FAILED else below


def _is_well(steps: Iterable[Step]) -> bool:
    return all(each.outcome is Outcome.OK for step in steps for each in step.walk())


def _is_invocation(step: Step) -> bool:
    return any(activity.kind is Kind.INVOCATION for activity in step.activities) or (
        step.activities[0].begin.name == "Invoke"
    )
