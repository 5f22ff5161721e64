"""Functions that CloudFormation makes, and how soon they can be used."""

import json
from uuid import uuid4

import pytest

from tests.contract.functions import ROLE, archive

INLINE = """
Resources:
  Inline:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      Role: {role}
      Code:
        ZipFile: |
          def handler(event, context):
              return "{answer}"
Outputs:
  Name:
    Value: !Ref Inline
"""


@pytest.fixture
def stack(aws):
    """`stack(template)`: creates or updates one stack; answers its outputs."""
    client = aws("cloudformation")
    name = f"contract-{uuid4().hex[:12]}"
    made = []

    def deploy(template):
        action = "update" if made else "create"
        getattr(client, f"{action}_stack")(StackName=name, TemplateBody=template)
        made.append(name)
        client.get_waiter(f"stack_{action}_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        [described] = client.describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}

    yield deploy
    client.delete_stack(StackName=name)


def test_code_in_the_template_runs_and_is_replaced_by_an_update(stack, aws):
    def answer(name):
        return json.loads(aws("lambda").invoke(FunctionName=name)["Payload"].read())

    name = stack(INLINE.format(role=ROLE, answer="one"))["Name"]
    assert answer(name) == "one"
    assert stack(INLINE.format(role=ROLE, answer="two"))["Name"] == name
    assert answer(name) == "two"


def test_reserved_concurrency_follows_the_template(stack, aws):
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""

    def deployed(reserved):
        template = INLINE.format(role=ROLE, answer="one")
        setting = "" if reserved is None else f"      ReservedConcurrentExecutions: {reserved}\n"
        name = stack(template.replace("      Code:\n", f"{setting}      Code:\n"))["Name"]
        return aws("lambda").get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")

    assert [deployed(reserved) for reserved in (3, 0, None)] == [3, 0, None]


def test_function_is_active_after_create_function_returns(aws):
    # Not AWS's time, but its states: what the call answers is Pending, what is asked next is Active.
    client = aws("lambda")
    name = f"contract-{uuid4().hex[:12]}"
    created = client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": archive({"index.py": "def handler(event, context): ...\n"})},
    )
    state = client.get_function_configuration(FunctionName=name)["State"]
    client.delete_function(FunctionName=name)

    assert (created["State"], state) == ("Pending", "Active")
