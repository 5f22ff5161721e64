"""Properties of a template that LocalStack 4.14.0 ignores when it creates a resource.

Its providers read some properties of a type and silently ignore the rest. Here an ignored property is added to the calls
that they make (`PARAMETERS`), or set by separate calls once the resource exists (`completes` of a
`TypeUpdate`, which does the same for updates). The rest is in `IGNORED`: the harness refuses a template that declares it.

Each type's properties are those of its page in
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localstack.services.cloudformation.resource_provider import ResourceRequest

from harness.emulator.cloudformation.resource_type import Model


def truth(value: Any) -> bool:
    """A boolean, which a template may write as text."""
    return str(value).lower() == "true"


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Parameter:
    """The parameter that a property is, in each of the calls that have it; operations as boto3 names them."""

    name: str
    operations: tuple[str, ...]
    value: Callable[[Any], Any] = _same


def parameters_of(operation: str, *properties: str) -> dict[str, Parameter]:
    """Properties that are parameters of the same name."""
    return {name: Parameter(name, (operation,)) for name in properties}


PARAMETERS: dict[str, Mapping[str, Parameter]] = {}
"""By resource type and property."""

IGNORED: dict[str, Mapping[str, tuple[Any, ...]]] = {}
"""By resource type and property, what still has no effect; with the values that mean what is done anyway."""


class _Client:
    """A boto3 client that puts what a provider leaves out into its calls."""

    def __init__(self, client: Any, request: ResourceRequest) -> None:
        self._client = client
        self._request = request

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        left_out = left_out_of(name, self._request.resource_type, self._request.desired_state)
        return (lambda **given: found(**{**given, **left_out})) if left_out else found


class _Clients:
    """The clients of one request; those of other regions and roles are reached through the factory itself."""

    def __init__(self, factory: Any, request: ResourceRequest) -> None:
        self._factory = factory
        self._request = request

    def __getattr__(self, service: str) -> Any:
        return _Client(getattr(self._factory, service), self._request)


def left_out_of(operation: str, resource_type: str, properties: Model) -> Model:
    """The parameters of a call that the properties have and LocalStack's provider does not give."""
    return {
        parameter.name: parameter.value(properties[name])
        for name, parameter in PARAMETERS[resource_type].items()
        if operation in parameter.operations and properties.get(name) is not None
    }


def completed(request: ResourceRequest) -> ResourceRequest:
    """The request, with clients that say what its provider leaves out."""
    if request.resource_type in PARAMETERS:
        request.aws_client_factory = _Clients(request.aws_client_factory, request)
    return request
