"""Finds the resource that an ARN or a URL identifies: its CloudFormation type and its name
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html)."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness import aws

_COMPILED = tuple(
    (kind.types[0], service, re.compile(resource))
    for _, kind in aws.kinds()
    for service, _, resource in (arn.partition(":") for arn in kind.arns)
)
_QUEUE_URL = re.compile(r"/(?:queue/)?(?:[a-z0-9-]+/)?\d{12}/(?P<name>[^/]+)")


@dataclass(frozen=True, slots=True)
class Identifier:
    """A resource by its type and name. `region` is "" if the ARN or URL does not contain it."""

    type: str
    name: str
    region: str = ""


def identifiers(text: str) -> tuple[Identifier, ...]:
    """The possible resources of an ARN or a queue's URL; nothing for any other text."""
    if text.startswith("arn:") and len(parts := text.split(":", 5)) == 6:
        _, _, service, region, _, resource = parts
        found = ((resource_type, own.match(resource)) for resource_type, of, own in _COMPILED if of == service)
        return tuple(Identifier(resource_type, match["name"], region) for resource_type, match in found if match)
    if text.startswith(("http://", "https://")):
        split = urlsplit(text)
        if match := _QUEUE_URL.fullmatch(split.path):
            host = re.match(r"(?:sqs\.)?([a-z0-9-]+)\.(?:queue|amazonaws)\.", split.netloc)
            return (Identifier("AWS::SQS::Queue", match["name"], host[1] if host else ""),)
    return ()


def name_in(physical_id: str) -> str:
    """The name in a physical id of CloudFormation: a name, an ARN, a URL, or "bus|rule"."""
    for identifier in identifiers(physical_id):
        return identifier.name
    return physical_id.rpartition("|")[2]
