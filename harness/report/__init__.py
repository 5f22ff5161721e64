"""What users and other tools get of a flow: plain data, and the forms that are made of it.

`trace` has the data; `page` makes the HTML file, `otlp` the spans. Nothing here asks an engine.
"""

from harness.report.trace import VERSION, Test, Trace, TracedFlow, trace_activities, trace_flow

__all__ = ["VERSION", "Test", "Trace", "TracedFlow", "trace_activities", "trace_flow"]
