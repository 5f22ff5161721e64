"""The actions of rules: responses without a target, and which target group a request is forwarded to.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.emulator.load_balancing.answer import SERVER, LoadBalancerResponse, page
from harness.emulator.load_balancing.rules import LoadBalancerRequest

_DEFAULTS = {"Protocol": "#{protocol}", "Host": "#{host}", "Port": "#{port}", "Path": "/#{path}", "Query": "#{query}"}
_TEXTUAL = ("text/", "application/json", "application/javascript")


def fixed_response(config: Mapping[str, Any]) -> LoadBalancerResponse:
    body = str(config.get("MessageBody") or "").encode()
    media_type = str(config.get("ContentType") or "text/plain")
    if media_type.startswith(_TEXTUAL):
        media_type += "; charset=utf-8"
    return LoadBalancerResponse(int(config["StatusCode"]), (SERVER, ("Content-Type", media_type)), body)


def redirect(
    config: Mapping[str, Any], asked: LoadBalancerRequest, query: str, protocol: str, port: int
) -> LoadBalancerResponse:
    """`query` is the query string as it came; `protocol` and `port` are the listener's."""
    known = {
        "protocol": protocol.lower(),
        "host": asked.host,
        "port": str(port),
        "path": asked.path.removeprefix("/"),
        "query": query,
    }
    parts = {name: _filled(_given(config, name), known) for name in _DEFAULTS}
    location = f"{parts['Protocol'].lower()}://{parts['Host']}:{parts['Port']}{parts['Path']}"
    if parts["Query"]:
        location += f"?{parts['Query']}"
    answer = page(int(str(config["StatusCode"]).removeprefix("HTTP_")))
    return replace(answer, headers=(*answer.headers, ("Location", location)))


def is_loop(config: Mapping[str, Any]) -> bool:
    """Whether a redirect leads to where it came from."""
    return all(_given(config, name) == default for name, default in _DEFAULTS.items() if name != "Query")


def _given(config: Mapping[str, Any], name: str) -> str:
    """An empty query is none, and no query is that of the request."""
    given = config.get(name)
    return _DEFAULTS[name] if given is None else str(given)


def _filled(template: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        template = template.replace(f"#{{{name}}}", value)
    return template


def target_groups(action: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The target groups of a forward action with their weights, which may be in the short form."""
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    if not groups and action.get("TargetGroupArn"):
        groups = [{"TargetGroupArn": action["TargetGroupArn"]}]
    return [(group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups]


def chosen_group(groups: Sequence[tuple[str, int]]) -> str | None:
    """One by chance and weight; None where none has a weight."""
    if not any(weight for _, weight in groups):
        return None
    return random.choices([arn for arn, _ in groups], [weight for _, weight in groups])[0]
