"""Why events were lost: pure functions of what happened and of what the templates say.

`explain` asks each module of `EXPLAINERS`, one a service, for its findings; they know no engine. A module has a function
of `Evidence` that yields findings, and this list is the only place that names it.

What is told is chosen with care, as a remark on every refusal would be noise: a rule that refuses an event which another
rule took is how a bus works. So a flow that reached what it was meant for has no findings.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from harness.flow.explain import access, event_bus
from harness.flow.explain.evidence import Evidence, Reader
from harness.flow.explanation import Explanation, Finding
from harness.flow.history import Activity
from harness.flow.pending import Pending
from harness.topology import Topology

__all__ = ["EXPLAINERS", "Evidence", "explain"]

EXPLAINERS: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    event_bus.find,
    access.denied_calls,
)


def explain(
    activities: Sequence[Activity], history: Reader, topology: Topology, pending: Iterable[Pending] = ()
) -> Explanation:
    """What of a flow was lost or waits, and why, in the order in which it happened.

    `activities` are those of the flow in the order in which they began, `history` joins them.
    """
    evidence = Evidence(tuple(activities), history, topology, tuple(pending))
    found = [finding for explainer in EXPLAINERS for finding in explainer(evidence)]
    by_time = sorted(found, key=lambda finding: min((a.begin.sequence for a in finding.activities), default=0))
    return Explanation(tuple({(finding.cause, finding.sentence): finding for finding in by_time}.values()))
