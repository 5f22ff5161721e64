"""A flow that happened on paper: notes and activities, and the stacks that they are about."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.flow.explain import explain
from harness.flow.explanation import Explanation
from harness.flow.history import History
from harness.journal.records import Kind, Phase, Record
from harness.topology import Template, Topology, read_topology

TRACE = "1-00000000-000000000000000000000000"


class Recording:
    """Records activities in order. Each method returns the activity's number, which others use as their cause."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.history = History()
        self._numbers = itertools.count(1)

    def call(self, service: str, name: str, resource: str = "", cause: int | None = None, **data: Any) -> int:
        return self.activity(Kind.CALL, service, name, resource, cause, **data)

    def activity(
        self, kind: Kind, service: str, name: str, resource: str = "", cause: int | None = None, **data: Any
    ) -> int:
        number = next(self._numbers)
        what = {
            "kind": kind,
            "activity": number,
            "cause": cause,
            "service": service,
            "name": name,
            "resource": resource,
        }
        # A client's calls are in a region too, which these stacks are in.
        region = data.pop("region", "us-east-1")
        trace = TRACE if cause is None else ""
        self.history.add(
            Record(number * 10, phase=Phase.BEGIN, at=number, trace=trace, region=region, data=data, **what)
        )
        ended = {name: data[name] for name in ("error",) if name in data}
        self.history.add(Record(number * 10 + 1, phase=Phase.END, at=number + 0.5, data=ended, **what))
        return number

    def note(
        self, kind: Kind, service: str, name: str, resource: str = "", cause: int | None = None, **data: Any
    ) -> int:
        number = next(self._numbers)
        region = data.pop("region", "us-east-1")
        self.history.add(
            Record(
                number * 10, kind, Phase.NOTE, number, cause, number, service, name, resource, region=region, data=data
            )
        )
        return number

    def explained(self) -> Explanation:
        return explain(self.history.closure(self.history.roots_of(TRACE)), self.history, self.topology)

    def told(self) -> list[tuple[str, bool]]:
        """The causes, and whether each is a loss."""
        return [(finding.cause, finding.lost) for finding in self.explained()]


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Recording]:
    """`recording(template)`: the resources of a stack `shop` in YAML, each deployed under its own name in lower case."""

    def of(resources: str, region: str = "us-east-1") -> Recording:
        file = tmp_path / "template.yaml"
        file.write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{resources.lstrip(chr(10))}")
        logical_ids = re.findall(r"^  (\w+):", resources, re.MULTILINE)
        topology = read_topology(
            [Template(file, "shop")],
            parameters={"shop": {"AWS::Region": region}},
            physical_ids={"shop": {one: one.lower() for one in logical_ids}},
        )
        return Recording(topology)

    return of
