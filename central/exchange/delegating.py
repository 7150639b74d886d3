"""Delegated exchange keys: what an admin allowed, whose key it became, and how it ends.

A kiosk makes its key itself and asks for it to be published; without an admin's delegation for
that kiosk and event nothing is. On the list it has its event, its hours and its status.
"""

import hashlib
import time

from django.db import transaction

from central.exchange.models import Delegation
from central.lists.changes import one_at_a_time, publish_change
from central.venue.models import Device, SigningKey
from wire.exchange import AskKeys, KeysWanted
from wire.key import KID_BYTES_MAX, PUBLIC_BYTES, Role, Status


def keys_of(asked: AskKeys, device: Device) -> KeysWanted:
    """Publish the keys that a kiosk holds for what it was delegated; say for which events."""
    with transaction.atomic():
        one_at_a_time(device.venue)
        allowed = Delegation.objects.filter(
            device=device, revoked=False, valid_until__gt=int(time.time())
        ).select_related("event", "key")
        wanted = []
        for one in allowed.order_by("pk"):
            public = asked.held.get(one.event.audience, b"")
            if len(public) == PUBLIC_BYTES:
                _publish(one, public)
            wanted.append(one.event.audience)
    return KeysWanted(tuple(dict.fromkeys(wanted)))


def revoke(one: Delegation) -> None:
    """End a delegation: nothing that its key ever signed is good any more."""
    with transaction.atomic():
        one_at_a_time(one.device.venue)
        one.revoked = True
        one.save(update_fields=["revoked"])
        if one.key is not None:
            _end(one.key, Status.REVOKED)


def _publish(one: Delegation, public: bytes) -> None:
    if one.key is not None:
        if bytes(one.key.public) == public:
            return
        # A kiosk whose card was replaced has another key; papers of the old one are out.
        _end(one.key, Status.RETIRED)
    kid = hashlib.sha256(public + one.pk.to_bytes(8, "big")).digest()[:KID_BYTES_MAX]
    key, fresh = SigningKey.objects.get_or_create(
        kid=kid,
        defaults={
            "venue": one.device.venue,
            "public": public,
            "role": Role.EXCHANGE.value,
            "event": one.event,
            "valid_from": one.valid_from,
            "valid_until": one.valid_until,
        },
    )
    if not fresh:
        return  # Four bytes that another key has: the kiosk's next key will have others.
    one.key = key
    one.save(update_fields=["key"])
    publish_change(one.device.venue, signing_keys=[key])


def _end(key: SigningKey, status: Status) -> None:
    key.status = status.value
    key.save(update_fields=["status"])
    publish_change(key.venue, signing_keys=[key])
