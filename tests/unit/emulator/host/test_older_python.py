"""LocalStack's sources, written for Python 3.13, are read by 3.11."""

import pytest

from harness.emulator.host.older_python import without_type_parameter_syntax


def _run(source):
    names = {}
    exec(compile(without_type_parameter_syntax(source), "<rewritten>", "exec"), names)
    return names


def test_a_generic_class_is_still_generic():
    store = _run("class Store[T](dict):\n    pass\n")["Store"]
    assert issubclass(store, dict)
    assert store[int]


def test_a_class_without_bases_becomes_generic():
    assert _run("class Event[Properties]:\n    value: int = 3\n")["Event"][str]().value == 3


def test_two_parameters_and_bounds_are_read():
    pair = _run("class Pair[A, B: int]:\n    pass\n")["Pair"]
    assert pair[str, int]


def test_a_generic_function_runs():
    assert _run("def same[T](value: T) -> T:\n    return value\n")["same"](5) == 5


def test_an_alias_is_an_assignment():
    assert _run("type Names = list[str]\n")["Names"] == list[str]


def test_rewritten_source_keeps_future_imports_and_line_numbers():
    source = '"""Doc."""\nfrom __future__ import annotations\nimport os\n\nclass A[T]:\n    line = 6\n'
    rewritten = without_type_parameter_syntax(source)
    assert len(rewritten.splitlines()) == len(source.splitlines())
    assert rewritten.splitlines()[5] == "    line = 6"
    assert _run(source)["A"].line == 6


@pytest.mark.parametrize("source", ["x = [1][0]\n", "def f(a):\n    return a[0]\n", "class A(dict):\n    pass\n"])
def test_unchanged_source_keeps_its_meaning(source):
    before, after = {}, _run(source)
    exec(compile(source, "<plain>", "exec"), before)
    assert set(before) <= set(after)
