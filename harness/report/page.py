"""A trace as one HTML file that needs no other file: no network, and no script but its own.

Its content came from a system under test, so none of it is trusted: all of it is escaped, and the page's content security
policy allows no other script than the one in this template.
"""

import base64
import hashlib
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from harness import aws
from harness.flow.outcome import Outcome
from harness.report.picture import flow_picture, icon_of, on_whole
from harness.report.timescale import Timescale
from harness.report.trace import Trace, TracedActivity, TracedFlow
from harness.topology import Topology

_SIZES = (16_000, 4_000, 1_000, 300)
"""How many characters of one payload or log are shown; the next smaller value if the page would be too large."""
_MOST_BYTES = 950_000
_FOLDED_LINES = 24
_SHORT = 64


def render(trace: Trace, topologies: Sequence[Topology]) -> str:
    """The page. `topologies` are those of the flows, in the same order."""
    for size in _SIZES:
        page = _render(trace, topologies, size)
        if len(page.encode()) <= _MOST_BYTES:
            break
    return page


def _render(trace: Trace, topologies: Sequence[Topology], size: int) -> str:
    environment = _environment()
    script, style = (_source(environment, name) for name in ("trace.js", "trace.css"))
    pairs = zip(trace.flows, topologies, strict=True)
    shown = [_Shown(number, flow, topology, size) for number, (flow, topology) in enumerate(pairs, 1)]
    return environment.get_template("trace.html.j2").render(
        trace=trace,
        flows=shown,
        sentence=_sentence(trace),
        outcome=_outcome(trace),
        verdict=[(one, finding) for one in shown for finding in _worst_first(one.flow)],
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=Markup(style),
        text=lambda value: _cut(str(value), size),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["seconds"] = seconds
    environment.filters["service"] = aws.title
    environment.filters["value"] = _inline
    environment.filters["json"] = lambda value: _in_one_line(json.dumps(value, ensure_ascii=False, default=str))
    environment.filters["dedent"] = lambda lines: textwrap.dedent("\n".join(lines)).split("\n")
    environment.filters["own_frames"] = _own_frames
    environment.filters["words"] = lambda name: name.replace("_", " ")
    return environment


def _own_frames(lines: Sequence[str]) -> list[str]:
    """The lines of a traceback that are in the function's own code, which Lambda keeps in /var/task."""
    own = [line.strip("\n") for line in lines if "/var/task/" in line]
    return [re.sub(r'File "/var/task/([^"]+)"', r"\1", line).strip() for line in own]


def _source(environment: Environment, name: str) -> str:
    loader = environment.loader
    assert loader is not None
    return loader.get_source(environment, name)[0]


def _worst_first(flow: TracedFlow) -> list[Any]:
    return sorted(flow.findings, key=lambda finding: not finding.lost)


def _outcome(trace: Trace) -> str:
    """The outcome at the top of the page."""
    outcomes = [flow.outcome for flow in trace.flows]
    if "lost" in outcomes:
        return "lost"
    if trace.test is not None:
        return trace.test.outcome
    return next((outcome for outcome in ("pending", "failed") if outcome in outcomes), "ok")


def _sentence(trace: Trace) -> str:
    """The name of the test as a sentence; without a test, what began the flow."""
    if trace.test is None:
        return trace.flows[0].title if trace.flows else "Nothing was seen"
    name = trace.test.id.rpartition("::")[2]
    function, bracket, parameters = name.partition("[")
    words = function.removeprefix("test_").replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}{f' {bracket}{parameters}' if bracket else ''}"


def seconds(value: float | None) -> str:
    """A duration for readers: "240 ms", "3.6 s"."""
    if value is None:
        return "–"
    if value < 0.0005:
        return "0 ms"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 100 else f"{value / 60:.1f} min"


@dataclass(frozen=True)
class Text:
    """A text to show, and the size of what was cut."""

    shown: Markup
    lines: int
    characters: int
    left_out: int

    @property
    def is_long(self) -> bool:
        return self.lines > _FOLDED_LINES

    @property
    def size(self) -> str:
        """ "31 lines, 2.1 kB", and how much of it was cut."""
        told = f"{self.lines} line{'' if self.lines == 1 else 's'}, {_bytes(self.characters)}"
        return f"{told}, the last {_bytes(self.left_out)} are left out" if self.left_out else told


def _bytes(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{count / 1000:.1f} kB"


def _cut(text: str, size: int) -> Text:
    return Text(escape(text[:size]), text[:size].count("\n") + 1, len(text), max(0, len(text) - size))


_KEY = re.compile(r'^(\s*)("(?:[^"\\]|\\.)*")(: )', re.MULTILINE)


def _payload(value: Any, size: int) -> Text | None:
    """A payload as indented JSON, a plain text unchanged; None without a payload."""
    if value is None:
        return None
    written = value if isinstance(value, str) else _json(value)
    text = _cut(written, size)
    if isinstance(value, str):
        return text
    marked = "\n".join(_marked(line) for line in written[:size].split("\n"))
    return Text(Markup(marked), text.lines, text.characters, text.left_out)


def _json(value: Any, indent: str = "") -> str:
    """Indented, with short values in one line."""
    short = json.dumps(value, ensure_ascii=False, default=str)
    if not isinstance(value, (dict, list)) or not value or len(short) <= _SHORT:
        return short
    inner = indent + "  "
    if isinstance(value, dict):
        parts = [
            f"{inner}{json.dumps(str(name), ensure_ascii=False)}: {_json(each, inner)}" for name, each in value.items()
        ]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _json(each, inner) for each in value) + f"\n{indent}]"


