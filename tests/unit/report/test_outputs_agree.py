"""Terminal, page, JSON, OTLP and the list of flows say the same of every step: its outcome, its parent and its label."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.flow import ending_of
from harness.flow.explanation import Explanation, Finding
from harness.flow.history import Activity
from harness.flow.names import names
from harness.flow.outcome import Outcome
from harness.flow.pending import Pending
from harness.flow.recorded import beginning_of
from harness.flow.steps import ShownFlow
from harness.journal.records import Kind
from harness.report import Trace, otlp, trace_flow
from harness.report.page import render
from harness.terminal.flow_tree import HERE, draw
from harness.topology import Topology
from tests.unit.flow.happening import BY_CLIENT, ROOT, Happening
from tests.unit.flow.histories import histories

WIDE = 10_000
SIGNS = {"✗": Outcome.FAILED, "–": Outcome.REFUSED, "…": Outcome.PENDING}


@dataclass
class Flow:
    """A flow of records that are there, with what an explanation and the engine would add."""

    happened: Happening
    findings: tuple[Finding, ...] = ()
    waits: tuple[Pending, ...] = ()
    root: str = ROOT
    topology: Topology = field(default_factory=Topology.empty)

    @property
    def activities(self) -> list[Activity]:
        return self.happened.activities

    def shown(self) -> ShownFlow:
        return ShownFlow(self.activities, names(self.topology))

    def explain(self) -> Explanation:
        return Explanation(self.findings)

    def pending(self) -> list[Pending]:
        return list(self.waits)


@dataclass
class Node:
    """A step, as one of the outputs has it."""

    label: str
    outcome: str
    children: list["Node"] = field(default_factory=list)
    times: int = 1


@st.composite
def flows(drawn: st.DrawFn) -> Flow:
    happened = drawn(histories())
    activities = st.sampled_from(happened.activities)
    lost = drawn(st.none() | activities)
    waits = drawn(st.none() | activities)
    return Flow(
        happened,
        (Finding("x", "It was lost.", "somewhere", None, (lost,), True),) if lost else (),
        (Pending(waits, "it waits"),) if waits else (),
    )


def in_json(flow: Flow) -> dict[str, Any]:
    [traced] = json.loads(json.dumps(Trace((trace_flow(flow),)).to_json()))["flows"]
    return dict(traced)


def steps_in_json(traced: Mapping[str, Any]) -> list[Node]:
    """By the parents of the activities: each step is below the nearest one that is not hidden."""
    activities = {one["id"]: one for one in traced["activities"]}
    return _tree(
        {n: (one["parent"], one["hidden"], Node(one["label"], one["outcome"])) for n, one in activities.items()},
    )


def steps_in_otlp(exported: Mapping[str, Any]) -> list[Node]:
    spans = [
        span for of in exported["resourceSpans"] for scope in of["scopeSpans"] for span in scope["spans"]
    ]  # fmt: skip
    about = {span["spanId"]: _attributes(span) for span in spans}
    found = {
        span["spanId"]: (
            span.get("parentSpanId"),
            about[span["spanId"]]["harness.hidden"],
            Node(about[span["spanId"]]["harness.label"], about[span["spanId"]]["harness.outcome"]),
        )
        for span in sorted(spans, key=lambda span: str(span["spanId"]))
    }
    return _tree(found)


def _attributes(span: Mapping[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def _tree(found: Mapping[Any, tuple[Any, bool, Node]]) -> list[Node]:
    top: list[Node] = []
    for parent, hidden, node in found.values():
        if hidden:
            continue
        while parent is not None and found[parent][1]:
            parent = found[parent][0]
        (top if parent is None else found[parent][2].children).append(node)
    return top


class Page(HTMLParser):
    """The steps of a page, without what is hidden: a hidden one's children stand in its place, as on the screen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.top: list[Node] = []
        self.broken: list[str] = []
        self._lists: list[list[Node]] = []
        self._last: Node | None = None
        self._hidden = self._titled = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        classes = (values.get("class") or "").split()
        if tag == "ol" and classes == ["activities"]:
            self._lists.append(self.top)
        elif tag == "ol" and self._lists:
            self._lists.append(self._lists[-1] if self._last is None else self._last.children)
        elif tag == "details" and classes[:1] == ["activity"]:
            self._last = None
            if "part" not in classes:
                self._last = Node("", classes[1])
                self._lists[-1].append(self._last)
            if "broke" in classes:
                self.broken.append(str(values["id"]))
        elif tag == "span" and classes == ["title"] and self._lists:
            self._titled = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "ol" and self._lists:
            self._lists.pop()
        elif tag == "span":
            self._titled = False

    def handle_data(self, data: str) -> None:
        if self._titled and self._last is not None:
            self._last.label += data


