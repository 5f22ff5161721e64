"""HTTP responses of the REST APIs: JSON, and problem JSON for errors (RFC 9457)."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import Response

JSON = "application/json"
PROBLEM = "application/problem+json"
# Responses hold tokens and personal data.
_HEADERS: dict[str, str | list[str]] = {"Cache-Control": "no-store"}


def answer(body: dict[str, Any], *, status: int = 200) -> Response[str]:
    return Response(status, content_type=JSON, body=json.dumps(body, ensure_ascii=False), headers=dict(_HEADERS))


def problem(status: int, title: str, detail: str) -> Response[str]:
    """`title` names the kind of problem and is equal for all of its kind; `detail` says what the caller can do."""
    body = json.dumps({"title": title, "status": status, "detail": detail}, ensure_ascii=False)
    return Response(status, content_type=PROBLEM, body=body, headers=dict(_HEADERS))
