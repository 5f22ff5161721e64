"""Calls to a resource of the templates in a region where it does not exist
(https://docs.aws.amazon.com/general/latest/gr/rande.html)."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.topology import NodeId


def find(evidence: Evidence) -> Iterator[Finding]:
    for decision in evidence.of(Kind.DECISION, "events"):
        if decision.data.get("reason") == "NoSuchEventBus" and (bus := evidence.elsewhere(decision.begin.resource)):
            caller = evidence.cause_of(decision)
            yield _finding(evidence, caller or decision, bus, decision.begin.region, decision)
    for call in evidence.of(Kind.CALL):
        if call.error and (found := _elsewhere(evidence, call)):
            yield _finding(evidence, call, found, call.begin.region)


def _elsewhere(evidence: Evidence, call: Activity) -> NodeId | None:
    """The resource of the call, if the templates have it in another region."""
    request = call.data.get("request")
    for named in (call.begin.resource, *_texts(request)):
        found = evidence.topology.declared_as(named, in_any_region=True) if named else None
        if found is not None:
            there = evidence.topology.regions.get(found.stack)
            return found if there not in (None, call.begin.region) and call.begin.region else None
    return None


def _texts(request: Any) -> Iterator[str]:
    """The members of a request that are ARNs."""
    for value in request.values() if isinstance(request, Mapping) else ():
        if isinstance(value, str) and value.startswith("arn:"):
            yield value


def _finding(evidence: Evidence, call: Activity, node: NodeId, region: str, *shown: Activity) -> Finding:
    there = evidence.topology.regions.get(node.stack, "")
    kind = evidence.topology.nodes[node].kind.replace("_", " ") if node in evidence.topology.nodes else "resource"
    function = evidence.function_of(call)
    who = f"Function {evidence.named(function)}" if function else "The test"
    sentence = f"{who} called {call.begin.name} for {kind} {node.logical_id} in {region}, and it is in {there}."
    place = evidence.place_of_function(function, region) if function else evidence.place(node)
    return Finding("wrong-region", sentence, str(node), place, (call, *shown), lost=not evidence.recovered_from(call))
