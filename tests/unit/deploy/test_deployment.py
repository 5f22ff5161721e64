"""What a deployment tells of itself."""

import pytest

from harness.deploy import DeployedStack, DeployError, Resource, Template, describe
from harness.deploy.deployment import Named, deployment_of
from harness.engine import Target


def stack(name):
    return DeployedStack(
        name=name,
        status="created",
        outputs=Named(f"output of stack {name}", {"ApiUrl": "http://x"}),
        resources=Named(f"resource in stack {name}", {"Table": Resource("Table", "AWS::DynamoDB::Table", "t")}),
        stack_name=name,
        stack_id="arn",
        cloudformation_status="CREATE_COMPLETE",
    )


def test_an_unknown_name_is_answered_with_the_known_ones():
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


def test_a_target_that_does_not_answer_is_named(tmp_path):
    nobody = Target(engine="endpoint", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(DeployError, match=r"The target at http://127.0.0.1:9 refused or did not answer"):
        describe(nobody, [Template(tmp_path / "template.yaml", "app")])
