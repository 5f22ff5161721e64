"""The condition keys of a call, for the conditions of policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, and each service's own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from harness import aws
from harness.emulator.access.conditions import Facts
from harness.emulator.access.operation import Operation
from harness.emulator.access.policy import listed
from harness.emulator.access.services import FACTS, Found


def of_request(operation: Operation, principal: Facts, source_ip: str | None) -> Found:
    """What holds for every action that the call asks for; `principal` are the caller's own keys."""
    now = datetime.now(UTC)
    facts: Found = {
        "aws:currenttime": (now.isoformat(),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:requestedregion": (operation.region,),
        # The endpoint stands for AWS's, which speaks TLS: a policy that denies what comes without must not deny this.
        "aws:securetransport": ("true",),
        "aws:principalisawsservice": ("false",),
        "aws:viaawsservice": ("false",),
    }
    if source_ip:
        facts["aws:sourceip"] = (source_ip,)
    if agent := operation.headers.get("User-Agent"):
        facts["aws:useragent"] = (agent,)
    facts.update(principal)
    facts.update(_tags(operation.parameters))
    facts.update(_from(operation.parameters, aws.service(operation.service).condition_keys))
    own = FACTS.get(operation.service)
    if own is not None:
        facts.update(own(operation))
    return facts


def _tags(parameters: Mapping[str, Any]) -> Found:
    """`aws:RequestTag/…` and `aws:TagKeys`, in whichever form the service takes its tags."""
    for name in ("Tags", "tags"):
        given = parameters.get(name)
        if isinstance(given, Mapping):
            pairs = {str(k): str(v) for k, v in given.items()}
        elif isinstance(given, list) and given and isinstance(given[0], Mapping):
            pairs = {
                str(t.get("Key") or t.get("key") or t.get("TagKey")): str(
                    t.get("Value") or t.get("value") or t.get("TagValue") or ""
                )
                for t in given
            }
        else:
            continue
        if pairs:
            return {"aws:tagkeys": tuple(pairs), **{f"aws:requesttag/{k}".lower(): (v,) for k, v in pairs.items()}}
    keys = parameters.get("TagKeys") or parameters.get("tagKeys")
    return {"aws:tagkeys": tuple(str(k) for k in keys)} if isinstance(keys, list) and keys else {}


def _from(parameters: Mapping[str, Any], keys: Mapping[str, str]) -> Found:
    found: Found = {}
    for key, name in keys.items():
        value = parameters.get(name)
        if value is not None and value != "":
            found[key] = tuple(str(v).lower() if isinstance(v, bool) else str(v) for v in listed(value))
    return found
