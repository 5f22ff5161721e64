"""What `[tool.harness.delays]` says is what the engine does."""

import json
import os

import pytest

from harness.engine import EmbeddedEngine
from harness.engine.ports import any_free_port
from harness.flow import Flows
from harness.journal.records import Kind
from harness.settings import Delays
from tests.contract.roles import make_roles

WAITS = {
    "StartAt": "Rest",
    "States": {
        "Rest": {"Type": "Wait", "Seconds": 36000, "Next": "Ask"},
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "", "MessageBody": {"token.$": "$$.Task.Token"}},
            "TimeoutSeconds": 36000,
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Unanswered"}],
            "End": True,
        },
        "Unanswered": {"Type": "Pass", "End": True},
    },
}


@pytest.fixture
def hasty(tmp_path):
    engine = EmbeddedEngine(
        tmp_path, port=any_free_port(), delays=Delays(step_functions_factor=0.00002), owner_pid=os.getpid()
    )
    target = engine.start()
    make_roles(target)
    yield target
    engine.stop()


def test_state_machine_waits_and_timeouts_scale_by_one_factor(hasty):
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html"""
    url = hasty.client("sqs").create_queue(QueueName="asked")["QueueUrl"]
    definition = json.loads(json.dumps(WAITS))
    definition["States"]["Ask"]["Parameters"]["QueueUrl"] = url
    machine = hasty.client("stepfunctions").create_state_machine(
        name="waits", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/any"
    )["stateMachineArn"]
    flows = Flows(hasty)
    flows.open()
    with flows.flow() as f:
        hasty.client("stepfunctions").start_execution(stateMachineArn=machine)
    f.settle()
    entered = [n.data["event"]["details"] for n in f.find(Kind.TRANSITION, name="PassStateEntered")]
    flows.close()
    assert len(entered) == 1