def _marked(line: str) -> str:
    """A line of JSON with its name highlighted."""
    found = _KEY.match(line)
    if not found:
        return str(escape(line))
    return f"{found[1]}<b>{escape(found[2][1:-1])}</b>: {escape(line[found.end() :])}"


def _inline(value: Any) -> str:
    """A value in one line, in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _in_one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _in_one_line(written: str) -> str:
    return written if len(written) <= 400 else f"{written[:400]}… ({_bytes(len(written))})"


@dataclass(frozen=True)
class LogLine:
    """`level` is "" for a line that is no structured log, and "platform" for a line that Lambda itself writes."""

    time: str
    level: str
    message: str
    more: str = ""


def _log(text: str) -> Iterator[LogLine]:
    """The lines of a function's log; structured ones (Powertools' Logger, Lambda's JSON format) split into their parts."""
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            data = json.loads(line) if line.startswith("{") else None
        except ValueError:
            data = None
        if not isinstance(data, dict) or "message" not in data:
            platform = line.startswith(("START ", "END ", "REPORT ", "INIT_START "))
            yield LogLine("", "platform" if platform else "", line)
            continue
        rest = {name: value for name, value in data.items() if name not in ("message", "level", "timestamp")}
        at = re.search(r"\d\d:\d\d:\d\d[.,]?\d*", str(data.get("timestamp", "")))
        yield LogLine(
            at[0].replace(",", ".") if at else "", str(data.get("level", "")).lower(), _inline(data["message"]),
            _json(rest) if rest else "",
        )  # fmt: skip


class _Shown:
    """A flow with the values that the template needs."""

    def __init__(self, number: int, flow: TracedFlow, topology: Topology, size: int) -> None:
        self.flow = flow
        self._prefix = f"activity-{number}-"
        self._topology = topology
        self._size = size
        self._by_id = {activity.id: activity for activity in flow.activities}
        self.picture = Markup(flow_picture(flow, topology, self._prefix))
        width = re.search(r'data-width="(\d+)"', self.picture)
        self.picture_width = width[1] if width else "0"
        whole = on_whole(flow, topology) if topology.nodes else ""
        self.whole = base64.b64encode(whole.encode()).decode()
        self.scale = Timescale(
            [(activity.began, activity.seconds) for activity in flow.activities if not activity.hidden]
        )
        self.began = datetime.fromtimestamp(flow.began, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        self.lost = {self._step_of(number) for f in flow.findings if f.lost for number in f.activities[:1]}
        first = next((finding.activities[0] for finding in _worst_first(flow) if finding.activities), None)
        self._shown_first = None if first is None else self._step_of(first)
        self._below: dict[int | None, list[TracedActivity]] = {}
        for activity in flow.activities:
            self._below.setdefault(activity.parent, []).append(activity)
        self.steps = sum(not activity.hidden for activity in flow.activities)
        self.hidden = len(flow.activities) - self.steps

    def _step_of(self, number: int) -> int:
        """The step of an activity; the activity itself if it has none, or is not in this flow."""
        activity = self._by_id.get(number)
        return activity.step if activity is not None and activity.step is not None else number

    def below(self, number: int | None) -> list[TracedActivity]:
        return self._below.get(number, [])

    def anchor(self, number: int) -> str:
        """The id of an activity in the page; an activity that belongs to two flows is there twice."""
        return f"{self._prefix}{number}"

    def step_anchor(self, number: int) -> str:
        return self.anchor(self._step_of(number))

    def waits(self, activity: TracedActivity) -> bool:
        """Whether it is in progress, or something that it left is waiting."""
        return activity.outcome is Outcome.PENDING or any(one.activity == activity.id for one in self.flow.pending)

    def activity(self, number: int) -> TracedActivity | None:
        return self._by_id.get(number)

    def is_open(self, activity: TracedActivity) -> bool:
        """Whether it is open from the start: where an event was lost, and the first finding."""
        return activity.id in self.lost or activity.id == self._shown_first

    def icon(self, activity: TracedActivity) -> tuple[str, str]:
        return icon_of(activity, self._topology)

    def payload(self, value: Any) -> Text | None:
        return _payload(value, self._size)

    def log(self, activity: TracedActivity) -> list[LogLine]:
        return list(_log(activity.log[: self._size]))

    def same_as(self, activity: TracedActivity) -> TracedActivity | None:
        """The earlier activity with the same event, so that the page need not repeat it."""
        same = activity.difference is not None and not activity.difference.changes and not activity.difference.part
        return self._by_id.get(activity.difference.since) if activity.difference and same else None

    def facts(self, activity: TracedActivity) -> Mapping[str, Any]:
        return {name: value for name, value in activity.facts.items() if name not in ("pattern", "when")}
