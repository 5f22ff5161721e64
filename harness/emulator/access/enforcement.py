"""Authorizes each call that enters the engine, in LocalStack's request chain.

`enforce` refuses a denied call, `report` only records it, `off` decides nothing. Other parts get the decisions from
`ACCESS.on_decision`.
"""

import logging
import os
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.chain import HandlerChain
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID
from localstack.http import Response
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header
from pydantic import BaseModel, ConfigDict

from harness.emulator.access import actions, encryption, engine_state, execution_role, facts, principals
from harness.emulator.access.conditions import Facts
from harness.emulator.access.denial import denial_of
from harness.emulator.access.evaluation import Decision, Source, decide
from harness.emulator.access.near_misses import NearMiss
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.principals import Principal
from harness.emulator.access.resource_policies import resource
from harness.emulator.controls import capabilities
from harness.emulator.patches import inserted

LOG = logging.getLogger(__name__)

KEPT_DENIALS = 1000
KEPT_RESOURCES = 3
"""Of each role and action that is reported."""
ASSUMING = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"})
SHOWN_NEAR_MISSES = 5
WITHOUT_SIGNATURE = frozenset({"none", "smithy.api#noAuth"})


class Mode(StrEnum):
    ENFORCE = "enforce"
    REPORT = "report"
    OFF = "off"


class ModeSetting(BaseModel):
    """What `PUT /_harness/iam` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode


Listener = Callable[[Decision, Operation | None, RequestContext | None], None]
"""`(what was decided, of which operation, and its request)`; what is allowed too, whatever the mode. Without a request where a
part of the emulator asks that makes none (`role_may`), and without an operation before it is known (`service_may`)."""


@dataclass
class DenialCount:
    """What `report` let through: one action of one role, or of another principal. `resources` are the first few."""

    principal: str
    action: str
    reason: str
    count: int = 0
    resources: list[str] = field(default_factory=list)


class Access:
    """The mode in force, what was denied last, and which operations could only be asked on `*`."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._lock = threading.Lock()
        self._denied: deque[dict[str, Any]] = deque(maxlen=KEPT_DENIALS)
        self._unmapped: Counter[str] = Counter()
        self._reported: dict[tuple[str, str], DenialCount] = {}
        self._listeners: list[Listener] = []

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        """From now on; what this engine says of itself changes with it."""
        self._mode = mode
        (capabilities.provide if mode is Mode.ENFORCE else capabilities.withdraw)("iam")

    def on_decision(self, listener: Listener) -> None:
        """Have `listener` called with each decision, in the thread of the call, before it is carried out or refused."""
        self._listeners.append(listener)

    def decided(
        self, decision: Decision, operation: Operation | None = None, context: RequestContext | None = None
    ) -> None:
        if not decision.allowed:
            with self._lock:
                self._denied.append(
                    {
                        "at": datetime.now(UTC).isoformat(),
                        "operation": operation and f"{operation.service}.{operation.name}",
                        "request_id": context and context.request_id,
                        "enforced": self.mode is Mode.ENFORCE,
                        **as_json(decision),
                    }
                )
                if self.mode is Mode.REPORT:
                    self._report(decision)
        for listener in self._listeners:
            listener(decision, operation, context)

    def count_unmapped(self, action: str) -> None:
        with self._lock:
            self._unmapped[action] += 1
            first = self._unmapped[action] == 1
        if first:
            LOG.warning("IAM: the resource of %s is not known here; it is asked on '*'", action)

    def forget(self) -> None:
        with self._lock:
            self._denied.clear()
            self._unmapped.clear()
            self._reported.clear()

    def to_json(self, limit: int = 100) -> dict[str, Any]:
        """The mode; the last denials, oldest first; what `report` allowed although it is denied, by principal and action;
        and how often each operation was decided on `*` because its resource is unknown."""
        with self._lock:
            denied = list(self._denied)[-limit:] if limit else []
            reported = [asdict(each) for each in self._reported.values()]
            return {
                "mode": self.mode.value,
                "denied": denied,
                "reported": reported,
                "unmapped": dict(self._unmapped),
            }

    def _report(self, decision: Decision) -> None:
        who = _role_of(decision) or decision.principal
        told = self._reported.setdefault(
            (who, decision.action), DenialCount(who, decision.action, reason=decision.reason)
        )
        told.count += 1
        if decision.resource not in told.resources and len(told.resources) < KEPT_RESOURCES:
            told.resources.append(decision.resource)


