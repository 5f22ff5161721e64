"""What services do on a reset (`POST /_harness/reset`): each registers what it stops and what it empties."""

from collections.abc import Callable, Iterator
from typing import Any

from localstack.services.plugins import SERVICE_PLUGINS

ARTIFACTS = "harness-artifacts-"
"""Buckets of this prefix hold the code and templates of what is deployed; resetting the data keeps them."""

Emptying = Callable[[str | None], None]
"""Takes the account to empty; None means all accounts."""

STOPS: dict[str, Emptying] = {}
EMPTIES: dict[str, Emptying] = {}


def stops(service: str, stop: Emptying) -> None:
    """Have `stop` end what runs, before a reset of everything empties the stores of LocalStack and moto."""
    STOPS[service] = stop


def empties(service: str, empty: Emptying) -> None:
    """Have `empty` remove what ran through the service, and keep what is deployed: a reset of the data."""
    EMPTIES[service] = empty


def provider_of(service: str) -> Any:
    """LocalStack's provider of a service that is loaded."""
    return SERVICE_PLUGINS.get_service(service)._provider


def of_account(stores: Any, account_id: str | None) -> Iterator[tuple[str, str, Any]]:
    """The stores of LocalStack, each with its account and region."""
    for account, region, store in list(stores.iter_stores()):
        if account_id in (None, account):
            yield account, region, store


def moto_backends(service: str, account_id: str | None) -> Iterator[Any]:
    """The backends of moto, one for each region."""
    import moto.backends

    for account, regions in list(moto.backends.get_backend(service).items()):
        if account_id in (None, account):
            yield from list(regions.values())
