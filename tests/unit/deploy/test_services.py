"""Which services templates need, and which stacks are left where some of these are missing."""

import json
from pathlib import Path

import pytest

from harness.deploy import Template, services_of
from harness.deploy.plan import plan_stack
from harness.deploy.services import withhold
from harness.engine import Target

TARGET = Target("endpoint", "http://emulator:4566")
ALWAYS = {"cloudformation"}


@pytest.fixture
def template(tmp_path: Path):
    """`template(name, resources, **sections)`: a template in a folder of that name."""

    def write(name: str, resources, **sections) -> Template:
        file = tmp_path / name / "template.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"Resources": resources, **sections}))
        return Template(file, name)

    return write


def one(type_: str, **properties):
    return {"It": {"Type": type_, "Properties": properties}}


def plans(*templates: Template, **given: str):
    return [plan_stack(t, target=TARGET, given=given, stack_name=t.stack, packer=None) for t in templates]


@pytest.mark.parametrize(
    ("type_", "services"),
    [
        ("AWS::ApiGateway::RestApi", {"apigateway"}),
        ("AWS::ApiGatewayV2::Api", {"apigatewayv2"}),
        ("AWS::CDK::Metadata", set()),
        ("AWS::CertificateManager::Certificate", {"acm"}),
        ("AWS::CloudFront::Distribution", {"cloudfront"}),
        ("AWS::CloudWatch::Alarm", {"cloudwatch"}),
        ("AWS::CodeCommit::Repository", {"codecommit"}),
        ("AWS::Cognito::IdentityPool", {"cognito-identity"}),
        ("AWS::Cognito::UserPoolClient", {"cognito-idp"}),
        ("AWS::DynamoDB::Table", {"dynamodb"}),
        ("AWS::ElastiCache::ReplicationGroup", {"elasticache"}),
        ("AWS::ElasticLoadBalancingV2::Listener", {"elbv2"}),
        ("AWS::Events::Rule", {"events"}),
        ("AWS::Kinesis::Stream", {"kinesis"}),
        ("AWS::KinesisFirehose::DeliveryStream", {"firehose"}),
        ("AWS::Pipes::Pipe", {"pipes"}),
        ("AWS::RDS::DBCluster", {"rds"}),
        ("AWS::Route53::RecordSet", {"route53"}),
        ("AWS::SES::EmailIdentity", {"sesv2"}),
        ("AWS::SES::Template", {"ses"}),
        ("AWS::Scheduler::Schedule", {"scheduler"}),
        ("AWS::Serverless::Api", {"apigateway"}),
        ("AWS::Serverless::Function", {"lambda", "iam", "logs"}),
        ("AWS::Serverless::HttpApi", {"apigatewayv2"}),
        ("AWS::Serverless::SimpleTable", {"dynamodb"}),
        ("AWS::Serverless::StateMachine", {"stepfunctions", "iam"}),
        ("AWS::StepFunctions::StateMachine", {"stepfunctions"}),
        ("AWS::XRay::Group", {"xray"}),
        ("AWS::Frobnicate::Thing", {"frobnicate"}),
        ("Custom::Thing", set()),
        ("AWS::CloudFormation::CustomResource", set()),
        ("Somebody::Else::Thing", set()),
    ],
)
def test_a_resource_needs_the_service_of_its_type(template, type_, services):
    assert services_of([template("it", one(type_, InlineCode="x"))]) == services | ALWAYS


