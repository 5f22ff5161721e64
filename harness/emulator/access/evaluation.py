"""The decision: may this caller do this to that resource?

A mirror of https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html, without the policies
of an organization (SCP, RCP), which the emulator does not keep.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from harness.emulator.access.conditions import Facts
from harness.emulator.access.near_misses import NearMiss, near_misses
from harness.emulator.access.policy import Caller, Policy, PrincipalMatch, Statement


class PolicyKind(StrEnum):
    """Kinds of policies, in AWS's words of its messages."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"


@dataclass(frozen=True, slots=True)
class Source:
    """The statement that decided."""

    kind: PolicyKind
    policy: str
    statement: str


@dataclass(frozen=True, slots=True)
class CallerPolicies:
    """The policies on the caller's side. `boundary` and `session` are None if the caller has none of that kind."""

    policies: Sequence[Policy] = ()
    boundary: Sequence[Policy] | None = None
    session: Sequence[Policy] | None = None
    administrator: bool = False
    """The account itself: everything in it is allowed, unless a resource's policy denies it."""


@dataclass(frozen=True, slots=True)
class ResourcePolicies:
    """The policies of the resource that is called. `requires_policy`: only principals that its policy allows may use it; the
    account's policies alone do not suffice (a KMS key, an assumed role). `grants` are further allowances, as KMS has them."""

    arn: str
    account_id: str | None
    policies: Sequence[Policy] = ()
    requires_policy: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer. `by` is the statement that allowed or denied; without one nothing allows it, `missing` says which
    kind of policy should have, and `near` which statements of that kind nearly did."""

    allowed: bool
    principal: str
    action: str
    resource: str
    by: Source | None = None
    missing: PolicyKind | None = None
    facts: Facts = field(default_factory=dict, compare=False)
    near: tuple[NearMiss, ...] = field(default=(), compare=False)

    @property
    def explicit(self) -> bool:
        return self.by is not None

    @property
    def reason(self) -> str:
        """The end of AWS's message: why it is denied
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)."""
        if self.allowed:
            return ""
        if self.by is not None:
            article = "an" if self.by.kind is PolicyKind.IDENTITY else "a"
            return f"with an explicit deny in {article} {self.by.kind}"
        return f"because no {self.missing} allows the {self.action} action"


def decide(
    principal: str, caller: Caller, identity: CallerPolicies, action: str, resource: ResourcePolicies, facts: Facts
) -> Decision:
    """Decide one action on one resource for one caller; `principal` is the name by which the answer calls it."""

    def answer(allowed: bool, by: Source | None = None, missing: PolicyKind | None = None) -> Decision:
        near = (
            near_misses(_of_kind(missing, identity, resource), caller, action, resource.arn, facts) if missing else ()
        )
        return Decision(allowed, principal, action, resource.arn, by, missing, facts, near)

    def about(policies: Iterable[Policy], allows: bool) -> Iterable[tuple[Policy, Statement]]:
        for policy in policies:
            for statement in policy.statements:
                if statement.allows is allows and statement.about(action, resource.arn, facts):
                    yield policy, statement

    # An explicit deny, wherever it is, ends it.
    attached: list[tuple[PolicyKind, Sequence[Policy] | None]] = [
        (PolicyKind.IDENTITY, identity.policies),
        (PolicyKind.BOUNDARY, identity.boundary),
        (PolicyKind.SESSION, identity.session),
    ]
    for kind, policies in attached:
        for policy, statement in about(policies or (), allows=False):
            return answer(False, Source(kind, policy.name, statement.name))
    for policy, statement in about(resource.policies, allows=False):
        if statement.names(caller):
            return answer(False, Source(PolicyKind.RESOURCE, policy.name, statement.name))

    named, granted = PrincipalMatch.NOT, None
    for policy, statement in about(resource.policies, allows=True):
        precision = statement.names(caller)
        if precision > named:
            named, granted = precision, Source(PolicyKind.RESOURCE, policy.name, statement.name)

    if caller.service is not None or caller.anonymous:
        # Neither has own policies.
        return answer(True, granted) if granted else answer(False, missing=PolicyKind.RESOURCE)

    same_account = resource.account_id is None or resource.account_id == caller.account_id
    if not same_account and granted is None:
        return answer(False, missing=PolicyKind.RESOURCE)
    if resource.requires_policy and granted is None:
        return answer(False, missing=PolicyKind.RESOURCE)
    if same_account and named == PrincipalMatch.DIRECTLY:
        # Not limited by what boundary and session policy leave out
        # (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-eval-logic).
        return answer(True, granted)
    limits = ((PolicyKind.BOUNDARY, identity.boundary), (PolicyKind.SESSION, identity.session))
    by_identity: Source | None = None
    if identity.administrator:
        by_identity = Source(PolicyKind.IDENTITY, "AdministratorAccess", "the account's own credentials")
    else:
        for policy, statement in about(identity.policies, allows=True):
            by_identity = Source(PolicyKind.IDENTITY, policy.name, statement.name)
            break
    if by_identity is None and not (same_account and named == PrincipalMatch.ROLE):
        return answer(False, missing=PolicyKind.IDENTITY)
    for kind, limit in limits:
        if limit is not None and not any(about(limit, allows=True)):
            return answer(False, missing=kind)
    return answer(True, by_identity or granted)


def _of_kind(kind: PolicyKind, identity: CallerPolicies, resource: ResourcePolicies) -> Iterable[Policy]:
    """The policies of which one should have allowed. What the caller's own do not allow within an account, the resource's
    may."""
    match kind:
        case PolicyKind.IDENTITY:
            return (*identity.policies, *resource.policies)
        case PolicyKind.RESOURCE:
            return resource.policies
        case PolicyKind.BOUNDARY:
            return identity.boundary or ()
        case PolicyKind.SESSION:
            return identity.session or ()
