"""A flow for users and other tools: plain data, and the formats that are made from it.

`trace` contains the data; `page` renders the HTML file, `otlp` the spans. Nothing here calls an engine.
"""

from harness.report.trace import VERSION, Test, Trace, TracedFlow, trace_activities, trace_flow

__all__ = ["VERSION", "Test", "Trace", "TracedFlow", "trace_activities", "trace_flow"]