@pytest.mark.parametrize(
    ("event", "service"),
    [
        ("Api", "apigateway"),
        ("HttpApi", "apigatewayv2"),
        ("SQS", "sqs"),
        ("SNS", "sns"),
        ("S3", "s3"),
        ("Kinesis", "kinesis"),
        ("DynamoDB", "dynamodbstreams"),
        ("Schedule", "events"),
        ("ScheduleV2", "scheduler"),
        ("EventBridgeRule", "events"),
        ("Cognito", "cognito-idp"),
    ],
)
@pytest.mark.parametrize("type_", ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"])
def test_an_event_of_sams_needs_the_service_that_it_comes_from(template, type_, event, service):
    with_event = one(type_, InlineCode="x", Events={"E": {"Type": event}})
    assert service in services_of([template("it", with_event)])
    assert service not in services_of([template("it", one(type_, InlineCode="x"))])


def function(*policies):
    return one("AWS::Serverless::Function", InlineCode="x", Policies=list(policies))


@pytest.mark.parametrize(
    ("policy", "services"),
    [
        ({"Statement": [{"Effect": "Allow", "Action": "rds-data:ExecuteStatement", "Resource": "*"}]}, {"rds-data"}),
        (
            {"Statement": {"Effect": "Allow", "Action": ["ses:SendEmail", "states:StartExecution"]}},
            {"ses", "stepfunctions"},
        ),
        ({"Statement": [{"Effect": "Allow", "Action": "execute-api:ManageConnections"}]}, {"apigatewaymanagementapi"}),
        ({"Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke"}]}, set()),
        ({"Statement": [{"Effect": "Deny", "Action": "kms:Decrypt"}]}, set()),
        ({"Statement": [{"Effect": "Allow", "Action": ["*", "xray:*", "cloudwatch:PutMetricData"]}]}, set()),
        ({"DynamoDBCrudPolicy": {"TableName": "t"}}, {"dynamodb"}),
        ({"StepFunctionsExecutionPolicy": {"StateMachineName": "s"}}, {"stepfunctions"}),
        ("AWSLambdaBasicExecutionRole", set()),
    ],
)
def test_a_function_needs_what_its_policies_let_it_call(template, policy, services):
    assert services_of([template("it", function(policy))]) == services | ALWAYS | {"lambda", "iam", "logs"}


def test_properties_that_need_more_than_their_resources_service(template):
    streaming = one("AWS::DynamoDB::Table", StreamSpecification={"StreamViewType": "NEW_IMAGE"})
    assert services_of([template("it", streaming)]) == {"dynamodb", "dynamodbstreams"} | ALWAYS
    over_http = one("AWS::RDS::DBCluster", EnableHttpEndpoint=True)
    assert services_of([template("it", over_http)]) == {"rds", "rds-data"} | ALWAYS


def test_code_goes_through_a_bucket(template, tmp_path):
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "app.py").touch()
    local = one("AWS::Serverless::Function", CodeUri=".", Handler="app.handler", Runtime="python3.12")
    assert "s3" in services_of([template("it", local)])


def test_nested_templates_and_loops_are_looked_into(template):
    template("inner", one("AWS::Kinesis::Stream"))
    nested = one("AWS::CloudFormation::Stack", TemplateURL="../inner/template.json")
    assert services_of([template("outer", nested)]) == {"kinesis", "s3"} | ALWAYS
    loop = {"Fn::ForEach::Queues": ["Name", ["a", "b"], {"Queue${Name}": {"Type": "AWS::SQS::Queue"}}]}
    assert services_of([template("loop", loop, Transform="AWS::LanguageExtensions")]) == {"sqs"} | ALWAYS


def exporting(name: str):
    return {"Outputs": {"Out": {"Value": "v", "Export": {"Name": name}}}}


def importing(name: str):
    return one("AWS::SSM::Parameter", Type="String", Value={"Fn::ImportValue": name})


def test_stack_with_supported_services_is_deployed(template):
    all_of_them = plans(template("queue", one("AWS::SQS::Queue")), template("topic", one("AWS::SNS::Topic")))
    assert withhold(all_of_them, {}, TARGET.address) == (all_of_them, {})
    assert withhold(all_of_them, {"kinesis": "501"}, TARGET.address) == (all_of_them, {})
    left, withheld = withhold(all_of_them, {"sns": "501 InternalFailure: no"}, TARGET.address)
    assert [plan.name for plan in left] == ["queue"]
    assert withheld["topic"].capability == "sns"
    assert withheld["topic"].reason == (
        "topic is not deployed: it needs sns (It), which http://emulator:4566 lacks: 501 InternalFailure: no"
    )


