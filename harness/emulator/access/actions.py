"""The permissions that a call requires: IAM's actions, each on a resource.

The name of an action is mostly the operation's, and its resource is mostly named by the request; what differs is in the
tables here and in `resources`. https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import functools
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness import aws
from harness.emulator.access import authorization_reference
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import RULES

LOG = logging.getLogger(__name__)

WITHOUT_IAM = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
"""Operations that everyone who signs may call
(https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html)."""


_UNREADABLE = (KeyError, ValueError, IndexError, AttributeError, TypeError)
"""What reading a name raises that is none: an ARN of three parts, of a region that there is not."""


def prefix_of(service: str) -> str:
    """IAM's name of a service."""
    return aws.service(service).iam_prefix or service


def action_of(service: str, operation: str) -> str:
    """`lambda:InvokeFunction` of botocore's `lambda`, `Invoke`."""
    return f"{prefix_of(service)}:{aws.service(service).iam_actions.get(operation, operation)}"


def asked_by(operation: Operation) -> list[RequestedAction]:
    """What IAM is asked before `operation` is carried out; each has to be allowed."""
    if (operation.service, operation.name) in WITHOUT_IAM:
        return []
    action = action_of(operation.service, operation.name)
    special = RULES.get(prefix_of(operation.service))
    if special is not None:
        try:
            found = special(operation, action)
        except _UNREADABLE:
            # The values are a client's and may be anything; who may do it to all may, and the service refuses it.
            LOG.info("IAM: what %s names cannot be read; it is asked on '*'", action, exc_info=True)
            return [RequestedAction(action, "*", mapped=False)]
        if found is not None:
            return found
    return [by_reference(operation, action)]


def by_reference(operation: Operation, action: str) -> RequestedAction:
    """The resource as the authorization reference describes it, filled in from the request."""
    prefix, _, name = action.partition(":")
    service = authorization_reference.service(prefix)
    if service is None or name not in service.actions:
        return RequestedAction(action, "*", mapped=False)
    types = service.actions[name]
    if not types:
        return RequestedAction(action, "*")
    named = list(_texts(operation.parameters))
    for kind in types:
        template = service.resources[kind]
        for _, value in named:
            if value.startswith("arn:") and _shape(template).fullmatch(value):
                return RequestedAction(action, value)
    filled = [arn for arn in (_fill(operation, prefix, service.resources[kind], named) for kind in types) if arn]
    if filled:
        # The most special: an index rather than its table.
        return RequestedAction(action, max(filled, key=len))
    return RequestedAction(action, "*", mapped=False)


def _texts(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in parameters.items():
        if isinstance(value, str):
            yield name.lower(), value
        elif isinstance(value, list) and value and isinstance(value[0], str):
            yield name.lower(), value[0]


@functools.lru_cache(maxsize=2048)
def _shape(template: str) -> re.Pattern[str]:
    """What an ARN of this template looks like."""
    parts = re.split(r"(\$\{[^}]*\})", template)
    # A name may hold slashes (a role's path, a log group), and only the last may hold colons.
    return re.compile("".join("[^:]+" if p.startswith("${") else re.escape(p) for p in parts))


def _fill(operation: Operation, prefix: str, template: str, named: list[tuple[str, str]]) -> str | None:
    given, variables = dict(named), aws.of_prefix(prefix).arn_variables
    known = {"partition": operation.partition, "region": operation.region, "account": operation.account_id}
    for variable in re.findall(r"\$\{([^}]*)\}", template):
        lower = variable.lower()
        if lower in known:
            continue
        sources = [s.lower() for s in variables.get(lower, ())] or [lower]
        value = next((given[s] for s in sources if given.get(s)), None)
        if value is None or value.startswith("arn:"):
            return None
        known[lower] = value
    return re.sub(r"\$\{([^}]*)\}", lambda found: known[found[1].lower()], template)
