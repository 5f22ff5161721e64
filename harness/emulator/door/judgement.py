"""Combines the evidence: a request is refused with a reason, or admitted to its area.

The operation of a request is known only after LocalStack has parsed it. So a request is judged twice: when it arrives, from its
first line and its headers, and again with its operation, if it was admitted to some operations only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.emulator.door import names, pages
from harness.emulator.door.names import BadHostError, Host, Names
from harness.emulator.door.pages import Headers, Page, Sender
from harness.emulator.door.places import RequestArea, place_of, takes_any_host
from harness.emulator.door.query_credentials import Calls, Query, calls_allowed, credentials_in
from harness.emulator.door.token import HEADER, Token

_ORIGINS = "allowed_origins in [tool.harness], or HARNESS_ALLOWED_ORIGINS in the engine's environment"
_HOSTS = "allowed_hosts in [tool.harness], or HARNESS_ALLOWED_HOSTS in the engine's environment"


@dataclass(frozen=True, slots=True)
class Request:
    """A request before it is parsed. `hosts` are all Host headers; `target_host` is that of a
    request line with a whole URL."""

    method: str
    raw_path: str
    query: Query
    headers: Headers
    protocol: str = "HTTP/1.1"
    target_host: str | None = None
    is_secure: bool = False

    @property
    def hosts(self) -> list[str]:
        return [value for name, value in self.headers if name == "host"]

    @property
    def token(self) -> str | None:
        shown = [value for name, value in self.headers if name == HEADER.lower()]
        return shown[0] if len(shown) == 1 else None


@dataclass(frozen=True, slots=True)
class DoorRefusal:
    """`message` says what is refused, why, and what to do."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Admission:
    """`calls` are the operations of AWS's APIs that the request may be, None for any."""

    place: RequestArea
    page: Page
    calls: Calls | None = None
    token_shown: bool = False

    @property
    def is_foreign(self) -> bool:
        """Whether what lies behind must be open to any page."""
        return self.page.sender not in (Sender.PROGRAM, Sender.OWN_PAGE)


PageRule = Callable[[Any, Page], bool]
"""`(LocalStack's context of the parsed request, the page)`: whether a page that is no deployed site's may make this call."""

_PAGES: dict[str, PageRule] = {}
_SITES: list[Callable[[Host], bool]] = []


def let_pages_in(service: str, rule: PageRule) -> None:
    """Let pages that are no deployed site's make those calls of a service that `rule` lets pass."""
    _PAGES[service] = rule


def serve_site(is_site: Callable[[Host], bool]) -> None:
    """`is_site` knows origins, by host and port, that deployed sites are served from."""
    _SITES.append(is_site)


