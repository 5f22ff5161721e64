"""Removes everything that a deployment created, and reports what cannot be removed.

On a shared target, a deployment is everything with its tag. So removal needs only the tag: not the templates, which may
have changed since, and no state of a run that may have been killed.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from botocore.exceptions import ClientError

from harness.deploy import resource_kinds
from harness.deploy.change_set import StackFailedError, stack_client
from harness.deploy.deployment import find_stack, speaking_to, stack_name_of, tags_of
from harness.deploy.events import DeployEvent, Reporter, ignore
from harness.deploy.plan import imports_of, pseudo_parameters
from harness.deploy.upload import bucket_name
from harness.engine import Target
from harness.errors import DeployError
from harness.topology import Scope

_STACKS_AT_ONCE_ON_AWS = 4
# A running deployment may create another stack while the first ones are removed.
_ROUNDS = 5
# Objects that are written to a bucket while its stack is deleted are seen in the second round.
_ATTEMPTS = 3
_PAUSE_ON_AWS_SECONDS = 15.0
# How long to wait for an operation in progress on a stack. LocalStack gives a resource 300 seconds.
_BUSY_ON_AWS_SECONDS = 1800.0
_BUSY_SECONDS = 330.0
# The Resource Groups Tagging API lists deleted resources for a while.
_INDEX_ON_AWS_SECONDS = 60.0
# Lambda@Edge's error for a function whose replicas AWS has not removed yet, which takes hours
# (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-edge-delete-replicas.html).
_REPLICATED = "replicated function"


@dataclass(frozen=True, slots=True)
class Left:
    """A resource of the deployment that still exists. `name` is its ARN, or its type and physical id."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class Removal:
    """Result of `remove`.

    `stacks` are the names of the deleted stacks. `resources` are what was removed in addition, each with its type, its
    physical id and what was done. `left` lists what still exists, each with the reason. `unchecked` is the reason why the
    target's tags could not be queried; None if they were.
    """

    tag: tuple[str, str]
    address: str
    stacks: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    unchecked: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether no known resource still exists; then the deployment may be forgotten."""
        return not self.left

    def __str__(self) -> str:
        what = "=".join(self.tag)
        if not (self.stacks or self.resources or self.left):
            lines = [f"Nothing at {self.address} carries {what}."]
        else:
            count = "1 stack" if len(self.stacks) == 1 else f"{len(self.stacks) or 'no'} stacks"
            named = f": {', '.join(self.stacks)}" if self.stacks else ""
            lines = [f"Removed {what} from {self.address}: {count}{named}."]
        lines += [f"  {resource}" for resource in self.resources]
        if self.left:
            lines.append("STILL THERE:")
            lines += [f"  {left}" for left in self.left]
        if self.unchecked is not None:
            lines.append(f"Not checked: {self.unchecked}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Resource:
    """One line of ListStackResources; `stack_id` is the nested stack's if the resource is in one."""

    stack_id: str
    logical_id: str
    type: str
    physical_id: str
    status: str


def remove(target: Target, tag: tuple[str, str], *, on_event: Callable[[DeployEvent], None] = ignore) -> Removal:
    """Delete all stacks with this tag and what they leave behind. Changes nothing that does not belong to one of them.

    Importers are deleted before exporters. Before each stack, its buckets are emptied and the deletion protection of its
    tables, user pools and databases is switched off. Afterwards it removes what the templates retain, the final snapshots,
    the log groups that services created, the deployment's artifact bucket, and every resource that the target's Resource
    Groups Tagging API still lists with the tag. KMS keys are scheduled for deletion, with the shortest period of AWS.

    May be called again, for a deployment in any state. Raises DeployError if the target does not answer, and for an
    empty tag, which would match every deployment; what cannot be removed is in the result's `left`.
    """
    if not all(tag):
        raise DeployError(
            f"Removal needs a tag with a key and a value, not {tag!r}: everything without one is others'."
        )
    with speaking_to(target):
        return _Removing(target, tag, Reporter(on_event)).run()


