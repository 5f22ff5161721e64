"""Removal from an AWS account, which moto emulates: stacks' tags, the Resource Groups Tagging API, foreign stacks."""

import json

import moto.backends
import pytest
from moto import mock_aws

from harness.deploy import Left, Removal, change_set, removal, remove
from harness.engine import Target

pytestmark = pytest.mark.slow

TAG = ("harness:run", "r-1")
TAGS = [{"Key": TAG[0], "Value": TAG[1]}]
KEY = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}
QUEUE = {"Type": "AWS::SQS::Queue"}


def table(**attributes):
    return {"Type": "AWS::DynamoDB::Table", "Properties": KEY, **attributes}


class Account:
    """An AWS account; `imports` gives the importing stacks by export, which moto does not know."""

    def __init__(self):
        self.target = Target("aws", None, "eu-west-1", "123456789012")
        self.imports = {}
        events = self.target.session.events
        events.register("before-call.cloudformation.ListImports", self._list_imports)

    def _list_imports(self, params, **_):
        class Answered:
            status_code = 200

        return Answered(), {"Imports": self.imports.get(params["body"]["ExportName"], [])}

    def when(self, operation, act):
        """Do something at each call of a CloudFormation operation, before it is carried out."""
        name = f"before-call.cloudformation.{operation}"
        self.target.session.events.register(name, lambda params, **_: act(params["body"]))

    def status(self, stack_id, status=None):
        """The status of a stack, after setting it if one is passed; None for a deleted stack."""
        stack = moto.backends.get_backend("cloudformation")["123456789012"]["eu-west-1"].stacks.get(stack_id)
        if stack is None:
            return None
        stack.status = status or stack.status
        return stack.status

    def client(self, service):
        return self.target.client(service)

    def stack(self, name, resources, *, tags=TAGS, exports=()):
        outputs = {f"O{n}": {"Value": "x", "Export": {"Name": export}} for n, export in enumerate(exports)}
        body = json.dumps({"Resources": resources, "Outputs": outputs})
        return self.client("cloudformation").create_stack(StackName=name, TemplateBody=body, Tags=tags)["StackId"]

    def stacks(self):
        return {stack["StackName"] for stack in self.client("cloudformation").describe_stacks()["Stacks"]}

    def tables(self):
        return self.client("dynamodb").list_tables()["TableNames"]

    def queues(self):
        return self.client("sqs").list_queues().get("QueueUrls", [])

    def remove(self):
        return remove(self.target, TAG)


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setattr(removal, "_PAUSE_ON_AWS_SECONDS", 0)
    monkeypatch.setattr(removal, "_INDEX_ON_AWS_SECONDS", 0)
    monkeypatch.setattr(change_set, "_AWS_POLL_SECONDS", 0.01)
    with mock_aws():
        yield Account()


def test_removal_deletes_importing_stacks_first(account):
    account.imports = {"base-x": ["middle"], "middle-x": ["top"]}
    account.stack("top", {"Q": QUEUE})
    account.stack("base", {"Q": QUEUE}, exports=["base-x"])
    account.stack("middle", {"Q": QUEUE}, exports=["middle-x"])
    assert account.remove().stacks == ("top", "middle", "base")


