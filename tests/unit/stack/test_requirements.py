"""What the layers of the stack are built from."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
REQUIREMENTS = sorted(path.relative_to(ROOT) for path in (ROOT / "stack").rglob("requirements.txt"))


def _pins(file):
    return {line.strip() for line in file.read_text().splitlines() if line[:1].isalnum()}


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=str)
def test_layer_pins_are_those_of_the_lock_file(requirements):
    """Installing left them in uv's cache; and the functions run with what their unit tests ran with."""
    assert _pins(ROOT / requirements) - _pins(ROOT / "requirements.lock") == set()


def test_there_are_layers_with_requirements():
    assert REQUIREMENTS
