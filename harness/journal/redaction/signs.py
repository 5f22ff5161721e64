"""Whether a text may contain a secret at all: one scan for every sign with which the closer looks begin.

Most records contain none, and the engine looks at every one. RE2 searches for all signs at once, in a tenth of the time that
a separate search for each takes. It comes with the engine (extra `emulator`); without it this module rules nothing out, and
the closer looks decide. A scan may find a sign where the closer looks find no secret, but never the reverse: a test checks
both.
"""

import re
from typing import Final

try:
    import re2
except ImportError:  # a plain install: it cuts only what pytest and the terminal show, which is little
    re2 = None

NAMES: Final = (
    "passw", "passp", "passc", "_pass", "-pass", 'pass"', "pass=", "pwd", "secret", "token", "jwt", "csrf", "xsrf",
    "cookie", "signature", "sig=", 'sig"', "sig:", "sig>", "sig\\", "signing", "authorization", "authkey", "auth_key",
    "authcode", "auth_code", "apikey", "api_key", "api-key", "private", "accountkey", "account_key", "encryption",
    "master", "shared", "customer", "subscription", "otp", "mfa", "srp", "assertion", "samlresponse", "session",
    "sessid", "connect.sid", "plaintext", "bearer", "basic ", "securestr",
)  # fmt: skip
"""In lower case: of every name that `names` knows, a part that few other names contain. Names of codes are in CODES."""
CODES: Final = ("code", '"pin', '"salt', "pin=")
_COMPOUND_CODE = (
    r"(?:confirmation|verification|user|device|recovery|backup|time|sms|reset|login)[_-]?code|code_?verifier"
)
A_CODE: Final = re.compile(rf"(?<![a-z])(?:code|pin|salt)(?![a-z])|{_COMPOUND_CODE}")

BEGINNINGS: Final = {
    "eyJ": "jwt", "oGZXIvYXdz": "session", "IQoJb3JpZ2lu": "session", "PRIVATE KEY": "pem", "ghp_": "github", "gho_": "github",
    "ghu_": "github", "ghs_": "github", "ghr_": "github", "github_pat_": "github", "glpat-": "gitlab", "xox": "slack",
    "hooks.slack": "slack", "k_live_": "stripe", "k_test_": "stripe", "whsec_": "stripe", "AIza": "google", "ya29.": "google",
    "GOCSPX-": "google", "SG.": "sendgrid", "SK": "twilio", "key-": "mailgun", "npm_": "npm", "pypi-A": "pypi", ":AA": "telegram",
    "sk-": "model", "hf_": "model", "_v1_": "digitalocean", "shpat_": "shopify", "shpca_": "shopify", "shppa_": "shopify",
    "shpss_": "shopify",
}  # fmt: skip
"""What the kinds of `forms` begin with or contain: most texts contain none of it, and few more than one."""
_CLOSER = {
    "SK": "SK[0-9a-f]{32}",
    "key-": "key-[0-9a-f]{32}",
    "sk-": "sk-(?:proj-|ant-|[A-Za-z0-9]{40})",
}
"""More of the form, if ordinary texts contain the beginning: `task-3`, `disk-1`."""
_AN_ADDRESS = r"://[^\s/:@\"'<>\\?#]*:[^\s/@\"'<>\\?#]+@"

_PLACES = (
    "Variables", "Logins", "logins", "ChallengeResponses", "ChallengeParameters", "AuthParameters", "SecureString",
    'kty"', "kty\\",
)  # fmt: skip
"""Members whose values are secret because of their container."""
_HELD = (
    '"eyJ', '"eyI', '"W3s', '"ewog', '"ewoJ', 'ata"', 'ase64"', '"B"', 'ayload"', "ata\\", "ase64\\", '"B\\', "ayload\\",
    "ase64Encoded",
)  # fmt: skip
_BASE64_HELD = (
    r'"(?:eyJ|eyI|W3s|ewog|ewoJ)'
    r'|(?:ata|ase64|"B|ayload)\\*"\s*:\s*\\*"[A-Za-z0-9+/_-]{8,}={0,2}(?:\\+n)?\\*"'
    r'|ase64Encoded\\*"\s*:\s*true'
)
_BASE64_HELD_HERE = re.compile(_BASE64_HELD)


def place_in(written: str) -> bool:
    """Whether JSON may contain a secret without a telling name or form: in base64, or because of its container."""
    for place in _PLACES:
        if place in written:
            return True
    return any(sign in written for sign in _HELD) and _BASE64_HELD_HERE.search(written) is not None


def none_in(text: str) -> bool:
    """True if no closer look can find a secret. The text may contain JSON as JSON or as text, once or more often."""
    if _ANY is None:
        return False
    return _ANY.search(text.encode("utf-8", "surrogatepass")) is None


def may_name_one(text: str) -> bool:
    """Whether a name in the text may announce a secret."""
    if _A_NAME is not None:
        return _A_NAME.search(text.encode("utf-8", "surrogatepass")) is not None
    small = text.lower()
    for name in NAMES:
        if name in small:
            return True
    return any(code in small for code in CODES) and A_CODE.search(small) is not None


def no_form_in(text: str) -> bool:
    """True if `forms` cannot find a secret."""
    if _A_FORM is None:
        return False
    return _A_FORM.search(text.encode("utf-8", "surrogatepass")) is None


def _scan(*patterns: str) -> "re2._Regexp | None":
    if re2 is None:
        return None
    options = re2.Options()
    # Not `re2.Set`: if that runs out of memory, it reports no match.
    options.never_capture = True
    return re2.compile("|".join(patterns).encode(), options)


_FORMS = "|".join((*(_CLOSER.get(beginning, re.escape(beginning)) for beginning in BEGINNINGS), _AN_ADDRESS))
_BARE_CODE = (
    r"(?:^|[^a-z])(?:(?:code|pin|salt)(?:[^a-z\"\\]|$)"
    # A member, unless it is null, as in the record of every mail without a code.
    r"|(?:code|pin|salt)(?:\\+[^\"\\]|\\*\"\s*(?:[^\s:]|:\s*(?:[^\sn]|n[^u]|nu[^l]))))"
)
_NAMED = "|".join(map(re.escape, NAMES))
_A_NAMED = rf"(?i:{_NAMED}|{_BARE_CODE}|{_COMPOUND_CODE})"
_A_NAME: Final = _scan(_A_NAMED)
_A_FORM: Final = _scan(_FORMS)
_ANY: Final = _scan(
    _A_NAMED,
    _FORMS,
    "|".join(map(re.escape, _PLACES)),
    _BASE64_HELD,
    # Escapes that JSON permits but does not require: a name may be written with them.
    r"\\u00[2-7]",
)
