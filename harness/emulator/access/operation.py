"""A call as IAM sees it: the operation, and the permissions that it requires."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.emulator.access.conditions import Facts


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of AWS's API, as LocalStack has parsed it. `method` and `path` are of its HTTP request."""

    service: str
    name: str
    parameters: Mapping[str, Any]
    account_id: str
    region: str
    partition: str = "aws"
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)

    def arn(self, service: str, rest: str, region: str | None = None, account_id: str | None = None) -> str:
        region = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{region}:{account_id or self.account_id}:{rest}"


@dataclass(frozen=True, slots=True)
class RequestedAction:
    """One action on one resource. `mapped` is false where the resource should be more special than `*`, but the emulator
    does not know how the request names it. `facts` are condition keys of this one alone."""

    action: str
    resource: str
    mapped: bool = True
    facts: Facts = field(default_factory=dict)


def arn_or(value: str, otherwise: Callable[[str], str]) -> str:
    """The value where it is an ARN; else the ARN of what it names."""
    return value if value.startswith("arn:") else otherwise(value)
