"""The principal of a call: from its access key, or from what LocalStack's services send with calls to one another.

- A role session is its role: STS makes every session, also those of functions, state machines, rules and schedules, and the
  session's role and policies are kept when STS responds.
- An IAM user's own key is that user.
- Every other key is the account's administrator: `test`, an account's number, any key that a tool signs with.
- A request without a signature is anonymous.
- A service that delivers with no role of the customer's is its service principal (`sns.amazonaws.com`).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness import aws
from harness.emulator.access.conditions import UNKNOWN, Facts
from harness.emulator.access.engine_state import account_of
from harness.emulator.access.evaluation import CallerPolicies
from harness.emulator.access.policy import Caller, Policy, PolicyError, parse

ANONYMOUS_KEY = "injectedaccesskey"
"""What LocalStack signs with where a request has no signature."""
MAX_SESSIONS = 20_000


@dataclass(frozen=True, slots=True)
class RoleSession:
    """What STS made: whose it is, and what limits it further."""

    arn: str
    """`arn:aws:sts::…:assumed-role/…/…`"""
    role_arn: str
    session_policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    user_id: str = ""
    expires_at: datetime | None = None
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller with the policies on its side. `arn` is the name that AWS's messages call it by."""

    arn: str
    caller: Caller
    identity: CallerPolicies
    facts: Facts = field(default_factory=dict)


class Sessions:
    """The sessions that STS made, by access key; those that were not used for the longest are forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: OrderedDict[str, RoleSession] = OrderedDict()

    def put(self, access_key: str, session: RoleSession) -> None:
        with self._lock:
            self._by_key[access_key] = session
            while len(self._by_key) > MAX_SESSIONS:
                self._by_key.popitem(last=False)

    def get(self, access_key: str) -> RoleSession | None:
        with self._lock:
            if (session := self._by_key.get(access_key)) is not None:
                # A function keeps its credentials for hours, while others come and go.
                self._by_key.move_to_end(access_key)
            return session


SESSIONS = Sessions()


def administrator(account_id: str, partition: str = "aws") -> Principal:
    arn = f"arn:{partition}:iam::{account_id}:root"
    facts = {
        "aws:principalarn": (arn,),
        "aws:principalaccount": (account_id,),
        "aws:principaltype": ("Account",),
        "aws:userid": (account_id,),
    }
    return Principal(arn, Caller(account_id, (arn,)), CallerPolicies(administrator=True), facts)


def service(name: str, source_arn: str | None) -> Principal:
    """An AWS service that calls for itself; `name` is LocalStack's (`sns`)."""
    full = name if name.endswith(".amazonaws.com") else f"{name}.amazonaws.com"
    facts: dict[str, tuple[str, ...]] = {
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (full,),
        "aws:principaltype": ("Service",),
    }
    if name == "sns" and source_arn and source_arn.count(":") > 5:
        # A dead-letter queue of a subscription: LocalStack names the subscription, AWS its topic
        # (https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html).
        source_arn = source_arn.rpartition(":")[0]
    if source_arn:
        facts["aws:sourcearn"] = (source_arn,)
        if account_id := account_of(source_arn):
            facts["aws:sourceaccount"] = (account_id,)
            if aws.service(name).sends_source_owner:
                facts["aws:sourceowner"] = (account_id,)
    else:
        # AWS sends it where a service assumes a role, too; LocalStack does not say it there.
        facts["aws:sourcearn"] = facts["aws:sourceaccount"] = UNKNOWN
    return Principal(full, Caller(None, service=full), CallerPolicies(), facts)


def anonymous() -> Principal:
    return Principal("anonymous", Caller(None), CallerPolicies(), {"aws:principaltype": ("Anonymous",)})


def of_access_key(access_key: str, account_id: str, partition: str = "aws") -> Principal:
    """The principal that signs with `access_key`."""
    session = SESSIONS.get(access_key)
    if session is not None:
        return _of_session(session, partition)
    user = _user_of(access_key, account_id, partition)
    return _of_user(user, account_id) if user is not None else administrator(account_id, partition)


def of_role(role_arn: str, session_name: str, partition: str = "aws") -> Principal:
    """The role as a session of it would be."""
    account_id, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    arn = f"arn:{partition}:sts::{account_id}:assumed-role/{name}/{session_name}"
    return _of_session(RoleSession(arn, role_arn), partition)


