"""A stack with one defect: its template, what makes the defect show, and what explains it."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from harness.deploy import DeployedStack
from harness.engine import Target
from harness.flow import Flow
from harness.flow.explanation import Explanation
from harness.topology import Topology

MARK = "# <- here"
HEADER = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.11, Handler: index.handler, Timeout: 5}
"""


@dataclass(frozen=True)
class BrokenStack:
    """A defect, and everything that a test of its explanation needs.

    `template` is the Resources of a SAM template, in YAML. The line with the defect ends in `# <- here` (in the code of
    a function, if the defect is there). Functions have python3.11, `index.handler` and 5 seconds unless they set other
    values; `outputs` are the template's Outputs. `files` are written next to it, by path.

    `stimulate` gets the deployed stack, inside of its flow. `cause` and `sentence` are those of the only finding then;
    in the sentence `{Name}` is the physical id of the resource Name, and an ellipsis (…) is text that varies.

    `fixed` maps texts of the template to their correction. With them the same stimulus has no finding.
    """

    behaviour: str
    template: str
    stimulate: Callable[["Stack"], object]
    cause: str
    sentence: str
    fixed: Mapping[str, str]
    lost: bool = True
    outputs: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    until: Callable[[Flow], object] | None = None
    """For a flow that does not settle: what to wait for before it is explained."""

    def __str__(self) -> str:
        return self.behaviour

    def text(self, *, fixed: bool = False) -> str:
        """The whole template. Raises ValueError if it does not contain a text to fix."""
        text = dedent(self.template).strip("\n")
        for broken, repaired in self.fixed.items() if fixed else ():
            if broken not in text:
                raise ValueError(f"{self.behaviour}: the template has no {broken!r} to fix")
            text = text.replace(broken, repaired)
        sections = {"Resources": text, "Outputs": dedent(self.outputs).strip("\n")}
        return HEADER + "".join(f"{name}:\n{indent(body, '  ')}\n" for name, body in sections.items() if body)


@dataclass(frozen=True)
class Stack:
    """A deployed stack. Its methods take logical ids."""

    target: Target
    deployed: DeployedStack
    template: Path
    topology: Topology
    flow: Callable[[], AbstractContextManager[Flow]]
    """The flow of the block, with the topology of this stack; usable until the test ends."""

    def aws(self, service: str, **arguments: Any) -> Any:
        """A client whose calls belong to the flow of their block."""
        return self.target.client(service, **arguments)

    def id(self, logical_id: str) -> str:
        """What Ref gives: of a queue its URL, of a function its name."""
        return self.deployed.resources[logical_id].physical_id

    def output(self, name: str) -> str:
        return self.deployed.outputs[name]

    def said(self, sentence: str, found: str) -> str:
        """A sentence with the physical ids in it, and what was found in the place of its ellipses."""
        wanted = sentence.format_map({name: r.physical_id for name, r in self.deployed.resources.items()})
        wanted = wanted[:1].upper() + wanted[1:]
        return found if re.fullmatch(".+?".join(map(re.escape, wanted.split("…"))), found) else wanted

    @property
    def line(self) -> int:
        """Of the marker comment, in the template or in the code inside of it."""
        [line] = [n for n, text in enumerate(self.template.read_text().splitlines(), 1) if text.rstrip().endswith(MARK)]
        return line

    def explained(self, broken: BrokenStack, *, fixed: bool = False) -> tuple[Flow, Explanation]:
        """Stimulate the stack and explain the flow."""
        with self.flow() as f:
            broken.stimulate(self)
            if broken.until is not None and not fixed:
                broken.until(f)
            else:
                # Nothing is waited for that becomes due later, such as a retry.
                f.settle(hurry=True)
            return f, f.explain()