def test_the_import_of_a_nested_stack_is_its_roots(account):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html: RootId."""
    account.imports = {"base-x": ["app-Nested-1"]}
    base = account.stack("base", {"Q": QUEUE}, exports=["base-x"])
    app = account.stack("app", {"Q": QUEUE})
    nested = account.stack("app-Nested-1", {"Q": QUEUE})
    api = account.client("cloudformation")
    stacks = [api.describe_stacks(StackName=stack_id)["Stacks"][0] for stack_id in (base, app, nested)]
    stacks[2] |= {"ParentId": app, "RootId": app}

    class Answered:
        status_code = 200

    def list_all(body):
        if "StackName" in body:
            return None
        return Answered(), {"Stacks": [stack for stack in stacks if account.status(stack["StackId"])]}

    account.when("DescribeStacks", list_all)

    def delete_nested(body):
        if body["StackName"] == app:
            api.delete_stack(StackName=nested)  # goes with its root, as on AWS

    account.when("DeleteStack", delete_nested)
    told = account.remove()
    assert (told.stacks, told.is_complete) == (("app", "base"), True)


def test_removal_keeps_and_reports_stacks_with_foreign_importers(account):
    account.imports = {"base-x": ["middle"], "middle-x": ["theirs"]}
    base = account.stack("base", {"Q": QUEUE}, exports=["base-x"])
    middle = account.stack("middle", {"Q": QUEUE}, exports=["middle-x"])
    account.stack("alone", {"Q": QUEUE})
    account.stack("theirs", {"Q": QUEUE}, tags=[])
    told = account.remove()
    assert told.stacks == ("alone",)
    assert {left.name: left.reason for left in told.left} == {
        base: "its exports are imported by middle; delete that first",
        middle: "its exports are imported by theirs; delete that first",
    }
    assert account.stacks() == {"base", "middle", "theirs"}
    assert len(account.queues()) == 3, "their stacks need them"
    assert "belongs to the stacks that are still there" in told.unchecked

    account.client("cloudformation").delete_stack(StackName="theirs")
    again = account.remove()
    assert (again.stacks, again.is_complete, account.queues()) == (("middle", "base"), True, [])


def test_removal_reports_stacks_that_import_in_a_cycle(account):
    account.imports = {"a-x": ["b"], "b-x": ["a"]}
    account.stack("a", {"Q": QUEUE}, exports=["a-x"])
    account.stack("b", {"Q": QUEUE}, exports=["b-x"])
    account.stack("c", {"Q": QUEUE})
    told = account.remove()
    assert told.stacks == ("c",)
    assert ["in a circle" in left.reason for left in told.left] == [True, True]


def test_removal_deletes_retained_table_after_its_stack(account):
    account.stack("base", {"T": table(DeletionPolicy="Retain")})
    [name] = account.tables()
    assert account.remove().resources == (f"AWS::DynamoDB::Table {name} deleted",)
    assert account.tables() == []


def test_a_table_that_an_earlier_template_left_behind_is_removed(account):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-updatereplacepolicy.html: with Retain the
    old resource stays, and only the stack's events name it."""
    stack = account.stack("base", {"Q": QUEUE})
    for name in ("before", "others"):
        account.client("dynamodb").create_table(TableName=name, **KEY)
    past = {
        "EventId": "e-1", "StackId": stack, "LogicalResourceId": "T", "ResourceType": "AWS::DynamoDB::Table",
        "PhysicalResourceId": "before", "ResourceStatus": "DELETE_SKIPPED",
    }  # fmt: skip

    class Answered:
        status_code = 200

    account.when("DescribeStackEvents", lambda _body: (Answered(), {"StackEvents": [past]}))
    assert account.remove().resources == ("AWS::DynamoDB::Table before deleted",)
    assert account.tables() == ["others"]


def test_removal_reports_retained_resource_it_cannot_delete(account):
    account.stack("base", {"P": {
        "Type": "AWS::SSM::Parameter", "DeletionPolicy": "Retain",
        "Properties": {"Name": "/kept", "Type": "String", "Value": "x"},
    }})  # fmt: skip
    [left] = account.remove().left
    assert left.name == "AWS::SSM::Parameter /kept"
    assert "DeletionPolicy" in left.reason