def steps_in_terminal(flow: Flow) -> tuple[list[Node], list[str]]:
    """What the lines of the tree say, and the labels at which an event was lost."""
    top: list[Node] = []
    path: list[tuple[int, Node]] = []
    lost = []
    for line in draw(flow.shown(), flow.findings, width=WIDE):
        pointer, _at, *parts = line.parts
        branch = ""
        if re.fullmatch(r"[│├└─ ]+", parts[0][0]):
            branch, parts = parts[0][0], parts[1:]
        noun, parts = ("", parts) if not parts[0][0].endswith(" ") else (parts[0][0], parts[1:])
        title, times = parts[0][0], 1
        if counted := re.fullmatch(r"(.*) ×(\d+)", title):
            title, times = counted[1], int(counted[2])
        said = parts[1][0].strip() if len(parts) > 1 else ""
        node = Node(f"{noun}{title}", SIGNS.get(said[:1], Outcome.OK), times=times)
        depth = len(branch)
        while path and path[-1][0] >= depth:
            path.pop()
        (path[-1][1].children if path else top).append(node)
        path.append((depth, node))
        if pointer[0].startswith(HERE):
            lost.append(node.label)
    return top, lost


def assert_same(terminal: Iterable[Node], others: Iterable[Node]) -> None:
    """The terminal writes equal steps in a row as one line."""
    left = iter(others)
    for line in terminal:
        for _ in range(line.times):
            step = next(left)
            assert (line.label, str(line.outcome)) == (step.label, step.outcome)
            assert_same(line.children, step.children)
    assert list(left) == []


def labels(steps: Iterable[Node]) -> Iterator[str]:
    for step in steps:
        yield step.label
        yield from labels(step.children)


@settings(max_examples=100, deadline=None)
@given(flows())
def test_outputs_agree_on_every_step(flow: Flow) -> None:
    traced = in_json(flow)
    of_json = steps_in_json(traced)
    in_terminal, lost = steps_in_terminal(flow)
    assert_same(in_terminal, of_json)

    page = render(Trace((trace_flow(flow),)), [flow.topology])
    on_page = Page(page)
    assert on_page.top == of_json
    trace = Trace((trace_flow(flow),))
    assert steps_in_otlp(otlp.export(trace)) == of_json

    how, _ = ending_of(flow)
    assert traced["outcome"] == how
    assert (f'<body class="{how}">' in page) is True
    assert ("<title>✕ " in page) is (how in (Outcome.LOST, Outcome.FAILED))
    beginning = beginning_of(flow.root, flow.activities, flow.topology)
    assert beginning.what == ", ".join(dict.fromkeys(step.label for step in of_json))
    assert len(lost) == len(on_page.broken) == len(flow.findings)


@settings(max_examples=100, deadline=None)
@given(flows())
def test_outcomes_of_hidden_activities_are_shown(flow: Flow) -> None:
    """A failure without a retry is not hidden behind a step with the outcome ok."""
    activities = {one["id"]: one for one in in_json(flow)["activities"]}
    for one in activities.values():
        if one["hidden"] and one["outcome"] == "failed" and one["kind"] not in ("work", "timer"):
            assert activities[one["step"]]["outcome"] in ("failed", "pending"), (
                one["label"],
                activities[one["step"]]["label"],
            )
        assert one["step_parent"] is None or not activities[one["step_parent"]]["hidden"]
        assert one["parent"] is None or one["parent"] < one["id"]


