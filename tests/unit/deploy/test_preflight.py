"""Every problem that can be known before a deployment, with its line."""

from pathlib import Path

import pytest

from harness.deploy import discover
from harness.deploy.plan import dependencies, plan_stack
from harness.deploy.preflight import (
    handler_problems,
    ignored_problems,
    import_problems,
    order_problems,
    parameter_problems,
    reference_problems,
    set_problems,
    type_problems,
)
from harness.deploy.sources import Sources
from harness.engine import Target
from harness.errors import DeployError
from harness.topology import Template

TARGET = Target(engine="endpoint", endpoint_url="http://127.0.0.1:9", region="eu-west-1", account_id="111122223333")


@pytest.fixture
def plan(tmp_path):
    """Plans the stack of a template's text; `files` are written next to it."""

    def make(text, *, name="app", given=None, files=None):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "template.yaml").write_text(text)
        for path, content in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        template = Template(folder / "template.yaml", name)
        return plan_stack(template, target=TARGET, given=given or {}, stack_name=name, packer=None)

    return make


def lines_and_texts(problems):
    return [(problem.line, problem.message) for problem in problems]


def test_references_to_nothing_are_found_with_their_lines(plan):
    text = """\
Conditions:
  Big: !Equals [a, !Ref Sizee]
Parameters:
  Size: {Type: String, Default: s}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Topik
    Condition: Bigg
    Properties:
      QueueName: !Sub "${Size}-${AWS::Region}-${Nowhere}"
      Tags:
        - {Key: a, Value: !GetAtt Topic.Name}
        - {Key: b, Value: !GetAtt Gone.Arn}
        - {Key: c, Value: !FindInMap [Maps, a, b]}
  Topic: {Type: AWS::SNS::Topic}
"""
    found = lines_and_texts(reference_problems(plan(text).template, ()))
    assert sorted(found) == [
        (2, "Ref 'Sizee': the template has no such resource or parameter."),
        (8, "DependsOn 'Topik': the template has no such resource."),
        (9, "Condition 'Bigg': the template has no such condition."),
        (11, "Fn::Sub 'Nowhere': the template has no such resource or parameter."),
        (14, "Fn::GetAtt 'Gone': the template has no such resource."),
        (15, "Fn::FindInMap 'Maps': the template has no such mapping."),
    ]
    hints = {problem.message: problem.hint for problem in reference_problems(plan(text).template, ())}
    assert hints["DependsOn 'Topik': the template has no such resource."] == "Did you mean Topic?"


def test_reference_to_resource_generated_by_sam_is_valid(plan):
    text = "Resources:\n  F: {Type: 'AWS::Serverless::Function', Properties: {InlineCode: x}}\nOutputs:\n"
    text += "  Role: {Value: !GetAtt FRole.Arn}\n  Version: {Value: !Ref F.Version}\n"
    assert list(reference_problems(plan(text).template, ["F", "FRole"])) == []
    [problem] = reference_problems(plan(text).template, ["F"])
    assert (problem.line, "'FRole'" in problem.message) == (4, True)


def test_missing_unknown_and_invalid_parameters_are_problems(plan):
    text = """\
Parameters:
  Needed: {Type: String}
  Size: {Type: String, AllowedValues: [s, m]}
  Count: {Type: Number, AllowedPattern: "[0-9]+", Default: 1}
Resources: {T: {Type: "AWS::SNS::Topic"}}
"""
    problems = list(parameter_problems(plan(text, given={"Size": "xl", "Cout": "2", "Count": "many"})))
    assert sorted(lines_and_texts(problems)) == [
        (1, "A value is given for the parameter 'Cout', which the template does not have."),
        (2, "The parameter Needed has neither a value nor a Default."),
        (3, "The parameter Size may not be 'xl'."),
        (4, "The parameter Count may not be 'many'."),
    ]


