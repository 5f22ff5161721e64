"""The links in what SNS sends to subscribers: they are followed in a browser, without a signature.

https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html: a token in the address confirms a subscription, and
the subscription's ARN ends it, unless that was made to need a signature.
"""

from localstack.aws.api import RequestContext

from harness.emulator import door

_LINKS = frozenset({"ConfirmSubscription", "Unsubscribe"})


def _is_followed(context: RequestContext, page: door.Page) -> bool:
    operation = context.operation.name if context.operation else ""
    return context.request.method == "GET" and page.is_person and operation in _LINKS


def install() -> None:
    door.let_pages_in("sns", _is_followed)
