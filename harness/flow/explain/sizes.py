"""Messages and events that a service refused because they are too large
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html). Each service words its error differently."""

import re
from collections.abc import Iterator, Mapping

from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind

_CODES = re.compile(r"TooLong|TooLarge|MaxMessageSize")
_MESSAGES = re.compile(
    r"must be shorter than \d+ bytes|Message too long|over the limit|[Ii]tem size (?:to update )?has exceeded"
    r"|must have length less than or equal to|larger than|maximum allowed (?:payload|size)|exceeds? the (?:maximum|size)"
)
_SENDING = re.compile(r"^(Send|Publish|Post|Put|Invoke|Start|Update|Transact|BatchWrite)")
_LIMITS = {"sqs": "MaximumMessageSize"}
"""The property that sets the limit, if it can be set."""


def find(evidence: Evidence) -> Iterator[Finding]:
    for call in evidence.of(Kind.CALL):
        error = call.error if isinstance(call.error, Mapping) else {}
        code, message = str(error.get("code", "")), str(error.get("message", ""))
        if _SENDING.match(call.begin.name) and (_CODES.search(code) or _MESSAGES.search(message)):
            yield _finding(evidence, call, message or code)


def _finding(evidence: Evidence, call: Activity, message: str) -> Finding:
    resource = call.begin.resource
    declared = evidence.node_id(resource) or evidence.node_named(call.begin.service, resource)
    node = evidence.topology.nodes.get(declared) if declared else None
    what = f"{node.kind.replace('_', ' ')} {node.logical_id}" if node else f"{call.begin.service} {resource}".strip()
    function = evidence.function_of(call)
    who = f"function {evidence.named(function)}" if function else "the test"
    sentence = f"What {who} gave to {what} is too large for it: {message.rstrip('.')}."
    limit = (_LIMITS[call.begin.service],) if call.begin.service in _LIMITS else ()
    place = evidence.place(declared, *limit) if declared else evidence.place_of_caller(call)
    return Finding(
        "too-large",
        sentence,
        str(declared) if declared else evidence.resource(resource),
        place,
        (call,),
        lost=not evidence.recovered_from(call),
    )
