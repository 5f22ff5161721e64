from collections.abc import Callable
from pathlib import Path

import pytest

from harness.topology import Template, Topology, read_topology

Write = Callable[..., Topology]


@pytest.fixture
def topology(tmp_path: Path) -> Write:
    """Reads stacks that are given as texts, by name."""

    def write(parameters=None, physical_ids=None, /, **stacks: str) -> Topology:
        templates = []
        for name, text in stacks.items():
            (tmp_path / name).mkdir(exist_ok=True)
            file = tmp_path / name / "template.yaml"
            file.write_text(text)
            templates.append(Template(file, name))
        return read_topology(templates, parameters=parameters, physical_ids=physical_ids)

    return write
