"""How services describe their requests and resources: each registers it here, so that IAM's evaluator knows no service.

What is registered is about what the tables of `harness.aws` and the Service Authorization Reference cannot say.
"""

from collections.abc import Callable
from typing import Any

from harness.emulator.access.operation import Operation, RequestedAction

Rule = Callable[[Operation, str], list[RequestedAction] | None]
"""What a call asks for, given IAM's action; None where the authorization reference says it well enough."""
Found = dict[str, tuple[str, ...]]
"""Condition keys, in lower case."""

RULES: dict[str, Rule] = {}
FACTS: dict[str, Callable[[Operation], Found]] = {}
POLICIES: dict[str, Callable[[str, str], Any]] = {}


def asks(prefix: str, rule: Rule) -> None:
    """Have `rule` read the resources of the calls whose actions begin with this prefix (`states`)."""
    RULES[prefix] = rule


def adds_facts(service: str, reader: Callable[[Operation], Found]) -> None:
    """Have `reader` say which condition keys a call of a service has, where they are more than single parameters."""
    FACTS[service] = reader


def keeps_policies(prefix: str, reader: Callable[[str, str], Any]) -> None:
    """Have `reader` find the policy of a resource, by its ARN and the action: a document or its text; None without one."""
    POLICIES[prefix] = reader
