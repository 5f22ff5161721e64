"""Who may call a REST API, by its resource policy and by what its methods ask, together.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
"""

import json
import uuid

import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
DENY = {**ALLOW, "Effect": "Deny"}
HERE = {"Condition": {"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]}}}
"""Of this machine, also through the network of a container."""
ELSEWHERE = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
MOCK = {
    "type": "mock",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {"default": {"statusCode": "200"}},
}


def definition(operation=None, policy=None, **top):
    """An OpenAPI definition with GET / that returns 200 to admitted callers."""
    body = {
        "swagger": "2.0",
        "info": {"title": f"a-{uuid.uuid4().hex[:8]}", "version": "1"},
        "paths": {
            "/": {
                "get": {
                    "responses": {"200": {"description": "ok"}},
                    "x-amazon-apigateway-integration": MOCK,
                    **(operation or {}),
                }
            }
        },
        **top,
    }
    if policy is not None:
        body["x-amazon-apigateway-policy"] = {"Version": "2012-10-17", "Statement": policy}
    return body


SIGNED = {
    "securityDefinitions": {
        "sigv4": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "x-amazon-apigateway-authtype": "awsSigv4",
        }
    }
}


@pytest.fixture
def imported(aws, engine):
    """The URL of an API that is imported from a definition and deployed."""
    made = []

    def make(body):
        gateway = aws("apigateway")
        api_id = gateway.import_rest_api(body=json.dumps(body))["id"]
        made.append(api_id)
        gateway.create_deployment(restApiId=api_id, stageName="s")
        return engine.rest_api_url(api_id, "s") + "/"

    yield make
    for api_id in made:
        aws("apigateway").delete_rest_api(restApiId=api_id)


@pytest.fixture
def user(aws):
    """An IAM user's keys, with the policy given."""
    made = []

    def make(*statements):
        iam, name = aws("iam"), f"u-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        made.append(name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    yield make
    for name in made:
        iam = aws("iam")
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
            iam.delete_user_policy(UserName=name, PolicyName=policy)
        iam.delete_user(UserName=name)


def get(url, credentials=None):
    request = AWSRequest("GET", url)
    if credentials is not None:
        SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    return httpx.get(url, headers=dict(request.headers), timeout=30)


def refusal(answer):
    return answer.status_code, answer.json(), answer.headers["x-amzn-ErrorType"]


MISSING = (403, {"message": "Missing Authentication Token"}, "MissingAuthenticationTokenException")
INVOKE = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ([ALLOW], 200),
        ([{**ALLOW, **HERE}], 200),
        ([{**ALLOW, "Resource": "execute-api:/s/GET/"}], 200),
        ([{**ALLOW, "Resource": "arn:aws:execute-api:us-east-1:*:*/s/GET/"}], 200),
        ([DENY], 403),
        ([ALLOW, {**DENY, **HERE}], 403),
        ([ALLOW, {**DENY, **ELSEWHERE}], 200),
        ([{**ALLOW, **ELSEWHERE}], 403),
        ([{**ALLOW, "Resource": "execute-api:/s/POST/*"}], 403),
        ([{**ALLOW, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}], 403),
    ],
)
def test_policy_alone_must_allow_an_open_method(imported, policy, status):
    assert get(imported(definition(policy=policy))).status_code == status


def test_denied_caller_gets_the_text_of_api_gateway(imported):
    url = imported(definition(policy=[DENY]))
    status, body, kind = refusal(get(url))
    api_id = url.split("/")[-3]
    arn = f"arn:aws:execute-api:us-east-1:********0000:{api_id}/s/GET/"
    said = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn}"
    assert (status, kind) == (403, "AccessDeniedException")
    assert body == {"Message": f"{said} with an explicit deny"}
    elsewhere = imported(definition(policy=[{**ALLOW, **ELSEWHERE}]))
    assert get(elsewhere).json()["Message"].endswith("/s/GET/")


