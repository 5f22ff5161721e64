"""Facts about AWS's services: one row for each, pure data.

Both sides of the wire read it, as they read `harness.journal.records`; it imports nothing of ours. A new service begins
with a row in the module of its category (https://docs.aws.amazon.com/whitepapers/latest/aws-overview/amazon-web-services-cloud-platform.html).
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
