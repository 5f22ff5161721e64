"""Why events were lost: pure functions of what happened and of what the templates declare.

`explain` collects the findings of each module of `EXPLAINERS`, one for each service. A module never calls the engine. It has a
function of `Evidence` that yields findings, and this list is the only place that names it.

Findings are few on purpose, because a remark on every refusal would be noise: a rule that refuses an event that another rule
took is how a bus works. So a flow that reached its purpose has no findings, and the consequences of a reported failure are not
reported again.
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
"""The explainers that know more of what happened come first: of two findings about one failure, the first is reported."""


def explain(
    activities: Sequence[Activity], history: Reader, topology: Topology, pending: Iterable[Pending] = ()
) -> Explanation:
    """What in a flow was lost or waits, and why, in the order in which it happened.

    `activities` are those of the flow in the order in which they began; `history` joins them.
    """
    evidence = Evidence(tuple(activities), history, topology, tuple(pending))
    found = [finding for explainer in EXPLAINERS for finding in explainer(evidence)]
    told = without_consequences(evidence, {(finding.cause, finding.sentence): finding for finding in found}.values())
    return Explanation(tuple(sorted(map(_with_capital, told), key=_began)))


def _with_capital(finding: Finding) -> Finding:
    return replace(finding, sentence=finding.sentence[:1].upper() + finding.sentence[1:])


def _began(finding: Finding) -> int:
    return min((activity.begin.sequence for activity in finding.activities), default=0)
