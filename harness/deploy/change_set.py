"""Creates, updates or deletes one stack on the target through change sets, and reports its events as they happen.

Change sets are used instead of CreateStack and UpdateStack because they show whether anything changes. In LocalStack
4.14.0, UpdateStack also loses the tags of an update and reports a failed update as UPDATE_COMPLETE.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from harness.deploy.deployment import find_stack
from harness.engine import Target

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]

# A stack whose creation failed: AWS does not update it, only deletes it
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html).
NEVER_CAME_TO_BE = frozenset(
    {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}
)
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")

# LocalStack reports CREATE_FAILED for the stack when the resource fails, and ROLLBACK_COMPLETE after the cleanup.
_GRACE_SECONDS = 2.0
# The pause between two polls of a stack. AWS needs minutes for a stack and throttles frequent calls.
_LOCAL_POLL_SECONDS = 0.06
_AWS_POLL_SECONDS = 2.0
# The pause is also at least this many times the duration of the poll, so that polling does not slow the engine down.
_PAUSE_PER_LOOK = 3.0
# LocalStack gives one resource 300 seconds. A stack without events for longer has lost its worker thread.
_SILENCE_SECONDS = 330.0


@dataclass(frozen=True, slots=True)
class StackEvent:
    logical_id: str
    type: str
    status: str
    reason: str
    physical_id: str
    about_the_stack: bool


class StackFailedError(Exception):
    """The target refused the stack or could not finish it; `event` is the first resource that failed, if any."""

    def __init__(self, reason: str, event: StackEvent | None = None) -> None:
        super().__init__(reason)
        self.reason, self.event = reason, event


@dataclass(frozen=True)
class StackClient:
    """CloudFormation of a target. `poll_seconds` is the shortest pause between two polls."""

    client: Any
    poll_seconds: float
    local: bool
    tell: Callable[[StackEvent], None]

    def apply(
        self,
        stack_name: str,
        template: Mapping[str, str],
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
        change_set_name: str,
    ) -> str:
        """Create or update a stack from `template` ({"TemplateBody"} or {"TemplateURL"}).

        Returns created, updated or unchanged. Raises StackFailedError.
        """
        existing = self._ready_stack(stack_name)
        kind = "UPDATE" if existing else "CREATE"
        try:
            created = self.client.create_change_set(
                StackName=stack_name,
                ChangeSetName=change_set_name,
                ChangeSetType=kind,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                Capabilities=CAPABILITIES,
                **template,
            )
            change_set_id, stack_id = created["Id"], created["StackId"]
            if not self._has_changes(change_set_id):
                self.client.delete_change_set(ChangeSetName=change_set_id)
                return "unchanged"
            seen = {event["EventId"] for event in self._raw_events(stack_id)}
            self.client.execute_change_set(ChangeSetName=change_set_id)
        except ClientError as error:
            raise StackFailedError(_message(error)) from error
        self._follow(stack_id, seen)
        self._wait_for_outputs(stack_id, change_set_id)
        return "updated" if existing else "created"

    def delete(self, stack_name: str) -> bool:
        """Delete a stack; returns whether it existed. Raises StackFailedError."""
        found = find_stack(self.client, stack_name)
        if found is None:
            return False
        stack_id = found["StackId"]
        seen = {event["EventId"] for event in self._raw_events(stack_id)}
        self.client.delete_stack(StackName=stack_id)
        heard = time.monotonic()
        while True:
            looked = time.monotonic()
            stack = self.client.describe_stacks(StackName=stack_id)["Stacks"][0]
            for event in self._new_events(stack_id, seen):
                self.tell(event)
                heard = time.monotonic()
            if stack["StackStatus"] == "DELETE_COMPLETE":
                return True
            # LocalStack sets DELETE_FAILED for each failed resource, also for one that never existed, and continues.
            if stack["StackStatus"] == "DELETE_FAILED" and time.monotonic() - heard > _GRACE_SECONDS:
                failed = self._first_failure(stack_id, seen=set(), statuses=("DELETE_FAILED",))
                reason = failed.reason if failed else stack.get("StackStatusReason", "")
                raise StackFailedError(f"it could not be deleted: {reason or 'the target gives no reason'}", failed)
            self._pause(looked)

    def _ready_stack(self, stack_name: str) -> Mapping[str, Any] | None:
        """The stack to update; None if there is none, or if its creation never completed."""
        found = find_stack(self.client, stack_name)
        while found is not None and _is_busy(found["StackStatus"]):
            # Another command is deploying it; CloudFormation runs one operation on a stack at a time.
            time.sleep(self.poll_seconds)
            found = find_stack(self.client, stack_name)
        if found is not None and found["StackStatus"] in NEVER_CAME_TO_BE:
            self.delete(stack_name)
            return None
        return found

    def _has_changes(self, change_set_id: str) -> bool:
        while True:
            change_set = self.client.describe_change_set(ChangeSetName=change_set_id)
            status = change_set["Status"]
            if status == "CREATE_COMPLETE":
                return True
            if status == "FAILED":
                reason = change_set.get("StatusReason", "")
                if any(text in reason for text in _NO_CHANGES):
                    return False
                raise StackFailedError(reason or "the change set failed, and the target gives no reason")
            time.sleep(self.poll_seconds)

    def _follow(self, stack_id: str, seen: set[str]) -> None:
        """Report events until the operation ends. Raises StackFailedError with the first resource that failed."""
        before = set(seen)
        status = ""
        heard = time.monotonic()
        while True:
            looked = time.monotonic()
            for event in self._new_events(stack_id, seen):
                heard = time.monotonic()
                self.tell(event)
                if event.about_the_stack:
                    status = event.status
            silent = time.monotonic() - heard
            if status.endswith("_COMPLETE") or (status.endswith("_FAILED") and silent > _GRACE_SECONDS):
                break
            if self.local and silent > _SILENCE_SECONDS:
                raise StackFailedError(
                    f"the target has told nothing for {silent:.0f} seconds; its last word was {status}"
                )
            self._pause(looked)
        # The status alone is not enough: LocalStack has reported updates as complete in which a resource failed.
        failed = self._first_failure(stack_id, before, ("CREATE_FAILED", "UPDATE_FAILED"))
        if failed is not None or status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            reason = failed.reason if failed else f"it ended as {status}"
            raise StackFailedError(reason or "the target gives no reason", failed)

    def _pause(self, looked: float) -> None:
        """Wait after a poll that began at `looked`."""
        time.sleep(max(self.poll_seconds, _PAUSE_PER_LOOK * (time.monotonic() - looked)))

    def _wait_for_outputs(self, stack_id: str, change_set_id: str) -> None:
        """LocalStack sets a stack's outputs and exports after its status, and the change set's id last."""
        deadline = time.monotonic() + _GRACE_SECONDS
        while time.monotonic() < deadline:
            stack = self.client.describe_stacks(StackName=stack_id)["Stacks"][0]
            if stack.get("ChangeSetId") == change_set_id:
                return
            time.sleep(0.01)

    def _first_failure(self, stack_id: str, seen: set[str], statuses: Sequence[str]) -> StackEvent | None:
        """The oldest failure that no other failure caused; for a nested stack, the failure inside it."""
        failures = [
            event
            for event in self._new_events(stack_id, set(seen))
            if not event.about_the_stack and event.status in statuses and not event.reason.startswith(_CANCELLED)
        ]
        if not failures:
            return None
        first = failures[0]
        if first.type == "AWS::CloudFormation::Stack" and first.physical_id and first.physical_id != stack_id:
            try:
                inner = self._first_failure(first.physical_id, set(), statuses)
            except ClientError:
                inner = None
            if inner is not None:
                reason = f"in the nested stack, {inner.logical_id} ({inner.type}): {inner.reason}"
                return StackEvent(first.logical_id, first.type, first.status, reason, first.physical_id, False)
        return first

    def _new_events(self, stack_id: str, seen: set[str]) -> Iterator[StackEvent]:
        """Events that are not in `seen`, oldest first. Adds them to `seen`."""
        for event in reversed(self._raw_events(stack_id, seen)):
            seen.add(event["EventId"])
            physical_id = event.get("PhysicalResourceId") or ""
            yield StackEvent(
                logical_id=event["LogicalResourceId"],
                type=event.get("ResourceType", ""),
                status=event.get("ResourceStatus", ""),
                reason=event.get("ResourceStatusReason", ""),
                physical_id=physical_id,
                about_the_stack=physical_id == stack_id,
            )

    def _raw_events(self, stack_id: str, seen: set[str] | None = None) -> list[dict[str, Any]]:
        """Newest first, up to the first event that is in `seen`."""
        events: list[dict[str, Any]] = []
        for page in self.client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            for event in page["StackEvents"]:
                if seen is not None and event["EventId"] in seen:
                    return events
                events.append(event)
        return events


def stack_client(target: Target, client: Any, tell: Callable[[StackEvent], None]) -> StackClient:
    """A StackClient whose polling fits the target."""
    if target.is_aws:
        return StackClient(client, _AWS_POLL_SECONDS, local=False, tell=tell)
    return StackClient(client, _LOCAL_POLL_SECONDS, local=True, tell=tell)


def _is_busy(status: str) -> bool:
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def _message(error: ClientError) -> str:
    details = error.response["Error"]
    return f"{details.get('Message', '')} ({details.get('Code', '')})"
