"""Which route a message is for.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
"""

import json
import re
from typing import Any

DEFAULT = "$default"
_PART = re.compile(r"\$(?:\{request\.body\.(?P<braced>[\w.\-\[\]]+)\}|request\.body\.(?P<bare>[\w.\-\[\]]+))")
_STEP = re.compile(r"\[(\d+)\]|[^.\[\]]+")


def is_served(expression: str) -> bool:
    """Whether an expression is of parts of the message's JSON body, with text around them."""
    return bool(_PART.search(expression)) and "$" not in _PART.sub("", expression)


def route_key(expression: str, body: str) -> str:
    """The key that the expression has for a message; `$default` if its body is no JSON or does not have the selected member."""
    try:
        message = json.loads(body)
    except ValueError:
        return DEFAULT
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        found = _find(message, match["braced"] or match["bare"])
        missing = missing or found is None
        return found or ""

    key = _PART.sub(value, expression)
    return DEFAULT if missing else key


def _find(message: Any, path: str) -> str | None:
    for step in _STEP.finditer(path):
        if step[1] is not None:
            index = int(step[1])
            message = message[index] if isinstance(message, list) and index < len(message) else None
        else:
            message = message.get(step[0]) if isinstance(message, dict) else None
    if message is None or isinstance(message, dict | list):
        return None
    return json.dumps(message) if isinstance(message, bool | int | float) else str(message)
