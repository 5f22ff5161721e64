"""A resource's properties as parameters of an API operation.

CloudFormation takes numbers and booleans as strings too, and refuses properties that it does not know.
"""

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


class PropertyError(ValueError):
    """A property that the resource type does not have, or with a value of the wrong type; the message names it."""


def as_parameter(shape: Shape, value: Any, path: str) -> Any:
    """`value` with the types that `shape` asks for; `path` is where it is in the resource, for the error."""
    if isinstance(shape, StructureShape):
        return as_parameters(shape, _of_type(dict, value, path), path)
    if isinstance(shape, ListShape):
        return [as_parameter(shape.member, v, f"{path}[{i}]") for i, v in enumerate(_of_type(list, value, path))]
    if isinstance(shape, MapShape):
        return {k: as_parameter(shape.value, v, f"{path}.{k}") for k, v in _of_type(dict, value, path).items()}
    match shape.type_name:
        case "boolean":
            return _boolean(value, path)
        case "integer" | "long":
            return _number(int, value, path)
        case "float" | "double":
            return _number(float, value, path)
        case "string":
            return _string(value, path)
    raise PropertyError(f"{path}: a value of type {shape.type_name} cannot be given in a template")


def as_parameters(shape: StructureShape, properties: dict[str, Any], path: str = "") -> dict[str, Any]:
    """The members of a structure; raises PropertyError for one that the structure does not have."""
    prefix = f"{path}." if path else ""
    if unknown := sorted(set(properties) - set(shape.members)):
        names = ", ".join(prefix + name for name in unknown)
        raise PropertyError(
            f"unknown property {names}; {path or 'the resource'} has {', '.join(sorted(shape.members))}"
        )
    return {k: as_parameter(shape.members[k], v, prefix + k) for k, v in properties.items() if v is not None}


def _of_type(kind: type, value: Any, path: str) -> Any:
    if not isinstance(value, kind):
        raise PropertyError(f"{path}: expected type {kind.__name__}, found {type(value).__name__}")
    return value


def _boolean(value: Any, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise PropertyError(f"{path}: expected type Boolean, found {value!r}")


def _number(kind: type[int] | type[float], value: Any, path: str) -> int | float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return kind(value)
    except (TypeError, ValueError):
        raise PropertyError(f"{path}: expected type {kind.__name__}, found {value!r}") from None


def _string(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise PropertyError(f"{path}: expected type String, found {type(value).__name__}")
