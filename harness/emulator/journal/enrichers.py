"""Additions to the records of calls: a mechanism or a service that knows more of a call registers it here."""

from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws.api import RequestContext

_RESOURCES: list[Callable[[RequestContext], str]] = []
_REDACTORS: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {}
_ADDED: dict[str, Callable[[RequestContext], Any]] = {}


def names_resource(reader: Callable[[RequestContext], str]) -> None:
    """Have `reader` say what a call is about where its parameters do not; it returns "" for calls of others."""
    _RESOURCES.append(reader)


def redacts(service: str, redactor: Callable[[Any, Mapping[str, Any]], Any]) -> None:
    """Have `redactor` cut secrets out of the requests of a service. It takes what would be recorded and the request, and
    returns what is recorded."""
    _REDACTORS[service] = redactor


def adds(name: str, reader: Callable[[RequestContext], Any]) -> None:
    """Have the end of each call say `name`, unless `reader` returns nothing."""
    _ADDED[name] = reader


def resource_of(context: RequestContext) -> str:
    return next((found for reader in _RESOURCES if (found := reader(context))), "")


def redacted(service: str, recorded: Any, request: Mapping[str, Any]) -> Any:
    redactor = _REDACTORS.get(service)
    return recorded if redactor is None else redactor(recorded, request)


def added(context: RequestContext) -> dict[str, Any]:
    return {name: value for name, reader in _ADDED.items() if (value := reader(context))}
