"""Two Hypothesis profiles for the fuzzers: `quick` in every run, `fuzz` for the minutes that FUZZ_MINUTES grants.

`make fuzz MINUTES=10` sets that; the minutes are shared evenly among the fuzzers that run.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.contract.functions import function, queue
from tests.contract.roles import contract_roles, roles_where_the_engine_is_used
from tests.contract.websocket_apis import websocket_api
from tests.robustness.fuzzing import MARKER, share_the_time

__all__ = ["contract_roles", "function", "queue", "roles_where_the_engine_is_used", "websocket_api"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}: generates requests with Hypothesis (`make fuzz` runs only these)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    share_the_time(sum(item.get_closest_marker(MARKER) is not None for item in items))
