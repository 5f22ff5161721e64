"""Templates become stacks on the engine, and change with their templates and code."""

import json
import shutil
import uuid
from pathlib import Path

import pytest

from harness import deploy as deploying
from harness.deploy import delete, deploy, describe, discover
from harness.errors import DeployError

DATA = Path(__file__).parents[1] / "data" / "deploy"


@pytest.fixture
def prefix():
    return f"t{uuid.uuid4().hex[:10]}-"


@pytest.fixture
def folder(tmp_path):
    """A copy of the sample templates that a test may change."""
    shutil.copytree(DATA, tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def up(engine, folder, prefix, tmp_path):
    """Deploys the templates (or some of them) and deletes at the end what it deployed."""
    seen = []

    def run(*folders, events=None, parameters=None, force=False):
        templates = discover(folder, list(folders) or ["*/template.yaml"])
        seen.extend(templates)
        given = {"orders": {"ShopStack": f"{prefix}shop"}}
        given = {t.stack: given[t.stack] for t in templates if t.stack in given} | (parameters or {})
        return deploy(
            engine,
            templates,
            parameters=given,
            work_directory=tmp_path / "work",
            on_event=(events if events is not None else []).append,
            stack_prefix=prefix,
            force=force,
        )

    yield run
    unique = list({template.path: template for template in seen}.values())
    delete(engine, unique, stack_prefix=prefix)


def write_template(folder, name, resources, **sections):
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "template.yaml").write_text(json.dumps({"Resources": resources, **sections}, indent=1))
    return f"{name}/template.yaml"


def test_sam_stack_and_its_importer_are_deployed_in_order(up, aws, engine, prefix):
    events = []
    deployment = up(events=events)
    assert {name: stack.status for name, stack in deployment.stacks.items()} == {"orders": "created", "shop": "created"}
    done = [event.stack for event in events if event.phase == "done"]
    assert done == ["shop", "orders"]

    function = deployment["shop"].outputs["FunctionName"]
    assert deployment["shop"].resources["ListItems"].physical_id == function
    answer = json.load(aws("lambda").invoke(FunctionName=function, Payload=b"{}")["Payload"])
    assert answer == {"statusCode": 200, "body": "hello, world"}, "the function, its layer and its environment"

    again = describe(engine, discover(DATA, ["*/template.yaml"]), stack_prefix=prefix)
    assert again["shop"].outputs == deployment["shop"].outputs
    assert again["shop"].status == "deployed"


def test_unchanged_stacks_are_neither_built_nor_updated(up):
    up("orders", "shop")
    events = []
    second = up("orders", "shop", events=events)
    assert {stack.status for stack in second.stacks.values()} == {"unchanged"}
    # A warning says which interpreter stands in for one that the target does not have.
    assert {event.phase for event in events} - {"warning"} == {"read", "unchanged"}


def test_a_comment_in_the_template_is_no_change(up, folder):
    up("shop")
    template = folder / "shop" / "template.yaml"
    template.write_text("# what the shop is for\n" + template.read_text())
    assert up("shop")["shop"].status == "unchanged"


def test_new_code_alone_reaches_the_function(up, aws, folder):
    function = up("shop")["shop"].outputs["FunctionName"]
    code = folder / "shop" / "functions" / "items.py"
    code.write_text(code.read_text().replace('"statusCode": 200', '"statusCode": 201'))
    deployment = up("shop")
    assert deployment["shop"].status == "updated"
    assert deployment["shop"].outputs["FunctionName"] == function
    answer = json.load(aws("lambda").invoke(FunctionName=function, Payload=b"{}")["Payload"])
    assert answer["statusCode"] == 201


def test_a_parameter_that_changes_updates_the_stack(up, aws):
    up("shop")
    deployment = up("shop", parameters={"shop": {"Greeting": "servus"}})
    assert deployment["shop"].status == "updated"
    function = deployment["shop"].outputs["FunctionName"]
    assert json.load(aws("lambda").invoke(FunctionName=function, Payload=b"{}")["Payload"])["body"] == "servus, world"


def test_deploy_failure_names_stack_resource_reason_and_line(up, folder):
    file = write_template(
        folder,
        "broken",
        {
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Subscription": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "TopicArn": "arn:aws:sns:us-east-1:000000000000:there-is-no-such-topic",
                    "Protocol": "sqs",
                    "Endpoint": "arn:aws:sqs:us-east-1:000000000000:any",
                },
            },
        },
    )
    with pytest.raises(DeployError) as caught:
        up(file)
    [failure] = caught.value.failures
    assert (failure.stack, failure.logical_id, failure.type) == ("broken", "Subscription", "AWS::SNS::Subscription")
    assert "Topic does not exist" in failure.reason
    line = next(n for n, text in enumerate((folder / file).read_text().splitlines(), 1) if '"Subscription"' in text)
    assert str(caught.value).startswith(f"{folder / file}:{line}: stack broken failed at Subscription")


