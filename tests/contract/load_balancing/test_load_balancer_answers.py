"""The responses of a load balancer: those of its function, and those in place of the function.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
"""

import base64

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PAGE = "<center><h1>{}</h1></center>"


def test_function_result_becomes_status_headers_and_body(balancer, says):
    answer = says(
        balancer(),
        {"statusCode": 201, "statusDescription": "201 Made", "headers": {"X-Own": "1"}, "body": "hello"},
    )
    assert (answer.status_code, answer.reason_phrase, answer.text) == (201, "Made", "hello")
    assert answer.headers["x-own"] == "1"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["server"] == "awselb/2.0"


def test_bytes_and_cookies(balancer, says):
    picture = b"\x89PNG\x00\xff"
    cookies = {"content-type": ["image/png"], "set-cookie": ["a=1", "b=2"]}
    answer = says(
        balancer(multi_value=True),
        {
            "statusCode": 200,
            "multiValueHeaders": cookies,
            "isBase64Encoded": True,
            "body": base64.b64encode(picture).decode(),
        },
    )
    assert (answer.headers["content-type"], answer.content) == ("image/png", picture)
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("returned", ["raise", "large", {"body": "no status"}, {"statusCode": 200, "headers": None}])
def test_malformed_function_result_returns_502(balancer, says, returned):
    answer = says(balancer(), returned)
    assert answer.status_code == 502
    assert PAGE.format("502 Bad Gateway") in answer.text
    assert answer.headers["content-type"] == "text/html"


def test_a_request_of_more_than_a_megabyte_is_too_large(balancer, http):
    at = balancer()
    assert http.post(f"{at.url}/echo", content=b"x" * (1024 * 1024 + 1)).status_code == 413
    assert http.post(f"{at.url}/echo", content=b"x" * 500_000).status_code == 200


def test_a_group_without_a_target_is_unavailable(balancer, http):
    answer = http.get(f"{balancer(function='').url}/echo")
    assert answer.status_code == 503
    assert PAGE.format("503 Service Temporarily Unavailable") in answer.text


def test_a_function_that_is_late_for_the_idle_timeout(balancer, says):
    at = balancer(idle_timeout__timeout_seconds="1")
    answer = says(at, "late")
    assert (answer.status_code, answer.reason_phrase) == (504, "Gateway Time-out")


def test_a_function_that_permits_it_no_longer(aws, balancer, function, http):
    made = function("def handler(event, context): return {'statusCode': 200}")
    arn = aws("lambda").get_function(FunctionName=made.name)["Configuration"]["FunctionArn"]
    permission = {"Action": "lambda:InvokeFunction", "Principal": "elasticloadbalancing.amazonaws.com"}
    aws("lambda").add_permission(FunctionName=made.name, StatementId="elb", **permission)
    at = balancer(function=arn)
    assert http.get(f"{at.url}/echo").status_code == 200
    aws("lambda").remove_permission(FunctionName=made.name, StatementId="elb")
    assert http.get(f"{at.url}/echo").status_code == 502


def test_load_balancer_with_closed_security_groups_returns_504(balancer, http):
    """On AWS there is no response at all; here the response says so without the wait."""
    assert http.get(f"{balancer(closed=True).url}/echo").status_code == 504


def test_request_without_matching_rule_gets_default_action(balancer, http):
    answer = http.get(f"{balancer().url}/elsewhere")
    assert (answer.status_code, answer.text) == (404, "nothing here")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_rules_apply_by_priority_and_change_at_once(aws, balancer, http):
    at, elbv2 = balancer(), aws("elbv2")
    closing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    conditions = [
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/echo*"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Closed", "Values": ["yes"]}},
    ]
    [rule] = elbv2.create_rule(ListenerArn=at.listener, Priority=200, Conditions=conditions, Actions=[closing])["Rules"]
    closed = {"x-closed": "yes"}
    assert http.get(f"{at.url}/echo", headers=closed).status_code == 200
    elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": rule["RuleArn"], "Priority": 5}])
    assert http.get(f"{at.url}/echo", headers=closed).status_code == 503
    assert http.get(f"{at.url}/echo").status_code == 200
    elbv2.delete_rule(RuleArn=rule["RuleArn"])
    assert http.get(f"{at.url}/echo", headers=closed).status_code == 200


def test_a_redirect_fills_in_what_it_does_not_name(aws, balancer, http):
    at = balancer()
    secure = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/old*"]}}]
    aws("elbv2").create_rule(ListenerArn=at.listener, Priority=1, Conditions=conditions, Actions=[secure])
    answer = http.get(f"{at.url}/old/page?a=1", follow_redirects=False)
    assert answer.status_code == 301
    assert answer.headers["location"] == f"https://{at.dns_name}:443/old/page?a=1"


def test_second_listener_is_reached_by_its_port(aws, balancer, engine, http):
    at = balancer()
    gone = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    aws("elbv2").create_listener(LoadBalancerArn=at.arn, Port=8080, Protocol="HTTP", DefaultActions=[gone])
    assert http.get(f"{engine.load_balancer_url(at.dns_name, 8080)}/echo").status_code == 503
    assert http.get(f"{engine.load_balancer_url(at.dns_name, 80)}/echo").json()["headers"]["x-forwarded-port"] == "80"
    assert http.get(f"{engine.load_balancer_url(at.dns_name, 81)}/echo").status_code == 503


def test_requests_are_shared_among_weighted_target_groups(aws, balancer, http):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html#forward-actions"""
    at, other = balancer(), balancer(function="")
    groups = [{"TargetGroupArn": at.group, "Weight": 0}, {"TargetGroupArn": other.group, "Weight": 1}]
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shared"]}}]
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
    elbv2 = aws("elbv2")
    [rule] = elbv2.create_rule(ListenerArn=at.listener, Priority=1, Conditions=conditions, Actions=[forward])["Rules"]
    # All requests go to the group without targets.
    assert [http.get(f"{at.url}/shared").status_code for _ in range(3)] == [503] * 3
    elbv2.delete_rule(RuleArn=rule["RuleArn"])


def test_deleted_load_balancer_returns_404(aws, balancer, http):
    at = balancer()
    aws("elbv2").delete_load_balancer(LoadBalancerArn=at.arn)
    assert PAGE.format("404 Not Found") in http.get(f"{at.url}/echo").text


def test_a_head_request_has_no_body(balancer, http):
    answer = http.head(f"{balancer().url}/elsewhere")
    assert (answer.status_code, answer.content) == (404, b"")
    # The connection stays usable, and holds no unread bytes.
    assert http.get(f"{balancer().url}/echo").status_code == 200


def test_an_upgrade_to_a_websocket_is_rejected(balancer):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html"""
    url = balancer().url.replace("http://", "ws://")
    with pytest.raises(InvalidStatus) as refusal:
        connect(f"{url}/echo", proxy=None)
    assert refusal.value.response.status_code == 400
