"""Values of a template that are known before it is deployed: functions of parameters and mappings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.topology.references import SUB_VARIABLE


class NotStaticError(Exception):
    """The value depends on something that only a deployment knows; the message names it."""


@dataclass(frozen=True)
class Scope:
    """The input of values: the template's body, and its parameters (including the pseudo parameters)."""

    body: Mapping[str, Any]
    parameters: Mapping[str, str]


def evaluate(value: Any, scope: Scope) -> Any:
    """The value with its functions evaluated. Raises NotStaticError."""
    if isinstance(value, list):
        return [evaluate(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(function, argument)] = value.items()
        if function == "Ref":
            return _parameter(str(argument), scope)
        if function == "Condition" and isinstance(argument, str):
            return _condition(argument, scope)
        if function.startswith("Fn::"):
            return _call(function.removeprefix("Fn::"), argument, scope)
    return {key: evaluate(item, scope) for key, item in value.items()}


def _parameter(name: str, scope: Scope) -> str:
    if name not in scope.parameters:
        raise NotStaticError(f"Ref {name}")
    declared = scope.body.get("Parameters", {}).get(name, {})
    if str(declared.get("Type", "")).startswith("AWS::SSM::Parameter::Value"):
        raise NotStaticError(f"the SSM parameter behind {name}")
    return scope.parameters[name]


def _condition(name: str, scope: Scope) -> bool:
    conditions = scope.body.get("Conditions", {})
    if name not in conditions:
        raise NotStaticError(f"the condition {name}")
    return bool(evaluate(conditions[name], scope))


def _call(function: str, argument: Any, scope: Scope) -> Any:
    match function, argument:
        case "Sub", str() | [str(), dict()]:
            return _sub(argument, scope)
        case "If", [str() as condition, then, otherwise]:
            return evaluate(then if _condition(condition, scope) else otherwise, scope)
        case "FindInMap", [name, first, second, *_]:
            keys = [evaluate(key, scope) for key in (name, first, second)]
            try:
                return scope.body["Mappings"][keys[0]][keys[1]][keys[2]]
            except (KeyError, TypeError) as error:
                raise NotStaticError(f"Fn::FindInMap {keys}") from error
        case "Join", [str() as separator, items]:
            return separator.join(str(item) for item in evaluate(items, scope))
        case "Split", [str() as separator, text]:
            return str(evaluate(text, scope)).split(separator)
        case "Select", [index, items]:
            try:
                return evaluate(items, scope)[int(evaluate(index, scope))]
            except (IndexError, ValueError, TypeError) as error:
                raise NotStaticError("Fn::Select") from error
        case "Equals", [left, right]:
            return str(evaluate(left, scope)) == str(evaluate(right, scope))
        case "Not", [item]:
            return not evaluate(item, scope)
        case "And", list():
            return all(evaluate(item, scope) for item in argument)
        case "Or", list():
            return any(evaluate(item, scope) for item in argument)
    raise NotStaticError(f"Fn::{function}")


def _sub(argument: Any, scope: Scope) -> str:
    text, own = (argument, {}) if isinstance(argument, str) else argument

    def replace(literal: str, name: str) -> str:
        if literal:
            return "${" + name + "}"
        if name in own:
            return str(evaluate(own[name], scope))
        if "." in name:
            raise NotStaticError(f"Fn::GetAtt {name}")
        return str(_parameter(name, scope))

    return SUB_VARIABLE.sub(lambda match: replace(match[1], match[2]), text)
