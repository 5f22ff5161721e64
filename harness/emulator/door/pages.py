"""Whether a browser sent a request, and for which page.

Browsers send the signs themselves, and a page cannot prevent it: Sec-Fetch-* where the engine's address is a loopback one or
has TLS (https://www.w3.org/TR/fetch-metadata/), Origin with every request that is no plain GET or HEAD, or is a script's
(https://fetch.spec.whatwg.org/#origin-header). A page can suppress Referer. To another name over plain HTTP a picture
without a referrer carries none of these; what remains there is User-Agent, which begins with `Mozilla/` in every browser. At a
loopback address it says nothing: what takes a browser's name and sends no Sec-Fetch-* is a program, such as Playwright's
requests. Neither is it one for a request with a header that a page may send with a preflight only, and so with Origin.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

Headers = Sequence[tuple[str, str]]
"""Names in lower case, as they came."""


class Sender(Enum):
    PROGRAM = auto()
    """No sign of a browser."""
    OWN_PAGE = auto()
    """A page of a deployed site, or of an allowed origin."""
    PERSON = auto()
    """The user typed the address, or followed a link from outside of the browser."""
    FOREIGN_PAGE = auto()
    """Any other page."""
    UNKNOWN_PAGE = auto()
    """A browser that says nothing of the page."""


_WITH_PREFLIGHT_ONLY = ("authorization", "x-amz-target", "x-amz-date", "x-amz-content-sha256")


@dataclass(frozen=True, slots=True)
class Page:
    """The sender of a request: `evidence` is what shows it, in words; `origin` is the page's, if the browser sends it."""

    sender: Sender
    evidence: str = ""
    origin: str | None = None
    is_navigation: bool = False
    """Whether a browser shows the answer as a top-level page, which no other page can read."""

    @property
    def is_person(self) -> bool:
        """Whether a person sees the answer, and no page."""
        return self.sender is Sender.PERSON or (self.sender is Sender.UNKNOWN_PAGE and self.is_navigation)


def page_of(headers: Headers, is_own: Callable[[str], bool], *, is_trustworthy: bool) -> Page:
    """`is_own` says whether an origin is one whose pages may call the engine, `is_trustworthy` whether browsers send
    Sec-Fetch-* to the address (https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy)."""
    site, origin, referer, agent = (_values(headers, n) for n in ("sec-fetch-site", "origin", "referer", "user-agent"))
    named = origin[0] if origin else _origin_of(referer[0]) if referer else None
    for name, values in (("Origin", origin), ("Referer", [_origin_of(each) for each in referer])):
        for value in values:
            if not is_own(value):
                return Page(Sender.FOREIGN_PAGE, f"{name}: {value[:200]}", named)
    if origin or referer:
        # Its site is another than the engine's where it is an allowed one.
        return Page(Sender.OWN_PAGE, f"Origin: {named}", named)
    for value in site:
        if value not in ("same-origin", "none"):
            return Page(Sender.FOREIGN_PAGE, f"Sec-Fetch-Site: {value[:40]}")
    if site:
        sender = Sender.PERSON if "none" in site else Sender.OWN_PAGE
        return Page(sender, f"Sec-Fetch-Site: {site[0]}")
    needs_preflight = any(name in _WITH_PREFLIGHT_ONLY for name, _ in headers)
    if not is_trustworthy and not needs_preflight and any(each.startswith("Mozilla/") for each in agent):
        # https://www.w3.org/TR/upgrade-insecure-requests/#preference: with navigations only.
        navigates = bool(_values(headers, "upgrade-insecure-requests"))
        return Page(Sender.UNKNOWN_PAGE, f"User-Agent: {agent[0][:80]}", is_navigation=navigates)
    mode, destination = _values(headers, "sec-fetch-mode"), _values(headers, "sec-fetch-dest")
    # Node.js's fetch sends `sec-fetch-mode: cors` and nothing else of it.
    if destination or any(value != "cors" for value in mode):
        return Page(Sender.UNKNOWN_PAGE, f"Sec-Fetch-Mode: {(mode or destination)[0][:40]}")
    return Page(Sender.PROGRAM)


def _values(headers: Headers, wanted: str) -> list[str]:
    return [value.strip() for name, value in headers if name == wanted]


def _origin_of(referer: str) -> str:
    parts = urlsplit(referer) if referer else None
    return f"{parts.scheme}://{parts.netloc}" if parts and parts.netloc else referer


def allowed_origins(written: Sequence[str]) -> frozenset[str]:
    """The origins of a setting. Raises ValueError for what is none."""
    origins = [each.strip().rstrip("/").lower() for each in written if each.strip()]
    for origin in origins:
        parts = urlsplit(origin)
        try:
            whole = parts.scheme in ("http", "https") and f"{parts.scheme}://{parts.netloc}" == origin
            whole = whole and bool(parts.hostname) and "*" not in origin and "@" not in origin
            _ = parts.port
        except ValueError:
            whole = False
        if not whole:
            raise ValueError(
                f"allowed_origins: {origin!r} is no origin; write scheme, host and port, as http://localhost:3000"
            )
    return frozenset(origins)
