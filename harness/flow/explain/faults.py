"""Calls that failed because the test requested it: faults in force."""

from collections.abc import Iterator, Mapping

from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.journal.records import Kind


def find(evidence: Evidence) -> Iterator[Finding]:
    for call in evidence.of(Kind.CALL):
        if not call.data.get("fault") or evidence.recovered_from(call):
            continue
        code = call.error.get("code") if isinstance(call.error, Mapping) else call.error
        function = evidence.function_of(call)
        of = f" of function {evidence.named(function)}" if function else ""
        sentence = (
            f"A fault that the test put in force let {call.begin.service} {call.begin.name}{of} fail with {code}."
        )
        place = evidence.place(function) if function else None
        yield evidence.finding("fault", sentence, function or call.begin.resource, place, call, lost=False)
