"""Why events were lost: pure functions of what happened and of what the templates say.

`explain` asks each module of `EXPLAINERS`, one a service, for its findings; they know no engine. A module has a function
of `Evidence` that yields findings, and this list is the only place that names it.

What is told is chosen with care, as a remark on every refusal would be noise: a rule that refuses an event which another
rule took is how a bus works. So a flow that reached what it was meant for has no findings, and what follows from something
that is told is not told again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from harness.flow.explain import (
    access,
    buckets,
    connections,
    deduplication,
    event_bus,
    event_source_mappings,
    executions,
    faults,
    functions,
    load_balancers,
    queues,
    regions,
    schedules,
    signed_urls,
    sizes,
    topics,
    user_pools,
)
from harness.flow.explain.consequences import without_consequences
from harness.flow.explain.evidence import Evidence, Reader
from harness.flow.explanation import Explanation, Finding
from harness.flow.history import Activity
from harness.flow.pending import Pending
from harness.topology import Topology

__all__ = ["EXPLAINERS", "Evidence", "explain"]

EXPLAINERS: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    faults.find,
    regions.find,
    signed_urls.find,
    sizes.find,
    deduplication.find,
    event_bus.find,
    schedules.find,
    topics.find,
    buckets.find,
    connections.find,
    access.denied_calls,
    event_source_mappings.find,
    executions.find,
    user_pools.find,
    functions.find,
    load_balancers.find,
    queues.find,
)
"""Those that know more of what happened come first: of two findings about one failure the first is told."""


def explain(
    activities: Sequence[Activity], history: Reader, topology: Topology, pending: Iterable[Pending] = ()
) -> Explanation:
    """What of a flow was lost or waits, and why, in the order in which it happened.

    `activities` are those of the flow in the order in which they began, `history` joins them.
    """
    evidence = Evidence(tuple(activities), history, topology, tuple(pending))
    found = [finding for explainer in EXPLAINERS for finding in explainer(evidence)]
    told = without_consequences(evidence, {(finding.cause, finding.sentence): finding for finding in found}.values())
    return Explanation(tuple(sorted(map(_with_capital, told), key=_began)))


def _with_capital(finding: Finding) -> Finding:
    return replace(finding, sentence=finding.sentence[:1].upper() + finding.sentence[1:])


def _began(finding: Finding) -> int:
    return min((activity.begin.sequence for activity in finding.activities), default=0)
