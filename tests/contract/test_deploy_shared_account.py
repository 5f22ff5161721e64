"""A deployment in a shared account: under unique names, and removed without a trace."""

import dataclasses
import json
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from harness.deploy import deploy, describe, discover, remove, resource_kinds
from harness.errors import DeployError, PreflightError

RUN_TAG = "harness:run"

BASE = """\
Parameters:
  Application: {Type: String, Default: shop}
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
  Key:
    Type: AWS::KMS::Key
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}
            Action: kms:*
            Resource: "*"
Outputs:
  UploadsName:
    Value: !Ref Uploads
    Export: {Name: !Sub "${Application}-uploads"}
"""

WEB = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Application: {Type: String, Default: shop}
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      DeletionProtectionEnabled: true
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Customers:
    Type: AWS::Cognito::UserPool
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties: {UserPoolName: !Ref Application, DeletionProtection: ACTIVE}
  # CloudFormation keeps it, and a pool with a domain cannot be deleted.
  Domain:
    Type: AWS::Cognito::UserPoolDomain
    Properties: {UserPoolId: !Ref Customers, Domain: !Ref Application}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Runtime: python3.12
      Handler: app.handler
      Environment:
        Variables:
          UPLOADS:
            Fn::ImportValue: !Sub ${Application}-uploads
"""


@dataclass(frozen=True)
class Run:
    """One developer's deployment of the two stacks."""

    target: object
    folder: Path
    work: Path

    @property
    def name(self):
        return self.target.deployment

    @property
    def tag(self):
        return RUN_TAG, self.name

    @property
    def templates(self):
        return discover(self.folder, ["*/template.yaml"])

    def deploy(self, *, tags=None, events=None, application=None, force=False):
        return deploy(
            self.target,
            self.templates,
            parameters={t.stack: {"Application": application or self.name} for t in self.templates},
            work_directory=self.work,
            stack_prefix=f"{self.name}-",
            tags={RUN_TAG: self.name} if tags is None else tags,
            on_event=(events if events is not None else []).append,
            force=force,
        )

    def describe(self):
        return describe(self.target, self.templates, stack_prefix=f"{self.name}-")

    def remove(self, *, on_event=lambda _event: None):
        return remove(self.target, self.tag, on_event=on_event)


@pytest.fixture
def run_of(engine, tmp_path):
    """`run_of("name")`: a deployment of this name; all are removed at the end."""
    made = []

    def make(name=None):
        name = name or f"run-{uuid.uuid4().hex[:8]}"
        folder = tmp_path / name
        for stack, template in (("base", BASE), ("web", WEB)):
            (folder / stack).mkdir(parents=True)
            (folder / stack / "template.yaml").write_text(template)
        (folder / "web" / "app.py").write_text(f"def handler(event, context):\n    print({name!r})\n")
        run = Run(dataclasses.replace(engine, deployment=name), folder, tmp_path / "work")
        made.append(run)
        return run

    yield make
    for run in made:
        remove(engine, run.tag)


@pytest.fixture
def exists(aws):
    """What of a deployment is there: a set of words."""

    def look(deployment):
        base, web = deployment["base"].resources, deployment["web"].resources
        function = web["Hello"].physical_id
        there = {
            "bucket": lambda: aws("s3").head_bucket(Bucket=base["Uploads"].physical_id),
            "table": lambda: aws("dynamodb").describe_table(TableName=web["Orders"].physical_id),
            "user pool": lambda: aws("cognito-idp").describe_user_pool(UserPoolId=web["Customers"].physical_id),
            "function": lambda: aws("lambda").get_function(FunctionName=function),
        }
        found = set()
        for word, ask in there.items():
            try:
                ask()
                found.add(word)
            except ClientError as error:
                if not resource_kinds.is_gone(error):
                    raise
        if aws("kms").describe_key(KeyId=base["Key"].physical_id)["KeyMetadata"]["KeyState"] == "Enabled":
            found.add("key")
        if aws("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]:
            found.add("log group")
        return found

    return look


EVERYTHING = {"bucket", "table", "user pool", "function", "key", "log group"}


def use(aws, deployment):
    """Leave traces: versions, a delete marker, an unfinished upload, a log."""
    s3, bucket = aws("s3"), deployment["base"].outputs["UploadsName"]
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="picture", Body=body)
    s3.delete_object(Bucket=bucket, Key="picture")
    s3.create_multipart_upload(Bucket=bucket, Key="film")
    function = deployment["web"].resources["Hello"].physical_id
    aws("lambda").invoke(FunctionName=function, Payload=b"{}", LogType="Tail")


