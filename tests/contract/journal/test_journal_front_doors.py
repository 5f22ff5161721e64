"""The journal's decisions about callers of a REST API's method
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html)."""

import json
import uuid

import httpx
import pytest

from harness.journal.records import Kind, Phase

HANDLER = "def handler(event, context): return {'statusCode': 200, 'body': 'hello'}\n"
AUTHORIZER = """
def handler(event, context):
    effect = {"let-me": "Allow"}.get(event["authorizationToken"], "Deny")
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": "*"}
    return {"principalId": "ada", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""


def _integration(name):
    return (
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        f"arn:aws:lambda:us-east-1:000000000000:function:{name}/invocations"
    )


@pytest.fixture
def permit(aws):
    def allow(function):
        aws("lambda").add_permission(
            FunctionName=function.name, StatementId="api", Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )  # fmt: skip

    return allow


@pytest.fixture
def api(aws, engine, function, permit):
    """`api(integration)`: an API whose `GET /` an authorizer function guards; gives `(id, get)`."""
    client, made = aws("apigateway"), []

    def make(name):
        authorizer = function(AUTHORIZER)
        permit(authorizer)
        api_id = client.create_rest_api(name=f"journal-{uuid.uuid4().hex[:8]}")["id"]
        made.append(api_id)
        root = client.get_resources(restApiId=api_id)["items"][0]["id"]
        authorizer_id = client.create_authorizer(
            restApiId=api_id, name="doorman", type="TOKEN", authorizerUri=_integration(authorizer.name),
            identitySource="method.request.header.Authorization",
        )["id"]  # fmt: skip
        client.put_method(
            restApiId=api_id, resourceId=root, httpMethod="GET", authorizationType="CUSTOM", authorizerId=authorizer_id
        )
        client.put_integration(
            restApiId=api_id, resourceId=root, httpMethod="GET", type="AWS_PROXY", integrationHttpMethod="POST",
            uri=_integration(name),
        )  # fmt: skip
        client.create_deployment(restApiId=api_id, stageName="test")

        def get(**headers):
            url = f"{engine.endpoint_url}/_aws/execute-api/{api_id}/test/"
            return httpx.get(url, headers=headers, trust_env=False, timeout=30)

        return api_id, get

    yield make
    for one in made:
        client.delete_rest_api(restApiId=one)


@pytest.mark.parametrize(
    ("token", "status", "passed", "reason"),
    [("let-me", 200, True, None), ("no", 403, False, "AccessDeniedError"), (None, 401, False, "UnauthorizedError")],
)
def test_an_authorizer_says_whether_the_caller_may(api, function, permit, journal, token, status, passed, reason):
    made = function(HANDLER)
    permit(made)
    api_id, get = api(made.name)
    assert get(**({"authorization": token} if token else {})).status_code == status
    note = journal.wait(Kind.DECISION, lambda r: f":{api_id}/" in r.resource)
    assert (note.name, note.data["passed"], note.data.get("reason")) == ("doorman", passed, reason)
    assert note.data.get("principal") == ("ada" if passed else None)
    assert [r.kind for r in journal.causes(note)] == [Kind.REQUEST]
    assert "let-me" not in json.dumps([r.data for r in journal.all() if r.kind is Kind.REQUEST])


def test_a_function_that_does_not_permit_the_api_says_so(api, function, journal):
    """https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"""
    made = function(HANDLER)
    api_id, get = api(made.name)
    assert get(authorization="let-me").status_code == 500
    note = journal.wait(Kind.DECISION, lambda r: r.name == "permission" and made.name in r.resource)
    assert (note.data["passed"], note.data["reason"]) == (False, "NoPermission")
    assert api_id in note.data["source"]


@pytest.fixture
def site(aws):
    bucket, client = f"site-{uuid.uuid4().hex[:8]}", aws("s3")
    client.create_bucket(Bucket=bucket)
    client.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    client.put_object(Bucket=bucket, Key="index.html", Body=b"<h1>hello</h1>", ContentType="text/html")
    yield bucket
    client.delete_object(Bucket=bucket, Key="index.html")
    client.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize(("path", "status", "reads"), [("/", 200, "GetObject"), ("/none", 404, "HeadObject")])
def test_website_request_causes_its_calls(engine, site, journal, path, status, reads):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html"""
    host = f"{site}.s3-website.localhost.localstack.cloud:{httpx.URL(engine.endpoint_url).port}"
    assert httpx.get(engine.endpoint_url + path, headers={"Host": host}, trust_env=False).status_code == status
    begun = journal.wait(Kind.REQUEST, lambda r: r.service == "s3" and r.resource == site, Phase.BEGIN)
    assert (begun.name, begun.data["path"], journal.end(begun).data["status"]) == ("GET", path, status)
    made = {r.name for r in journal.all() if r.kind is Kind.CALL and r.cause == begun.activity}
    assert {"GetBucketWebsite", reads} <= made
