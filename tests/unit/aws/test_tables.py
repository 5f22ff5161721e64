"""Facts about AWS's services stand in `harness.aws`, one row for each, and in no table elsewhere."""

import ast
import re
from pathlib import Path

import pytest

from harness import aws

HARNESS = Path(__file__).parents[3] / "harness"
_TYPE = re.compile(r"AWS::\w+::\w+")

_ALLOWED = {
    "deploy/artifacts.py": "which property holds a local path is the knowledge of `package`, and its forms are defined there",
    "deploy/front_doors.py": "functions that read addresses, one for each type that has one",
    "emulator/control_api/preload.py": "what every deployment calls",
    "emulator/scheduler/targets.py": "functions that invoke a target: those that EventBridge Scheduler has",
    "emulator/validation/messages.py": "functions that word a refusal",
    "topology/readers/apis.py": "functions that make edges of a resource",
    "topology/readers/functions.py": "functions that make edges of a resource",
    "topology/readers/observability.py": "functions that make edges of a resource",
}
"""Tables of functions, and those whose values mean something in their module alone."""


@pytest.mark.slow
def test_no_module_has_a_table_of_services():
    found = {file.relative_to(HARNESS).as_posix(): tables for file in _modules() if (tables := _tables(file))}
    unexpected = {name: tables for name, tables in found.items() if name not in _ALLOWED}
    assert not unexpected, f"put these facts into rows of harness.aws: {unexpected}"
    assert set(_ALLOWED) <= set(found), "no longer needed in _ALLOWED"


def test_table_of_services_is_noticed(tmp_path):
    module = tmp_path / "module.py"
    module.write_text(
        'A = {"sqs": 1, "sns": 2, "kinesis": 3, "s3": 4}\n'
        'B = ("sqs", "sns", "kinesis")\n'
        'C = {"queue": 1, "topic": 2, "stream": 3, "bucket": 4, "bus": 5}\n'
        'D = frozenset({"AWS::A::B", "AWS::C::D", "AWS::E::F", "AWS::G::H"})\n'
    )
    assert _tables(module) == ["line 1: 4 services", "line 3: 5 kinds", "line 4: 4 types"]


def _modules() -> list[Path]:
    return [file for file in sorted(HARNESS.rglob("*.py")) if file.relative_to(HARNESS).parts[0] != "aws"]


def _tables(file: Path) -> list[str]:
    """The literals of a module with four services, five kinds of node or four resource types, as keys or elements."""
    services = {name for row in aws.SERVICES.values() for name in (row.name, row.iam_prefix)}
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        texts = {
            each.value for each in _elements(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
        }
        counted = {
            "services": (len(texts & services), 4),
            "kinds": (len(texts & set(aws.KINDS)), 5),
            "types": (sum(bool(_TYPE.fullmatch(text)) for text in texts), 4),
        }
        for what, (count, enough) in counted.items():
            if count >= enough:
                found.append(f"line {node.lineno}: {count} {what}")  # type: ignore[attr-defined]
    return found


def _elements(node: ast.AST) -> list[ast.expr | None]:
    match node:
        case ast.Dict():
            return node.keys
        case ast.Set() | ast.List() | ast.Tuple():
            return [*node.elts]
    return []
