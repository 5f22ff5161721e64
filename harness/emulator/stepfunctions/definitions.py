"""Definitions of state machines: what CreateStateMachine refuses, and what LocalStack's parser does not read.

LocalStack 4.14.0 creates a state machine whose transitions lead nowhere, and fails when it runs. Its parser takes an integer
for a percentage for a mistake, and reads no escapes of letters in intrinsic functions.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import replaced

SERVICE = "stepfunctions"
PERCENTAGE = "ToleratedFailurePercentage"
_TERMINAL = frozenset({"Succeed", "Fail"})
_BRANCHES = ("ItemProcessor", "Iterator")


def readable(definition: str) -> str:
    """The definition as LocalStack's parser reads it. What is not JSON is returned as it is: the parser says what is wrong."""
    try:
        content = json.loads(definition)
    except ValueError:
        return definition
    return json.dumps(_with_fractions(content), ensure_ascii=False)


def _with_fractions(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: float(each)
            if key == PERCENTAGE and isinstance(each, int) and not isinstance(each, bool)
            else _with_fractions(each)
            for key, each in value.items()
        }
    return [_with_fractions(each) for each in value] if isinstance(value, list) else value


def problems(definition: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """What AWS refuses of the transitions, in its words: the code, the text and where it is."""
    states = definition.get("States")
    if not isinstance(states, Mapping):
        return
    start = definition.get("StartAt")
    if start is not None and start not in states:
        yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {start} at {path}/StartAt"
    for name, state in states.items():
        if isinstance(state, Mapping):
            yield from _problems_of(state, states, f"{path}/States/{name}")
    yield from _unreachable(start, states, path)


def _problems_of(state: Mapping[str, Any], states: Mapping[str, Any], path: str) -> Iterator[str]:
    for field, target in _transitions(state):
        if target not in states:
            yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {path}/{field}"
    kind = state.get("Type")
    if kind not in (*_TERMINAL, "Choice") and "Next" not in state and not state.get("End"):
        yield f"MISSING_END_STATE: State has neither Next nor End at {path}"
    for field in _BRANCHES:
        if isinstance(state.get(field), Mapping):
            yield from problems(state[field], f"{path}/{field}")
    branches = state.get("Branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        if isinstance(branch, Mapping):
            yield from problems(branch, f"{path}/Branches[{index}]")


def _transitions(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """`(where in the state, the state that it leads to)`."""
    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield field, state[field]
    for field in ("Choices", "Catch"):
        for index, each in enumerate(state.get(field) or ()):
            if isinstance(each, Mapping) and isinstance(each.get("Next"), str):
                yield f"{field}[{index}]/Next", each["Next"]


def _unreachable(start: Any, states: Mapping[str, Any], path: str) -> Iterator[str]:
    if start not in states:
        return
    reached, todo = {start}, [start]
    while todo:
        state = states[todo.pop()]
        for _, target in _transitions(state if isinstance(state, Mapping) else {}):
            if target in states and target not in reached:
                reached.add(target)
                todo.append(target)
    for name in states:
        if name not in reached:
            yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {path}/States/{name}'


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.aws.api.stepfunctions import InvalidDefinition
    from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
    from localstack.services.stepfunctions.provider import StepFunctionsProvider

    parse = AmazonStateLanguageParser.parse
    replaced(
        AmazonStateLanguageParser,
        "parse",
        staticmethod(lambda definition: parse(readable(definition))),
        because="the parser refuses integers for percentages and escapes in intrinsic functions",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html",
    )

    validate = StepFunctionsProvider._validate_definition

    def validated(definition: str, static_analysers: Any) -> None:
        validate(definition, static_analysers)
        found = list(problems(json.loads(definition)))
        if found:
            refused = InvalidDefinition()
            refused.message = f"Invalid State Machine Definition: '{', '.join(found)}'"
            raise refused

    replaced(
        StepFunctionsProvider,
        "_validate_definition",
        staticmethod(validated),
        because="definitions whose transitions lead nowhere are created",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html",
    )
