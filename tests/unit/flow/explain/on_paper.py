"""Flows on paper, and the stack that they are about."""

from collections.abc import Sequence
from pathlib import Path

from harness.flow.explain import explain
from harness.flow.explanation import Finding
from harness.flow.pending import Pending
from harness.topology import Template, Topology, read_topology
from tests.unit.flow.happening import Happening

HERE = "us-east-1:000000000000"
FUNCTION, QUEUE = f"arn:aws:lambda:{HERE}:function:", f"arn:aws:sqs:{HERE}:"
STREAM, MACHINE = f"arn:aws:kinesis:{HERE}:stream/", f"arn:aws:states:{HERE}:stateMachine:"


def topology(folder: Path, resources: str) -> Topology:
    """Of the stack `shop`, in SAM's form, each resource deployed under its logical id in lower case."""
    file = folder / "template.yaml"
    file.write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:{resources}")
    template = Template(file, "shop")
    named = [node.logical_id for node in read_topology([template]).resources]
    return read_topology(
        [template],
        parameters={"shop": {"AWS::Region": "us-east-1"}},
        physical_ids={"shop": {logical_id: logical_id.lower() for logical_id in named}},
    )


def told(happened: Happening, topology: Topology, pending: Sequence[Pending] = ()) -> list[Finding]:
    return list(explain(happened.activities, happened.history, topology, pending))


def only(happened: Happening, topology: Topology, pending: Sequence[Pending] = ()) -> tuple[str, str, bool]:
    """Cause, sentence and loss of the one finding."""
    [finding] = told(happened, topology, pending)
    return finding.cause, finding.sentence, finding.lost
