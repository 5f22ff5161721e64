"""Keeps connections open for as long as their clients do.

Twisted closes one that was idle for a minute. A client that calls on it in that very moment hears that it was closed, and does
not know whether its call was done. AWS's SDKs would call again; clients of the harness do not, so that a fault strikes once.
"""

from typing import Any

from localstack.utils.patch import patch
from rolo.serving.twisted import TwistedGateway


def install() -> None:
    @patch(TwistedGateway.__init__)
    def init(original: Any, self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        self.timeOut = None
