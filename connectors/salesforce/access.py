"""Who asks Salesforce: the source's credential in its three forms, and the access token that it is exchanged for."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.api import digest_of, host_address, parts_of
from connectors.asking import Limiter
from connectors.contract import AskFailed

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
#: Each form's parts beside `instance_url`, the surest first.
FORMS = (("client_id", "username", "private_key"), ("client_id", "client_secret"), ("access_token",))
#: Whether it is a sandbox's shows in most addresses; where it does not, `login_url` says so.
ENTERED = [("instance_url", *form) for form in FORMS] + [("instance_url", "login_url", *form) for form in FORMS]
#: Salesforce counts per day, not per second; this only keeps a loop of ours from being one.
LIMITER = Limiter(rate=10, burst=20)
#: Seconds that an assertion is good for; Salesforce takes 3 minutes at most.
ASSERTION_LIFE = 120
WANTED = (
    'the credential must be JSON: {"instance_url": "https://….my.salesforce.com"} with client_id and client_secret, '
    "or with client_id, username and private_key, or with access_token"
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that has the parts of one form. Its texts are secret: it is never printed."""

    #: My Domain, e.g. `https://acme.my.salesforce.com`, without a slash at the end.
    instance_url: str
    parts: dict[str, str]
    #: Under which its token is remembered.
    digest: str

    def __repr__(self) -> str:
        return f"Credential({self.instance_url})"

    @property
    def access_token(self) -> str | None:
        """The token itself, where that is all we were given: nothing renews it."""
        return self.parts.get("access_token") if form_of(self.parts) == FORMS[2] else None

    @property
    def login_url(self) -> str:
        """Whom an assertion is addressed to. Sandboxes have a login host of their own."""
        sandbox = ".sandbox." in self.instance_url or "--" in self.instance_url
        return self.parts.get("login_url") or f"https://{'test' if sandbox else 'login'}.salesforce.com"


def read(credential: str) -> Credential:
    """The credential as it was entered, or AskFailed without a word of it."""
    parts = parts_of(credential, ENTERED, WANTED)
    hosts = {name: address(parts[name], name) for name in ("instance_url", "login_url") if name in parts}
    return Credential(hosts["instance_url"], parts | hosts, digest_of(credential))


def form_of(parts: dict[str, str]) -> tuple[str, ...] | None:
    return next((form for form in FORMS if all(name in parts for name in form)), None)


def address(given: str, name: str) -> str:
    wanted = f"{name} of the credential must be like https://acme.my.salesforce.com, without a path"
    return host_address(given.lower(), wanted)


def token_url(credential: Credential) -> str:
    return (credential.login_url if asserts(credential) else credential.instance_url) + TOKEN_PATH


def form(credential: Credential, now: float) -> dict[str, str]:
    """What is posted to `token_url`; `now` is seconds since 1970."""
    if asserts(credential):
        return {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": assertion(credential, now),
        }
    parts = {name: credential.parts.get(name, "") for name in ("client_id", "client_secret")}
    return {"grant_type": "client_credentials"} | parts


def asserts(credential: Credential) -> bool:
    return form_of(credential.parts) == FORMS[0]


def assertion(credential: Credential, now: float) -> str:
    """A JSON Web Token (RFC 7523) signed with RS256 by the key whose certificate the connected app holds."""
    claims = {
        "iss": credential.parts["client_id"],
        "sub": credential.parts["username"],
        "aud": credential.login_url,
        "exp": int(now) + ASSERTION_LIFE,
    }
    signed = f"{segment({'alg': 'RS256', 'typ': 'JWT'})}.{segment(claims)}"
    signature = private_key(credential).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64url(signature)}"


def private_key(credential: Credential) -> rsa.RSAPrivateKey:
    pem = credential.parts["private_key"].replace("\\n", "\n")  # as it is often copied out of another JSON
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise AskFailed("private_key of the credential must be an RSA key in PEM form without a password")
    return key


def segment(content: dict[str, Any]) -> str:
    return base64url(json.dumps(content, separators=(",", ":")).encode())


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
