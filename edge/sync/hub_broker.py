"""Keeps what a hub's broker needs: its certificate, whom it lets in, and who is revoked.

The certificate comes by EST under a label of its own (RFC 7030, 3.2.2), asked for with the
device's; by what names it may be called is central's to say. Its key is made here and stays: the
broker is handed it when it starts, and of a pair of files one alone could be new after a cut.
Before anything else central hears which key signs this hub's answers; an admin takes it, or not.
"""

import base64
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from cryptography import x509

from edge.core import certificate, hub_broker
from edge.core.certificate import NotOurs
from edge.drivers.interfaces import DriverError, Fetch
from edge.runtime.bell import Bell
from edge.runtime.clock import Clock
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.store import broker_folder as files
from edge.store import claims_key
from edge.store.broker_folder import BrokerFolder
from edge.store.identity_folder import IdentityFolder
from edge.sync import keys
from edge.sync.enrolment import CACERTS
from wire.codec import encode
from wire.configuration import HubPlace
from wire.enrolment import HubReport

log = logging.getLogger("sync.hub")

SERVER_ENROLL = "/.well-known/est/server/simpleenroll"
REPORT = "/device/hub"
REVOCATIONS = "/device/revocations"
LOOK_SECONDS = 30.0
RETRY_SECONDS, RETRY_MAX_SECONDS = 2.0, 60.0


class Keeps(Protocol):
    """Who keeps central's configuration (edge/sync/keeper.py)."""

    @property
    def version(self) -> int: ...

    def configuration(self, envelope: bytes) -> None: ...


class HubBroker:
    """`fetch` asks central as this device."""

    def __init__(
        self,
        directory: Path,
        who: DeviceIdentity,
        place: HubPlace,
        central: str,
        fetch: Fetch,
        clock: Clock,
        draw: Callable[[], float],
        keeper: Keeps,
    ) -> None:
        """`place`: how central says that this hub is reached; `central`: its url."""
        self._directory = directory
        self._folder = BrokerFolder(directory)
        self._who = who
        self._place = place
        self._central = central
        self._fetch = fetch
        self._clock = clock
        self._draw = draw
        self._bell = Bell(clock)
        self._keeper = keeper
        self.trouble = ""
        """What this hub's broker lacks; for the status."""

    def look_again(self) -> None:
        """Something of the venue has changed: somebody may have been revoked."""
        self._bell.ring()

    async def run(self) -> None:
        """Look after the broker's files, for ever."""
        patience = RETRY_SECONDS
        while True:
            self._bell.clear()
            try:
                await self.look()
            except (DriverError, OSError, NotOurs, ValueError, ConfigError) as error:
                self._say(f"the hub's broker lacks something: {error}")
                wait, patience = patience, min(patience * 2, RETRY_MAX_SECONDS)
            else:
                self.trouble = ""
                wait, patience = LOOK_SECONDS, RETRY_SECONDS
            now = self._clock.now()
            await self._bell.rings(now.uptime + wait * (0.5 + self._draw()))

    async def look(self) -> None:
        """Bring everything up to date; raise DriverError, OSError, NotOurs or ConfigError."""
        await self._report()
        self._put(files.ACCESS, hub_broker.access_list(self._who.venue, self._who.id).encode())
        self._put(files.CENTRAL, upstream(self._central).encode())
        authority = await self._authorities()
        revoked = certificate.revocations(await self._fetch.get(REVOCATIONS), authority)
        # Lists first: a broker that meets an authority without its list lets nobody in.
        self._put(files.REVOKED, revoked)
        self._put(files.AUTHORITY, keys.pem(authority))
        if self._due(authority):
            await self._enrol(authority)

    async def _report(self) -> None:
        """Say by what this hub signs and what it was told last; take what is newer.

        A hub keeps no journal, so it says no hello: a broker that forgot what it was to keep would
        otherwise leave it with the venue of yesterday.
        """
        key = claims_key.load(self._directory).public_key().public_bytes_raw()
        said = encode(HubReport(key, self._keeper.version))
        newer = await self._fetch.post(REPORT, said, {"Content-Type": "application/cbor"})
        if newer:
            self._keeper.configuration(newer)

    async def _authorities(self) -> tuple[x509.Certificate, ...]:
        """Return the root, as ever, and the issuing authorities of today."""
        pinned = IdentityFolder(self._directory).authority.read_bytes()
        answer = keys.read_pkcs7(await self._fetch.get(CACERTS))
        return certificate.chain(answer, keys.pin(keys.certificate_of(pinned)))

    def _due(self, authority: tuple[x509.Certificate, ...]) -> bool:
        """Whether the broker has no certificate that is good for a while."""
        shown = self._folder.read(files.CERTIFICATE)
        if shown is None:
            return True
        held, now = keys.certificate_of(shown), self._clock.now()
        if held.public_key() != self._key().public_key():
            return True
        if not any(certificate.issued(held, one) for one in authority):
            return True
        if not certificate.serves(held, self._place.host):
            return True
        due = certificate.renewal_due(held, self._who.id)
        return certificate.dates_count(now) and now.wall >= due

    async def _enrol(self, authority: tuple[x509.Certificate, ...]) -> None:
        key, name = self._key(), self._place.host
        asked = base64.encodebytes(keys.request(key, name))
        headers = {"Content-Type": "application/pkcs10"}
        answer = keys.read_pkcs7(await self._fetch.post(SERVER_ENROLL, asked, headers))
        made = certificate.own(answer, authority, key.public_key(), name)
        if not certificate.serves(made, name):
            raise NotOurs(f"it is for a server that is not called {name}")
        issuer = [one for one in authority[1:] if certificate.issued(made, one)]
        self._put(files.CERTIFICATE, keys.pem((made, *issuer)))

    def _key(self) -> keys.Key:
        """Return the broker's key, made when it is first asked for."""
        held = self._folder.read(files.KEY)
        if held is None:
            held = keys.fresh()
            self._folder.write(files.KEY, held)
        return keys.load(held)

    def _put(self, name: str, content: bytes) -> None:
        if self._folder.write(name, content):
            log.info("%s is new", self._folder.path / name)

    def _say(self, what: str) -> None:
        if what != self.trouble:
            log.error("%s", what)
        self.trouble = what


def upstream(url: str) -> str:
    """Return where nginx finds central: see provisioning/nginx-hub.conf."""
    central = urlsplit(url)
    host = central.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return (
        f"upstream central {{ server {named}:{central.port or 443}; }}\n"
        f'map "" $central {{ default {named}; }}\n'
    )
