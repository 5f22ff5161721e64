"""The constraints of a service's model, compiled into one checker for each operation.

Smithy's constraint traits: required, pattern, length, range and enum
(https://smithy.io/2.0/spec/constraint-traits.html), which botocore has in `service-2.json`.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from harness.emulator.validation.model_corrections import Correction, correction_of, correction_of_shape
from harness.emulator.validation.patterns import UnsupportedPatternError, compiled
from harness.emulator.validation.violations import Violation, ViolationKind, lower_first, shown

Check = Callable[[Any, str, str, list[Violation]], None]
"""`(value, its path, the parameter at the path's root, what is found)`."""
Broken = tuple[ViolationKind, str]
"""A constraint that a scalar breaks, in AWS's words."""
Rule = Callable[[Any], Iterator[Broken]]

NOT_NULL = "Member must not be null"


def checker_of(operation: OperationModel) -> Callable[[dict[str, Any]], list[Violation]]:
    """What finds the violations in a parsed request of the operation, in the order of the model's members."""
    shape = operation.input_shape
    compiler = _Compiler(operation.service_model.service_name, operation.name)
    check = compiler.check_of(shape, compiler.correction) if isinstance(shape, StructureShape) else None

    def violations(request: dict[str, Any]) -> list[Violation]:
        found: list[Violation] = []
        if check is not None:
            check(request, "", "", found)
        return found

    return violations


class _Compiler:
    """Of one operation. A shape that holds itself (an attribute of DynamoDB's) is compiled once."""

    def __init__(self, service: str, operation: str) -> None:
        self._service = service
        self.correction: Callable[[str, Shape], Correction] = lambda member, shape: correction_of(
            service, operation, member, shape
        )
        self._compiled: dict[str, Check | None] = {}
        self._constrained: dict[str, bool] = {}

    def check_of(self, shape: Shape, correction: Callable[[str, Shape], Correction] | None = None) -> Check | None:
        """None for a shape that constrains nothing. `correction` is for the members of the input itself."""
        if correction is not None and isinstance(shape, StructureShape):
            return self._structure(shape, correction)
        name = shape.name
        if name in self._compiled:
            return self._compiled[name]
        if not self._constrains(shape, set()):
            self._compiled[name] = None
            return None
        # What meets itself below finds this, and what this is by the time of the first request.
        self._compiled[name] = lambda *arguments: self._compiled_check(name)(*arguments)
        self._compiled[name] = check = self._compile(shape)
        return check

    def _corrected(self, shape: Shape) -> Correction:
        return correction_of_shape(self._service, shape)

    def _compiled_check(self, name: str) -> Check:
        check = self._compiled[name]
        assert check is not None
        return check

    def _compile(self, shape: Shape) -> Check:
        if isinstance(shape, StructureShape):
            return self._structure(shape, lambda member, of: correction_of(self._service, None, member, of))
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        return _scalar(shape, scalar_rules(shape, self._corrected(shape)))

    def _structure(self, shape: StructureShape, correction: Callable[[str, Shape], Correction]) -> Check:
        required = frozenset(shape.required_members)
        members: list[tuple[str, str, bool, Shape, Check | None]] = []
        for name, member in shape.members.items():
            corrected = correction(name, member)
            if corrected and not isinstance(member, StructureShape | ListShape | MapShape):
                check: Check | None = _scalar(member, scalar_rules(member, corrected))
            else:
                check = self.check_of(member)
            needed = name in required if corrected.required is None else corrected.required
            if needed or check is not None:
                members.append((name, lower_first(name), needed, member, check))

        def check_structure(value: Any, path: str, root: str, found: list[Violation]) -> None:
            if not isinstance(value, dict):
                return
            for name, written, needed, member, check in members:
                item = value.get(name)
                if item is None:
                    if needed:
                        below = f"{path}.{written}" if path else written
                        found.append(Violation(ViolationKind.MISSING, root or name, below, "null", NOT_NULL, member))
                elif check is not None:
                    check(item, f"{path}.{written}" if path else written, root or name, found)

        return check_structure

    def _list(self, shape: ListShape) -> Check:
        length = tuple(length_rules(shape, self._corrected(shape)))
        member = shape.member
        if isinstance(member, StructureShape | ListShape | MapShape):
            below = self.check_of(member)

            def check_list(value: Any, path: str, root: str, found: list[Violation]) -> None:
                if not isinstance(value, list):
                    return
                _report(shape, length, value, path, root, found)
                for index, item in enumerate(value, 1):
                    if item is None:
                        at = f"{path}.{index}.member"
                        found.append(Violation(ViolationKind.MISSING, root, at, "null", NOT_NULL, member))
                    elif below is not None:
                        below(item, f"{path}.{index}.member", root, found)

            return check_list
        rules = tuple(scalar_rules(member, self._corrected(member)))
        described = ", ".join([*_described(member), NOT_NULL])

        def check_scalars(value: Any, path: str, root: str, found: list[Violation]) -> None:
            if not isinstance(value, list):
                return
            _report(shape, length, value, path, root, found)
            for item in value:
                kind = (
                    ViolationKind.MISSING if item is None else next((k for rule in rules for k, _ in rule(item)), None)
                )
                if kind is not None:
                    text = f"Member must satisfy constraint: [{described}]"
                    found.append(Violation(kind, root, path, shown(shape, value), text, shape))
                    return

        return check_scalars

    def _map(self, shape: MapShape) -> Check:
        length = tuple(length_rules(shape, self._corrected(shape)))
        of_keys = tuple(scalar_rules(shape.key, self._corrected(shape.key)))
        keys = ", ".join([*_described(shape.key), NOT_NULL])
        nested = isinstance(shape.value, StructureShape | ListShape | MapShape)
        below = self.check_of(shape.value) if nested else None
        of_values = () if nested else tuple(scalar_rules(shape.value, self._corrected(shape.value)))
        values = ", ".join([*_described(shape.value), NOT_NULL])

        def check_map(value: Any, path: str, root: str, found: list[Violation]) -> None:
            if not isinstance(value, dict):
                return
            _report(shape, length, value, path, root, found)
            for of, rules, items, text in (
                (shape.key, of_keys, value.keys(), f"Map keys must satisfy constraint: [{keys}]"),
                (shape.value, of_values, value.values(), f"Map value must satisfy constraint: [{values}]"),
            ):
                for item in items:
                    kind = (
                        ViolationKind.MISSING
                        if item is None
                        else next((k for rule in rules for k, _ in rule(item)), None)
                    )
                    if kind is not None:
                        found.append(Violation(kind, root, path, shown(shape, value), text, of))
                        break
            if below is not None:
                for key, item in value.items():
                    if item is not None:
                        below(item, f"{path}.{key}.member", root, found)

        return check_map

    def _constrains(self, shape: Shape, within: set[str]) -> bool:
        """Whether a value of the shape can break anything. A list or map always can: its members must not be null."""
        name = shape.name
        known = self._constrained.get(name)
        if known is not None:
            return known
        if name in within:
            return False
        within.add(name)
        if isinstance(shape, StructureShape):
            found = bool(shape.required_members) or any(
                bool(correction_of(self._service, None, n, m)) or self._constrains(m, within)
                for n, m in shape.members.items()
            )
        elif isinstance(shape, ListShape | MapShape):
            found = True
        else:
            found = any(True for _ in scalar_rules(shape, self._corrected(shape)))
        within.discard(name)
        if found or not within:
            self._constrained[name] = found
        return found


