"""AWS's results for patterns and policies, recorded by LocalStack's parity tests, compared with the harness's.

The recordings are next to this repository (`../shared/oracle`). The patterns and events behind the names of the cases are
in LocalStack's repository (tests/aws/services); the variable LOCALSTACK_SOURCE names its checkout.
"""

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from harness.topology.patterns import EventPattern, FilterPolicy, InvalidEventPatternError, InvalidFilterPolicyError

RECORDED = Path(__file__).parents[5] / "shared" / "oracle" / "aws-recorded"
SOURCE = Path(os.environ.get("LOCALSTACK_SOURCE", RECORDED.parent / "localstack")) / "tests/aws/services"
TEMPLATES = SOURCE / "events" / "event_pattern_templates"


def recorded(name: str) -> dict[str, Any]:
    file = RECORDED / name
    if not file.exists():
        pytest.skip("the recordings of AWS are not beside this repository (../shared/oracle)")
    return json.loads(file.read_text())


def source(file: Path) -> Path:
    if not file.exists():
        pytest.skip("LOCALSTACK_SOURCE names no checkout of LocalStack")
    return file


def json5(text: str) -> Any:
    """As much of JSON5 as the files use: comments and commas at the end."""
    text = re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', lambda found: found[1] or "", text, flags=re.DOTALL)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


def names() -> list[str]:
    file = RECORDED / "events" / "test_events_patterns.json"
    if not file.exists() or not TEMPLATES.is_dir():
        return ["none"]  # skipped once, with the reason
    return sorted(
        found[1]
        for key in json.loads(file.read_text())
        if (found := re.search(r"event_pattern\[(.*)\]$", key)) and "invalid" not in key
    )


def plain(message: str) -> str:
    """The recordings have placeholders where the partition and the region were; what they shift stays as it was."""
    return message.replace("<partition>", "aws").replace("<region>", "us-east-1")


@pytest.mark.parametrize("name", names())
def test_event_patterns_match_as_on_aws(name):
    answers = recorded("events/test_events_patterns.json")
    source(TEMPLATES)
    content = answers[
        f"tests/aws/services/events/test_events_patterns.py::TestEventPattern::test_event_pattern[{name}]"
    ]
    file = TEMPLATES / f"{name}.json5"
    if TEMPLATES.is_dir() and not file.exists():
        pytest.skip("the case is recorded, its template is no longer in LocalStack's repository")
    case = json5(source(file).read_text())
    pattern = json.dumps(case["EventPattern"])
    if name.endswith("_EXC"):
        error = content["recorded-content"][name]["exception_message"]["Error"]
        with pytest.raises(InvalidEventPatternError) as caught:
            EventPattern.parse(pattern)
        assert caught.value.code == error["Code"]
        assert str(caught.value) == plain(error["MessageRaw"])
        return
    match = EventPattern.parse(pattern).match(case["Event"])
    assert bool(match) is not name.endswith("_NEG"), str(match)
    if not match:
        assert all(refusal.sentence and refusal.path for refusal in match.refusals)


@pytest.mark.parametrize(
    "pattern",
    [
        "this is valid json but not a dict",
        "{'bad': 'quotation'}",
        '{"not": closed mark"',
        '["not", "a", "dict", "but valid json"]',
    ],
)
def test_pattern_that_is_no_json_is_refused_with_aws_message(pattern):
    answers = recorded("events/test_events_patterns.json")
    key = f"tests/aws/services/events/test_events_patterns.py::TestEventPattern::test_invalid_json_event_pattern[{pattern}]"
    with pytest.raises(InvalidEventPatternError) as caught:
        EventPattern.parse(pattern)
    assert str(caught.value) == answers[key]["recorded-content"]["invalid-pattern"]["Error"]["Message"]


def test_duplicate_key_counts_once_and_large_event_is_searched():
    pattern = source(TEMPLATES / "complex_multi_key_event_pattern.json").read_text()
    assert EventPattern.parse(pattern).match(json.loads((TEMPLATES / "complex_multi_key_event.json").read_text()))
    large = json.loads((SOURCE / "events/test_payloads/large_complex_payload.json").read_text())
    assert EventPattern.parse({"detail-type": ["cmd.documents.generate"]}).match(large)
    nested = {"detail": {"payload.nested.another-level.deep": {"inside-list": [{"prefix": "q-test"}]}}}
    assert EventPattern.parse(nested).match(large)


class Subscribe(ast.NodeVisitor):
    """Reads the policies that LocalStack's test sends, in the order in which it records the answers."""

    def __init__(self) -> None:
        self.policies: dict[tuple[str, str], tuple[Any, str | None]] = {}
        self._test, self._scope = "", "MessageAttributes"
        self._policy: Any = None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name.startswith("test_"):
            self._test, self._scope, self._policy = node.name, "MessageAttributes", None
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Name) and "filter_policy" in node.targets[0].id:
            self._policy = eval(compile(ast.Expression(node.value), "test", "eval"), {"json": json})
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if (
                keyword.arg == "AttributeValue"
                and isinstance(keyword.value, ast.Constant)
                and str(keyword.value.value).startswith("Message")
            ):
                self._scope = keyword.value.value
            if keyword.arg == "scope" and isinstance(keyword.value, ast.Constant):
                self._scope = keyword.value.value
        if (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "match"
            and isinstance(node.args[0], ast.Constant)
        ):
            self.policies[self._test, node.args[0].value] = (self._policy, self._scope)
        self.generic_visit(node)


def test_policies_refused_by_aws_are_refused_with_its_message():
    answers = recorded("sns/test_sns_filter_policy.json")
    reader = Subscribe()
    reader.visit(ast.parse(source(SOURCE / "sns/test_sns_filter_policy.py").read_text()))
    compared = 0
    for key, content in answers.items():
        test = key.split("::")[-1]
        for name, answer in content["recorded-content"].items():
            if not isinstance(answer, dict) or "Error" not in answer or name == "sub-attrs-filter-scope-error":
                continue
            policy, scope = reader.policies[test, name]
            with pytest.raises(InvalidFilterPolicyError) as caught:
                FilterPolicy.parse(json.dumps(policy, separators=(",", ":")), scope)
            expected = answer["Error"]["Message"].replace("Attributes Reason: ", "")
            assert (name, str(caught.value)) == (name, expected)
            compared += 1
    assert compared == 46