def test_skip_reason_names_first_needed_service_then_others(template):
    resources = {"Pool": {"Type": "AWS::Cognito::UserPool"}, "Bus": {"Type": "AWS::Events::EventBus"}}
    lacking = {"events": "404", "cognito-idp": "501 no."}
    _, withheld = withhold(plans(template("users", resources)), lacking, TARGET.address)
    assert withheld["users"].capability == "cognito-idp"
    assert withheld["users"].reason == (
        "users is not deployed: it needs cognito-idp (Pool), which http://emulator:4566 lacks: 501 no. It lacks as well: events"
    )


def test_stacks_importing_from_skipped_stack_are_skipped(template):
    base = template("base", one("AWS::Cognito::UserPool"), **exporting("pool"))
    middle = template("middle", importing("pool"), **exporting("middle"))
    top = template("top", importing("middle"))
    beside = template("beside", importing("of-another-project"))
    left, withheld = withhold(plans(top, middle, base, beside), {"cognito-idp": "501 no"}, TARGET.address)
    assert [plan.name for plan in left] == ["beside"]
    assert {lack.capability for lack in withheld.values()} == {"cognito-idp"}
    assert withheld["top"].reason == (
        "top is not deployed: it imports 'middle', and middle is not deployed: it imports 'pool', and base is not deployed: "
        "it needs cognito-idp (It), which http://emulator:4566 lacks: 501 no"
    )


def test_stacks_importing_from_each_other_are_skipped_together(template):
    here = template("here", {**importing("there"), "P": {"Type": "AWS::Cognito::UserPool"}}, **exporting("here"))
    there = template("there", importing("here"), **exporting("there"))
    left, withheld = withhold(plans(here, there), {"cognito-idp": "501"}, TARGET.address)
    assert (left, set(withheld)) == ([], {"here", "there"})


def test_a_resource_whose_condition_is_false_needs_nothing(template):
    optional = {"Pool": {"Type": "AWS::Cognito::UserPool", "Condition": "WithPool"}, "Q": {"Type": "AWS::SQS::Queue"}}
    sections = {
        "Parameters": {"Pool": {"Type": "String", "Default": "no"}},
        "Conditions": {"WithPool": {"Fn::Equals": [{"Ref": "Pool"}, "yes"]}},
    }
    users = template("users", optional, **sections)
    assert withhold(plans(users), {"cognito-idp": "501"}, TARGET.address)[1] == {}
    assert set(withhold(plans(users, Pool="yes"), {"cognito-idp": "501"}, TARGET.address)[1]) == {"users"}
    assert "cognito-idp" in services_of([users]), "asked about, as it may be needed"


def test_a_nested_stacks_needs_are_those_of_the_stack_around_it(template):
    template("inner", one("AWS::Kinesis::Stream"))
    outer = template("outer", one("AWS::CloudFormation::Stack", TemplateURL="../inner/template.json"))
    _, withheld = withhold(plans(outer), {"kinesis": "500"}, TARGET.address)
    assert withheld["outer"].reason.startswith("outer is not deployed: it needs kinesis (It), which")
    _, withheld = withhold(plans(outer), {"s3": "500"}, TARGET.address)
    assert withheld["outer"].reason.startswith("outer is not deployed: it needs s3 (for code and templates), which")


def test_nothing_is_deployed_without_cloudformation(template):
    _, withheld = withhold(plans(template("queue", one("AWS::SQS::Queue"))), {"cloudformation": "501"}, TARGET.address)
    assert withheld["queue"].reason == (
        "queue is not deployed: it needs cloudformation, which http://emulator:4566 lacks: 501"
    )
