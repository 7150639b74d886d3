"""Enrolment over HTTPS: the EST paths of RFC 7030, and the configuration of who is enrolled.

    GET  /.well-known/est/cacerts          base64 PKCS#7: root and issuing authority
    POST /.well-known/est/simpleenroll     HTTP Basic, device id and code; base64 PKCS#10
    POST /.well-known/est/simplereenroll   client certificate, or proof of its key; base64 PKCS#10
    POST /.well-known/est/server/simpleenroll   a hub's client certificate; base64 PKCS#10:
                                           the certificate of its broker, by central's names for it
    POST /device/configuration             as every path of a device (asking.py); CBOR
                                           wire.enrolment.Configuration
    GET  /device/revocations               the revocation lists, PEM

What has expired no web server hands on; its holder renews by a proof instead, on a connection on
which it shows no certificate:

    X-Renewal-Certificate   base64 DER of the old certificate
    X-Renewal-Proof         base64 of the old key's ECDSA-SHA256 signature (DER) over
                            "gatehouse/1/renewal" and the SHA-256 of the PKCS#10 in DER

Refusals are a status and a sentence: 400 cannot be read, 401 not known here, 403 known and
refused, 409 no zone chosen yet, 413 too long, 429 too many wrong codes, 503 not set up yet.
"""

import base64
import re
import time
from collections.abc import Callable
from functools import wraps

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from central.identity import authority, enrolling
from central.identity import configuration as configured
from central.identity.asking import (
    HEADER_BYTES_MAX,
    enrolled,
    for_devices,
    shown_certificate,
    words,
)
from central.identity.enrolling import Refused
from wire.codec import encode

BODY_BYTES_MAX = 8192
IDENTITY = re.compile(r"[0-9a-f]{16}")

View = Callable[[HttpRequest], HttpResponseBase]


def answered(method: str) -> Callable[[View], View]:
    """Turn refusals into statuses and sentences, and take one method alone."""

    def around(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def checked(request: HttpRequest) -> HttpResponseBase:
            if request.method != method:
                refused = words(405, f"this path takes {method}")
                refused["Allow"] = method
                return refused
            try:
                return view(request)
            except Refused as refusal:
                answer = words(refusal.status, refusal.why)
                if refusal.status == 401:
                    answer["WWW-Authenticate"] = 'Basic realm="gatehouse enrolment"'
                return answer
            except authority.AuthorityMissing as missing:
                return words(503, str(missing))

        return checked

    return around


@answered("GET")
def cacerts(_: HttpRequest) -> HttpResponse:
    return _pkcs7(list(authority.certificates()))


@answered("POST")
def simpleenroll(request: HttpRequest) -> HttpResponse:
    identity, code = _basic(request)
    return _pkcs7([enrolling.enrol(identity, code, _pkcs10(request), _now())])


@answered("POST")
def simplereenroll(request: HttpRequest) -> HttpResponse:
    body = _pkcs10(request)
    proof = request.headers.get("X-Renewal-Proof")
    if proof is None:
        return _pkcs7([enrolling.renew(shown_certificate(request), body, _now(), grace=False)])
    old = _certificate(_base64(request.headers.get("X-Renewal-Certificate", "")))
    enrolling.held_certificate(old, _now(), grace=True)
    enrolling.check_proof(old, body, _base64(proof))
    return _pkcs7([enrolling.renew(old, body, _now(), grace=True)])


@answered("POST")
def server_simpleenroll(request: HttpRequest) -> HttpResponse:
    held = enrolled(request)
    return _pkcs7([enrolling.enrol_server(held.device, _pkcs10(request), _now())])


@answered("GET")
@for_devices
def revocations(_: HttpRequest) -> HttpResponse:
    try:
        content = (authority.public() / "crl.pem").read_bytes()
    except OSError:
        raise authority.AuthorityMissing("there is no revocation list yet") from None
    return HttpResponse(content, content_type="application/x-pem-file")


@answered("POST")
@for_devices
def configuration(request: HttpRequest) -> HttpResponse:
    told = configured.of(request.device)  # type: ignore[attr-defined]
    return HttpResponse(encode(told), content_type="application/cbor")


def _certificate(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except authority.UNREADABLE:
        raise Refused(400, "the certificate cannot be read") from None


def _basic(request: HttpRequest) -> tuple[str, str]:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic" or len(given) > HEADER_BYTES_MAX:
        raise Refused(401, "this path needs the device's id and its code")
    try:
        identity, _, code = base64.b64decode(given, validate=True).decode("ascii").partition(":")
    except ValueError:
        raise Refused(401, "this path needs the device's id and its code") from None
    if not IDENTITY.fullmatch(identity.lower()):
        raise Refused(401, enrolling.NOT_ITS_OWN)
    return identity.lower(), code


def _pkcs10(request: HttpRequest) -> bytes:
    body = request.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        raise Refused(413, f"a certificate request has at most {BODY_BYTES_MAX} bytes")
    try:
        text = body.decode("ascii")
    except ValueError:
        raise Refused(400, "not a certificate request (PKCS#10, base64) that can be read") from None
    return _base64(text)


def _base64(text: str) -> bytes:
    if len(text) > BODY_BYTES_MAX:
        raise Refused(400, "too long")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise Refused(400, "not base64") from None


def _pkcs7(certificates: list[x509.Certificate]) -> HttpResponse:
    """Answer as RFC 7030 does, 4.1.3 and 4.2.3: certificates alone, signed by nobody."""
    content = base64.encodebytes(serialize_certificates(certificates, Encoding.DER))
    answer = HttpResponse(content, content_type="application/pkcs7-mime; smime-type=certs-only")
    answer["Content-Transfer-Encoding"] = "base64"
    answer["Cache-Control"] = "no-store"
    return answer


def _now() -> int:
    return int(time.time())