def test_stack_failed_at_creation_is_recreated_when_fixed(up, folder):
    wrong = {"Topic": {"Type": "AWS::SNS::Topic"}, "Key": {"Type": "AWS::KMS::Alias", "Properties": {
        "AliasName": "alias/aws/reserved", "TargetKeyId": "00000000-0000-0000-0000-000000000000"}}}  # fmt: skip
    with pytest.raises(DeployError):
        up(write_template(folder, "second-try", wrong))
    right = {"Topic": {"Type": "AWS::SNS::Topic"}}
    assert up(write_template(folder, "second-try", right))["second-try"].status == "created"


def test_deploy_failure_finishes_independent_stacks_only(up, folder, prefix, engine):
    bad_alias = {"AliasName": "alias/aws/reserved", "TargetKeyId": "00000000-0000-0000-0000-000000000000"}
    failing = write_template(
        folder,
        "base",
        {"Topic": {"Type": "AWS::SNS::Topic"}, "Key": {"Type": "AWS::KMS::Alias", "Properties": bad_alias}},
        Outputs={"Arn": {"Value": {"Ref": "Topic"}, "Export": {"Name": f"{prefix}base-topic"}}},
    )
    above = write_template(
        folder,
        "above",
        {"P": {"Type": "AWS::SSM::Parameter", "Properties": {
            "Type": "String", "Value": {"Fn::ImportValue": f"{prefix}base-topic"}}}},
    )  # fmt: skip
    beside = write_template(folder, "beside", {"Queue": {"Type": "AWS::SQS::Queue"}})
    with pytest.raises(DeployError, match="Not deployed, because they need a failed stack: above") as caught:
        up(failing, above, beside)
    assert [failure.stack for failure in caught.value.failures] == ["base"]
    now = describe(engine, discover(folder, [above, beside]), stack_prefix=prefix)
    assert list(now.stacks) == ["beside"]
    assert now.missing == ("above",)


def test_nested_template_is_deployed_with_the_outer_one(up, folder):
    (folder / "outer").mkdir()
    (folder / "outer" / "inner.yaml").write_text(
        "Parameters:\n  Name: {Type: String}\nResources:\n  Queue:\n    Type: AWS::SQS::Queue\n"
        "    Properties: {QueueName: !Ref Name}\nOutputs:\n  Arn: {Value: !GetAtt Queue.Arn}\n"
    )
    name = f"nested-{uuid.uuid4().hex[:8]}"
    file = write_template(
        folder,
        "outer",
        {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {
            "TemplateURL": "./inner.yaml", "Parameters": {"Name": name}}}},
        Outputs={"QueueArn": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Arn"]}}},
    )  # fmt: skip
    assert up(file)["outer"].outputs["QueueArn"].endswith(f":{name}")


def test_template_over_51200_bytes_is_deployed_through_s3(up, folder):
    resources = {
        f"Parameter{n}": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x" * 4000}}
        for n in range(14)
    }
    file = write_template(folder, "large", resources)
    assert (folder / file).stat().st_size > 51_200
    assert len(up(file)["large"].resources) == 14


def test_state_machine_yaml_file_is_deployed_with_substitutions(up, folder, aws):
    (folder / "machine").mkdir()
    (folder / "machine" / "definition.yaml").write_text(
        "StartAt: Say\nStates:\n  Say: {Type: Pass, Result: '${Word}', End: true}\n"
    )
    file = write_template(
        folder,
        "machine",
        {
            "Machine": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {"DefinitionUri": "definition.yaml", "DefinitionSubstitutions": {"Word": "moin"}},
            }
        },
        Transform="AWS::Serverless-2016-10-31",
    )
    arn = up(file)["machine"].resources["Machine"].physical_id
    definition = json.loads(aws("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"])
    assert definition["States"]["Say"]["Result"] == "moin"


def test_delete_removes_importing_stacks_first(engine, folder, prefix, up):
    up("orders", "shop")
    templates = discover(folder, ["orders", "shop"])
    assert delete(engine, templates, stack_prefix=prefix) == ("orders", "shop")
    now = describe(engine, templates, stack_prefix=prefix)
    assert now.missing == ("orders", "shop")
    with pytest.raises(KeyError, match="Not deployed: orders, shop"):
        now["shop"]


def test_the_names_that_others_use_are_there():
    assert set(deploying.__all__) >= {"discover", "deploy", "describe", "delete", "Deployment", "DeployedStack"}
