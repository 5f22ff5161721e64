"""Albums: how they are kept, and how they are shown.

Every key begins with the caller's user id, which comes from the verified token: another person's album is one that is not
there.
"""

import os
import re
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from lumen.http_answers import answer, problem

SHOWN = ("album_id", "title", "description", "revision", "created_at", "updated_at")
_ETAG = re.compile(r'"([1-9][0-9]{0,14})"')


def application() -> APIGatewayRestResolver:
    """The resolver of the routes, with the headers that let the web application's scripts read the responses."""
    return APIGatewayRestResolver(
        cors=CORSConfig(allow_origin=os.environ["WEB_ORIGIN"], expose_headers=["ETag", "Location"])
    )


def caller(app: APIGatewayRestResolver) -> str:
    """The user id (`sub`) of the caller."""
    return str((app.current_event.request_context.authorizer.claims or {})["sub"])


def partition(user_id: str) -> str:
    return f"USER#{user_id}"


def key(user_id: str, album_id: str) -> dict[str, str]:
    return {"pk": partition(user_id), "sk": f"ALBUM#{album_id}"}


def revision_of(etag: str) -> int | None:
    """The revision that an ETag stands for; None if this service did not issue the ETag."""
    match = _ETAG.fullmatch(etag.strip())
    return int(match[1]) if match else None


def view(item: dict[str, Any]) -> dict[str, Any]:
    """An album as its owner sees it."""
    return {name: int(item[name]) if name == "revision" else item.get(name) for name in SHOWN}


def shown(item: dict[str, Any], *, status: int = 200) -> Response[str]:
    """One album, with the ETag that a change must name."""
    response = answer(view(item), status=status)
    response.headers["ETag"] = f'"{int(item["revision"])}"'
    return response


def not_found() -> Response[str]:
    return problem(404, "No such album", "You have no album of this id.")


def changed_meanwhile(item: dict[str, Any]) -> Response[str]:
    """The response to a change of an outdated revision. It names the newest revision
    (https://www.rfc-editor.org/rfc/rfc9110#name-412-precondition-failed)."""
    response = problem(412, "Changed meanwhile", "The album is not as you read it. Read it again, then change it.")
    response.headers["ETag"] = f'"{int(item["revision"]["N"])}"'
    return response


def no_etag() -> Response[str]:
    return problem(400, "Invalid request", "If-Match must be the ETag of the album as you read it.")
