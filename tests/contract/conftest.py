"""Fixtures that contract tests of several services use."""

from tests.contract.functions import function, queue
from tests.contract.roles import contract_roles, roles_where_the_engine_is_used
from tests.contract.websocket_apis import websocket_api
from tests.contract.without_harness import endpoint_without_harness

__all__ = [
    "contract_roles",
    "endpoint_without_harness",
    "function",
    "queue",
    "roles_where_the_engine_is_used",
    "websocket_api",
]
