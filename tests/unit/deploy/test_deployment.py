"""The progress and the result that a deployment reports."""

import pytest

from harness.deploy import DeployedResource, DeployedStack, Template, describe
from harness.deploy.deployment import Named, Withheld, deployment_of, read_stack
from harness.engine import Target
from harness.errors import DeployError, MissingCapabilityError


def stack(name):
    return DeployedStack(
        name=name,
        status="created",
        outputs=Named(f"output of stack {name}", {"ApiUrl": "http://x"}),
        resources=Named(f"resource in stack {name}", {"Table": DeployedResource("Table", "AWS::DynamoDB::Table", "t")}),
        stack_name=name,
        stack_id="arn",
        cloudformation_status="CREATE_COMPLETE",
    )


def test_unknown_name_raises_with_the_known_names():
    deployment = deployment_of([stack("users"), stack("shop")], ["web"])
    with pytest.raises(KeyError) as caught:
        deployment["user"]
    assert str(caught.value) == (
        "There is no stack 'user'; there are: shop, users. Not deployed: web; 'harness up' deploys them."
    )
    with pytest.raises(KeyError, match=r"There is no output of stack shop 'Url'; there are: ApiUrl."):
        deployment["shop"].outputs["Url"]
    with pytest.raises(KeyError, match=r"There is no resource in stack shop 'Tabel'; there are: Table."):
        deployment["shop"].resources["Tabel"]


def test_skipped_stack_raises_missing_capability_on_access():
    deployment = deployment_of(
        [stack("shop")], withheld={"users": Withheld("cognito-idp", "users is not deployed: ...")}
    )
    for ask in (lambda: deployment["users"], lambda: deployment.stacks["users"]):
        with pytest.raises(MissingCapabilityError, match="users is not deployed") as lack:
            ask()
        assert lack.value.capability == "cognito-idp"
    assert list(deployment.stacks) == ["shop"]
    assert "users" not in deployment.stacks
    with pytest.raises(KeyError, match="There is no stack 'user'; there are: shop"):
        deployment["user"]


class CloudFormation:
    """LocalStack 4.14.0's result for a stack with a resource of an unsupported type."""

    PRETENCE = "Resource type AWS::Events::Archive is not supported but was deployed as a fallback"

    def get_paginator(self, _name):
        return self

    def paginate(self, **_arguments):
        bus = {"LogicalResourceId": "Bus", "ResourceType": "AWS::Events::EventBus", "PhysicalResourceId": "lumen"}
        archive = {
            "LogicalResourceId": "Archive",
            "ResourceType": "AWS::Events::Archive",
            "PhysicalResourceId": "unknown",
            "ResourceStatusReason": self.PRETENCE,
        }
        return [{"StackResourceSummaries": [bus, archive]}]


def test_pretended_resource_raises_missing_capability_on_access():
    outputs = [{"OutputKey": "Bus", "OutputValue": "lumen"}, {"OutputKey": "Archive", "OutputValue": "unknown"}]
    found = {"StackId": "arn", "StackName": "platform", "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}
    stack = read_stack(CloudFormation(), found, "platform", "created")
    assert list(stack.resources) == ["Bus"]
    assert dict(stack.outputs) == {"Bus": "lumen"}
    with pytest.raises(MissingCapabilityError, match="Archive of platform is not there"):
        stack.outputs["Archive"]
    with pytest.raises(
        MissingCapabilityError, match=f"Archive of platform is not there.*: {CloudFormation.PRETENCE}"
    ) as lack:
        stack.resources["Archive"]
    assert lack.value.capability == "AWS::Events::Archive"


def test_unreachable_target_is_named_in_the_error(tmp_path):
    nobody = Target(engine="endpoint", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(DeployError, match=r"The target at http://127.0.0.1:9 refused or did not answer"):
        describe(nobody, [Template(tmp_path / "template.yaml", "app")])
