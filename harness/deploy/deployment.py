"""What is deployed on a target: stacks, their outputs and their resources."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from harness.engine import Target
from harness.errors import DeployError, MissingCapabilityError, NotDeployedError
from harness.topology import Template

T = TypeVar("T")


@contextmanager
def speaking_to(target: Target) -> Iterator[None]:
    """Convert boto3's errors to a DeployError that names the target and the cause."""
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise DeployError(f"The target at {target.address} refused or did not answer: {error}") from error


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why a stack or resource of the templates was skipped: the target does not support `capability`, which is an AWS
    service by boto3's name or a CloudFormation type."""

    capability: str
    reason: str

    def __str__(self) -> str:
        return self.reason

    def error(self) -> MissingCapabilityError:
        return MissingCapabilityError(self.capability, self.reason)


class Named(Mapping[str, T]):
    """A mapping whose error for an unknown name lists the known names; for a skipped one it gives the reason."""

    def __init__(
        self,
        what: str,
        entries: Mapping[str, T],
        hint: str = "",
        withheld: Mapping[str, Withheld] | None = None,
    ) -> None:
        self._what, self._entries, self._hint, self._withheld = what, dict(entries), hint, dict(withheld or {})

    def __getitem__(self, name: str) -> T:
        if name in self._withheld:
            raise self._withheld[name].error()
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(sorted(self._entries)) or "none"
            raise NotDeployedError(f"There is no {self._what} {name!r}; there are: {known}.{self._hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return repr(self._entries)


@dataclass(frozen=True, slots=True)
class DeployedResource:
    """`physical_id` is what Ref gives for most types: a table's name, a queue's URL."""

    logical_id: str
    type: str
    physical_id: str


@dataclass(frozen=True)
class DeployedStack:
    """A deployed stack.

    `name` is the template's name for it; `stack_name` (with the prefix) and `stack_id` are its names on the target. `status`
    is the result of the command: created, updated or unchanged; `describe` sets deployed, in progress or failed.
    `cloudformation_status` is the status that the target reports.

    Reading a resource that the target does not support, or an output that names one, raises MissingCapabilityError.
    """

    name: str
    status: str
    outputs: Mapping[str, str]
    resources: Mapping[str, DeployedResource]
    stack_name: str
    stack_id: str
    cloudformation_status: str


@dataclass(frozen=True)
class Deployment:
    """The stacks of a set of templates, by the templates' names.

    `missing` are the stacks that are not deployed; `withheld` those that were skipped because the target does not support
    what they need.
    """

    stacks: Mapping[str, DeployedStack]
    missing: tuple[str, ...] = ()
    withheld: Mapping[str, Withheld] = field(default_factory=dict)

    def __getitem__(self, name: str) -> DeployedStack:
        """Raises MissingCapabilityError for a skipped stack, NotDeployedError for any other that is not deployed."""
        return self.stacks[name]


def deployment_of(
    stacks: Sequence[DeployedStack], missing: Sequence[str] = (), withheld: Mapping[str, Withheld] | None = None
) -> Deployment:
    hint = f" Not deployed: {', '.join(missing)}; 'harness up' deploys them." if missing else ""
    by_name = Named("stack", {stack.name: stack for stack in stacks}, hint, withheld)
    return Deployment(by_name, tuple(missing), withheld or {})


def describe(target: Target, templates: Sequence[Template], *, stack_prefix: str = "") -> Deployment:
    """The stacks of these templates that are deployed now. Only queries the target: nothing is built, transformed or checked.

    Raises DeployError when the target does not answer.
    """
    with speaking_to(target):
        return _describe(target, templates, stack_prefix)


def _describe(target: Target, templates: Sequence[Template], stack_prefix: str) -> Deployment:
    client = target.client("cloudformation")

    def read(template: Template) -> DeployedStack | None:
        found = find_stack(client, stack_prefix + template.stack)
        return None if found is None else read_stack(client, found, template.stack, _word(found["StackStatus"]))

    with ThreadPoolExecutor(max_workers=8) as pool:
        stacks = list(pool.map(read, templates))
    missing = [template.stack for template, stack in zip(templates, stacks, strict=True) if stack is None]
    return deployment_of([stack for stack in stacks if stack is not None], missing)


def find_stack(client: Any, stack_name: str) -> dict[str, Any] | None:
    """The stack as DescribeStacks returns it, or None."""
    try:
        stacks = client.describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        # AWS has no separate error code for this: ValidationError, "Stack with id X does not exist".
        if "does not exist" in str(error):
            return None
        raise
    found: dict[str, Any] = stacks[0]
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def tags_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a stack as DescribeStacks returns it."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in stack.get("Tags", [])}


def stack_name_of(stack_id: str) -> str:
    """arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID -> NAME"""
    return stack_id.split("/")[1]


def read_stack(client: Any, found: Mapping[str, Any], name: str, status: str) -> DeployedStack:
    """`found` is the stack as DescribeStacks returns it."""
    resources: dict[str, DeployedResource] = {}
    pretended: dict[str, Withheld] = {}
    made_up: dict[str, Withheld] = {}
    for page in client.get_paginator("list_stack_resources").paginate(StackName=found["StackId"]):
        for entry in page["StackResourceSummaries"]:
            logical_id = entry["LogicalResourceId"]
            physical_id = entry.get("PhysicalResourceId", "")
            if is_pretence(reason := entry.get("ResourceStatusReason", "")):
                lack = f"{logical_id} of {name} is not there, the target only pretends to have it: {reason}"
                pretended[logical_id] = Withheld(entry["ResourceType"], lack)
                made_up |= {physical_id: pretended[logical_id]} if physical_id else {}
            else:
                resources[logical_id] = DeployedResource(logical_id, entry["ResourceType"], physical_id)
    outputs = {output["OutputKey"]: output.get("OutputValue", "") for output in found.get("Outputs", [])}
    return DeployedStack(
        name=name,
        status=status,
        outputs=Named(
            f"output of stack {name}",
            {key: value for key, value in outputs.items() if value not in made_up},
            withheld={key: made_up[value] for key, value in outputs.items() if value in made_up},
        ),
        resources=Named(f"resource in stack {name}", resources, withheld=pretended),
        stack_name=found["StackName"],
        stack_id=found["StackId"],
        cloudformation_status=found["StackStatus"],
    )


def is_pretence(reason: str) -> bool:
    """Whether the reason for a resource's status says that the resource was not created: LocalStack reports resources of
    unsupported types as created."""
    return reason.endswith("is not supported but was deployed as a fallback")


def _word(cloudformation_status: str) -> str:
    if cloudformation_status.endswith("_IN_PROGRESS"):
        return "in progress"
    return "deployed" if cloudformation_status in RUNNING else "failed"


RUNNING = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})
"""Statuses of a stack that matches a deployed template: the last one, or after a rollback the one before."""
