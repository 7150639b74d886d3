"""Renews the device's certificate: at two thirds of its life, with a new key (RFC 7030, 4.2.2).

Whom central signs by may have changed since the device was enrolled: it asks for the authorities
of today, and takes what its own root vouches for. One that slept through the winter has a
certificate that no web server takes any more; within its grace the device proves by the old key
that it is still itself. The old key and certificate stay until the new ones are on disk.
"""

import base64
import logging
from collections.abc import Callable

from cryptography import x509

from edge.core import certificate
from edge.core.certificate import NotOurs
from edge.drivers.interfaces import Declined, Deferred, DriverError, Fetch
from edge.runtime.clock import Clock
from edge.store.identity_folder import IdentityFolder
from edge.sync import keys
from edge.sync.enrolment import CACERTS, Opens

log = logging.getLogger("sync.renewal")

SIMPLE_REENROLL = "/.well-known/est/simplereenroll"
LOOK_SECONDS = 60.0
RETRY_SECONDS, RETRY_MAX_SECONDS = 60.0, 3600.0
REFUSALS = (401, 403)
REFUSED_SECONDS = 86_400.0
"""How often somebody who was refused asks again: an admin may have changed their mind."""


class Renewal:
    """`renewed(why)` is called once the new certificate is on disk."""

    def __init__(
        self,
        folder: IdentityFolder,
        identity: str,
        url: str,
        opens: Opens,
        clock: Clock,
        draw: Callable[[], float],
        renewed: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._url = url
        self._opens = opens
        self._clock = clock
        self._draw = draw
        self._renewed = renewed
        self._key: keys.Key | None = None
        self.trouble = ""
        """Why this device will soon be nobody; for the status."""

    async def run(self) -> None:
        """Look after the certificate until it was renewed."""
        patience = RETRY_SECONDS
        while True:
            try:
                if await self.renew_if_due():
                    self._renewed("certificate renewed")
                    return
            except (DriverError, OSError, NotOurs, ValueError) as error:
                wait, patience = patience, min(patience * 2, RETRY_MAX_SECONDS)
                if isinstance(error, Declined) and error.status in REFUSALS:
                    wait = REFUSED_SECONDS
                if isinstance(error, Deferred):
                    wait = error.seconds * 2  # At least as long, however the dice fall.
                self._say(f"the certificate is not renewed: {error}")
            else:
                wait, patience = LOOK_SECONDS, RETRY_SECONDS
            await self._clock.wait(wait * (0.5 + self._draw()))

    async def renew_if_due(self) -> bool:
        """Renew where it is time to; return whether it was done."""
        held = self._folder.pair.read_bytes()
        old, now = keys.certificate_of(held), self._clock.now()
        if not certificate.dates_count(now):
            return False
        if now.wall < certificate.renewal_due(old, self._identity):
            return False
        # Kept until it is answered: whoever has it looked at by a person knows it by its key.
        self._key = key = self._key or keys.load(keys.fresh())
        asked = keys.request(key, self._identity)
        headers = {"Content-Type": "application/pkcs10"}
        pair = self._folder.pair
        if certificate.expired(old, now.wall):
            # No web server would take it, so it is shown to central itself, with a proof.
            shown = base64.b64encode(keys.der(old)).decode()
            signed = base64.b64encode(keys.proof(keys.load(held), asked)).decode()
            headers |= {"X-Renewal-Certificate": shown, "X-Renewal-Proof": signed}
            central = self._opens.verified(self._url, self._folder.authority, None)
        else:
            central = self._opens.verified(self._url, self._folder.authority, pair)
        body = base64.encodebytes(asked)
        answer = keys.read_pkcs7(await central.post(SIMPLE_REENROLL, body, headers))
        authority = await self._authority(central)
        fresh = certificate.own(answer, authority, key.public_key(), self._identity)
        self._folder.replace_authority(keys.pem(authority))
        self._folder.replace_pair(keys.pair(key, fresh, authority))
        self._key = None
        log.info("renewed: good until %s", fresh.not_valid_after_utc.isoformat())
        self.trouble = ""
        return True

    async def _authority(self, central: Fetch) -> tuple[x509.Certificate, ...]:
        """Return the root, as ever, and the issuing authorities of today."""
        root = x509.load_pem_x509_certificates(self._folder.authority.read_bytes())[0]
        return certificate.chain(keys.read_pkcs7(await central.get(CACERTS)), keys.pin(root))

    def _say(self, what: str) -> None:
        if what != self.trouble:
            log.error("%s", what)
        self.trouble = what
