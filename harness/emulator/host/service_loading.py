"""Completes a service of LocalStack when it loads: services load at their first call, and boot does not wait for them."""

import logging
from collections.abc import Callable
from typing import Any

from localstack.services.plugins import ServicePluginManager

from harness.emulator.patches import patched

LOG = logging.getLogger(__name__)

_PARTS: dict[str, list[Callable[[], None]]] = {}


def when_loaded(service: str, part: Callable[[], None]) -> None:
    """Run `part` once, after the modules of a service (named as boto3 names it) were imported, before its first call."""
    _PARTS.setdefault(service, []).append(part)


def complete_all() -> None:
    """Run what waits for services at once, without loading them: for the register of patches."""
    for service in list(_PARTS):
        for part in _PARTS.pop(service):
            part()


def install() -> None:
    @patched(
        ServicePluginManager._load_service_plugin, because="services load at their first call, and are completed then"
    )
    def load(original: Any, self: Any, name: str) -> Any:
        plugin = original(self, name)
        for part in _PARTS.pop(name, ()):
            try:
                part()
            except Exception:
                # The service is not usable: its first call fails with this.
                LOG.exception("%s could not be completed by %s", name, part.__module__)
                raise
        return plugin
