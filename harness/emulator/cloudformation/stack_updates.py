"""Updates of stacks change what is there, or fail.

LocalStack 4.14.0 reports an update of a resource whose provider has none as done, writes a warning into its log and leaves the
resource as it was: a rule keeps its old pattern, a stage its old deployment. Here a type that `in_place` knows is changed as
AWS changes it; a change of any other fails, which says so.
"""

from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api.cloudformation import ExecutionStatus, StackStatus
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.resource_provider import (
    ProgressEvent,
    ResourceProvider,
    ResourceProviderExecutor,
    convert_payload,
)
from localstack.utils.patch import patch

from harness.emulator.cloudformation.in_place import CHANGES
from harness.emulator.cloudformation.updates import failed, updated


class UpdateFailedError(Exception):
    """A resource could not be updated; the message is its reason."""


def install() -> None:
    @patch(ChangeSetModelExecutor.execute)
    def execute(original: Any, self: ChangeSetModelExecutor) -> Any:
        """UpdateStack ended in UPDATE_COMPLETE whatever failed: it looks for exceptions alone."""
        stack = self._change_set.stack
        # A change set that is executed has its own way to tell.
        directly = self._change_set.execution_status == ExecutionStatus.AVAILABLE
        updates = directly and stack.status == StackStatus.UPDATE_IN_PROGRESS
        result = original(self)
        if updates and result.failure_message:
            raise UpdateFailedError(result.failure_message)
        return result

    @patch(ResourceProviderExecutor.execute_action)
    def execute_action(original: Any, self: Any, provider: ResourceProvider, payload: Any) -> ProgressEvent:
        if payload["action"] not in ("Modify", "Dynamic"):
            return original(self, provider, payload)
        request = convert_payload(stack_name=self.stack_name, stack_id=self.stack_id, payload=payload)
        if request.previous_state is None:
            return original(self, provider, payload)
        try:
            return provider.update(request)
        except NotImplementedError:
            return updated(provider, request, CHANGES)
        except ClientError as error:
            return failed(request, str(error), error)