def test_removal_cancels_update_and_waits_for_its_rollback(account):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html: only stacks in the state
    UPDATE_IN_PROGRESS can be cancelled; they roll back."""
    stack = account.stack("base", {"Q": QUEUE})
    account.status(stack, "UPDATE_IN_PROGRESS")
    happened = []

    def cancel(_body):
        happened.append("cancelled")
        account.status(stack, "UPDATE_ROLLBACK_IN_PROGRESS")

        class Accepted:
            status_code = 200

        return Accepted(), {}

    def look(_body):
        if happened == ["cancelled", "looked", "looked"]:
            account.status(stack, "UPDATE_ROLLBACK_COMPLETE")
        elif happened and len(happened) < 3:
            happened.append("looked")

    account.when("CancelUpdateStack", cancel)
    account.when("DescribeStacks", look)
    account.when("DeleteStack", lambda _body: happened.append(f"deleted in {account.status(stack)}"))
    assert account.remove().stacks == ("base",)
    assert happened == ["cancelled", "looked", "looked", "deleted in UPDATE_ROLLBACK_COMPLETE"]


def test_removal_deletes_stack_created_during_the_removal(account):
    late = []

    def deploy_another(_body):
        if not late:
            late.append(account.stack("late", {"Q": QUEUE}))

    account.stack("base", {"Q": QUEUE})
    account.when("DeleteStack", deploy_another)
    assert account.remove().stacks == ("base", "late")
    assert account.queues() == []


def test_removal_deletes_only_tagged_resources_without_a_stack(account):
    """A rollback keeps what its template retains, and a removal may have been cut off."""
    for name, tags in (("ours", TAGS), ("theirs", [{"Key": TAG[0], "Value": "r-12"}]), ("nobodys", [])):
        account.client("dynamodb").create_table(TableName=name, DeletionProtectionEnabled=True, Tags=tags, **KEY)
    told = account.remove()
    assert told.resources == ("AWS::DynamoDB::Table ours deleted",)
    assert sorted(account.tables()) == ["nobodys", "theirs"]
    assert (told.is_complete, told.unchecked) == (True, None)


def test_removal_reports_tagged_resource_it_cannot_delete_by_arn(account):
    vpc = account.client("ec2").create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": TAGS}]
    )["Vpc"]["VpcId"]
    told = account.remove()
    [left] = told.left
    assert left.name == f"arn:aws:ec2:eu-west-1:123456789012:vpc/{vpc}"
    assert f"STILL THERE:\n  {left}" in str(told)
    assert not told.is_complete


def test_removal_deletes_protected_database_and_its_snapshots(account):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html: the default of an
    AWS::RDS::DBInstance is Snapshot."""
    rds = account.client("rds")
    account.stack("search", {"Database": {
        "Type": "AWS::RDS::DBInstance",
        "Properties": {
            "Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20", "MasterUsername": "root",
            "MasterUserPassword": "correct-horse", "DBInstanceIdentifier": "search", "DeletionProtection": True,
        },
    }})  # fmt: skip
    for name in ("search", "others"):
        if name == "others":
            rds.create_db_instance(DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t4g.micro")
        rds.create_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"{name}-snapshot")
    told = account.remove()
    assert told.is_complete, str(told)
    assert told.stacks == ("search",)
    assert "snapshot search-snapshot deleted" in told.resources
    assert [instance["DBInstanceIdentifier"] for instance in rds.describe_db_instances()["DBInstances"]] == ["others"]
    assert [s["DBSnapshotIdentifier"] for s in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]] == [
        "others-snapshot"
    ]


def test_removal_deletes_protected_tagged_cluster_without_stack(account):
    rds = account.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="search", Engine="aurora-postgresql", MasterUsername="root",
        MasterUserPassword="correct-horse", DeletionProtection=True, Tags=TAGS,
    )  # fmt: skip
    assert account.remove().resources == ("AWS::RDS::DBCluster search deleted",)
    assert rds.describe_db_clusters()["DBClusters"] == []


def test_removal_without_tagging_api_is_reported_and_succeeds(account):
    class Refused:
        status_code = 501

    def refuse(**_):
        return Refused(), {"Error": {"Code": "NotImplemented", "Message": "no such service"}}

    account.target.session.events.register("before-call.resource-groups-tagging-api", refuse)
    account.stack("base", {"Q": QUEUE})
    told = account.remove()
    assert told.stacks == ("base",)
    assert "no such service" in told.unchecked
    assert f"Not checked: {told.unchecked}" in str(told)


def test_a_removal_reads_like_this():
    told = Removal(
        TAG,
        "AWS account 123456789012, eu-west-1",
        stacks=("r-1-users", "r-1-platform"),
        resources=("AWS::KMS::Key 1234 scheduled for deletion on 2026-12-01",),
        left=(Left("AWS::Lambda::Function edge", "it is a replicated function"),),
        unchecked="the target does not say",
    )
    assert str(told) == (
        "Removed harness:run=r-1 from AWS account 123456789012, eu-west-1: 2 stacks: r-1-users, r-1-platform.\n"
        "  AWS::KMS::Key 1234 scheduled for deletion on 2026-12-01\n"
        "STILL THERE:\n"
        "  AWS::Lambda::Function edge: it is a replicated function\n"
        "Not checked: the target does not say"
    )
    assert str(Removal(TAG, "here")) == "Nothing at here carries harness:run=r-1."
