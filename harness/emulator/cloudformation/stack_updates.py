"""Updates of stacks change existing resources, or fail and roll back; a created resource has all its properties.

LocalStack 4.14.0 reports an update of a resource whose provider has none as done, writes a warning into its log and leaves the
resource as it was: a rule keeps its old pattern, a stage its old deployment. Here a known type (`known_types`) is changed as AWS
changes it; a change of any other type fails with that reason, and what the update had changed by then is rolled back.
Properties that LocalStack's provider ignores on creation (`left_out`) are set, too.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api.cloudformation import ChangeAction, ExecutionStatus, StackStatus
from localstack.services.cloudformation import resource_provider
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import PreprocProperties
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceProviderExecutor,
    ResourceRequest,
    convert_payload,
)

from harness.emulator.cloudformation.left_out import completed
from harness.emulator.cloudformation.updates import created, failed, updated
from harness.emulator.patches import patched, replaced


class UpdateFailedError(Exception):
    """A resource could not be updated; the message is its reason."""


def install() -> None:
    patched(
        ChangeSetModelExecutor.execute,
        because="updates of most resource types are reported as done and change nothing",
        source="https://github.com/localstack/localstack/issues/10927",
    )(_execute)

    # What removes a resource takes it from there.
    replaced(
        resource_provider,
        "convert_payload",
        _converted,
        because="updates of most resource types are reported as done and change nothing",
        source="https://github.com/localstack/localstack/issues/10927",
    )

    patched(
        ResourceProviderExecutor.execute_action,
        because="updates of most resource types are reported as done and change nothing",
        source="https://github.com/localstack/localstack/issues/10927",
    )(_execute_action)


def _execute(original: Any, self: ChangeSetModelExecutor) -> Any:
    change_set, stack = self._change_set, self._change_set.stack
    if stack.status != StackStatus.UPDATE_IN_PROGRESS:
        return original(self)
    # A change set that is executed reports its end itself.
    directly = change_set.execution_status == ExecutionStatus.AVAILABLE
    before = deepcopy(dict(stack.resolved_resources))
    with _without_an_end(self):
        result = original(self)
    if result.failure_message is None:
        return result
    stack.set_stack_status(StackStatus.UPDATE_ROLLBACK_IN_PROGRESS, result.failure_message)
    failures = list(_rolled_back(self, before))
    # The executor of the change set takes these for the stack's.
    change_set.template, change_set.template_body = stack.template, stack.template_body
    change_set.processed_template = stack.processed_template
    change_set.resolved_parameters = stack.resolved_parameters
    if failures:
        stack.set_stack_status(StackStatus.UPDATE_ROLLBACK_FAILED, "; ".join(failures))
    else:
        stack.set_stack_status(StackStatus.UPDATE_ROLLBACK_COMPLETE)
    if directly:
        # UpdateStack ended in UPDATE_COMPLETE whatever failed: it looks for exceptions alone.
        raise UpdateFailedError(result.failure_message)
    return replace(result, resources=before)


def _converted(**payload: Any) -> ResourceRequest:
    return completed(convert_payload(**payload))


def _execute_action(original: Any, self: Any, provider: ResourceProvider, payload: Any) -> ProgressEvent:
    request = _converted(stack_name=self.stack_name, stack_id=self.stack_id, payload=payload)
    if payload["action"] == "Add":
        return created(provider, request, provider.create(request))
    if payload["action"] not in ("Modify", "Dynamic"):
        return original(self, provider, payload)
    if request.previous_state is None:
        return original(self, provider, payload)
    try:
        return provider.update(request)
    except NotImplementedError:
        return updated(provider, request)
    except ClientError as error:
        return failed(request, str(error), error)


@contextmanager
def _without_an_end(executor: ChangeSetModelExecutor) -> Iterator[None]:
    """A failed update removes no resource that the new template does not have, and is not over: LocalStack calls it
    ROLLBACK_COMPLETE and rolls nothing back."""
    stack, process = executor._change_set.stack, executor.process
    set_stack_status = stack.set_stack_status

    def processed() -> None:
        try:
            process()
        except Exception:
            executor._deferred_actions.clear()
            raise

    def not_the_end(status: StackStatus, *reason: Any) -> None:
        if status != StackStatus.ROLLBACK_COMPLETE:
            set_stack_status(status, *reason)

    executor.process, stack.set_stack_status = processed, not_the_end
    try:
        yield
    finally:
        del executor.process, stack.set_stack_status


def _rolled_back(executor: ChangeSetModelExecutor, before: Mapping[str, Any]) -> Iterator[str]:
    """Bring back what an update had changed until it failed, the last first; what could not be, with the reason
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html)."""
    for logical_id, now in reversed(list(executor.resources.items())):
        was: Mapping[str, Any] = before.get(logical_id, {})
        untouched = was.get("LastUpdatedTimestamp") == now.get("LastUpdatedTimestamp")
        if untouched or not str(now["ResourceStatus"]).endswith("_COMPLETE"):
            continue
        properties = PreprocProperties(now["Properties"])
        made = was.get("PhysicalResourceId") != now["PhysicalResourceId"]
        event = executor._execute_resource_action(
            action=ChangeAction.Remove if made else ChangeAction.Modify,
            logical_resource_id=logical_id,
            resource_type=now["Type"],
            before_properties=properties,
            after_properties=None if made else PreprocProperties(deepcopy(was["Properties"])),
            part_of_replacement=made,
        )
        if event.status is not OperationStatus.SUCCESS:
            yield f"{logical_id}: {event.message}"