def test_unknown_type_is_reported_at_its_source_resource(plan):
    made = plan("Resources:\n  F: {Type: 'AWS::Serverless::Function', Properties: {InlineCode: x}}\n")
    transformed = {"Resources": {"F": {"Type": "AWS::Lambda::Function"}, "FRole": {"Type": "AWS::IAM::Rolle"},
                                 "C": {"Type": "Custom::Anything"}}}  # fmt: skip
    [problem] = type_problems(made, transformed, {"AWS::Lambda::Function", "AWS::IAM::Role"})
    assert problem.line == 2
    assert problem.resource == "F"
    assert problem.message == "The target does not support the resource type AWS::IAM::Rolle (SAM makes FRole of it)."
    assert problem.hint == "Did you mean AWS::IAM::Role?"


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("AWS::Lamda::Function", "Did you mean AWS::Lambda::Function?"),
        ("AWS::SQS::queue", "Did you mean AWS::SQS::Queue?"),
        ("AWS::XRay::Group", "Remove the resource, or give it a Condition that is false here."),
        ("AWS::Batch::JobQueue", "Remove the resource, or give it a Condition that is false here."),
        ("Lambda", "Remove the resource, or give it a Condition that is false here."),
    ],
)
def test_unsupported_type_is_compared_with_its_own_service(plan, kind, hint):
    template = plan(f"Resources:\n  R: {{Type: '{kind}'}}\n")
    known = {"AWS::Lambda::Function", "AWS::IAM::Group", "AWS::Logs::LogGroup", "AWS::SQS::Queue"}
    [problem] = type_problems(template, {"Resources": {"R": {"Type": kind}}}, known)
    assert problem.hint == hint


@pytest.mark.parametrize(
    ("properties", "served"),
    [
        ({"ProtocolType": "WEBSOCKET"}, True),
        ({"ProtocolType": {"Ref": "Kind"}}, True),
        ({"ProtocolType": "HTTP"}, False),
        ({"Body": {"openapi": "3.0.1"}}, False),
    ],
)
def test_an_http_api_is_refused_although_its_type_is_known(plan, properties, served):
    made = plan("Resources:\n  A: {Type: 'AWS::Serverless::HttpApi'}\n")
    transformed = {"Resources": {"A": {"Type": "AWS::ApiGatewayV2::Api", "Properties": properties}}}
    problems = list(type_problems(made, transformed, {"AWS::ApiGatewayV2::Api"}))
    assert [p.message for p in problems] == (
        [] if served else ["The target serves no HTTP APIs: AWS::ApiGatewayV2::Api with ProtocolType HTTP."]
    )


IGNORED = {
    "AWS::Logs::LogGroup": {"LogGroupClass": ["STANDARD"]},
    "AWS::DynamoDB::Table": {"ContributorInsightsSpecification": [{"Enabled": False}]},
    "AWS::Lambda::Function": {"KmsKeyArn": [""], "TenancyConfig": []},
}


def test_ineffective_property_is_reported_with_line_and_hint(plan):
    text = """\
Resources:
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: 3
      LogGroupClass: INFREQUENT_ACCESS
  F:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: x
"""
    made = plan(text)
    function = {"Type": "AWS::Lambda::Function", "Properties": {"KmsKeyArn": "", "TenancyConfig": {"x": 1}}}
    transformed = {"Resources": {"Logs": made.template.resources["Logs"], "F": function}}
    problems = list(ignored_problems(made, transformed, IGNORED, accepted=()))
    assert [(one.line, one.resource) for one in problems] == [(6, "Logs"), (7, "F")]
    assert problems[0].message.startswith("LogGroupClass has no effect here")
    assert 'accept_ignored = ["AWS::Logs::LogGroup.LogGroupClass"]' in (problems[0].hint or "")
    assert "TenancyConfig" in problems[1].message
    accepted = ("AWS::Logs::LogGroup.LogGroupClass", "AWS::Lambda::Function.TenancyConfig")
    assert list(ignored_problems(made, transformed, IGNORED, accepted)) == []


@pytest.mark.parametrize("value", ["STANDARD", {"Ref": "AWS::NoValue"}])
def test_a_property_that_says_what_is_done_anyway_is_no_problem(plan, value):
    made = plan("Resources:\n  Logs: {Type: 'AWS::Logs::LogGroup'}\n")
    logs = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupClass": value}}
    assert list(ignored_problems(made, {"Resources": {"Logs": logs}}, IGNORED, accepted=())) == []


@pytest.mark.parametrize(("enabled", "refused"), [("false", 0), (False, 0), ("true", 1), (True, 1)])
def test_a_boolean_may_be_written_as_text(plan, enabled, refused):
    made = plan("Resources:\n  Table: {Type: 'AWS::DynamoDB::Table'}\n")
    properties = {"ContributorInsightsSpecification": {"Enabled": enabled}}
    table = {"Type": "AWS::DynamoDB::Table", "Properties": properties}
    assert len(list(ignored_problems(made, {"Resources": {"Table": table}}, IGNORED, accepted=()))) == refused


