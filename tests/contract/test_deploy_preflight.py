"""Templates with problems are not deployed, and all problems are reported at once."""

import uuid

import pytest

from harness.deploy import delete, deploy, describe, discover
from harness.errors import PreflightError

BROKEN = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Word: {Type: String}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Runtime: python3.12
      Handler: app.handle
      Events:
        Get: {Type: Api, Properties: {Path: /, Method: get}}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimout: 3
      QueueName: !Ref Nowhere
  Import:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !ImportValue nobody-exports-this
"""


def test_preflight_reports_all_problems_by_line_deploys_nothing(engine, tmp_path):
    name = f"broken{uuid.uuid4().hex[:8]}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "template.yaml").write_text(BROKEN)
    (tmp_path / name / "app.py").write_text("def handler(event, context): ...\n")
    templates = discover(tmp_path, [name])
    with pytest.raises(PreflightError) as caught:
        deploy(engine, templates, work_directory=tmp_path / "work")
    found = {problem.line: problem.message for problem in caught.value.problems}
    assert "Word has neither a value nor a Default" in found[3]
    assert "has no 'handle'" in found[10]
    assert "VisibilityTimout" in found[16], "cfn-lint's finding"
    assert "'Nowhere'" in found[17]
    assert "nobody-exports-this" in found[22]
    assert f"{templates[0].path}:10: F: Handler 'app.handle'" in str(caught.value)
    assert describe(engine, templates).missing == (name,)


def test_ineffective_property_is_refused_unless_accepted(engine, tmp_path):
    """A log group of the class for infrequent access has no subscriptions on AWS, and would have them here
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html)."""
    name = f"ignored{uuid.uuid4().hex[:8]}"
    (tmp_path / name).mkdir()
    text = (
        "Resources:\n  Logs:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupClass: INFREQUENT_ACCESS\n"
    )
    (tmp_path / name / "template.yaml").write_text(text)
    templates = discover(tmp_path, [name])
    with pytest.raises(PreflightError) as caught:
        deploy(engine, templates, work_directory=tmp_path / "work")
    [problem] = [one for one in caught.value.problems if "has no effect here" in one.message]
    assert (problem.line, problem.resource) == (5, "Logs")
    accepted = ["AWS::Logs::LogGroup.LogGroupClass"]
    try:
        assert deploy(engine, templates, work_directory=tmp_path / "work", accept_ignored=accepted)[name]
    finally:
        delete(engine, templates)


def test_a_template_that_is_no_yaml_is_shown_where_it_breaks(engine, tmp_path):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "template.yaml").write_text("Resources:\n  A: {Type: x\n  B: 1\n")
    with pytest.raises(PreflightError, match=r"odd/template.yaml:\d+: not valid YAML") as caught:
        deploy(engine, discover(tmp_path, ["odd"]), work_directory=tmp_path / "work")
    assert " | " in str(caught.value)


def test_error_of_sam_transform_is_a_problem_of_the_resource(engine, tmp_path):
    (tmp_path / "sam").mkdir()
    (tmp_path / "sam" / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Fine: {Type: 'AWS::SNS::Topic'}\n"
        "  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      InlineCode: x\n      Handler: a.b\n"
        "      Runtime: python3.12\n      Events:\n        X: {Type: Nonsense, Properties: {}}\n"
    )
    with pytest.raises(PreflightError) as caught:
        deploy(engine, discover(tmp_path, ["sam"]), work_directory=tmp_path / "work")
    assert [(problem.line, problem.resource) for problem in caught.value.problems if "SAM" in problem.message] == [
        (4, "F")
    ]
