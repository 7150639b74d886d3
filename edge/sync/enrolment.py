"""Enrolment: from a text that was shown to key, certificate, configuration and whom to believe.

EST (RFC 7030) as `central/identity/est.py` speaks it. Who central is, is first asked of anybody;
only the authority whose SHA-256 the text names is then believed, and everything else is asked of
whom that one vouches for. The code leaves the device only after that.

Re-enrolment is the same work. The journal stays: it is chained under the device's id, and with
the same id it simply goes on. As another device it may only begin anew once central has every
row, since nobody could send them under the old name afterwards; its uses are carried over.
"""

import asyncio
import base64
import logging
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography import x509

from edge.core import certificate, enrolment
from edge.core.certificate import NotOurs
from edge.core.enrolment import Failure
from edge.drivers.interfaces import Declined, Deferred, DriverError, Fetch, Impostor
from edge.runtime import config, identity
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.runtime.intercom import EnrolmentEnded
from edge.store.identity_folder import (
    AUTHORITY,
    CODE,
    LINK,
    PAIR,
    ZONE,
    IdentityFolder,
    code_hash,
    roles_files,
)
from edge.sync import keys
from edge.sync.config import LinkConfig
from wire import enrolment as shown
from wire.codec import WireError, decode
from wire.enrolment import Configuration, Enrolment
from wire.signed import Untrusted, following_trust, pin, pinned_trust

log = logging.getLogger("sync.enrolment")

CACERTS = "/.well-known/est/cacerts"
SIMPLE_ENROLL = "/.well-known/est/simpleenroll"
CONFIGURATION = "/device/configuration"
TRUST = "/device/trust?after=0"
TEXTS_WAITING_MAX = 4


class Opens(Protocol):
    """Makes fetches: to whom is decided here, how by the drivers."""

    def unverified(self, url: str) -> Fetch: ...

    def verified(self, url: str, authority: Path, pair: Path | None) -> Fetch: ...


class Unusable(Exception):
    """Central's answers do not make an identity; the message says why."""