EXPORTS = "Outputs:\n  O: {{Value: x, Export: {{Name: !Sub '${{AWS::StackName}}-{0}'}}}}\n"
IMPORTS = "Resources:\n  P:\n    Type: T\n    Properties:\n      V: !ImportValue {0}\n"


def test_import_without_export_is_a_problem_with_a_hint(plan):
    importer = plan(IMPORTS.format("base-bus"))
    assert list(import_problems(importer, {"base-bus"})) == []
    [problem] = import_problems(importer, {"base-buss"})
    assert (problem.line, problem.resource, problem.hint) == (5, "P", "Did you mean base-buss?")


def test_stacks_are_ordered_by_imports_and_a_cycle_is_a_problem(plan):
    base = plan("Resources: {T: {Type: T}}\n" + EXPORTS.format("bus"), name="base")
    above = plan(IMPORTS.format("base-bus") + EXPORTS.format("x"), name="above")
    assert dependencies([base, above]) == {"base": set(), "above": {"base"}}
    assert list(order_problems([base, above])) == []

    base = plan(IMPORTS.format("above-x") + EXPORTS.format("bus"), name="base")
    [problem] = order_problems([base, above])
    assert problem.line == 5
    assert "in a circle" in problem.message
    assert {"base", "above"} <= set(problem.message.replace(".", " ").split())


def test_duplicate_stack_names_and_unknown_stacks_are_problems():
    templates = [Template(Path("a/app/template.yaml"), "app"), Template(Path("b/app/template.yaml"), "app")]
    problems = set_problems(templates, {"ap": {}})
    assert [str(problem.template) for problem in problems] == [
        "a/app/template.yaml", "b/app/template.yaml", "a/app/template.yaml"
    ]  # fmt: skip
    assert problems[0].message == "The stack app is also that of b/app/template.yaml."
    assert problems[2].hint == "Did you mean app?"


FUNCTION = """\
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: {code}
      Runtime: python3.11
      Handler: {handler}
"""


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        ("app.handler", None),
        ("app.maybe", None),
        ("app.imported", None),
        ("pack/mod.run", None),
        ("pack.mod.run", None),
        ("app.handle", "has no 'handle'; its functions are: handler."),
        ("ap.handler", "there is no ap.py in"),
        ("broken.handler", "broken.py:1: "),
        ("handler", "must be '<file>.<function>'"),
    ],
)
def test_a_handler_must_be_in_the_code(plan, handler, says):
    files = {
        "src/app.py": "from x import y as imported\ndef handler(e, c): ...\ntry:\n    maybe = 1\nexcept E:\n    pass\n",
        "src/pack/mod.py": "class run: ...\n",
        "src/broken.py": "def handler(:\n",
    }
    problems = list(handler_problems(plan(FUNCTION.format(code="src", handler=handler), files=files), Sources()))
    if says is None:
        assert problems == []
    else:
        assert [problem.line for problem in problems] == [7]
        assert says in problems[0].message


@pytest.mark.parametrize(("runtime", "told"), [("python3.8", True), ("python3.10", True), ("python3.99", False)])
def test_syntax_check_ignores_syntax_of_a_newer_python(plan, runtime, told):
    template = FUNCTION.format(code="src", handler="broken.handler").replace("python3.11", runtime)
    problems = list(handler_problems(plan(template, files={"src/broken.py": "def handler(:\n"}), Sources()))
    assert ["broken.py:1: " in problem.message for problem in problems] == [True] * told


def test_missing_code_and_unsupported_build_method_are_problems(plan):
    missing = plan(FUNCTION.format(code="sorce", handler="a.b"))
    [problem] = missing.problems()
    assert problem.line == 5
    assert "CodeUri 'sorce' does not exist" in problem.message

    text = FUNCTION.format(code=".", handler="a.b") + "    Metadata: {BuildMethod: esbuild}\n"
    [problem] = plan(text).problems()
    assert (problem.line, problem.message) == (8, "BuildMethod 'esbuild' is not supported.")


def test_stack_has_name_of_its_folder_and_empty_pattern_raises(tmp_path):
    for path in ("a_b/template.yaml", "c/template.yaml", "many/one.yaml", "many/two.yaml"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("Resources: {}")
    found = discover(tmp_path, ["*/template.yaml", "many/*.yaml", "c"])
    assert [template.stack for template in found] == ["a-b", "c", "one", "two"]
    with pytest.raises(DeployError, match=r"No template at 'd/\*'"):
        discover(tmp_path, ["c", "d/*"])
    with pytest.raises(DeployError, match="No templates found"):
        discover(tmp_path)
