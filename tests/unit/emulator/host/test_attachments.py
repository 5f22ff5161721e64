"""What the emulator keeps on foreign objects has one home."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.emulator.host import attachments
from harness.emulator.host.attachments import AttachedValue

EMULATOR = Path(__file__).parents[4] / "harness/emulator"


def test_value_is_kept_on_its_holder():
    holder, kept = SimpleNamespace(), AttachedValue("harness_test")
    assert kept.get(holder) is None
    with pytest.raises(AttributeError):
        kept[holder]
    kept[holder] = 1
    assert (kept[holder], kept.get(holder), kept.setdefault(holder, 2)) == (1, 1, 1)


def test_harness_attributes_are_named_in_attachments_only():
    found = [
        f"{path.relative_to(EMULATOR)}:{node.lineno}"
        for path in sorted(EMULATOR.rglob("*.py"))
        if path.name != "attachments.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr.lstrip("_").startswith("harness_")
    ]
    assert not found, f"Declare it in attachments.py: {', '.join(found)}"


def test_names_of_one_kind_of_holder_are_distinct():
    names = [each.name for each in vars(attachments).values() if isinstance(each, AttachedValue)]
    # Pools of both services hold their state under one name.
    assert sorted(set(names)) == sorted(names)[1:]
