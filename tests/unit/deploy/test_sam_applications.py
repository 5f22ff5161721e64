"""AWS::Serverless::Application: published ones are fetched from AWS, which only a deployment to AWS may ask."""

from pathlib import Path

import boto3
import pytest

from harness.deploy.sam import TransformError, transform
from harness.topology import Template

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Queue: {Type: AWS::SQS::Queue}
  PowerTuning:
    Type: AWS::Serverless::Application
    Properties:
      Location:
        ApplicationId: arn:aws:serverlessrepo:us-east-1:000000000000:applications/tuning
        SemanticVersion: 4.3.4
"""


def test_published_application_is_refused_with_the_way_out(tmp_path: Path):
    file = tmp_path / "template.yaml"
    file.write_text(TEMPLATE)
    template = Template(file, "app")
    with pytest.raises(TransformError) as refused:
        transform(template.body, template, {}, boto3.Session(region_name="us-east-1"), asks_aws=False)
    [problem] = refused.value.problems
    assert (problem.line, problem.resource) == (8, "PowerTuning")
    assert "applications/tuning is in AWS's Serverless Application Repository" in problem.message
    assert "name that file as Location" in problem.hint
