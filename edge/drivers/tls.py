"""TLS as the link and the fetches speak it: a pinned authority, and our certificate.

The system's own authorities are never believed: a device has one central. Neither is the system's
clock, which Gatehouse never sets: OpenSSL judges chain and name, and the dates are judged here, by
the clock that the device knows the time from.
"""

import ssl
from dataclasses import dataclass

from edge.core.certificate import dates_count
from edge.runtime.clock import Clock

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (OpenSSL, x509_vfy.h), which Python has no name for."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files: whom to believe, and who we are."""

    authority: str
    certificate: str | None = None
    """May hold the private key as well."""
    key: str | None = None


class _DatedSocket(ssl.SSLSocket):
    """Looks at the dates of the other side's certificate once it is known to be its own."""

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        if isinstance(self.context, _Dated):
            self.context.judge(self.getpeercert() or {})


class _Dated(ssl.SSLContext):
    sslsocket_class = _DatedSocket
    clock: Clock

    def judge(self, shown: object) -> None:
        """Raise SSLCertVerificationError for a certificate that is not good now."""
        now = self.clock.now()
        if not dates_count(now) or not isinstance(shown, dict):
            return
        begins = ssl.cert_time_to_seconds(str(shown["notBefore"]))
        ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
        if now.wall < begins:
            raise _failed("certificate is not yet valid")
        if now.wall >= ends:
            raise _failed("certificate has expired")


def context(tls: Tls, clock: Clock) -> ssl.SSLContext:
    """Return what to connect with; raise OSError or ValueError for files that are none.

    Until the device knows what day it is, dates are not judged; chain and name always are.
    """
    made = _Dated(ssl.PROTOCOL_TLS_CLIENT)
    made.clock = clock
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_verify_locations(tls.authority)
    made.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    if tls.certificate:
        made.load_cert_chain(tls.certificate, tls.key)
    return made


def unverified() -> ssl.SSLContext:
    """Return what believes anybody, for the one question whose answer is judged by its hash."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def _failed(why: str) -> ssl.SSLCertVerificationError:
    return ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {why}")