@dataclass(frozen=True)
class Door:
    """The engine's ways in. `ports` are those that it listens on; `can_be_guessed` says whether every client knows the secret
    that goes with an access key."""

    token: Token
    names: Names
    origins: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset()
    can_be_guessed: Callable[[str], bool] = field(default=lambda _key: True)

    def judge(self, request: Request) -> DoorRefusal | Admission:
        host = self._host_of(request)
        if isinstance(host, DoorRefusal):
            return host
        page = self._page_of(request, host)
        place = place_of(request.method, host.name, request.raw_path)
        if place in (RequestArea.CONTROL, RequestArea.READY, RequestArea.CALLBACK):
            return self._at_the_engine(request, place, page)
        return self._at_aws(request, place, page)

    def is_own(self, origin: str, host: Host | None = None) -> bool:
        """Whether the pages of an origin may call the engine: the engine's own, those of deployed sites and of the settings.
        `host` is what the request calls the engine by."""
        origin = origin.lower()
        if origin in self.origins:
            return True
        scheme, separator, rest = origin.partition("://")
        if scheme not in ("http", "https") or not separator:
            return False
        try:
            found = names.parse(rest)
        except BadHostError:
            return False
        if found == host:
            return True
        if found.port not in self.ports:
            return False
        return self.names.is_own(found.name) or any(is_site(found) for is_site in _SITES)

    def judge_call(self, admission: Admission, context: Any) -> DoorRefusal | None:
        """The second judgement, when `context` has the service and the operation."""
        service = context.service.service_name if context.service else ""
        operation = context.operation.name if context.operation else ""
        if admission.calls is not None and not {(service, "*"), (service, operation)} & admission.calls:
            return _query_credentials(f"{service} {operation}")
        if not admission.is_foreign:
            return None
        rule = _PAGES.get(service)
        if rule is not None and rule(context, admission.page):
            return None
        return _page(admission.page, f"call {service} {operation}".rstrip())

    def _host_of(self, request: Request) -> Host | DoorRefusal:
        hosts = [*request.hosts, *([request.target_host] if request.target_host is not None else [])]
        if not request.hosts and request.protocol == "HTTP/1.0":
            # No browser leaves it out.
            hosts.append("localhost")
        if not hosts or len(request.hosts) > 1:
            found = f"{len(request.hosts)} Host headers"
            return DoorRefusal(
                400, "InvalidHost", f"the request has {found}; HTTP/1.1 wants one (RFC 9112, section 3.2)"
            )
        parsed = None
        for written in hosts:
            try:
                parsed = names.parse(written)
            except BadHostError:
                return DoorRefusal(400, "InvalidHost", f"the request's Host, {written[:200]!r}, is no host")
            if not self.names.knows(parsed.name) and not self._may_choose(request, parsed):
                return DoorRefusal(
                    403,
                    "UnknownHost",
                    f"the engine does not answer to the name {parsed.name[:200]!r}, by which this request calls it: a page of "
                    "any site could lead its own name here (DNS rebinding). Call it by localhost or its address; to allow "
                    f"the name, add it to {_HOSTS}",
                )
        assert parsed is not None
        return parsed

    def _may_choose(self, request: Request, host: Host) -> bool:
        return self._page_of(request, host).sender is Sender.PROGRAM and takes_any_host(request.raw_path)

    def _page_of(self, request: Request, host: Host) -> Page:
        trustworthy = request.is_secure or self.names.is_loopback(host.name)
        return pages.page_of(request.headers, lambda origin: self.is_own(origin, host), is_trustworthy=trustworthy)

    def _at_the_engine(self, request: Request, place: RequestArea, page: Page) -> DoorRefusal | Admission:
        shown = self.token.is_shown(request.token)
        if page.sender is Sender.FOREIGN_PAGE or (
            place is not RequestArea.READY and page.sender is Sender.UNKNOWN_PAGE
        ):
            return _page(page, f"ask {request.raw_path[:100]}")
        if (place is RequestArea.CONTROL or request.token is not None) and not shown:
            wrong = (
                "does not have the engine's token" if request.token is None else "has a token that is not this engine's"
            )
            return DoorRefusal(
                401,
                "TokenRequired",
                f"the request to {request.raw_path[:100]} {wrong}. Send it in the header {HEADER}: the engine's folder has it "
                "in engine.token (.harness/engine.token after 'harness up'), in Docker it is HARNESS_TOKEN or the file "
                "/var/lib/localstack/engine.token",
            )
        return Admission(place, page, token_shown=shown)

    def _at_aws(self, request: Request, place: RequestArea, page: Page) -> DoorRefusal | Admission:
        found = credentials_in(request.query)
        calls = calls_allowed(found, request.query) if found else None
        if found and (place is RequestArea.RESOURCE or (place is RequestArea.AWS and not calls)):
            return _query_credentials("this call")
        admission = Admission(place, page, calls)
        if not admission.is_foreign:
            return admission
        if place is RequestArea.DEPLOYED:
            key = found.access_key if found else _signer(request)
            if key and page.sender is not Sender.PERSON and self.can_be_guessed(key):
                return _page(page, "sign with credentials that everybody knows")
            return admission
        return _page(page, f"call {request.raw_path[:100]}") if place is RequestArea.RESOURCE else admission


def _signer(request: Request) -> str | None:
    """The access key of an Authorization header."""
    signed = [value for name, value in request.headers if name == "authorization" and "Credential=" in value]
    return signed[0].partition("Credential=")[2].partition("/")[0] if signed else None


def _page(page: Page, what: str) -> DoorRefusal:
    who = {
        Sender.PERSON: "an address that is opened in a browser",
        Sender.UNKNOWN_PAGE: "a browser that does not say for which page",
    }.get(page.sender, "a web page that is not deployed here")
    return DoorRefusal(
        403,
        "ForeignPage",
        f"{who} ({page.evidence}) may not {what}. Deployed sites, APIs and load balancers are open to browsers. To let the "
        f"pages of another origin in, add the origin, as http://localhost:3000, to {_ORIGINS}",
    )


def _query_credentials(what: str) -> DoorRefusal:
    return DoorRefusal(
        403,
        "CredentialsInQuery",
        f"credentials in the query are taken for presigned S3 requests, execute-api, function URLs and GetCallerIdentity of STS, "
        f"not for {what}: any web page can send them. Sign the request in its Authorization header",
    )