@settings(max_examples=100, deadline=None)
@given(flows())
def test_every_activity_is_exported_once(flow: Flow) -> None:
    recorded = Counter(activity.id for activity in flow.activities)
    assert Counter(one["id"] for one in in_json(flow)["activities"]) == recorded
    spans = [
        span
        for of in otlp.export(Trace((trace_flow(flow),)))["resourceSpans"]
        for scope in of["scopeSpans"]
        for span in scope["spans"]
    ]
    assert Counter(int(span["spanId"], 16) for span in spans) == recorded
    parts = [part.id for step in flow.shown().steps for each in step.walk() for part in each.activities]
    assert len(parts) == len(set(parts))


@settings(max_examples=100, deadline=None)
@given(flows())
def test_spans_are_errors_where_steps_failed_or_lost(flow: Flow) -> None:
    """https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status"""
    lost = {finding.activities[0].id for finding in flow.findings if finding.lost}
    for of in otlp.export(Trace((trace_flow(flow),)))["resourceSpans"]:
        for span in of["scopeSpans"][0]["spans"]:
            failed = _attributes(span)["harness.outcome"] == "failed"
            assert ("status" in span) is (failed or int(span["spanId"], 16) in lost)
            assert ("error.type" in _attributes(span)) is failed


@pytest.mark.parametrize(
    ("status", "outcome", "of_flow"),
    [(200, "ok", "ok"), (304, "ok", "ok"), (400, "refused", "ok"), (404, "refused", "ok"), (429, "refused", "ok"),
     (500, "failed", "failed"), (502, "failed", "failed")],
)  # fmt: skip
def test_answer_from_400_to_499_is_refused_everywhere(status: int, outcome: str, of_flow: str) -> None:
    happened = Happening()
    asked = {"method": "GET", "path": "/albums/nope"}
    happened.did(Kind.REQUEST, "apigateway", "GET", data=asked, ended={"status": status})
    flow = Flow(happened)
    [one] = in_json(flow)["activities"]
    assert (one["label"], one["outcome"], one["said"]) == ("GET /albums/nope", outcome, str(status))
    [line] = steps_in_terminal(flow)[0]
    assert line.outcome == outcome
    assert ending_of(flow) == (of_flow, str(status))
    [span] = otlp.export(Trace((trace_flow(flow),)))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert span.get("status", {}).get("code") == (2 if status >= 500 else None)
    assert _attributes(span).get("error.type") == (str(status) if status >= 500 else None)
    assert _attributes(span)["http.response.status_code"] == str(status)


def test_message_without_route_is_refused_everywhere() -> None:
    happened = Happening()
    sent = {"direction": "in", "connection": "c", "body": "hello", "route": None}
    stage = "arn:aws:execute-api:us-east-1:000000000000:api/v1"
    frame = happened.begin(Kind.FRAME, "apigatewayv2", "", resource=stage, data=sent)
    answer = {"direction": "out", "connection": "c", "body": {"message": "Forbidden"}}
    happened.note(Kind.FRAME, "apigatewayv2", "Error", 0.1, cause=frame, resource=stage, data=answer)
    happened.end(frame, 0.2, data={"error": {"message": "Forbidden"}})
    flow = Flow(happened)
    first, error = in_json(flow)["activities"]
    assert (first["label"], first["outcome"], first["said"]) == ("frame to api", "refused", "no route takes it")
    assert (error["hidden"], error["step"]) == (True, first["id"])
    assert [line.outcome for line in steps_in_terminal(flow)[0]] == ["refused"]
    assert ending_of(flow)[0] == "ok"
    assert all(
        "status" not in span
        for span in otlp.export(Trace((trace_flow(flow),)))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    )


def test_call_that_is_answered_400_failed_everywhere() -> None:
    """A caller that asked an AWS API for something did not get it: SDKs raise."""
    happened = Happening()
    error = {"code": "ValidationException", "message": "no"}
    happened.did(Kind.CALL, "dynamodb", "PutItem", resource="t", data=BY_CLIENT, ended={"status": 400, "error": error})
    flow = Flow(happened)
    assert [one["outcome"] for one in in_json(flow)["activities"]] == ["failed"]
    assert [line.outcome for line in steps_in_terminal(flow)[0]] == ["failed"]
    assert ending_of(flow) == ("failed", "ValidationException: no")