class Enroller:
    """`unsent()`: rows that central does not have yet. `tell` says how it went."""

    def __init__(
        self,
        directory: Path,
        opens: Opens,
        unsent: Callable[[], int],
        tell: Callable[[EnrolmentEnded], None],
        again: Callable[[str], None],
    ) -> None:
        """`again(why)`: this device is somebody now; every daemon is to begin anew."""
        self._directory = directory
        self._folder = IdentityFolder(directory)
        self._opens = opens
        self._unsent = unsent
        self._tell = tell
        self._again = again
        self._texts: asyncio.Queue[str] = asyncio.Queue(TEXTS_WAITING_MAX)

    def read(self, text: str) -> None:
        """Take a text that was shown or typed; what is too much is shown again."""
        if not self._texts.full():
            self._texts.put_nowait(text)

    async def run(self) -> None:
        """Enrol with each text that comes, one at a time."""
        while True:
            ended, changed = await self.enrol(await self._texts.get())
            self._tell(ended)
            if changed:
                self._again("enrolled")

    async def enrol(self, text: str) -> tuple[EnrolmentEnded, bool]:
        """Return how it went, and whether this device has a new identity."""
        try:
            read = shown.read(text)
        except WireError as error:
            log.warning("not enrolled: %s", error)
            return EnrolmentEnded(False, enrolment.failed(Failure.MISREAD)), False
        if self._folder.enrolled_with(read.code):
            return EnrolmentEnded(True, enrolment.DONE_BEFORE), False
        log.info("enrolling as %s with %s", read.identity, read.url)
        failure = self._rows_left(read) or await self._tried(read)
        if failure is None:
            log.info("enrolled as %s", read.identity)
            return EnrolmentEnded(True, enrolment.DONE), True
        why, detail, what = failure
        log.error("not enrolled (%s): %s", why.value, what)
        return EnrolmentEnded(False, enrolment.failed(why, detail)), False

    def _rows_left(self, read: Enrolment) -> tuple[Failure, str, str] | None:
        if not identity.enrolled(self._directory):
            return None
        try:
            same = identity.load(self._directory).id == read.identity
        except ConfigError:
            return None
        rows = 0 if same else self._unsent()
        return (Failure.ROWS_LEFT, "", f"{rows} rows are not sent yet") if rows else None

    async def _tried(self, read: Enrolment) -> tuple[Failure, str, str] | None:
        """Return why not, what central said of it, and the whole of it for the log; or None."""
        try:
            await self._work(read)
        except Impostor as error:
            return Failure.IMPOSTOR, "", str(error)
        except Deferred as error:
            # Its key is kept for this code, so that the next time it is the same request.
            minutes = f"{math.ceil(error.seconds / 60)} min"
            return Failure.DEFERRED, minutes, str(error)
        except Declined as error:
            return Failure.REFUSED, error.why, str(error)
        except DriverError as error:
            return Failure.UNREACHABLE, "", str(error)
        except NotOurs as error:
            return Failure.IMPOSTOR, "", str(error)
        except (Unusable, ConfigError, WireError) as error:
            return Failure.UNUSABLE, "", str(error)
        except OSError as error:
            return Failure.UNWRITABLE, "", str(error)
        return None

    async def _work(self, read: Enrolment) -> None:
        folder = self._folder
        stranger = self._opens.unverified(read.url)
        authority = certificate.chain(_certificates(await stranger.get(CACERTS)), read.ca)
        folder.begin()
        believed = folder.gather(AUTHORITY, keys.pem(authority))
        key = keys.load(folder.key_for(read.code, keys.fresh))
        central = self._opens.verified(read.url, believed, None)
        basic = base64.b64encode(f"{read.identity}:{read.password}".encode()).decode()
        answer = await central.post(
            SIMPLE_ENROLL,
            base64.encodebytes(keys.request(key, read.identity)),
            {"Content-Type": "application/pkcs10", "Authorization": f"Basic {basic}"},
        )
        ours = certificate.own(_certificates(answer), authority, key.public_key(), read.identity)
        pair = folder.gather(PAIR, keys.pair(key, ours, authority))
        known = self._opens.verified(read.url, believed, pair)
        told = decode(await known.post(CONFIGURATION, b"", {}), Configuration)
        bundles = decode(await known.get(TRUST), list[bytes])
        self._gather(read, told, bundles)
        folder.commit()

    def _gather(self, read: Enrolment, told: Configuration, bundles: list[bytes]) -> None:
        """Write the rest, read as the daemons will read it, before any of it counts."""
        folder = self._folder
        root = _believable(bundles, read.root, told.venue)
        for name, bundle in roles_files(bundles).items():
            folder.gather(name, bundle)
        if not told.hub:
            _check_zone(told.zone)
            folder.gather(ZONE, told.zone.encode())
        who = identity.text(DeviceIdentity(read.identity, told.venue, root.hex()))
        config.load(folder.gather(identity.FILE, who.encode()), DeviceIdentity)
        link = folder.gather(LINK, _link(told, folder).encode())
        config.load(link, LinkConfig)
        folder.gather(CODE, code_hash(read.code).encode())


def _certificates(answer: bytes) -> list[x509.Certificate]:
    try:
        return keys.read_pkcs7(answer)
    except ValueError as error:
        raise Unusable(f"not certificates (PKCS#7, base64): {error}") from None


def _believable(bundles: list[bytes], root: bytes, venue: str) -> bytes:
    """Return the pin of the first roles, each of which follows from the one before."""
    if not bundles:
        raise Unusable("central has no roles yet: who may sign for it is unknown")
    try:
        trust = pinned_trust(bundles[0], root or pin(bundles[0]))
        for bundle in bundles[1:]:
            trust = following_trust(bundle, trust)
    except Untrusted as error:
        raise Unusable(str(error)) from None
    if trust.roles.venue != venue or trust.roles.version != len(bundles):
        raise Unusable(f"roles {trust.roles.version} of {trust.roles.venue} for {venue}")
    return pin(bundles[0])


def _check_zone(text: str) -> None:
    """The door's own daemon reads it in full; what is no zone at all is refused here."""
    try:
        named = tomllib.loads(text).get("checkpoint")
    except tomllib.TOMLDecodeError as error:
        raise Unusable(f"zone.toml: {error}") from None
    if not isinstance(named, str):
        raise Unusable("zone.toml: checkpoint: missing")


def _link(told: Configuration, folder: IdentityFolder) -> str:
    tls = f"{{ authority = {_quoted(folder.authority)}, certificate = {_quoted(folder.pair)} }}"
    return (
        f"[broker]\nhost = {_quoted(told.broker_host)}\nport = {told.broker_port}\ntls = {tls}\n"
        f"[central]\nurl = {_quoted(told.central_url)}\ntls = {tls}\n"
    )


def _quoted(text: object) -> str:
    """A JSON string is a TOML string as well."""
    return msgspec.json.encode(str(text)).decode()
