"""All pages of a listing show the state at the time of its first page.

LocalStack 4.14.0 and moto continue at a number or at the name of the next entry, so a page skips entries, starts again or
fails ("Resource not found!") if entries are deleted meanwhile. AWS names what is there all the while once
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-pagination.html). Here the whole listing is read with its first page,
and the following pages are kept for the client.
"""

import copy
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from localstack.aws.api import RequestContext
from localstack.aws.forwarder import create_aws_request_context

from harness import aws
from harness.emulator.concurrency.steady import detached

Handler = Callable[[Any, Any], Any]
MAX_PAGES = 100
"""Larger listings continue as the service's do."""
MAX_KEPT = 1_000
"""So many tokens are good; the oldest is forgotten."""

LISTINGS: Mapping[str, tuple[str, ...]] = {
    "apigateway": ("Get",),
    "apigatewayv2": ("Get", "List"),
    "ssm": ("List", "Describe", "GetParameter"),
}
"""What the names of listings begin with, where it is not List and Describe."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How an operation names what its pages are made of."""

    token: str
    next_token: str
    entries: str
    limit: str | None
    more: str | None


@dataclass(frozen=True, slots=True)
class Rest:
    """What follows a page."""

    entries: tuple[Any, ...]
    size: int
    beside: Mapping[str, Any]
    """The other members of the answer."""
    token: str | None = None
    """Where the service itself continues after these."""


class KeptListings:
    """What follows the pages that were answered, by their tokens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rests: OrderedDict[tuple[str, ...], Rest] = OrderedDict()

    def keep(self, place: tuple[str, ...], rest: Rest) -> str:
        token = uuid.uuid4().hex
        with self._lock:
            self._rests[*place, token] = rest
            if len(self._rests) > MAX_KEPT:
                self._rests.popitem(last=False)
        return token

    def find(self, place: tuple[str, ...], token: str) -> Rest | None:
        with self._lock:
            return self._rests.get((*place, token))


_KEPT = KeptListings()
_LOADER = Loader()


def paged_operations(service: str) -> dict[str, Paging]:
    """The listings of a service, from botocore's model of its pages."""
    if aws.service(service).pages_by_key:
        return {}
    try:
        described = _LOADER.load_service_model(service, "paginators-1")["pagination"]
    except UnknownServiceError:
        return {}
    return {
        operation: Paging(
            token=each["input_token"],
            next_token=each["output_token"],
            entries=each["result_key"],
            limit=each.get("limit_key"),
            more=each.get("more_results"),
        )
        for operation, each in described.items()
        if operation.startswith(LISTINGS.get(service, ("List", "Describe")))
        and all(str(each[name]).isidentifier() for name in ("input_token", "output_token", "result_key"))
    }


def of_one_moment(paging: Paging, serve: Handler) -> Handler:
    """Serve a listing; call it where nothing changes meanwhile."""

    def listing(context: RequestContext, request: Any) -> Any:
        place = (context.service.service_name, context.operation.name, context.account_id, context.region)
        given = (request or {}).get(paging.token)
        if given and (rest := _KEPT.find(place, str(given))) is not None:
            asked = request.get(paging.limit) if paging.limit else None
            return _page(place, paging, replace(rest, size=int(asked)) if asked else rest)
        answer = serve(context, request)
        if given or not isinstance(answer, dict) or not answer.get(paging.next_token):
            return answer
        first, following = answer.get(paging.entries) or [], answer[paging.next_token]
        entries: list[Any] = []
        for _ in range(MAX_PAGES):
            more = serve(*_at(context, {**request, paging.token: following}))
            entries += detached(more.get(paging.entries) or [])
            following = more.get(paging.next_token)
            if not following:
                break
        left_out = (paging.entries, paging.next_token, paging.more)
        beside = {name: detached(value) for name, value in answer.items() if name not in left_out}
        rest = Rest(tuple(entries), max(len(first), 1), beside, following)
        return {**beside, paging.entries: first, **_token(place, paging, rest)}

    return listing


def _page(place: tuple[str, ...], paging: Paging, rest: Rest) -> dict[str, Any]:
    page = list(rest.entries[: rest.size])
    following = replace(rest, entries=rest.entries[rest.size :])
    return {**rest.beside, paging.entries: page, **_token(place, paging, following)}


def _token(place: tuple[str, ...], paging: Paging, rest: Rest) -> dict[str, Any]:
    token = _KEPT.keep(place, rest) if rest.entries else rest.token
    more = {paging.more: token is not None} if paging.more else {}
    return {paging.next_token: token, **more} if token is not None else more


def _at(context: RequestContext, request: dict[str, Any]) -> tuple[RequestContext, dict[str, Any]]:
    """The same call with another token, also for moto, which reads the HTTP request."""
    made = create_aws_request_context(
        service_name=context.service.service_name,
        action=context.operation.name,
        parameters=request,
        region=context.region,
        protocol=context.protocol,
    )
    headers = copy.deepcopy(context.request.headers)
    headers.update(made.request.headers)
    made.request.headers = headers
    again = copy.copy(context)
    again.request, again.service_request = made.request, request
    return again, request
