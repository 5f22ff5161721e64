"""Facts about AWS's services, as pure data: one row for each service.

The harness and the emulator both read it, as they read `harness.journal.records`; it imports no other part of the harness.
A new service begins with a row in the module of its category (https://docs.aws.amazon.com/whitepapers/latest/aws-overview/amazon-web-services-cloud-platform.html).
"""

from harness.aws.catalogue import (
    KINDS,
    SERVICES,
    TYPES,
    kinds,
    main_kind,
    of_prefix,
    service,
    service_of_sdk_id,
    service_of_type,
    title,
)
from harness.aws.model import ResourceKind, Service

__all__ = [
    "KINDS",
    "SERVICES",
    "TYPES",
    "ResourceKind",
    "Service",
    "kinds",
    "main_kind",
    "of_prefix",
    "service",
    "service_of_sdk_id",
    "service_of_type",
    "title",
]