def test_changed_policy_counts_from_the_next_deployment(imported, aws):
    url = imported(definition(policy=[ALLOW]))
    api_id, document = url.split("/")[-3], {"Version": "2012-10-17", "Statement": [DENY]}
    change = {"op": "replace", "path": "/policy", "value": json.dumps(document)}
    aws("apigateway").update_rest_api(restApiId=api_id, patchOperations=[change])
    assert get(url).status_code == 200
    aws("apigateway").create_deployment(restApiId=api_id, stageName="s")
    assert get(url).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        definition({"security": [{"sigv4": []}]}, **SIGNED),
        definition(security=[{"sigv4": []}], **SIGNED),
        definition({"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}),
    ],
    ids=["operation", "default", "extension"],
)
def test_imported_iam_method_refuses_unsigned_calls(imported, user, body):
    url = imported(body)
    assert refusal(get(url)) == MISSING
    assert get(url, user()).status_code == 403
    assert get(url, user(INVOKE)).status_code == 200


@pytest.mark.parametrize(
    "operation", [{"security": []}, {"x-amazon-apigateway-auth": {"type": "NONE"}}], ids=["empty list", "extension"]
)
def test_operation_opts_out_of_the_default_authorization(imported, operation):
    assert get(imported(definition(operation, security=[{"sigv4": []}], **SIGNED))).status_code == 200


SIGNED_METHOD = {"security": [{"sigv4": []}]}


@pytest.mark.parametrize(
    ("policy", "of_user", "status"),
    [
        ([ALLOW], [], 200),
        ([], [INVOKE], 200),
        ([], [], 403),
        ([DENY], [INVOKE], 403),
        ([ALLOW], [{**INVOKE, "Effect": "Deny"}], 403),
        ([{**ALLOW, **ELSEWHERE}], [INVOKE], 200),
    ],
    ids=["policy allows", "user allowed", "neither", "policy denies", "user denied", "policy silent"],
)
def test_iam_method_joins_policy_and_identity(imported, user, policy, of_user, status):
    """Table A of the page above: both in one account."""
    body = definition(SIGNED_METHOD, policy=policy or None, **SIGNED)
    assert get(imported(body), user(*of_user)).status_code == status


def test_iam_method_denies_even_the_account(imported, engine):
    url = imported(definition(SIGNED_METHOD, policy=[DENY], **SIGNED))
    answer = get(url, Credentials(engine.account_id, "test"))
    assert answer.status_code == 403
    assert "with an explicit deny" in answer.json()["Message"]


def test_iam_method_takes_a_signature_in_the_query(imported, user):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html"""
    url = imported(definition(SIGNED_METHOD, **SIGNED))

    def presigned(credentials, seconds=60):
        request = AWSRequest("GET", url + "?a=b%20c")
        SigV4QueryAuth(credentials, "execute-api", "us-east-1", expires=seconds).add_auth(request)
        return request.url

    allowed = user(INVOKE)
    assert httpx.get(presigned(allowed)).status_code == 200
    wrong = httpx.get(presigned(Credentials(allowed.access_key, "wrong")))
    assert (wrong.status_code, wrong.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")
    assert httpx.get(presigned(allowed).replace("a=b", "a=c")).status_code == 403
    expired = httpx.get(presigned(allowed, seconds=-1).replace("Expires=-1", "Expires=0"))
    assert expired.status_code == 403


def test_caller_credentials_need_the_callers_right_to_invoke(imported, user, function):
    """SAM's default for AWS_IAM: the function is invoked as the caller
    (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-apifunctionauth.html)."""
    made = function("def handler(event, context): return {'statusCode': 200, 'body': 'let in'}")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{made.name}"
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        "credentials": "arn:aws:iam::*:user/*",
    }
    url = imported(definition({**SIGNED_METHOD, "x-amazon-apigateway-integration": integration}, **SIGNED))
    assert get(url, user(INVOKE)).status_code == 500
    may_invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    answer = get(url, user(INVOKE, may_invoke))
    assert (answer.status_code, answer.text) == (200, "let in")