def _scalar(shape: Shape, rules: Iterator[Rule]) -> Check:
    kept = tuple(rules)

    def check_scalar(value: Any, path: str, root: str, found: list[Violation]) -> None:
        _report(shape, kept, value, path, root, found)

    return check_scalar


def _report(shape: Shape, rules: tuple[Rule, ...], value: Any, path: str, root: str, found: list[Violation]) -> None:
    for rule in rules:
        for kind, text in rule(value):
            found.append(Violation(kind, root, path, shown(shape, value), text, shape))


def scalar_rules(shape: Shape, corrected: Correction) -> Iterator[Rule]:
    """What a value of the shape has to satisfy, in the order in which AWS reports it."""
    if shape.type_name in ("string", "character"):
        pattern = corrected.pattern or (None if corrected.without_pattern else shape.metadata.get("pattern"))
        if pattern:
            with suppress(UnsupportedPatternError):  # listed by tests/unit/emulator/validation/test_constraints.py
                yield _pattern(pattern)
        yield from length_rules(shape, corrected)
        if (values := shape.metadata.get("enum")) and not corrected.without_enum:
            yield _enum(values)
    elif shape.type_name == "blob":
        yield from length_rules(shape, corrected)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _range(shape, corrected)


def _described(shape: Shape) -> Iterator[str]:
    """The constraints of a list's or a map's members, all of which AWS names when one is broken."""
    metadata = shape.metadata
    unit = "length" if shape.type_name in ("string", "blob") else "value"
    if metadata.get("max") is not None:
        yield f"Member must have {unit} less than or equal to {metadata['max']}"
    if metadata.get("min") is not None:
        yield f"Member must have {unit} greater than or equal to {metadata['min']}"
    if metadata.get("pattern"):
        yield f"Member must satisfy regular expression pattern: {metadata['pattern']}"
    if metadata.get("enum"):
        yield f"Member must satisfy enum value set: [{', '.join(metadata['enum'])}]"


def _pattern(pattern: str) -> Rule:
    matches = compiled(pattern)
    text = f"Member must satisfy regular expression pattern: {pattern}"

    def rule(value: Any) -> Iterator[Broken]:
        if isinstance(value, str) and not matches(value):
            yield ViolationKind.PATTERN, text

    return rule


def length_rules(shape: Shape, corrected: Correction) -> Iterator[Rule]:
    low = shape.metadata.get("min") if corrected.minimum is None else corrected.minimum
    high = shape.metadata.get("max") if corrected.maximum is None else corrected.maximum
    if not low and high is None:
        return

    def rule(value: Any) -> Iterator[Broken]:
        if not isinstance(value, str | bytes | bytearray | list | dict):
            return  # a body that is streamed
        if low is not None and len(value) < low:
            yield ViolationKind.LENGTH, f"Member must have length greater than or equal to {low}"
        if high is not None and len(value) > high:
            yield ViolationKind.LENGTH, f"Member must have length less than or equal to {high}"

    yield rule


def _range(shape: Shape, corrected: Correction) -> Iterator[Rule]:
    low = shape.metadata.get("min") if corrected.minimum is None else corrected.minimum
    high = shape.metadata.get("max") if corrected.maximum is None else corrected.maximum
    if low is None and high is None:
        return

    def rule(value: Any) -> Iterator[Broken]:
        if not isinstance(value, int | float):
            return
        if low is not None and value < low:
            yield ViolationKind.RANGE, f"Member must have value greater than or equal to {low}"
        if high is not None and value > high:
            yield ViolationKind.RANGE, f"Member must have value less than or equal to {high}"

    yield rule


def _enum(values: list[str]) -> Rule:
    allowed = frozenset(values)
    text = f"Member must satisfy enum value set: [{', '.join(values)}]"

    def rule(value: Any) -> Iterator[Broken]:
        if isinstance(value, str) and value not in allowed:
            yield ViolationKind.ENUM, text

    return rule
