"""Secrets that are known by their form, wherever they appear.

The forms are those that detect-secrets 1.5 and GitHub's secret scanning list with a fixed beginning
(https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns). Entropy alone
decides nothing here, because ids, digests and ETags have as much of it. detect-secrets itself needs a millisecond for a line
of 300 characters, which is more than recording a call takes, and reports digests as secrets.

Every pattern reads a text once: its repetitions are possessive, and a repetition begins only where the characters that it
repeats begin. A test feeds them texts that would make other patterns quadratic.
"""

import re
from collections.abc import Callable
from functools import partial

from harness.journal.redaction import signs

Mark = Callable[[str, str], str]
"""The mark that stands for a secret of a kind."""

_WORD_BEGINS = r"(?<![A-Za-z0-9_-])"
_BASE64_BEGINS = r"(?<![A-Za-z0-9+/])"
_FORMS = {
    # https://www.rfc-editor.org/rfc/rfc7519 and rfc7516: the header is a JSON object, so its base64 begins with eyJ.
    "jwt": _WORD_BEGINS + r"eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{2,}+(?:\.[A-Za-z0-9_-]*+){1,3}+",
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_request.html
    "session": _BASE64_BEGINS + r"(?:F[wQ]oGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/%]{40,}+=*+",
    "pem": r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*+"
    r"(?:-----END [A-Z0-9 ]{1,40}-----)?",
    "github": _WORD_BEGINS + r"(?:gh[pousr]_[A-Za-z0-9]{36,255}+|github_pat_\w{22,255}+)",
    "gitlab": _WORD_BEGINS + r"glpat-[\w-]{20,255}+",
    "slack": _WORD_BEGINS + r"xox[abeoprs]-[A-Za-z0-9-]{10,255}+|(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,120}+",
    "stripe": _WORD_BEGINS + r"(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}+|whsec_[A-Za-z0-9+/=]{16,255}+)",
    "google": _WORD_BEGINS
    + r"(?:AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])|ya29\.[A-Za-z0-9_-]{20,2048}+|GOCSPX-[A-Za-z0-9_-]{20,255}+)",
    "sendgrid": _WORD_BEGINS + r"SG\.[\w-]{16,64}+\.[\w-]{16,128}+",
    "twilio": _WORD_BEGINS + r"SK[0-9a-f]{32}(?![A-Za-z0-9_-])",
    "mailgun": _WORD_BEGINS + r"key-[0-9a-f]{32}(?![A-Za-z0-9_-])",
    "npm": _WORD_BEGINS + r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_-])",
    "pypi": _WORD_BEGINS + r"pypi-AgE[\w-]{50,1024}+",
    "telegram": r"(?<![\w:])\d{8,10}:AA[A-Za-z0-9_-]{32,33}(?![A-Za-z0-9_-])",
    "model": _WORD_BEGINS + r"(?:sk-(?:proj-|ant-)[\w-]{20,255}+|sk-[A-Za-z0-9]{40,255}+|hf_[A-Za-z0-9]{30,64}+)",
    "digitalocean": _WORD_BEGINS + r"do[opr]_v1_[a-f0-9]{64}",
    "shopify": _WORD_BEGINS + r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
}
_COMBINED = re.compile("|".join(f"(?P<{kind}>{form})" for kind, form in _FORMS.items()))
EACH = {kind: re.compile(form) for kind, form in _FORMS.items()}
IN_AN_ADDRESS = re.compile(r"(?<=://)(?P<user>[^\s/:@\"'<>\\?#]{0,256}+):(?P<password>[^\s/@\"'<>\\?#]{1,512}+)@")


def kind_of(value: str) -> str | None:
    """The kind of a secret that is the whole value."""
    found = _COMBINED.fullmatch(value)
    return found.lastgroup if found else None


def may_hold_one(text: str) -> bool:
    """Whether the text needs a closer look."""
    for beginning in signs.BEGINNINGS:
        if beginning in text:
            return True
    return "@" in text and "://" in text and IN_AN_ADDRESS.search(text) is not None


def cut(text: str, mark: Mark) -> str:
    """The text with everything that has the form of a secret replaced."""
    if signs.no_form_in(text):
        return text
    for kind in dict.fromkeys(kind for beginning, kind in signs.BEGINNINGS.items() if beginning in text):
        text = EACH[kind].sub(partial(_marked, kind, mark), text)
    if "@" in text and "://" in text:
        text = IN_AN_ADDRESS.sub(lambda found: f"{found['user']}:{mark('password', found['password'])}@", text)
    return text


def _marked(kind: str, mark: Mark, found: re.Match[str]) -> str:
    return mark(kind, found[0])
