"""README's table of the architecture is true."""

import ast
import re
from pathlib import Path

ROW = re.compile(
    r"^\| (?P<block>[^|]+) \| (?P<stack>[a-z]+) \| \[`(?P<file>\w+\.py)`\]\(scenarios/\w+\.py\) `(?P<test>\w+)` \|$"
)


def _rows():
    return [row for line in Path("README.md").read_text().splitlines() if (row := ROW.match(line))]


def test_each_block_names_a_scenario_that_there_is():
    rows = _rows()
    assert len(rows) > 30
    for row in rows:
        source = ast.parse(Path("scenarios", row["file"]).read_text())
        tests = {each.name for each in ast.walk(source) if isinstance(each, ast.FunctionDef)}
        assert row["test"] in tests, row.group()


def test_every_stack_is_in_the_table():
    assert {row["stack"] for row in _rows()} == {file.parent.name for file in Path("stack").glob("*/template.yaml")}
