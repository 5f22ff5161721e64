"""PEP 695 syntax written as Python 3.11 has it."""

import pytest

pytest.importorskip("typing_extensions")

from harness.emulator.older_python import without_type_parameter_syntax


@pytest.mark.parametrize(
    ("source", "check"),
    [
        ("class Store[T](dict):\n    x = 1\n", "Store.__mro__[1] is dict"),
        ("class Box[T]:\n    x = 1\n", "Box.x == 1"),
        ("class Pair[K, V: str]:\n    x = 1\n", "len(Pair.__parameters__) == 2"),
        ("def same[T](x: T) -> T:\n    return x\n", "same(3) == 3"),
        ("import os\ntype Name = str\n", "Name is str"),
        ('"""Doc."""\nfrom __future__ import annotations\nimport os\ndef f[T](x: T): return x\n', "f(1) == 1"),
    ],
)
def test_the_rewritten_source_runs_and_means_the_same(source, check):
    names = {}
    exec(compile(without_type_parameter_syntax(source), "rewritten", "exec"), names)
    assert eval(check, names)


def test_lines_stay_where_they_are_when_the_module_begins_with_an_import():
    source = "import os\n\ndef f[T](x: T) -> T:\n    raise ValueError\n"
    assert without_type_parameter_syntax(source).splitlines()[3] == "    raise ValueError"
