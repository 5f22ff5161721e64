"""A lost event is explained in one sentence that names the cause, the resource and the line of the template."""

import pytest

from tests.contract.lab import (
    access,
    buckets,
    connections,
    event_bus,
    event_source_mappings,
    executions,
    functions,
    load_balancers,
    queues,
    schedules,
    senders,
    targets,
    topics,
    user_pools,
)

BROKEN = [
    *access.BROKEN,
    *buckets.BROKEN,
    *connections.BROKEN,
    *event_bus.BROKEN,
    *event_source_mappings.BROKEN,
    *executions.BROKEN,
    *functions.BROKEN,
    *load_balancers.BROKEN,
    *queues.BROKEN,
    *schedules.BROKEN,
    *senders.BROKEN,
    *targets.BROKEN,
    *topics.BROKEN,
    *user_pools.BROKEN,
]


@pytest.mark.parametrize("fixed", [False], ids=["broken"])
@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_the_defect_is_explained(lab, broken, fixed):
    stack = lab(broken, fixed=fixed)
    flow, explanation = stack.explained(broken)
    found = [(f.cause, f.sentence, f.place.line if f.place else None, f.lost) for f in explanation]
    sentence = stack.said(broken.sentence, found[0][1] if found else "")
    assert found == [(broken.cause, sentence, stack.line, broken.lost)], f"{explanation}\n\n{flow}"
    [finding] = explanation
    assert finding.place.file == stack.template
    assert finding.resource


@pytest.mark.parametrize("fixed", [True], ids=["fixed"])
@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_fixed_stack_has_no_finding(lab, broken, fixed):
    flow, explanation = lab(broken, fixed=fixed).explained(broken, fixed=True)
    assert not explanation, f"{explanation}\n{flow}"
