"""Renews what central's own servers and programs show, at two thirds of its life, by itself.

The key stays: the broker is handed its own by systemd when it starts, and of a pair of files one
alone could be new after a power cut. A key that somebody may have read is changed by hand, with
`gatehouse central authority server` or `broker`; what was shown with the old one ends with the
life of its certificate. Web server and broker read the files again when they change (systemd/
gatehouse-*-reload.path), central's programs before each connection (central/link.py).
"""

import logging
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from central.identity import authority

log = logging.getLogger("central.renewing")

LOOK_SECONDS = 3600.0


class Renewing:
    """Looks every hour; `look` is called again and again."""

    def __init__(self) -> None:
        self._looked_at = float("-inf")

    def look(self) -> None:
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        try:
            renew_due(int(time.time()))
        except authority.AuthorityMissing as missing:
            log.info("no certificate is renewed: %s", missing)
        except OSError as error:
            log.error("certificates are not renewed: %s", error)


def renew_due(now: int) -> list[Path]:
    """Renew each that is due and has its key beside it; return the files that were written.

    Due is also what an older issuing authority of ours has signed: when that one is retired, no
    server shows it any more. A certificate of another authority, such as one that browsers know, is
    left alone. Raise AuthorityMissing.
    """
    issuing, renewed = authority.load(), []
    for path in sorted(authority.public().glob("*.pem")):
        old = held(path)
        if old is None or not authority.ours(old):
            continue
        if now >= due(old) or not authority.issued(issuing.certificate, old):
            authority.write_renewed(issuing, path, old, now)
            log.info("%s renewed", path.name)
            renewed.append(path)
    return renewed


def due(certificate: x509.Certificate) -> float:
    """Return when a certificate is renewed, Unix seconds: at two thirds of its life."""
    begins = certificate.not_valid_before_utc.timestamp()
    return begins + (certificate.not_valid_after_utc.timestamp() - begins) * 2 / 3


def held(path: Path) -> x509.Certificate | None:
    """Return the certificate in a file whose key lies beside it, or None."""
    try:
        first = x509.load_pem_x509_certificates(path.read_bytes())[0]
        key = load_pem_private_key(path.with_suffix(".key").read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    return first if key.public_key() == first.public_key() else None
