"""User pools whose triggers refused a user
(https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-identity-pools-working-with-aws-lambda-triggers.html).
"""

from collections.abc import Iterator, Mapping

from harness.flow.explain.evidence import Evidence
from harness.flow.explain.failures import failed_invocation
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind

_CODES = ("UserLambdaValidationException", "UnexpectedLambdaException", "InvalidLambdaResponseException")


def find(evidence: Evidence) -> Iterator[Finding]:
    for activity in evidence.activities:
        error = activity.error
        if activity.begin.service != "cognito-idp" or not isinstance(error, Mapping) or error.get("code") not in _CODES:
            continue
        invocations = [each for each in evidence.caused_by(activity) if each.kind is Kind.INVOCATION]
        if invocations:
            yield _of_trigger(evidence, activity, invocations[-1], str(error["code"]), str(error.get("message", "")))


def _of_trigger(evidence: Evidence, call: Activity, invocation: Activity, code: str, message: str) -> Finding:
    function, event = invocation.begin.resource, invocation.data.get("event")
    event = event if isinstance(event, Mapping) else {}
    trigger = str(event.get("triggerSource", "")).partition("_")[0]
    pool = str(event.get("userPoolId", ""))
    failure = failed_invocation(evidence, invocation) if invocation.error is not None else None
    why = (
        failure.clause
        if failure
        else f"function {evidence.named(function)} answered what is no answer: {message.rstrip('.')}"
    )
    sentence = f"{call.begin.name} of user pool {evidence.named(pool)} was refused by its trigger {trigger}: {why}."
    node, of_pool = evidence.node_id(function), evidence.node_id(pool)
    edges = [
        edge
        for edge in (evidence.topology.leaving(of_pool, "user_pool_trigger") if of_pool else ())
        if edge.target == node and getattr(edge.condition, "name", "") == trigger
    ]
    place = evidence.edge_place(edges[0]) if edges else failure.place if failure else evidence.place(function)
    del code
    return evidence.finding("trigger-refused", sentence, function, place, invocation, call)
