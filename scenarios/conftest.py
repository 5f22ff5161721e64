"""The fixtures of the scenarios, in addition to those of the harness's pytest plugin. Here and not in the root's conftest.py,
so that unit tests do not load boto3 and the servers behind them."""

from fixtures.analytics import analytics, collector
from fixtures.campaigns import campaigns, mail_saas, sender
from fixtures.catalog import catalog_api, listener, owner, owners
from fixtures.federation import federation, oidc_provider
from fixtures.people import people
from fixtures.push import browsers, connections_of
from fixtures.services import bus, queue, users_api
from fixtures.uploads import storage, uploader, uploads_api

__all__ = [
    "analytics",
    "browsers",
    "bus",
    "campaigns",
    "catalog_api",
    "collector",
    "connections_of",
    "federation",
    "listener",
    "mail_saas",
    "oidc_provider",
    "owner",
    "owners",
    "people",
    "queue",
    "sender",
    "storage",
    "uploader",
    "uploads_api",
    "users_api",
]
