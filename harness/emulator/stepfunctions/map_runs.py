"""Distributed Map states whose items fail.

LocalStack 4.14.0 tolerates every failure and returns null for the item. AWS fails the state once more items have failed than
`ToleratedFailureCount` or `ToleratedFailurePercentage` allow, which is none where neither is given.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched
from harness.emulator.stepfunctions.failures import failure

SERVICE = "stepfunctions"


def exceeded(failed: int, total: int, count: int, percentage: float) -> bool:
    """Whether more items failed than are tolerated; either limit is enough to be over."""
    if failed == 0:
        return False
    if not count and not percentage:
        return True
    over_count = bool(count) and failed > count
    over_percentage = bool(percentage) and total > 0 and 100 * failed / total > percentage
    return over_count or over_percentage


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.distributed_iteration_component import (  # noqa: E501
        DistributedIterationComponent,
    )
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor.distributed_item_processor_worker import (  # noqa: E501
        DistributedItemProcessorWorker,
    )
    from localstack.services.stepfunctions.asl.eval.program_state import ProgramError

    @patched(
        DistributedItemProcessorWorker._eval_job,
        because="a distributed Map tolerates every failure",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold",
    )
    def evaluate_item(original: Any, self: Any, env: Any, job: Any) -> None:
        original(self, env, job)
        state = env.program_state()
        if isinstance(state, ProgramError):
            # What a child workflow that failed leaves in the results.
            error = state.error or {}
            job.job_output = {"Error": error.get("error", ""), "Cause": error.get("cause", "")}

    @patched(
        DistributedIterationComponent._map_run,
        because="a distributed Map tolerates every failure",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold",
    )
    def run(original: Any, self: Any, env: Any, eval_input: Any) -> None:
        original(self, env, eval_input)
        items = eval_input.map_run_record.item_counter
        failed = items.failed.get() + items.timed_out.get()
        record = eval_input.map_run_record
        if exceeded(failed, items.total.get(), record.tolerated_failure_count, record.tolerated_failure_percentage):
            cause = "The specified tolerated failure threshold was exceeded"
            raise failure(env, StatesErrorNameType.StatesExceedToleratedFailureThreshold, cause)
