"""Chooses the rule of a listener for a request; a function of data, with reasons.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harness.emulator.bounded.wildcards import expression

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LoadBalancerRequest:
    """A request as the load balancer sees it: nothing of it is decoded. `host` is in lower case and without a port, and so
    are the names of `headers`; both these and `query` are in the order in which they came."""

    method: str
    host: str
    path: str
    query: Pairs
    headers: Pairs
    source_ip: str


@dataclass(frozen=True, slots=True)
class ListenerRule:
    """A listener's rule as the API has it."""

    arn: str
    priority: int
    conditions: Sequence[Mapping[str, Any]]
    actions: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RuleRefusal:
    """Why a rule did not take a request: its first condition that is not met."""

    rule: str
    field: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]


def choose(rules: Iterable[ListenerRule], asked: LoadBalancerRequest) -> tuple[ListenerRule | None, list[RuleRefusal]]:
    """The first rule by priority all of whose conditions are met, and why those before it did not take the request."""
    refusals: list[RuleRefusal] = []
    for rule in sorted(rules, key=lambda each: each.priority):
        refusal = next((r for condition in rule.conditions if (r := _refusal(rule, condition, asked))), None)
        if refusal is None:
            return rule, refusals
        refusals.append(refusal)
    return None, refusals


def _refusal(rule: ListenerRule, condition: Mapping[str, Any], asked: LoadBalancerRequest) -> RuleRefusal | None:
    field = str(condition["Field"])
    found: tuple[str, ...]
    match field:
        case "path-pattern":
            wanted = _values(condition, "PathPatternConfig")
            # "The path pattern is applied only to the path of the URL, not to its query parameters", and by case.
            met, found = any(_like(pattern, asked.path) for pattern in wanted), (asked.path,)
        case "host-header":
            wanted = _values(condition, "HostHeaderConfig")
            met, found = any(_like(pattern, asked.host, any_case=True) for pattern in wanted), (asked.host,)
        case "http-request-method":
            wanted = _values(condition, "HttpRequestMethodConfig")
            met, found = asked.method in wanted, (asked.method,)
        case "http-header":
            name = str(condition["HttpHeaderConfig"]["HttpHeaderName"]).lower()
            wanted = _values(condition, "HttpHeaderConfig")
            found = tuple(value for header, value in asked.headers if header == name)
            met = any(_like(pattern, value, any_case=True) for value in found for pattern in wanted)
            field = f"http-header {name}"
        case "query-string":
            pairs = condition["QueryStringConfig"]["Values"]
            wanted = tuple("=".join(filter(None, (pair.get("Key"), pair["Value"]))) for pair in pairs)
            found = tuple(f"{key}={value}" for key, value in asked.query)
            met = any(_is_pair(pair, key, value) for pair in pairs for key, value in asked.query)
        case "source-ip":
            wanted = _values(condition, "SourceIpConfig")
            found = (asked.source_ip,)
            # Not of X-Forwarded-For, which the client can write.
            met = any(ipaddress.ip_address(asked.source_ip) in _network(cidr) for cidr in wanted)
        case _:
            raise LookupError(f"a load balancer's rule has a condition {field!r}, which is none of AWS's")
    return None if met else RuleRefusal(rule.arn, field, wanted, found)


def _values(condition: Mapping[str, Any], config: str) -> tuple[str, ...]:
    """From the condition's configuration, or in the older form."""
    return tuple((condition.get(config) or condition)["Values"])


def _is_pair(wanted: Mapping[str, str], key: str, value: str) -> bool:
    """Without a key, its value may be that of any."""
    named = wanted.get("Key")
    return (named is None or _like(named, key, any_case=True)) and _like(wanted["Value"], value, any_case=True)


def _like(pattern: str, text: str, *, any_case: bool = False) -> bool:
    return _compiled(pattern, any_case).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str, any_case: bool) -> re.Pattern[str]:
    """`*` is any text, `?` one character, and a backslash takes both literally."""
    pieces = [""]
    for part in re.findall(r"\\[*?\\]|.", pattern, re.DOTALL):
        if part == "*":
            pieces.append("")
        else:
            pieces[-1] += "." if part == "?" else re.escape(part[-1])
    return re.compile(expression(pieces), re.DOTALL | (re.IGNORECASE if any_case else 0))


@lru_cache(maxsize=256)
def _network(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(cidr, strict=False)
