"""Readers: each creates the edges of the resource types of one service. They see only CloudFormation's form."""

from collections.abc import Callable, Iterator, Mapping

from harness.topology.edges import Edge
from harness.topology.readers import (
    apis,
    calls,
    functions,
    identity,
    messaging,
    observability,
    rules,
    storage,
    workflows,
)
from harness.topology.resources import TemplateResource
from harness.topology.wiring import Wiring

Reader = Callable[[Wiring, TemplateResource], Iterator[Edge]]

_PARTS = (apis, calls, functions, identity, messaging, observability, rules, storage, workflows)

READERS: Mapping[str, tuple[Reader, ...]] = {
    resource_type: tuple(reader for part in _PARTS for reader in part.READERS.get(resource_type, ()))
    for resource_type in sorted({resource_type for part in _PARTS for resource_type in part.READERS})
}


def read(wiring: Wiring) -> Iterator[Edge]:
    """The edges of all stacks, in the order of the templates."""
    for resource in wiring.all():
        readers = READERS.get(resource.type, ())
        if resource.type.startswith("Custom::"):
            readers = functions.CUSTOM
        for reader in readers:
            yield from reader(wiring, resource)