def own_buckets(aws, name):
    return [bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"] if bucket["Name"].startswith(name)]


def test_removing_one_deployment_leaves_the_other(run_of, aws, exists):
    mine, theirs = run_of(), run_of()
    my_deployment, their_deployment = mine.deploy(), theirs.deploy()
    use(aws, my_deployment)
    use(aws, their_deployment)
    assert exists(my_deployment) == exists(their_deployment) == EVERYTHING
    assert own_buckets(aws, f"{mine.name}-artifacts"), "packages go into a bucket of the deployment's own"

    removal = mine.remove()

    assert removal.is_complete, str(removal)
    assert removal.stacks == (f"{mine.name}-web", f"{mine.name}-base"), "importers first"
    assert exists(my_deployment) == set()
    assert own_buckets(aws, mine.name) == []
    assert mine.describe().missing == ("base", "web")
    assert exists(their_deployment) == EVERYTHING
    assert theirs.describe().missing == ()
    assert len(own_buckets(aws, theirs.name)) == 2, "uploads and packages"


def test_removal_reports_what_it_did_and_could_not_check(run_of, aws):
    run = run_of()
    deployment = run.deploy()
    use(aws, deployment)
    key, web = deployment["base"].resources["Key"].physical_id, deployment["web"].resources
    removal = run.remove()
    told = str(removal)
    assert f"Removed {RUN_TAG}={run.name} from {run.target.address}: 2 stacks: " in told
    assert f"AWS::DynamoDB::Table {web['Orders'].physical_id} deleted" in removal.resources
    assert f"AWS::Cognito::UserPool {web['Customers'].physical_id} deleted" in removal.resources
    assert f"AWS::Logs::LogGroup /aws/lambda/{web['Hello'].physical_id} deleted" in removal.resources
    [scheduled] = [
        line for line in removal.resources if line.startswith(f"AWS::KMS::Key {key} scheduled for deletion on")
    ]
    days = aws("kms").describe_key(KeyId=key)["KeyMetadata"]["DeletionDate"] - removal_day(aws, key)
    assert 6 <= days.days <= 7, f"the least that KMS takes, not {days}; {scheduled}"
    # LocalStack 4.14.0 does not put the stacks' tags on the resources; a target that did would have nothing to add.
    assert removal.unchecked is not None
    assert "does not list what carries the stacks' tag" in told


def removal_day(aws, key):
    metadata = aws("kms").describe_key(KeyId=key)["KeyMetadata"]
    return metadata["CreationDate"]


def test_removing_twice_finds_nothing_the_second_time(run_of):
    run = run_of()
    run.deploy()
    assert run.remove().stacks
    again = run.remove()
    assert (again.stacks, again.resources, again.left) == ((), (), ())
    assert str(again).startswith(f"Nothing at {run.target.address} carries {RUN_TAG}={run.name}.")


def test_every_version_of_a_layer_goes_which_sam_retains(run_of, aws):
    """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-layerversion.html: when
    the RetentionPolicy isn't specified, it is Retain, and a changed layer is another resource."""
    run = run_of()
    template = run.folder / "web" / "template.yaml"
    layer = "  Common:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {ContentUri: common}\n"
    template.write_text(template.read_text() + layer)
    versions = {}
    for content in ("1", "2"):
        (run.folder / "web" / "common").mkdir(exist_ok=True)
        (run.folder / "web" / "common" / "common.py").write_text(content)
        resources = run.deploy()["web"].resources.values()
        # LocalStack lists the first one also when it is no longer in the template.
        versions |= {
            resource.physical_id: None for resource in resources if resource.type == "AWS::Lambda::LayerVersion"
        }
    assert len(versions) == 2
    for version in versions:
        aws("lambda").get_layer_version_by_arn(Arn=version)
    removal = run.remove()
    assert removal.is_complete, str(removal)
    assert {f"AWS::Lambda::LayerVersion {version} deleted" for version in versions} <= set(removal.resources)
    for version in versions:
        with pytest.raises(aws("lambda").exceptions.ResourceNotFoundException):
            aws("lambda").get_layer_version_by_arn(Arn=version)


def test_a_removal_that_was_cut_off_is_finished_by_the_next(run_of, aws, exists):
    run = run_of()
    deployment = run.deploy()
    use(aws, deployment)

    def cut_off(event):
        if event.stack == f"{run.name}-web" and event.phase == "done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.remove(on_event=cut_off)
    assert exists(deployment) == {"bucket", "key"}, "of the stack that was done nothing is left that only it led to"
    assert run.remove().is_complete
    assert exists(deployment) == set()


def test_a_stack_without_the_tag_stays_whatever_it_is_called(run_of, aws):
    run = run_of()
    run.deploy()
    foreign = f"{run.name}-foreign"
    api = aws("cloudformation")
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    api.create_stack(StackName=foreign, TemplateBody=body, Tags=[{"Key": RUN_TAG, "Value": f"{run.name}-x"}])
    api.get_waiter("stack_create_complete").wait(StackName=foreign, WaiterConfig={"Delay": 1})
    try:
        assert foreign not in run.remove().stacks
        assert api.describe_stacks(StackName=foreign)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    finally:
        api.delete_stack(StackName=foreign)


def test_an_importer_goes_first_also_when_it_was_made_first(run_of):
    """LocalStack 4.14.0 returns nothing for ListImports, and cannot delete a stack whose import was deleted."""
    run = run_of()
    base, web = run.folder / "base" / "template.yaml", run.folder / "web" / "template.yaml"
    base.unlink()
    web.write_text("Parameters:\n  Application: {Type: String}\nResources:\n  Topic: {Type: 'AWS::SNS::Topic'}\n")
    run.deploy()
    base.write_text(BASE)
    web.write_text(WEB)
    run.deploy()
    removal = run.remove()
    assert removal.is_complete, str(removal)
    assert removal.stacks == (f"{run.name}-web", f"{run.name}-base")


def test_the_templates_are_not_needed_for_a_removal(run_of, exists):
    run = run_of()
    deployment = run.deploy()
    for template in run.folder.rglob("template.yaml"):
        template.write_text("Resources: [this is: no template")
    assert run.remove().is_complete
    assert exists(deployment) == set()


def test_a_deployment_that_failed_half_way_is_removed(run_of, aws):
    run = run_of()
    broken = WEB.replace("Transform:", "# broken\nTransform:") + (
        "  Alias:\n    Type: AWS::KMS::Alias\n    DependsOn: [Orders, Customers]\n"
        "    Properties: {AliasName: alias/aws/reserved, TargetKeyId: 00000000-0000-0000-0000-000000000000}\n"
    )
    (run.folder / "web" / "template.yaml").write_text(broken)
    with pytest.raises(DeployError):
        run.deploy()
    status = aws("cloudformation").describe_stacks(StackName=f"{run.name}-web")["Stacks"][0]["StackStatus"]
    assert status in ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
    removal = run.remove()
    assert set(removal.stacks) == {f"{run.name}-web", f"{run.name}-base"}
    assert removal.is_complete, str(removal)
    tables = [name for name in aws("dynamodb").list_tables()["TableNames"] if name.startswith(run.name)]
    assert tables == []


def test_a_stack_that_only_a_change_set_stands_for_is_removed(run_of, aws):
    """A command that was killed before it executed the change set leaves a stack without tags."""
    run = run_of()
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    other = f"{run.name}-somebody"
    for name, value in ((run.name, run.name), (f"{run.name}-foreign", other)):
        aws("cloudformation").create_change_set(
            StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body,
            Tags=[{"Key": RUN_TAG, "Value": value}],
        )  # fmt: skip
    assert run.remove().stacks == (run.name,)
    remove(run.target, (RUN_TAG, other))


def test_a_deployment_that_is_still_at_work_is_waited_for(run_of):
    run = run_of()
    begun = threading.Event()

    class Begun(list):
        def append(self, event):
            super().append(event)
            if event.stack == "web" and event.phase == "deploy" and event.resource:
                begun.set()

    def at_work():
        # Its resources may be deleted before it has read them.
        with suppress(DeployError):
            run.deploy(events=Begun())

    deploying = threading.Thread(target=at_work)
    deploying.start()
    assert begun.wait(60)
    removal = run.remove()
    deploying.join(60)
    assert set(removal.stacks) == {f"{run.name}-web", f"{run.name}-base"}
    assert removal.is_complete, str(removal)


def test_undeletable_stack_is_reported_and_keeps_its_resources(run_of, aws, exists):
    run = run_of()
    deployment = run.deploy()
    use(aws, deployment)
    api, stack = aws("cloudformation"), deployment["web"].stack_id
    api.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
    removal = run.remove()
    assert not removal.is_complete
    [left] = [left for left in removal.left if left.name == stack]
    assert "termination protection" in left.reason
    assert "STILL THERE:" in str(removal)
    assert {"table", "user pool", "function"} <= exists(deployment)
    api.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    assert run.remove().is_complete


def test_a_removal_without_a_value_is_refused(engine):
    with pytest.raises(DeployError, match="needs a tag with a key and a value"):
        remove(engine, (RUN_TAG, ""))


def test_tags_are_on_stacks_and_do_not_update_unchanged_ones(run_of, aws):
    run = run_of()
    deployment = run.deploy(tags={RUN_TAG: run.name, "team": "photos"})
    tags = aws("cloudformation").describe_stacks(StackName=deployment["base"].stack_id)["Stacks"][0]["Tags"]
    assert {"Key": RUN_TAG, "Value": run.name} in tags
    assert {"Key": "team", "Value": "photos"} in tags
    assert {stack.status for stack in run.deploy(tags={RUN_TAG: run.name}).stacks.values()} == {"unchanged"}


def test_stack_with_foreign_tags_is_refused_and_not_touched(run_of, aws):
    run = run_of()
    other = f"{run.name}-somebody"
    stack_id = run.deploy(tags={RUN_TAG: other})["base"].stack_id
    with pytest.raises(PreflightError, match="is not of this deployment") as caught:
        run.deploy()
    assert f"The stack {run.name}-base runs already" in str(caught.value)
    assert aws("cloudformation").describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    remove(run.target, (RUN_TAG, other))


def test_export_of_another_stack_is_a_preflight_problem(run_of, aws):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html: names of exports are
    unique within an account and region."""
    theirs, mine = run_of(), run_of()
    theirs.deploy()
    with pytest.raises(PreflightError) as caught:
        mine.deploy(application=theirs.name)
    [problem] = caught.value.problems
    assert f"The export '{theirs.name}-uploads' already belongs to the stack {theirs.name}-base" in problem.message
    line = next(n for n, text in enumerate(BASE.splitlines(), 1) if "Export:" in text)
    assert (problem.template.parent.name, problem.line) == ("base", line)
    assert "name_parameter" in problem.hint
    assert mine.describe().missing == ("base", "web")
    assert own_buckets(aws, mine.name) == []


# Without ListLayers: LocalStack 4.14.0 returns InternalError once the last version of a layer is deleted.
INVENTORY = {
    "cloudformation": (("list_exports", "Exports"),),
    "cognito-idp": (("list_user_pools", "UserPools"),),
    "dynamodb": (("list_tables", "TableNames"),),
    "events": (("list_event_buses", "EventBuses"), ("list_archives", "Archives")),
    "iam": (("list_roles", "Roles"),),
    "kms": (("list_aliases", "Aliases"),),
    "lambda": (
        ("list_functions", "Functions"),
        ("list_event_source_mappings", "EventSourceMappings"),
    ),
    "logs": (("describe_log_groups", "logGroups"),),
    "s3": (("list_buckets", "Buckets"),),
    "ses": (("list_identities", "Identities"),),
    "sns": (("list_topics", "Topics"), ("list_subscriptions", "Subscriptions")),
    "sqs": (("list_queues", "QueueUrls"),),
    "ssm": (("describe_parameters", "Parameters"),),
}


def inventory(aws):
    """Existing resources, by operation."""
    for service, operations in INVENTORY.items():
        for operation, key in operations:
            arguments = {"MaxResults": 60} if service == "cognito-idp" else {}
            api = aws(service)
            pages = api.get_paginator(operation).paginate(**arguments) if api.can_paginate(operation) else None
            yield (
                f"{service} {operation}",
                [e for page in pages or [getattr(api, operation)(**arguments)] for e in page.get(key, [])],
            )


def named_after(aws, name):
    """Operations that list a resource with this name in its name, ARN or description: every name of a deployment has it."""
    return {operation for operation, entries in inventory(aws) if any(name in str(entry) for entry in entries)}


def listed(aws, physical_ids):
    """Those of the ids that are the value of a field of something that is there."""
    values = {
        value
        for _, entries in inventory(aws)
        for entry in entries
        for value in (entry.values() if isinstance(entry, dict) else [entry])
        if isinstance(value, str)
    }
    return values & physical_ids


def test_second_deployment_of_own_stacks_leaves_no_trace(project, engine, deployment, aws):
    name = f"harness-{uuid.uuid4().hex[:6]}"
    target, templates = dataclasses.replace(engine, deployment=name), project.templates()
    own = {r.physical_id for stack in deployment.stacks.values() for r in stack.resources.values()}
    before = listed(aws, own)
    assert len(before) > 100
    other = deploy(
        target,
        templates,
        parameters={template.stack: {"Application": name} for template in templates},
        work_directory=project.work_directory,
        stack_prefix=f"{name}-",
        tags={RUN_TAG: name},
    )
    try:
        assert {stack.status for stack in other.stacks.values()} == {"created"}
        mine, theirs = other["users"].outputs, deployment["users"].outputs
        assert mine["UserPoolId"] != theirs["UserPoolId"]
        assert other["platform"].outputs["EventBusName"] == name
        assert other["platform"].outputs["MailSender"] == f"hello@{name}.example"
        assert named_after(aws, name) >= {
            "events list_event_buses", "kms list_aliases", "logs describe_log_groups", "ses list_identities",
            "cognito-idp list_user_pools", "ssm describe_parameters", "cloudformation list_exports", "s3 list_buckets",
        }  # fmt: skip
    finally:
        removal = remove(target, (RUN_TAG, name))
    assert removal.is_complete, str(removal)
    assert named_after(aws, name) == set()
    assert before - listed(aws, own) == set()
