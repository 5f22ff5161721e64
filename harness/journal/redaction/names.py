"""Which names announce a secret: names of headers, JSON members, form fields, query parameters, XML elements, variables.

A name is split into words, so `dbPassword`, `DB_PASSWORD` and `db-password` are the same. Its last words decide: `token_type`
and `SecretId` describe a secret and are none.
"""

import re
from functools import lru_cache

PASSWORD = "password"
TOKEN = "token"
KEY = "key"
SECRET = "secret"
SIGNATURE = "signature"
CODE = "code"
COOKIE = "cookie"
AUTHORIZATION = "authorization"
"""A header with a scheme before its secret."""
MAYBE_CODE = "maybe-code"
"""A bare `code` is a sign-in code, an error code or a country code: its value decides."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONGEST_NAME = 128
_LAST_WORD = {
    "password": PASSWORD, "passwords": PASSWORD, "passwd": PASSWORD, "passphrase": PASSWORD, "passcode": PASSWORD,
    "pwd": PASSWORD, "userpassword": PASSWORD, "dbpassword": PASSWORD, "pgpassword": PASSWORD,
    "secret": SECRET, "secrets": SECRET, "plaintext": SECRET,
    "token": TOKEN, "tokens": TOKEN, "jwt": TOKEN, "csrf": TOKEN, "xsrf": TOKEN,
    "cookie": COOKIE, "cookies": COOKIE,
    "signature": SIGNATURE,
    "authorization": AUTHORIZATION,
    "apikey": KEY, "secretkey": KEY, "otp": CODE, "totp": CODE,
}  # fmt: skip
_LAST_WORDS = {
    "apikey": KEY, "apikeyvalue": KEY, "secretkey": KEY, "secretaccesskey": KEY, "privatekey": KEY, "accountkey": KEY,
    "signingkey": KEY, "encryptionkey": KEY, "masterkey": KEY, "sharedkey": KEY, "authkey": KEY, "subscriptionkey": KEY,
    "ssecustomerkey": KEY, "sidecustomerkey": KEY, "encryptioncustomerkey": KEY,
    "secretstring": SECRET, "secretbinary": SECRET, "secrethash": SECRET, "secretblock": SECRET,
    "confirmationcode": CODE, "verificationcode": CODE, "mfacode": CODE, "authcode": CODE, "authorizationcode": CODE,
    "usercode": CODE, "devicecode": CODE, "recoverycode": CODE, "backupcode": CODE, "onetimecode": CODE, "smscode": CODE,
    "resetcode": CODE, "logincode": CODE, "secretcode": CODE, "codeverifier": CODE,
    "clientassertion": TOKEN, "samlresponse": TOKEN, "samlassertion": TOKEN,
}  # fmt: skip
_WHOLE = {
    "code": MAYBE_CODE, "pin": MAYBE_CODE, "sig": SIGNATURE, "hubsignature": SIGNATURE, "assertion": TOKEN,
    "bearer": TOKEN, "session": TOKEN, "xsession": TOKEN, "srpa": SECRET, "srpb": SECRET, "salt": SECRET,
    "phpsessid": COOKIE, "jsessionid": COOKIE, "connectsid": COOKIE,
}  # fmt: skip
_PLACE_IN_A_LIST = re.compile(
    r"(?:next|continuation|page|pagination|paging|starting|start|forward|backward|previous|prev|sequence|marker|resume|cursor"
    r"|sync|scroll|delta)tokens?$"
)
"""The position in a list: callers that may list may see it, and a reader of a flow compares the pages by it."""
_SAME_REQUEST = re.compile(r"(?:request|idempotency|client|change|lock|update|revision|max|total|input|output)tokens?$")
"""Distinguishes a repeated request from a new one
(https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html); the last few count what a language model read."""


@lru_cache(maxsize=8192)
def kind_of_name(name: str) -> str | None:
    """The kind of secret that a name announces; None for an ordinary name."""
    if len(name) > _LONGEST_NAME:
        return None
    words = [word.lower() for word in _WORDS.findall(name)]
    while len(words) > 1 and words[-1].isdigit():
        # secret2, x-hub-signature-256
        words.pop()
    if not words:
        return None
    joined = "".join(words)
    if joined in _WHOLE:
        return _WHOLE[joined]
    if _PLACE_IN_A_LIST.search(joined) or _SAME_REQUEST.search(joined):
        return None
    if words[-1] == "pass" and len(words) > 1:
        return PASSWORD
    if (kind := _LAST_WORD.get(words[-1])) is not None:
        return kind
    return next((kind for ending, kind in _LAST_WORDS.items() if joined.endswith(ending)), None)
