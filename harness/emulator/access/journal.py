"""Records what IAM decided: for every call at its end, in a few words that are kept with the call; for a denial also in a
separate note, since polls and calls that services make for themselves have no records.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from typing import Any

from localstack.aws.api import RequestContext

from harness.emulator.access.enforcement import ACCESS, Mode, as_json, source_as_json
from harness.emulator.access.evaluation import Decision
from harness.emulator.access.operation import Operation
from harness.emulator.host import attachments
from harness.emulator.journal.enrichers import adds
from harness.emulator.journal.recorder import JOURNAL
from harness.journal.records import Kind

KEPT_OF_ONE_CALL = 20
"""One call may ask for a thousand objects."""
_RECORDED_ELSEWHERE: set[str] = set()


def install() -> None:
    ACCESS.on_decision(record)
    adds("access", of_call)


def recorded_elsewhere(principal: str) -> None:
    """A service that makes no call records itself that a function refuses it."""
    _RECORDED_ELSEWHERE.add(principal)


def record(decision: Decision, operation: Operation | None, context: RequestContext | None) -> None:
    if not JOURNAL.enabled:
        return
    if context is not None:
        _keep_with_call(context, decision)
    if not decision.allowed and (operation is not None or decision.principal not in _RECORDED_ELSEWHERE):
        _note_denial(decision, operation)


def of_call(context: RequestContext) -> list[dict[str, Any]]:
    """The decision on a call, as `access` of its end has it."""
    return attachments.ACCESS.get(context) or []


def _keep_with_call(context: RequestContext, decision: Decision) -> None:
    told: dict[str, Any] = {"action": decision.action, "resource": decision.resource, "allowed": decision.allowed}
    if decision.by is not None:
        told["by"] = source_as_json(decision.by)
    decided = attachments.ACCESS.get(context)
    if decided is None:
        attachments.ACCESS[context] = [told]
    elif len(decided) < KEPT_OF_ONE_CALL and told not in decided:
        decided.append(told)


def _note_denial(decision: Decision, operation: Operation | None) -> None:
    enforced = ACCESS.mode is Mode.ENFORCE
    told = {name: value for name, value in as_json(decision).items() if value not in (None, [], "")}
    told["reason"] = "ExplicitDeny" if decision.explicit else "ImplicitDeny"
    if decision.by is not None:
        told["rule"] = decision.by.policy
    if operation is not None:
        told["operation"] = f"{operation.service}.{operation.name}"
    JOURNAL.note(
        Kind.DECISION,
        service="iam",
        name=decision.action,
        resource=decision.resource,
        account_id=operation.account_id if operation else "",
        region=operation.region if operation else "",
        data={**told, "passed": not enforced, "enforced": enforced},
    )
