"""Where kiosks ask: one address, one question at a time, CBOR both ways (wire/exchange.py)."""

import logging
from typing import assert_never

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed

from central.exchange import delegating, finding, granting
from central.identity.asking import for_devices, words
from central.venue.keys import KeyMissing
from central.venue.models import Device
from wire.codec import WireError, decode, encode
from wire.exchange import (
    Answer,
    Answered,
    Asked,
    AskKeys,
    AskOpen,
    FindCode,
    FindIdentity,
    FindOrder,
    Question,
    Reserve,
)

log = logging.getLogger("central.exchange")

QUESTION_BYTES_MAX = 512 * 1024


@for_devices
def answer(request: HttpRequest) -> HttpResponseBase:
    """Any bytes get an answer; what cannot be read is told so."""
    device: Device = request.device  # type: ignore[attr-defined]
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if len(request.body) > QUESTION_BYTES_MAX:
        return words(413, "a question of at most 512 KiB")
    try:
        asked = decode(request.body, Question).asked
    except WireError as error:
        return words(400, f"no question of a kiosk: {error}")
    try:
        told = Answer(answered(asked, device))
    except KeyMissing as missing:
        log.error("no paper can be signed: %s", missing)
        return words(503, "no key to sign with")
    return HttpResponse(encode(told), content_type="application/cbor")


def answered(asked: Asked, device: Device) -> Answered:
    """Return the answer to one question; raise KeyMissing."""
    match asked:
        case FindCode():
            return finding.by_code(asked, device)
        case FindOrder():
            return finding.by_order(asked, device)
        case FindIdentity():
            return finding.by_identity(asked, device)
        case Reserve():
            return granting.reserve(asked, device)
        case AskOpen():
            return granting.open_papers(device)
        case AskKeys():
            return delegating.keys_of(asked, device)
        case _:
            assert_never(asked)
