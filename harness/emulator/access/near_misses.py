"""Statements that would have allowed a denied call, but for one thing: where the user should look first.

Only for denied calls; a call that is allowed costs nothing here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.emulator.access import conditions
from harness.emulator.access.conditions import Facts
from harness.emulator.access.policy import Caller, Policy, Statement


@dataclass(frozen=True, slots=True)
class FailedCondition:
    """A condition that is not met: the values that the policy expects, and those of the request; None if it has no such key."""

    key: str
    operator: str
    """In lower case, without prefix and suffix: `stringnotlike`."""
    expected: tuple[str, ...]
    found: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An allowing statement about the action that does not allow it, for one of three reasons."""

    policy: str
    statement: str
    conditions: tuple[FailedCondition, ...] = ()
    """Not met."""
    resources: tuple[str, ...] = ()
    """It is about these alone (of NotResource: about all but these)."""
    principals: tuple[str, ...] = ()
    """It is for these alone."""


def near_misses(
    policies: Iterable[Policy], caller: Caller, action: str, resource: str, facts: Facts
) -> tuple[NearMiss, ...]:
    """The allowing statements of these policies that name the action and fail for one reason, in their order."""
    found = (
        _missed(policy, statement, caller, resource, facts)
        for policy in policies
        for statement in policy.statements
        if statement.allows and statement.has_action(action)
    )
    return tuple(miss for miss in found if miss is not None)


def _missed(policy: Policy, statement: Statement, caller: Caller, resource: str, facts: Facts) -> NearMiss | None:
    failed = tuple(
        FailedCondition(c.key, c.operator, c.values, facts.get(c.key))
        for c in conditions.failing(statement.condition, facts)
    )
    about = statement.has_resource(resource, facts)
    meant = bool(statement.names(caller))
    if failed and about and meant:
        return NearMiss(policy.name, statement.name, conditions=failed)
    if not failed and not about and meant:
        return NearMiss(policy.name, statement.name, resources=statement.resources or statement.not_resources)
    if not failed and about and not meant:
        named = statement.principals or statement.not_principals or {}
        return NearMiss(policy.name, statement.name, principals=tuple(v for values in named.values() for v in values))
    return None
