"""A flow as text for other programs: a script, a browser, a tracing tool."""

import json
from collections.abc import Mapping

from harness.report import otlp
from harness.report.page import render
from harness.report.trace import Trace, TraceableFlow, trace_flow

FORMATS = ("json", "html", "otlp")


def export(flow: TraceableFlow, form: str, *, command: str, versions: Mapping[str, str]) -> str:
    """The whole content of a file, in one of FORMATS. `command` is the command that creates it again."""
    trace = Trace((trace_flow(flow),), command=command, versions=versions)
    match form:
        case "json":
            return _json(trace.to_json())
        case "html":
            return render(trace, [flow.topology])
        case "otlp":
            return _json(otlp.export(trace))
    raise ValueError(f"There is no format {form!r}; choose one of: {', '.join(FORMATS)}.")


def _json(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
