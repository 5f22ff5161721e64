"""Function URLs: authorization, event, response, CORS.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

import base64
import ipaddress
import json
import uuid

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ECHO = "def handler(event, context): return event\n"
FORBIDDEN = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}
EVERYONE = {"Principal": "*"}


@pytest.fixture
def function_url(aws, function):
    """`function_url(source)`: the URL of a new function, which lets everyone in unless `permitted` says otherwise."""

    def make(source=ECHO, auth="NONE", permitted=True, **options):
        client, made = aws("lambda"), function(source)
        url = client.create_function_url_config(FunctionName=made.name, AuthType=auth, **options)["FunctionUrl"]
        if permitted:
            permit(client, made.name, auth)
        return url

    return make


def permit(client, name, auth):
    for action, condition in (
        ("lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": auth}),
        ("lambda:InvokeFunction", {"InvokedViaFunctionUrl": True}),
    ):
        client.add_permission(FunctionName=name, StatementId=action[7:], Action=action, **EVERYONE, **condition)


def test_open_url_invokes_the_function_with_its_event(function_url):
    url = function_url()
    answer = httpx.post(
        url + "a/b%20c?x=1&x=2&y=", content=b"hello", headers={"Content-Type": "text/plain", "Cookie": "a=1; b=2"}
    )
    assert answer.status_code == 200, answer.text
    event = answer.json()
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("/a/b%20c", "x=1&x=2&y=")
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert (event["body"], event["isBase64Encoded"]) == ("hello", False)
    context = event["requestContext"]
    assert (context["accountId"], context["http"]["method"]) == ("anonymous", "POST")
    # Of this machine: in Docker the address of its network's gateway.
    assert ipaddress.ip_address(context["http"]["sourceIp"]).is_private
    assert context["time"].endswith(" +0000")
    assert "authorizer" not in context


def test_url_is_also_known_by_its_host(function_url):
    url = httpx.URL(function_url())
    url_id = url.path.strip("/").rpartition("/")[2]
    host = f"{url_id}.lambda-url.us-east-1.localhost:{url.port}"
    answer = httpx.get(f"http://{url.host}:{url.port}/a", headers={"Host": host})
    assert answer.status_code == 200, answer.text
    assert answer.json()["rawPath"] == "/a"


def test_binary_body_comes_as_base64(function_url):
    event = httpx.post(function_url(), content=b"\xff\x00", headers={"Content-Type": "image/png"}).json()
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\xff\x00"


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ({"statusCode": 201, "headers": {"Content-Type": "text/html"}, "body": "<p>"}, 201, "text/html", b"<p>"),
        ({"statusCode": 200, "body": "/w==", "isBase64Encoded": True}, 200, "application/json", b"\xff"),
        ({"statusCode": 204}, 204, "application/json", b""),
        ({"message": "hello"}, 200, "application/json", b'{"message":"hello"}'),
        ("hello", 200, "application/json", b"hello"),
        ([1], 200, "application/json", b"[1]"),
    ],
)
def test_function_result_becomes_the_response(function_url, result, status, content_type, body):
    answer = httpx.get(function_url(f"import json\ndef handler(e, c): return json.loads({json.dumps(result)!r})"))
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["Content-Type"] == content_type


def test_cookies_of_the_result_are_set(function_url):
    answer = httpx.get(function_url("def handler(e, c): return {'statusCode': 200, 'cookies': ['a=1', 'b=2; Secure']}"))
    assert answer.headers.get_list("Set-Cookie") == ["a=1", "b=2; Secure"]


@pytest.mark.parametrize("source", ["def handler(e, c): 1 / 0", "def handler(e, c): return {'statusCode': 'x'}"])
def test_failing_function_returns_502(function_url, source):
    answer = httpx.get(function_url(source))
    assert (answer.status_code, answer.text) == (502, "Internal Server Error")


def test_open_url_without_permission_is_forbidden(function_url):
    answer = httpx.get(function_url(permitted=False))
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_unknown_url_is_forbidden(function_url):
    url = function_url()
    gone = url.replace(url.rstrip("/").rpartition("/")[2], "a" * 32)
    assert (httpx.get(gone).status_code, httpx.get(gone).json()) == (403, {"Message": None})


def test_permission_for_urls_allows_no_other_invocation(function, aws):
    """Without the condition, everyone could call Invoke."""
    made, client = function(ECHO), aws("lambda")
    permit(client, made.name, "NONE")
    policy = json.loads(client.get_policy(FunctionName=made.name)["Policy"])
    conditions = {s["Action"]: s["Condition"] for s in policy["Statement"]}
    assert conditions["lambda:InvokeFunction"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}


def signed(url, credentials, service="lambda"):
    request = AWSRequest("GET", url)
    SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    return httpx.get(url, headers=dict(request.headers))


@pytest.fixture
def user(aws):
    """The ARN and the keys of an IAM user that may do `actions`."""
    made = []

    def make(*actions):
        iam, name = aws("iam"), f"u-{uuid.uuid4().hex[:8]}"
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        statement = {"Effect": "Allow", "Action": list(actions) or ["s3:GetObject"], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        made.append((name, key["AccessKeyId"]))
        return arn, Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    yield make
    for name, key in made:
        aws("iam").delete_access_key(UserName=name, AccessKeyId=key)
        aws("iam").delete_user_policy(UserName=name, PolicyName="p")
        aws("iam").delete_user(UserName=name)


def test_iam_url_refuses_all_but_the_right_credentials(function_url, user):
    url = function_url(auth="AWS_IAM", permitted=False)
    arn, allowed = user("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    unsigned = httpx.get(url)
    assert (unsigned.status_code, unsigned.json()) == (403, FORBIDDEN)
    wrong = signed(url, Credentials(allowed.access_key, "wrong"))
    assert (wrong.status_code, wrong.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")
    assert signed(url, allowed, "execute-api").status_code == 403
    assert signed(url, user()[1]).json() == FORBIDDEN
    assert signed(url, user("lambda:InvokeFunctionUrl")[1]).json() == FORBIDDEN
    answer = signed(url, allowed)
    assert answer.status_code == 200, answer.text
    iam = answer.json()["requestContext"]["authorizer"]["iam"]
    assert (iam["userArn"], iam["accessKey"]) == (arn, allowed.access_key)


def test_preflight_gets_cors_headers_of_the_function_url(function_url):
    url = function_url(
        Cors={"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "AllowHeaders": ["x-a"], "MaxAge": 9}
    )
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    preflight = httpx.options(url, headers=ask)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET"
    assert preflight.headers["Access-Control-Max-Age"] == "9"
    assert httpx.get(url, headers={"Origin": "https://a.example"}).headers["Access-Control-Allow-Origin"]
    assert "Access-Control-Allow-Origin" not in httpx.get(url, headers={"Origin": "https://b.example"}).headers