def as_json(decision: Decision) -> dict[str, Any]:
    """A decision as data.

    `role` is the ARN of the role or user whose policies were asked; `by` is the statement that decided (`kind`: identity,
    resource, boundary or session). Where it is null, nothing allows: `missing` is the kind of policy that should have, and
    `near` has the statements that nearly did, each with its `conditions` that are not met, or the `resources` or
    `principals` that it is about instead.
    """
    by = decision.by
    return {
        "allowed": decision.allowed,
        "principal": decision.principal,
        "role": _role_of(decision),
        "action": decision.action,
        "resource": decision.resource,
        "by": by and source_as_json(by),
        "missing": decision.missing and decision.missing.name.lower(),
        "near": [_near_as_json(miss) for miss in decision.near[:SHOWN_NEAR_MISSES]],
        "reason": decision.reason,
    }


def _role_of(decision: Decision) -> str | None:
    """Whose policies were asked."""
    return next(iter(decision.facts.get("aws:principalarn", ())), None)


def source_as_json(source: Source) -> dict[str, str]:
    return {"kind": source.kind.name.lower(), "policy": source.policy, "statement": source.statement}


def _near_as_json(miss: NearMiss) -> dict[str, Any]:
    return {name: value for name, value in asdict(miss).items() if value}


def _mode_of_environment() -> Mode:
    written = os.environ.get("HARNESS_IAM") or Mode.ENFORCE.value
    try:
        return Mode(written)
    except ValueError:
        raise ValueError(
            f"HARNESS_IAM={written!r} is none of {', '.join(m.value for m in Mode)}; set it to one of them"
        ) from None


ACCESS = Access(_mode_of_environment())
"""Of this LocalStack process."""