def _of_session(session: RoleSession, partition: str) -> Principal:
    account_id = session.role_arn.split(":")[4]
    role = _role(session.role_arn, account_id, partition)
    policies = _attached(role, account_id, partition) if role is not None else []
    boundary = None
    if role is not None and role.permissions_boundary_arn:
        boundary = _managed(role.permissions_boundary_arn, account_id, partition)
    limits: list[Policy] | None = None
    if session.session_policy or session.policy_arns:
        limits = [_parsed("session policy", session.session_policy)] if session.session_policy else []
        limits += [p for arn in session.policy_arns for p in _managed(arn, account_id, partition)]
    tags = {t["Key"]: t["Value"] for t in _tags(role)} | dict(session.tags)
    facts = {
        "aws:principalarn": (session.role_arn,),
        "aws:principalaccount": (account_id,),
        "aws:principaltype": ("AssumedRole",),
        **({"aws:userid": (session.user_id,)} if session.user_id else {}),
        **{f"aws:principaltag/{k}".lower(): (v,) for k, v in tags.items()},
        **session.facts,
    }
    caller = Caller(account_id, (session.arn, session.role_arn))
    return Principal(session.arn, caller, CallerPolicies(policies, boundary, limits), facts)


def _of_user(user: Any, account_id: str) -> Principal:
    partition = str(user.arn).split(":")[1]
    policies = _attached(user, account_id, partition)
    for group in list(_iam(account_id, partition).groups.values()):
        if any(member.name == user.name for member in group.users):
            policies += _attached(group, account_id, partition)
    # LocalStack sets it if the call has one.
    arn = getattr(user, "permissions_boundary", None)
    boundary = _managed(arn, account_id, partition) if arn else None
    facts = {
        "aws:principalarn": (str(user.arn),),
        "aws:principalaccount": (account_id,),
        "aws:principaltype": ("User",),
        "aws:userid": (str(user.id),),
        "aws:username": (str(user.name),),
        **{f"aws:principaltag/{t['Key']}".lower(): (str(t["Value"]),) for t in _user_tags(user, account_id, partition)},
    }
    return Principal(str(user.arn), Caller(account_id, (str(user.arn),)), CallerPolicies(policies, boundary), facts)


def _iam(account_id: str, partition: str) -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[account_id][partition]


def _role(arn: str, account_id: str, partition: str) -> Any | None:
    # By name: sessions of a role with a path name it without.
    name = arn.rpartition("/")[2]
    return next((r for r in list(_iam(account_id, partition).roles.values()) if r.name == name), None)


def _user_of(access_key: str, account_id: str, partition: str) -> Any | None:
    backend = _iam(account_id, partition)
    known = backend.access_keys.get(access_key)
    return backend.users.get(known.user_name) if known is not None and known.user_name else None


def _user_tags(user: Any, account_id: str, partition: str) -> list[dict[str, str]]:
    tags: list[dict[str, str]] = _iam(account_id, partition).tagger.list_tags_for_resource(user.arn)["Tags"]
    return tags


def _tags(role: Any) -> list[dict[str, str]]:
    tags = getattr(role, "tags", None) or []
    return list(tags.values()) if isinstance(tags, dict) else list(tags)


def _attached(owner: Any, account_id: str, partition: str) -> list[Policy]:
    """Inline and managed policies of a role, user or group."""
    inline = [_parsed(name, document) for name, document in list(owner.policies.items())]
    return inline + [p for arn in list(owner.managed_policies) for p in _managed(arn, account_id, partition)]


def _managed(arn: str, account_id: str, partition: str) -> list[Policy]:
    policy = _iam(account_id, partition).managed_policies.get(arn)
    if policy is None:
        # A boundary or session policy that is not there allows nothing.
        return []
    document = next((v.document for v in policy.versions if v.version_id == policy.default_version_id), None)
    return [_parsed(arn, document)] if document is not None else []


def _parsed(name: str, document: str) -> Policy:
    try:
        return parse(name, document)
    except PolicyError:
        return Policy(name)


def noted_session(
    access_key: str, assumed_arn: str, user_id: str, expires_at: datetime | None, request: Mapping[str, Any]
) -> None:
    """Note what AssumeRole, or one of its kin, was asked for and answered."""
    tags = {str(t["Key"]): str(t["Value"]) for t in request.get("Tags") or ()}
    arns = tuple(str(p.get("arn") or p.get("Arn")) for p in request.get("PolicyArns") or ())
    SESSIONS.put(
        access_key,
        RoleSession(
            arn=assumed_arn,
            role_arn=str(request["RoleArn"]),
            session_policy=request.get("Policy"),
            policy_arns=arns,
            tags=tags,
            user_id=user_id,
            expires_at=expires_at,
            facts={"aws:tokenissuetime": (datetime.now(UTC).isoformat(),)},
        ),
    )
