"""One name, one meaning (STYLE.md, "Names"): no two modules of the harness define a class of the same name."""

import ast
from collections import defaultdict
from pathlib import Path

import harness

PACKAGE = Path(harness.__file__).parent


def test_class_name_is_defined_in_one_module_only():
    modules = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].add(str(path.relative_to(PACKAGE)))
    assert len(modules) > 100
    assert {name: sorted(found) for name, found in modules.items() if len(found) > 1} == {}