@dataclass
class _Removing:
    target: Target
    tag: tuple[str, str]
    reporter: Reporter
    stacks: list[str] = field(default_factory=list)
    resources: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    roots: dict[str, str] = field(default_factory=dict)
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def run(self) -> Removal:
        self.client = self.target.client("cloudformation")
        found = self._find_stacks()
        blind = bool(found) and self._is_blind()
        for _ in range(_ROUNDS):
            if not found:
                break
            self._remove_stacks(found)
            found = [stack for stack in self._find_stacks() if stack["StackId"] not in self.left]
        # Once more: the last log lines of a function arrive after its deletion and recreate its log group.
        self._remove_log_groups(self.seen)
        self._remove_artifacts()
        unchecked = self._remove_what_is_tagged(blind)
        return Removal(
            tag=self.tag,
            address=self.target.address,
            stacks=tuple(self.stacks),
            resources=tuple(f"{name} {done}" for name, done in self.resources.items()),
            left=tuple(Left(name, reason) for name, reason in self.left.items()),
            unchecked=unchecked,
        )

    def _find_stacks(self) -> list[dict[str, Any]]:
        """Stacks with the tag, newest first; nested stacks are deleted with their parents."""
        key, value = self.tag
        found: list[dict[str, Any]] = []
        for page in self.client.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                if stack["StackStatus"] == "DELETE_COMPLETE":
                    continue
                if tags_of(stack).get(key) == value or self._is_intended(stack):
                    found.append(stack)
        ids = {stack["StackId"]: stack["StackName"] for stack in found}
        self.roots |= {stack["StackName"]: ids.get(stack.get("RootId"), stack["StackName"]) for stack in found}
        roots = [stack for stack in found if stack.get("ParentId") not in ids]
        return sorted(roots, key=lambda stack: str(stack["CreationTime"]), reverse=True)

    def _is_intended(self, stack: Mapping[str, Any]) -> bool:
        """A stack that so far consists of a change set has no tags; the change set has them."""
        if stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            return False
        key, value = self.tag
        for page in self.client.get_paginator("list_change_sets").paginate(StackName=stack["StackId"]):
            for summary in page["Summaries"]:
                change_set = self.client.describe_change_set(ChangeSetName=summary["ChangeSetId"])
                if tags_of(change_set).get(key) == value:
                    return True
        return False

    def _remove_stacks(self, stacks: Sequence[Mapping[str, Any]]) -> None:
        names = {str(stack["StackName"]): stack for stack in stacks}
        importers = self._importers(names)
        # Importers are deleted first. If the target does not report importers, the newest stack is first: it was created last.
        needs = {name: {other for other in importers.get(name, ()) if other in names} for name in names}
        order = TopologicalSorter(needs)
        at_once = _STACKS_AT_ONCE_ON_AWS if self.target.is_aws else 1
        waiting = list(names)
        with ThreadPoolExecutor(at_once) as pool:
            with contextlib.suppress(CycleError):
                order.prepare()
            while order.is_active() and (ready := sorted(order.get_ready(), key=waiting.index)):
                with self._stopping():  # an interruption reaches this thread, a failure one of the pool's
                    list(pool.map(lambda name: self._remove_in_turn(names[name], importers[name]), ready))
                waiting = [name for name in waiting if name not in ready]
                order.done(*ready)
        # Updates can create a cycle of imports, which no order of deletions resolves.
        for name in waiting:
            others = ", ".join(sorted(importers[name]))
            self._leave(
                name, names[name]["StackId"], f"it is imported in a circle by {others}; take one of the imports out"
            )

    def _importers(self, stacks: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
        """For each of these stacks the names of the stacks that import one of its exports. A nested stack counts as its root.

        AWS reports all importers. LocalStack 4.14.0 reports none, and cannot delete a stack whose import no longer exists; so
        importers among the stacks to delete are also found by their templates.
        """
        imports = {name: self._imports_of(stack) for name, stack in stacks.items()}
        importers: dict[str, set[str]] = defaultdict(set)
        for page in self.client.get_paginator("list_exports").paginate():
            for export in page["Exports"]:
                exporter = self._root(stack_name_of(export["ExportingStackId"]))
                if exporter in stacks:
                    importers[exporter].update(map(self._root, self._told_importers(export["Name"])))
                    importers[exporter].update(name for name, wanted in imports.items() if export["Name"] in wanted)
                    importers[exporter].discard(exporter)
        return importers

    def _root(self, stack_name: str) -> str:
        return self.roots.get(stack_name, stack_name)

    def _told_importers(self, export: str) -> Iterator[str]:
        # AWS answers with an error if no stack imports it; an emulator, if it does not support the call. If an export is in use
        # after all, AWS refuses the deletion, and that is reported.
        with contextlib.suppress(ClientError):
            for page in self.client.get_paginator("list_imports").paginate(ExportName=export):
                yield from page["Imports"]

    def _imports_of(self, stack: Mapping[str, Any]) -> Mapping[str, Any]:
        """The exports that a stack imports, from the template that the target has of it."""
        given = {p["ParameterKey"]: p.get("ParameterValue", "") for p in stack.get("Parameters", [])}
        body = self._template(stack["StackId"])
        return imports_of(body, Scope(body, {**pseudo_parameters(self.target, stack["StackName"]), **given}))[0]

    @contextlib.contextmanager
    def _stopping(self) -> Iterator[None]:
        """After an interruption, or if the target does not answer any more, no further deletion starts."""
        try:
            yield
        except BaseException:
            self.stopped = True
            raise

    def _remove_in_turn(self, stack: Mapping[str, Any], importers: Iterable[str]) -> None:
        with self._stopping():
            if not self.stopped:
                self._remove_stack(stack, importers)

    def _remove_stack(self, stack: Mapping[str, Any], importers: Iterable[str]) -> None:
        name, stack_id = str(stack["StackName"]), str(stack["StackId"])
        remaining = sorted(other for other in importers if find_stack(self.client, other) is not None)
        if remaining:
            self._leave(name, stack_id, f"its exports are imported by {', '.join(remaining)}; delete that first")
            return
        if stack.get("EnableTerminationProtection"):
            self._leave(name, stack_id, "it has termination protection; disable that to delete it")
            return
        self.reporter.tell(name, "delete", "deleting")
        if not self._wait_until_idle(stack_id):
            self._leave(name, stack_id, "another command is still at work on it; remove it again when that has ended")
            return
        resources = list(self._resources(stack_id))
        of_the_stack: dict[str, set[str]] = defaultdict(set)
        for resource in resources:
            of_the_stack[resource.type].add(resource.physical_id)
            self.seen[resource.type].add(resource.physical_id)
        retained = self._retained(resources)
        reason = self._delete(stack_id, resources)
        if reason is not None:
            self._leave(name, stack_id, reason)
            return
        for type_, physical_id in retained:
            self._remove_retained(type_, physical_id)
        self._remove_snapshots(of_the_stack)
        self._remove_log_groups(of_the_stack)
        self.left.pop(stack_id, None)
        self.stacks.append(name)
        self.reporter.tell(name, "done", "deleted")

    def _leave(self, name: str, stack_id: str, reason: str) -> None:
        self.left[stack_id] = reason
        self.reporter.tell(name, "failed", f"{name} is still there: {reason}")

    def _wait_until_idle(self, stack_id: str) -> bool:
        """Wait for an operation in progress, except for those that a deletion may interrupt or continue."""
        deadline = time.monotonic() + (_BUSY_ON_AWS_SECONDS if self.target.is_aws else _BUSY_SECONDS)
        interruptible = {"REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS"}
        if self.target.is_aws:
            interruptible.add("CREATE_IN_PROGRESS")
        cancelled = False
        poll_seconds = stack_client(self.target, self.client, lambda _event: None).poll_seconds
        while True:
            found = find_stack(self.client, stack_id)
            status = found["StackStatus"] if found else ""
            if not status.endswith("_IN_PROGRESS") or status in interruptible:
                return True
            if time.monotonic() > deadline:
                return False
            if status == "UPDATE_IN_PROGRESS" and self.target.is_aws and not cancelled:
                cancelled = True
                with contextlib.suppress(ClientError):  # it ended in the meantime
                    self.client.cancel_update_stack(StackName=stack_id)
            time.sleep(poll_seconds)

    def _resources(self, stack_id: str) -> Iterator[_Resource]:
        """The resources of a stack and of its nested stacks."""
        for resource in self._resources_of(stack_id):
            yield resource
            if resource.type == "AWS::CloudFormation::Stack":
                yield from self._resources(resource.physical_id)

    def _resources_of(self, stack_id: str) -> list[_Resource]:
        found: list[_Resource] = []
        # A stack that was never created, or a nested stack that was deleted long ago, is unknown.
        with contextlib.suppress(ClientError):
            for page in self.client.get_paginator("list_stack_resources").paginate(StackName=stack_id):
                for entry in page["StackResourceSummaries"]:
                    if physical_id := entry.get("PhysicalResourceId"):
                        type_, status = entry["ResourceType"], entry["ResourceStatus"]
                        found.append(_Resource(stack_id, entry["LogicalResourceId"], type_, physical_id, status))
        return found

    def _retained(self, resources: Iterable[_Resource]) -> dict[tuple[str, str], None]:
        """Type and physical id of the resources that outlive their stacks, by the templates that the target has, and of those
        that earlier versions of the templates left behind: SAM retains every version of a layer.

        Read before the deletion: in moto, listing the resources of a deleted stack creates them again.
        """
        by_stack: dict[str, list[_Resource]] = defaultdict(list)
        for resource in resources:
            by_stack[resource.stack_id].append(resource)
        retained: dict[tuple[str, str], None] = {}
        for stack_id, there in by_stack.items():
            declared = self._template(stack_id).get("Resources", {})
            for resource in there:
                policy = declared.get(resource.logical_id, {}).get("DeletionPolicy")
                wanted = policy in ("Retain", "RetainExceptOnCreate") and resource.status != "DELETE_COMPLETE"
                if wanted:
                    retained[resource.type, resource.physical_id] = None
            retained |= self._left_behind(stack_id)
        return retained

    def _left_behind(self, stack_id: str) -> dict[tuple[str, str], None]:
        """What an update or a rollback of the stack took out without deleting it (UpdateReplacePolicy, DeletionPolicy)."""
        found: dict[tuple[str, str], None] = {}
        with contextlib.suppress(ClientError):
            for page in self.client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
                for event in page["StackEvents"]:
                    if event.get("ResourceStatus") == "DELETE_SKIPPED" and event.get("PhysicalResourceId"):
                        found[event["ResourceType"], event["PhysicalResourceId"]] = None
        return found

    def _template(self, stack_id: str) -> Mapping[str, Any]:
        """A stack's template as the target has it; empty for a stack that never had one.

        The harness deploys JSON, which boto3 parses. YAML, of other tools, is ignored.
        """
        with contextlib.suppress(ClientError):
            body = self.client.get_template(StackName=stack_id, TemplateStage="Processed")["TemplateBody"]
            if isinstance(body, dict):
                return body
        return {}

    def _delete(self, stack_id: str, resources: Sequence[_Resource]) -> str | None:
        """Delete a stack; returns the reason if that failed, else None."""
        reason = ""
        for attempt in range(_ATTEMPTS):
            if attempt and self.target.is_aws:
                time.sleep(_PAUSE_ON_AWS_SECONDS)
            refused = list(filter(None, map(self._release, resources)))
            try:
                stack_client(self.target, self.client, lambda _event: None).delete(stack_id)
            except StackFailedError as error:
                failed = error.event
                where = f"{failed.logical_id} ({failed.type} {failed.physical_id}): " if failed else ""
                reason = "; ".join([f"{where}{error.reason}", *refused])
                if _REPLICATED in error.reason:
                    return f"{reason}. AWS removes the replicas within hours; remove the deployment again then"
            except ClientError as error:
                return str(error)
            else:
                return None
        return reason

    def _release(self, resource: _Resource) -> str | None:
        """Remove what prevents a resource's deletion; returns the reason if that failed, else None."""
        try:
            resource_kinds.release(self.target, resource.type, resource.physical_id)
        except ClientError as error:
            return f"{resource.type} {resource.physical_id}: {error}"
        return None

    def _remove_retained(self, type_: str, physical_id: str) -> None:
        kind = resource_kinds.KINDS.get(type_)
        name = f"{type_} {physical_id}"
        if kind is not None:
            self._remove_one(kind, physical_id, name)
        elif type_ != "AWS::CloudFormation::Stack":  # found by its tag
            self.left[name] = (
                "its stack retained it (DeletionPolicy), and how to remove one is not known here; delete it"
            )

    def _remove_one(self, kind: resource_kinds.RemovableKind, physical_id: str, name: str) -> None:
        try:
            done = resource_kinds.remove(self.target, kind, physical_id)
        except ClientError as error:
            self.left[name] = str(error)
            return
        self.left.pop(name, None)
        if done is not None:
            self._removed(f"{kind.type} {physical_id}", done)

    def _removed(self, name: str, done: str) -> None:
        self.resources[name] = done
        self.reporter.tell("", "delete", f"{name} {done}")

    def _remove_snapshots(self, resources: Mapping[str, set[str]]) -> None:
        for type_, ids in resources.items():
            for physical_id in ids:
                try:
                    for snapshot, delete in resource_kinds.final_snapshots(self.target, type_, physical_id):
                        delete()
                        self._removed(f"snapshot {snapshot}", "deleted")
                except ClientError as error:
                    self.left[f"the snapshots of {type_} {physical_id}"] = str(error)

    def _remove_log_groups(self, resources: Mapping[str, set[str]]) -> None:
        kind = resource_kinds.KINDS["AWS::Logs::LogGroup"]
        try:
            for name in resource_kinds.own_log_groups(self.target, resources):
                self._remove_one(kind, name, f"{kind.type} {name}")
        except ClientError as error:
            self.left["the log groups that services made"] = str(error)

    def _remove_artifacts(self) -> None:
        """The buckets that packages were uploaded to."""
        kind = resource_kinds.KINDS["AWS::S3::Bucket"]
        key, value = self.tag
        s3 = self.target.client("s3")
        # Created by a command that was killed before it could set the tags.
        ours = bucket_name(self.target, value)
        for bucket in s3.list_buckets()["Buckets"]:
            name = bucket["Name"]
            if not name.endswith(bucket_name(self.target, "")):
                continue
            tags = _bucket_tags(s3, name)
            if tags.get(key) == value or (name == ours and not tags):
                self._remove_one(kind, name, f"{kind.type} {name}")

    def _is_blind(self) -> bool:
        """Whether the target's Tagging API lists nothing with the tag although there are stacks with it."""
        try:
            return not self._tagged()
        except ClientError:
            return False  # reported later, with the reason

    def _tagged(self) -> list[str]:
        key, value = self.tag
        # Global resources are listed in us-east-1
        # (https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html).
        regions = {self.target.region, "us-east-1"} if self.target.is_aws else {self.target.region}
        arns: dict[str, None] = {}
        for region in sorted(regions):
            client = self.target.client("resourcegroupstaggingapi", region_name=region)
            pages = client.get_paginator("get_resources").paginate(TagFilters=[{"Key": key, "Values": [value]}])
            for page in pages:
                arns |= dict.fromkeys(mapping["ResourceARN"] for mapping in page["ResourceTagMappingList"])
        return list(arns)

    def _remove_what_is_tagged(self, blind: bool) -> str | None:
        """Remove what still has the tag, from rollbacks or an interrupted removal. Returns why the tags could not be queried."""
        if any(":cloudformation:" in left for left in self.left):
            return "what else carries the tag; it belongs to the stacks that are still there. Removing again asks"
        deadline = time.monotonic() + (_INDEX_ON_AWS_SECONDS if self.target.is_aws else 0)
        while True:
            try:
                arns = self._tagged()
            except ClientError as error:
                return f"the target does not say what still carries the tag: {error}"
            unknown = [arn for arn in arns if arn not in self.left and not self._removed_by_arn(arn)]
            if not unknown or time.monotonic() > deadline:
                break
            time.sleep(_PAUSE_ON_AWS_SECONDS)
        for arn in unknown:
            self.left[arn] = (
                "AWS's Resource Groups Tagging API still lists it, and how to remove one is not known here; delete it, unless "
                "it is gone and the list is late"
            )
        if blind:
            return "the target's Resource Groups Tagging API does not list what carries the stacks' tag"
        return None

    def _removed_by_arn(self, arn: str) -> bool:
        """Remove the resource of an ARN; returns whether it was ours to remove, and so was either removed or reported."""
        if ":cloudformation:" in arn and ":stack/" in arn:
            return find_stack(self.client, arn) is None
        known = resource_kinds.kind_of_arn(arn)
        if known is None:
            return False
        kind, physical_id = known
        self._remove_one(kind, physical_id, f"{kind.type} {physical_id}")
        return True


def _bucket_tags(s3: Any, bucket: str) -> dict[str, str]:
    try:
        return {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    except ClientError as error:
        if resource_kinds.is_gone(error):  # NoSuchTagSet
            return {}
        raise
