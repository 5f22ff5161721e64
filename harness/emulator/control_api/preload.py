"""Loads services before they are called: `POST /_harness/preload`.

LocalStack loads a service with its first call, which takes up to a second and a half; a deployment makes that first call
of a dozen services one after the other. The deployment announces its resource types, and the engine
loads their services while the templates are still being transformed.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Any

from localstack.services.cloudformation.resource_provider import plugin_manager
from localstack.services.plugins import SERVICE_PLUGINS
from pydantic import BaseModel, ConfigDict

from harness import aws

LOG = logging.getLogger(__name__)

ALWAYS = ("cloudformation", "s3", "iam", "sts")
"""What every deployment calls: the stack, the artifacts, the functions' roles."""


class Preload(BaseModel):
    """Resource types as templates name them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resource_types: tuple[str, ...]


def services_of(resource_types: Sequence[str]) -> list[str]:
    """The services behind resource types, each once, in the order in which they will be called."""
    found = (aws.service_of_type(t) for t in resource_types if t.count("::") == 2)
    served = ("lambda" if service == "serverless" else service for service in found if service)
    return list(dict.fromkeys((*ALWAYS, *served)))


def preload(asked: Preload) -> dict[str, Any]:
    """Start loading and return at once, with the services that will be loaded."""
    services = [name for name in services_of(asked.resource_types) if SERVICE_PLUGINS.exists(name)]
    threading.Thread(target=_load, args=(services, asked.resource_types), name="harness-preload", daemon=True).start()
    return {"services": services}


def _load(services: Sequence[str], resource_types: Sequence[str]) -> None:
    for service in services:
        try:
            SERVICE_PLUGINS.require(service)
        except Exception:
            LOG.debug("service %s could not be loaded ahead", service, exc_info=True)
    for resource_type in dict.fromkeys(resource_types):
        if plugin_manager.exists(resource_type):
            plugin_manager.load(resource_type)
