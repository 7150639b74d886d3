"""What a new device is shown to be enrolled: one QR code of central's admin page, or its text.

    GHE1:<base32>     base32 of RFC 4648 (A-Z 2-7), without padding
    body              CBOR array (RFC 8949, 4.2: deterministic) of
                      [url, ca, code, device, root]
                        url     text, https://host[:port][/path] (http on a loopback address only)
                        ca      32 bytes, SHA-256 of the root CA's certificate in DER
                        code    16 bytes, single use, 15 minutes
                        device  8 bytes, the device's id
                        root    32 bytes, SHA-256 of the first signed roles (wire/signed.py), or
                                none: the device then takes the roles that `url` gives it
                      and after it 4 bytes, the first of the SHA-256 of the array

Colon, digits and capitals are all in the QR standard's alphanumeric mode. Case, white space and
hyphens mean nothing, so that scanners that change case and people who type both get through; the
last four bytes find what they got wrong.
"""

import base64
import binascii
import hashlib
import re

import msgspec

from wire.codec import WireError, decode, encode

PREFIX = "GHE1:"
TEXT_MAX = 640
"""Longer than any enrolment: what is longer is not one."""
CODE_BYTES, DEVICE_BYTES, PIN_BYTES, CHECK_BYTES = 16, 8, 32, 4
CODE_SECONDS = 15 * 60
URL_MAX = 200
_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])"
_URL = re.compile(
    rf"(?:https://{_HOST}|http://(?:127\.0\.0\.1|localhost|\[::1\]))"
    r"(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~-]+)*/?"
)
_FILL = re.compile(r"[\s-]+", re.ASCII)


class Enrolment(msgspec.Struct, frozen=True, array_like=True):
    """Everything a device must know to ask for a certificate, and whom to believe."""

    url: str
    ca: bytes
    code: bytes
    device: bytes
    root: bytes = b""

    @property
    def identity(self) -> str:
        """The device's id, 16 hex digits, as in topics and certificates."""
        return self.device.hex()

    @property
    def password(self) -> str:
        """The code as HTTP Basic carries it: 32 hex digits."""
        return self.code.hex()


class Configuration(msgspec.Struct, frozen=True):
    """What central answers an enrolled device that asks for its configuration, as CBOR."""

    venue: str
    broker_host: str
    broker_port: int
    broker_ca: str
    """PEM: the certificates that broker and central are verified by."""
    central_url: str
    zone: str
    """The text of a zone.toml; empty for a hub."""
    hub: bool = False
    """Whether this device is the venue's hub, and stands in no zone."""


class HubReport(msgspec.Struct, frozen=True):
    """What a hub tells central of itself, as CBOR; nobody believes it before an admin does."""

    claims_key: bytes
    """32 bytes: the public half of what signs its answers (wire/claim.py)."""
    configuration: int = 0
    """Version of the newest it was sent; behind, it is answered with that, as it was sealed."""


def compose(enrolment: Enrolment) -> str:
    """Return the text of an enrolment; raise WireError if it is not one that `read` takes."""
    _check(enrolment)
    body = encode(enrolment)
    return PREFIX + base64.b32encode(body + _sum(body)).decode().rstrip("=")


def looks_like(text: str) -> bool:
    """Tell whether somebody shows an enrolment, good or bad, so that it is alarmed as one."""
    return text.strip()[: len(PREFIX)].upper() == PREFIX


def read(text: str) -> Enrolment:
    """Read what was scanned or typed; raise WireError, which says what is wrong with it."""
    if len(text) > TEXT_MAX or not text.isascii():
        raise WireError("not an enrolment: too long, or letters that no enrolment has")
    plain = _FILL.sub("", text).upper()
    if not plain.startswith(PREFIX):
        raise WireError(f"not an enrolment: it does not begin with {PREFIX}")
    digits = plain.removeprefix(PREFIX)
    try:
        data = base64.b32decode(digits + "=" * (-len(digits) % 8))
    except binascii.Error:
        raise WireError("a letter of the enrolment was misread, or its end is missing") from None
    body, check = data[:-CHECK_BYTES], data[-CHECK_BYTES:]
    if _sum(body) != check:
        raise WireError("a letter of the enrolment was misread, or its end is missing")
    enrolment = decode(body, Enrolment)
    if compose(enrolment) != plain:
        raise WireError("not an enrolment as central writes it")
    return enrolment


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:CHECK_BYTES]


def _check(enrolment: Enrolment) -> None:
    if len(enrolment.url) > URL_MAX or not _URL.fullmatch(enrolment.url):
        raise WireError("the enrolment's url is not https://host, in small letters")
    sizes = (len(enrolment.ca), len(enrolment.code), len(enrolment.device))
    if sizes != (PIN_BYTES, CODE_BYTES, DEVICE_BYTES) or len(enrolment.root) not in (0, PIN_BYTES):
        raise WireError("a part of the enrolment has the wrong length")
