"""ListUsers with its filter, ListUsersInGroup, AdminListGroupsForUser, and their pages.

https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-manage-user-accounts.html#cognito-user-pools-searching-for-users-using-listusers-api
"""

import base64
import re
from collections.abc import Sequence
from typing import Any

from harness.emulator.cognito.administration import described
from harness.emulator.cognito.errors import invalid_parameter, not_found
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserPool, status_of

Request = dict[str, Any]
LARGEST_PAGE = 60
_SEARCHABLE = frozenset(
    {"username", "email", "phone_number", "name", "given_name", "family_name", "preferred_username"}
    | {"cognito:user_status", "status", "sub"}
)
_FILTER = re.compile(r"\s*\"?([\w:]+)\"?\s*(\^?=)\s*\"((?:[^\"\\]|\\.)*)\"\s*")


def _page(items: Sequence[Any], limit: int | None, token: str | None) -> tuple[Sequence[Any], str | None]:
    """One page and the token of the next; the token is opaque, and one of another list is refused."""
    size = LARGEST_PAGE if limit is None else limit
    start = 0
    if token:
        try:
            start = int(base64.b64decode(token.encode(), validate=True).decode())
        except ValueError:
            raise invalid_parameter("Invalid pagination token") from None
    end = start + size
    following = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], following


def list_users(call: UserPoolCall, request: Request) -> dict[str, Any]:
    users = list(call.pool.moto.users.values())
    if request.get("Filter"):
        users = [user for user in users if _matches(call.pool, user, request["Filter"])]
    if request.get("Limit") == 0:  # ListUsers alone takes 0, for as many as there may be
        request = {**request, "Limit": None}
    page, token = _page(users, request.get("Limit"), request.get("PaginationToken"))
    wanted = request.get("AttributesToGet")
    answer: dict[str, Any] = {"Users": [_only(described(user), wanted) for user in page]}
    return {**answer, "PaginationToken": token} if token else answer


def _only(user: dict[str, Any], wanted: list[str] | None) -> dict[str, Any]:
    if not wanted:
        return user
    return {**user, "Attributes": [a for a in user["Attributes"] if a["Name"] in wanted]}


def _matches(pool: UserPool, user: Any, expression: str) -> bool:
    parsed = _FILTER.fullmatch(expression)
    if parsed is None:
        raise invalid_parameter("Error while parsing filter.")
    name, operator, quoted = parsed.groups()
    if name not in _SEARCHABLE:
        raise invalid_parameter(f"Invalid search attribute: {name}")
    value = re.sub(r"\\(.)", r"\1", quoted)
    own = {
        "username": user.username,
        "cognito:user_status": status_of(user),
        "status": "Enabled" if user.enabled else "Disabled",
    }
    actual = own.get(name, user.attribute_lookup.get(name))
    if actual is None:
        return False
    if name in ("cognito:user_status", "status"):
        actual, value = actual.casefold(), value.casefold()
    elif name in ("username", "email", "preferred_username"):
        actual, value = pool.fold(actual), pool.fold(value)
    return actual == value if operator == "=" else actual.startswith(value)


def list_users_in_group(call: UserPoolCall, request: Request) -> dict[str, Any]:
    group = call.pool.moto.groups.get(request["GroupName"])
    if group is None:
        raise not_found("Group not found.")
    members = [user for user in call.pool.moto.users.values() if user in group.users]
    page, token = _page(members, request.get("Limit"), request.get("NextToken"))
    answer: dict[str, Any] = {"Users": [described(user) for user in page]}
    return {**answer, "NextToken": token} if token else answer


def admin_list_groups_for_user(call: UserPoolCall, request: Request) -> dict[str, Any]:
    user = call.pool.user(request["Username"])
    groups = sorted(user.groups, key=lambda group: group.group_name)
    page, token = _page(groups, request.get("Limit"), request.get("NextToken"))
    answer: dict[str, Any] = {"Groups": [_group(group) for group in page]}
    return {**answer, "NextToken": token} if token else answer


def _group(group: Any) -> dict[str, Any]:
    return {name: value for name, value in group.to_json().items() if value not in (None, "")}


def admin_add_user_to_group(call: UserPoolCall, request: Request) -> dict[str, Any]:
    group, user = _member(call, request)
    group.users.add(user)
    user.groups.add(group)
    return {}


def admin_remove_user_from_group(call: UserPoolCall, request: Request) -> dict[str, Any]:
    group, user = _member(call, request)
    group.users.discard(user)
    user.groups.discard(group)
    return {}


def _member(call: UserPoolCall, request: Request) -> tuple[Any, Any]:
    user = call.pool.user(request["Username"])
    group = call.pool.moto.groups.get(request["GroupName"])
    if group is None:
        raise not_found("Group not found.")
    return group, user
