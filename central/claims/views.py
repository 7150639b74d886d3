"""What a hub tells central of itself, and what it is told where the broker did not tell it.

POST /device/hub    CBOR wire.enrolment.HubReport; answered with a configuration as it was
                    sealed, where the hub has an older one, or with nothing
"""

import time

from django.http import HttpRequest, HttpResponse

from central.claims import hubs
from central.identity import enrolling
from central.identity.asking import for_devices
from central.identity.enrolling import Refused
from central.identity.est import answered
from central.orders import reports
from central.orders.desired import owed
from central.venue.models import Device
from wire.codec import WireError, decode
from wire.enrolment import HubReport
from wire.key import PUBLIC_BYTES

BODY_BYTES_MAX = 1024


@answered("POST")
@for_devices
def report(request: HttpRequest) -> HttpResponse:
    device: Device = request.device  # type: ignore[attr-defined]
    hub = hubs.of(device)
    if hub is None:
        raise Refused(403, enrolling.NO_HUB)
    try:
        told = decode(request.read(BODY_BYTES_MAX + 1)[:BODY_BYTES_MAX], HubReport)
    except WireError as error:
        raise Refused(400, f"not a hub's report: {error}") from None
    if len(told.claims_key) != PUBLIC_BYTES:
        raise Refused(400, f"a key has {PUBLIC_BYTES} bytes")
    hubs.report(hub, told.claims_key, int(time.time()))
    reports.goes_by(device, told.configuration)
    newer = owed(device, told.configuration) or b""
    return HttpResponse(newer, content_type="application/cbor")
