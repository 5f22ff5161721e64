"""From a browser's click at the load balancer to the counter in DynamoDB, warm.

    .venv/bin/python benchmarks/click_to_counter.py [samples]

Uses the engine that `harness up` started, with the stack `analytics`. All times are the engine's own, from its journal.
"""

import sys
import uuid

import httpx
from measure import Figure, show

from harness import Activity, Flow, Kind, Project
from harness.engine.tracing import add_header
from harness.flow import Flows

WARM_UP = 5


def main(samples: int) -> None:
    project = Project.load()
    target = project.engine.find()
    if target is None:
        sys.exit("Nothing is running. 'harness up' starts it.")
    deployment = project.describe(target)
    url = target.load_balancer_url(deployment["analytics"].outputs["LoadBalancerDnsName"]) + "/clicks"
    flows = Flows(target)
    flows.open()
    answered, counted, stepped = [], [], []
    hooks = {"request": [lambda request: add_header(request.headers)]}
    with httpx.Client(trust_env=False, event_hooks=hooks) as http:
        for sample in range(samples + WARM_UP):
            click = {
                "click_id": str(uuid.uuid4()),
                "visitor_id": str(uuid.uuid4()),
                "album_id": f"benchmark-{sample}",
                "kind": "open",
            }
            with flows.flow() as flow:
                http.post(url, json=click).raise_for_status()
            # hurry fires the archive's batching window; the steps measured here wait on no timer.
            flow.settle(hurry=True)
            if sample >= WARM_UP:
                begin = flow.roots[0]
                answered.append(_milliseconds(begin, begin))
                counted.append(_milliseconds(begin, _call(flow, "TransactWriteItems")))
                stepped.append(_milliseconds(begin, _call(flow, "UpdateItem")))
            flows.release(flow)
    flows.close()
    show(
        [
            Figure("click to counter", counted, "ms"),
            Figure("  of it, the answer of the load balancer", answered, "ms"),
            Figure("click to the step of its visitor's journey", stepped, "ms"),
        ]
    )


def _call(flow: Flow, operation: str) -> Activity:
    [call] = flow.find(Kind.CALL, service="dynamodb", name=operation)
    return call


def _milliseconds(begin: Activity, end: Activity) -> float:
    assert end.ended is not None
    return (end.ended.at - begin.begin.at) * 1000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