def ask(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler: refuses what IAM denies."""
    if ACCESS.mode is Mode.OFF or context.service is None or context.operation is None:
        return
    if _needs_no_signature(context.operation):
        return
    principal = principal_of(context)
    if principal is None:
        return
    source_ip = None if context.is_internal_call else context.request.remote_addr
    operation = _operation_of(context)
    for decision in decisions(operation, principal, source_ip):
        ACCESS.decided(decision, operation, context)
        if not decision.allowed and ACCESS.mode is Mode.ENFORCE:
            denial = denial_of(decision, context.service.service_name)
            LOG.info("IAM denies: %s", denial.message)
            raise CommonServiceException(denial.code, denial.message, status_code=denial.status, sender_fault=True)


def ask_for_the_execution_role(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler: refuses a configuration of a function that its role could not serve."""
    if ACCESS.mode is not Mode.ENFORCE or context.service is None or context.operation is None:
        return
    if context.service.service_name != "lambda":
        return

    def denied(role_arn: str, needed: list[RequestedAction]) -> RequestedAction | None:
        role = principals.of_role(role_arn, "lambda", context.partition or "aws")
        for asked in needed:
            about = resource(asked.resource, asked.action)
            if not decide(role.arn, role.caller, role.identity, asked.action, about, role.facts).allowed:
                return asked
        return None

    def role_of(function: str) -> str | None:
        return engine_state.role_of_function(function, context.account_id, context.region)

    message = execution_role.refusal(context.operation.name, context.service_request or {}, role_of, denied)
    if message is not None:
        raise CommonServiceException("InvalidParameterValueException", message, status_code=400, sender_fault=True)


def _needs_no_signature(operation: Any) -> bool:
    """For example sign-up or AssumeRoleWithWebIdentity: their callers have no AWS credentials yet."""
    return operation.auth_type in WITHOUT_SIGNATURE or bool(WITHOUT_SIGNATURE.intersection(operation.auth or ()))


def principal_of(context: RequestContext) -> Principal | None:
    """Who calls; None where LocalStack does so for itself, in the course of a call that was asked for already."""
    key = _access_key(context)
    internal = context.internal_request_params
    if internal is None and key != INTERNAL_AWS_ACCESS_KEY_ID:
        if key == principals.ANONYMOUS_KEY:
            return principals.anonymous()
        return principals.of_access_key(key, context.account_id, context.partition)
    service, source = (internal or {}).get("service_principal"), (internal or {}).get("source_arn")
    if (service, context.operation.name) in _LOOKS:
        return None
    if principals.SESSIONS.get(key) is not None:
        return principals.of_access_key(key, context.account_id, context.partition)
    if not service or (service, context.service.service_name) in _BY_THEMSELVES:
        return None
    if source or context.operation.name in ASSUMING:
        return principals.service(service, source)
    return None


def service_may(service: str, source_arn: str, action: str, resource_arn: str) -> bool:
    """Whether the resource's policy allows a service (`apigateway`, for a method's ARN), in the mode in force: for parts of
    the emulator that render a denial themselves."""
    if ACCESS.mode is Mode.OFF:
        return True
    principal = principals.service(service, source_arn)
    about = resource(resource_arn, action)
    return _passes(decide(principal.arn, principal.caller, principal.identity, action, about, principal.facts))


def role_may(role_arn: str, operation: Operation) -> bool:
    """Whether a function's role allows what Lambda does with it here without a request, in the mode in force."""
    if ACCESS.mode is Mode.OFF:
        return True
    principal = principals.of_role(role_arn, "lambda", operation.partition)
    return all(_passes(decision, operation) for decision in decisions(operation, principal, source_ip=None))


def principal_may(principal: Principal, action: str, resource_arn: str, known: Facts | None = None) -> bool:
    """Whether the caller's policies and the resource's allow the action, in the mode in force: for entry points that are no
    AWS API. `known` are condition keys of the request, in addition to the caller's."""
    if ACCESS.mode is Mode.OFF:
        return True
    about = resource(resource_arn, action)
    merged = {**principal.facts, **(known or {})}
    return _passes(decide(principal.arn, principal.caller, principal.identity, action, about, merged))


def _passes(decision: Decision, operation: Operation | None = None) -> bool:
    ACCESS.decided(decision, operation)
    return decision.allowed or ACCESS.mode is not Mode.ENFORCE


_LOOKS = {
    # LocalStack checks that the target of a subscription exists; AWS requires the permission when it delivers.
    ("logs", "GetFunction"),
    ("logs", "DescribeStream"),
    ("logs", "DescribeDeliveryStream"),
}
_BY_THEMSELVES = {
    # These ask `service_may` before they invoke a function.
    ("apigateway", "lambda"),
    ("cognito-idp", "lambda"),
    # A table's stream to Kinesis, and an archive's rule, are made with a service-linked role.
    ("dynamodb", "kinesis"),
    ("events", "events"),
}


def _access_key(context: RequestContext) -> str:
    query = context.request.args
    if credential := query.get("X-Amz-Credential"):
        return str(credential).partition("/")[0]
    if key := query.get("AWSAccessKeyId"):
        return str(key)
    return str(extract_access_key_id_from_auth_header(context.request.headers) or principals.ANONYMOUS_KEY)


def _operation_of(context: RequestContext) -> Operation:
    request = context.request
    return Operation(
        service=context.service.service_name,
        name=context.operation.name,
        parameters=context.service_request or {},
        account_id=context.account_id,
        region=context.region,
        partition=context.partition or "aws",
        method=request.method,
        path=request.path,
        headers=request.headers,
    )


def decisions(operation: Operation, principal: Principal, source_ip: str | None) -> list[Decision]:
    """IAM's answers to what the call asks for, one for each action and resource."""
    known = facts.of_request(operation, principal.facts, source_ip)
    answers = []
    asked_for = actions.asked_by(operation)
    for asked in [*asked_for, *(k for a in asked_for for k in encryption.keys_used(operation, a))]:
        if not asked.mapped and not principal.identity.administrator:
            ACCESS.count_unmapped(asked.action)
        about = resource(asked.resource, asked.action)
        if about.account_id:
            known["aws:resourceaccount"] = (about.account_id,)
        facts_of_this = {**known, **asked.facts}
        if "kms:viaservice" in asked.facts and principal.caller.service == "events.amazonaws.com":
            # A rule publishes to an encrypted topic without saying which rule
            # (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services).
            for key in ("aws:sourcearn", "aws:sourceaccount"):
                facts_of_this.pop(key, None)
        answers.append(decide(principal.arn, principal.caller, principal.identity, asked.action, about, facts_of_this))
    return answers


def note_session(_chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """A response handler: which role the keys are that STS gives out, and what limits them."""
    if context.service is None or context.operation is None or context.service.service_name != "sts":
        return
    if context.operation.name not in ASSUMING or response.status_code != 200:
        return
    answer: Any = context.service_response
    credentials, assumed = answer["Credentials"], answer["AssumedRoleUser"]
    principals.noted_session(
        credentials["AccessKeyId"],
        assumed["Arn"],
        assumed.get("AssumedRoleId") or "",
        credentials.get("Expiration"),
        context.service_request or {},
    )


def install() -> None:
    ACCESS.mode = ACCESS.mode
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        ask,
        because="IAM decides every call that enters the engine",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
    )
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        ask_for_the_execution_role,
        because="IAM decides every call that enters the engine",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
    )
    inserted(
        handlers,
        "run_custom_response_handlers",
        note_session,
        because="the policies of a new session are kept for its calls",
        source="https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",
    )
