"""HTTP message signatures of API keys that sign: a strict profile of RFC 9421, with the digest of RFC 9530.

    Content-Digest: sha-256=:<base64 of the body's SHA-256>:
    Signature-Input: sig=("@method" "@path" "@query" "content-digest");created=<seconds>;keyid="<id>";nonce="<word>"
    Signature: sig=:<base64 of the HMAC-SHA-256 of the base below, with the key's secret>:

The base, whose lines are joined by line feeds, and end without one:

    "@method": POST
    "@path": /graphql
    "@query": ?
    "content-digest": sha-256=:...:
    "@signature-params": ("@method" "@path" "@query" "content-digest");created=...;keyid="...";nonce="..."

The last line repeats what stands behind `sig=` in Signature-Input. The label may be another; `alg="hmac-sha256"` may
be a fourth parameter. The time may be 300 s off; a nonce has 16 to 64 letters, digits, - or _, and comes once.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode

from starlette.requests import Request

from app.core.commands import Ref, UnknownReference
from app.core.errors import Unauthenticated
from app.models import ApiKey
from app.services.identity.signatures import Signature

INPUT, SIGNATURE, DIGEST = "signature-input", "signature", "content-digest"
_COMPONENTS = r'\("@method" "@path" "@query" "content-digest"\)'
_INPUT = re.compile(
    rf'(?P<label>[a-z*][a-z0-9_.*-]{{0,31}})=(?P<parameters>{_COMPONENTS}(?:;[a-z]+=(?:[0-9]{{1,12}}|"[\w-]{{1,80}}"))+)'
)
_PARAMETER = re.compile(r';([a-z]+)=(?:([0-9]+)|"([\w-]+)")')
_SIGNATURE = re.compile(r"(?P<label>[a-z0-9_.*-]+)=:(?P<code>[A-Za-z0-9+/]{43}=):")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_ALGORITHM = "hmac-sha256"


def signature(request: Request, body: bytes) -> Signature:
    """The signature that came with a request. Raises Unauthenticated for what is none of the profile."""
    headers = request.headers
    if "authorization" in headers:
        raise Unauthenticated("Authenticate once: by Authorization, or by a signature.")
    if any(len(headers.getlist(name)) != 1 for name in (INPUT, SIGNATURE, DIGEST)):
        raise Unauthenticated("A signed request has one Signature-Input, one Signature and one Content-Digest.")
    asked, signed = _INPUT.fullmatch(headers[INPUT]), _SIGNATURE.fullmatch(headers[SIGNATURE])
    if asked is None or signed is None or asked["label"] != signed["label"]:
        raise Unauthenticated("The signature covers something else than @method, @path, @query and content-digest.")
    digest = f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
    if not hmac.compare_digest(headers[DIGEST].encode(), digest.encode()):
        raise Unauthenticated("The Content-Digest is not the SHA-256 of the body.")
    found = _PARAMETER.findall(asked["parameters"])
    parameters = {name: number or word for name, number, word in found}
    if len(parameters) < len(found) or parameters.pop("alg", _ALGORITHM) != _ALGORITHM:
        raise Unauthenticated("A signature is made by hmac-sha256.")
    if set(parameters) != {"created", "keyid", "nonce"} or not _NONCE.fullmatch(parameters["nonce"]):
        raise Unauthenticated("A signature has the parameters created, keyid and nonce.")
    try:
        key_id, created = Ref(ApiKey.__name__).open(parameters["keyid"]), int(parameters["created"])
    except (UnknownReference, ValueError):
        raise Unauthenticated("The signature is not one of this key for this request.") from None
    lines = (
        f'"@method": {request.method}',
        f'"@path": {request.scope["path"]}',
        f'"@query": ?{request.scope["query_string"].decode("latin-1")}',
        f'"content-digest": {digest}',
        f'"@signature-params": {asked["parameters"]}',
    )
    return Signature(key_id, created, parameters["nonce"], "\n".join(lines).encode(), b64decode(signed["code"]))
