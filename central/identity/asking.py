"""Who asks: what every path for devices finds out first.

A device shows its certificate to the web server in front, which ends TLS and hands it on as
X-Client-Cert (`$ssl_client_escaped_cert`). From anybody but this machine that header is refused.
The certificate is verified here again, so that a front that checks too little lets nobody in.

Where central.toml says `[devices] tokens = true`, as demonstrations without TLS do, a token does
instead: `Authorization: Bearer …`.
"""

import time
from collections.abc import Callable
from functools import wraps
from urllib.parse import unquote_to_bytes

from cryptography import x509
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from central.identity import authority, enrolling
from central.identity.enrolling import Refused
from central.identity.models import Certificate
from central.venue.models import Device, token_hash

HEADER_BYTES_MAX = 8192
THIS_MACHINE = {"127.0.0.1", "::1", ""}
"""Addresses of the web server in front; a unix socket has none."""

View = Callable[..., HttpResponseBase]


def for_devices(view: View) -> View:
    """Let in who is a device, as `request.device`; answer anybody else with what is wrong.

    401 is who shows nothing that we know, 403 who is known and not let in.
    """

    @csrf_exempt
    @wraps(view)
    def checked(request: HttpRequest, *args: object, **named: object) -> HttpResponseBase:
        try:
            request.device = asking(request)  # type: ignore[attr-defined]
        except Refused as refused:
            return words(refused.status, refused.why)
        except authority.AuthorityMissing as missing:
            return words(503, str(missing))
        return view(request, *args, **named)

    return checked


def asking(request: HttpRequest) -> Device:
    """Return the device that asks; raise Refused or AuthorityMissing."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.DEVICES.tokens and kind == "Bearer":
        # What is compared is a hash: how long that takes says nothing of the token.
        found = Device.objects.filter(token_hash=token_hash(token)).select_related("venue")
        for device in found:
            return device
        raise Refused(401, "who are you? No device has this token")
    return enrolled(request).device


def enrolled(request: HttpRequest) -> Certificate:
    """Return the good certificate by which a device asks; raise Refused or AuthorityMissing."""
    now = int(time.time())
    held = enrolling.held_certificate(shown_certificate(request), now, grace=False)
    if held.seen_at is None:
        Certificate.objects.filter(pk=held.pk, seen_at=None).update(seen_at=now)
    return held


def shown_certificate(request: HttpRequest) -> x509.Certificate:
    """Return the certificate that the web server in front saw, of anybody; raise Refused."""
    shown = request.headers.get("X-Client-Cert", "")
    if request.META.get("REMOTE_ADDR", "") not in THIS_MACHINE:
        raise Refused(403, "call this path through the web server in front, with a certificate")
    if not shown:
        raise Refused(401, "who are you? This path needs the device's certificate")
    if len(shown) > HEADER_BYTES_MAX:
        raise Refused(400, "the certificate is too long")
    try:
        return x509.load_pem_x509_certificate(unquote_to_bytes(shown))
    except authority.UNREADABLE:
        raise Refused(400, "the certificate cannot be read") from None


def words(status: int, why: str) -> HttpResponse:
    """Answer with a sentence."""
    return HttpResponse(why + "\n", status=status, content_type="text/plain; charset=utf-8")
