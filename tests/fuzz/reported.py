"""Harnesses of what central is told by devices: the messages that ingest takes in, and EST.

The real ingest on a real SQLite in memory, each input in a transaction that is then undone.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    load_der_pkcs7_certificates,
    serialize_certificates,
)
from cryptography.x509.oid import NameOID

from edge.core import certificate
from edge.core.certificate import NotOurs
from edge.sync import keys
from tests import central_database
from tests.central_messages import DEVICE, EPOCH, TOPICS, chained, passed, register_device, rows
from tests.device import authorised
from tests.fuzz.harness import Harness, Taken, corpus
from tests.identities import DeviceKey, basic, new_authority
from wire.codec import WireError, decode, encode
from wire.command import Logs
from wire.delivery import Ack, Batch, EpochTop, Hello
from wire.event import CommandAnswered, EpochBegan, ListApplied, Refused
from wire.reason import Reason
from wire.row import Unknown, decode_row, encode_row

KINDS = ("live", "backlog", "hello", "log", "other")


@contextmanager
def central() -> Iterator[None]:
    """Central on an empty SQLite, with an authority; whatever else this process has made of it."""
    central_database.use("sqlite")
    central_database.empty()
    with new_authority():
        yield


class Undone(Exception):
    """So that nothing stays."""


def taken_in(kind: str, payload: bytes, times: int = 1) -> bool:
    """Whatever a device sends is taken in or put aside; what is acknowledged is in the ledger."""
    from django.db import transaction

    from central.ledger import ingest
    from central.ledger.models import Quarantine, Row

    through = False
    try:
        with transaction.atomic():
            register_device()
            topic = f"gh/1/v/up/{DEVICE}/{kind}"
            answers = ingest.take([(topic, payload)] * times, TOPICS)
            aside = Quarantine.objects.count()
            through = not aside
            for _, answer in answers:
                ack = decode(answer, Ack)
                held = Row.objects.filter(epoch=ack.epoch, seq__lte=ack.upto).count()
                assert held == ack.upto or kind == "hello", "acknowledged, and not kept"
            raise Undone
    except Undone:
        return through


def live(payload: bytes) -> bool:
    return taken_in("live", payload, times=2)


def any_kind(data: bytes) -> bool:
    taken = Taken(data)
    return taken_in(KINDS[taken.byte() % len(KINDS)], taken.rest())


def one_row(body: bytes) -> bool:
    """One row of any journal, in a batch that says what it holds."""
    return taken_in("backlog", encode(Batch(EPOCH, 1, bytes(32), (body,))))


def row(body: bytes) -> bool:
    try:
        happened, stamp = decode_row(body)
    except WireError:
        return False
    if isinstance(happened, Unknown):
        return False
    written = encode_row(happened, stamp)
    again, at = decode_row(written)
    assert not isinstance(again, Unknown)
    assert encode_row(again, at) == written
    return True


def certificates(data: bytes) -> bool:
    """EST's answers, from whoever says that he is central (RFC 7030, 4.1.3)."""
    try:
        shown = keys.read_pkcs7(data)
    except ValueError:
        return False
    through = False
    try:
        authority = certificate.chain(shown, _pin())
        through = True
        certificate.own(shown, authority, _key().key.public_key(), DEVICE)
    except NotOurs:
        return through
    raise AssertionError("nobody signed for this device")


def certificates_in_der(data: bytes) -> bool:
    return certificates(base64.encodebytes(data))


def asked_for(data: bytes) -> bool:
    """What is sent to central's EST paths: a status and a sentence, and no certificate."""
    from django.test import Client

    taken = Taken(data)
    path = ("simpleenroll", "simplereenroll")[taken.byte() & 1]
    given = {"Authorization": basic(DEVICE, "ff" * 16)}
    if taken.byte() & 1:
        given["X-Renewal-Proof"] = base64.b64encode(taken.some(32)).decode()
        given["X-Renewal-Certificate"] = base64.b64encode(taken.some(64)).decode()
    body = taken.rest()
    if body[:1] == b"0":
        body = base64.encodebytes(body)
    answer = Client(raise_request_exception=True).post(
        f"/.well-known/est/{path}",
        body,
        content_type="application/pkcs10",
        secure=True,
        headers=given,
    )
    assert 400 <= answer.status_code < 500 or answer.status_code == 503, answer.status_code
    assert answer.content
    return answer.status_code == 401


@cache
def _key() -> DeviceKey:
    return DeviceKey()


@cache
def _root() -> x509.Certificate:
    """The root whose certificate opens the corpus: the same for every process and every year."""
    known = corpus("est-answer-der")
    return load_der_pkcs7_certificates(known[0] if known else _fresh())[0]


def _pin() -> bytes:
    return _root().fingerprint(SHA256())


def _fresh() -> bytes:
    key, name = DeviceKey(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key.key, SHA256())
    )
    return serialize_certificates([made], Encoding.DER)


def _pkcs7() -> bytes:
    return serialize_certificates([_root()], Encoding.DER)


def _events() -> list[bytes]:
    return rows(
        authorised(1, 2),
        passed(1),
        Refused(lane="A1", reason=Reason.FORGED, scan=bytes(12)),
        EpochBegan(previous_epoch=bytes(8), previous_top=3, previous_last=bytes(32)),
        ListApplied(sequence=7, version="v1"),
        CommandAnswered(counter=1, order="reload", by="chief", done=True),
    )


def _batches() -> list[bytes]:
    return [encode(one) for one in chained(_events())]


def _messages() -> list[bytes]:
    hello = Hello((EpochTop(EPOCH, 3, bytes(32)),), "1.0", 2)
    log = Logs("gate", ("a line", "another"))
    return [b"\2" + encode(hello), b"\3" + encode(log), *(b"\0" + one for one in _batches())]


HARNESSES = (
    Harness("batch", live, _batches, values=True, slow=True, central=True),
    Harness("message", any_kind, _messages, slow=True, central=True),
    Harness("row-ingested", one_row, _events, values=True, slow=True, central=True),
    Harness("row", row, _events, values=True, share=3),
    Harness("est-answer", certificates, lambda: [base64.encodebytes(_pkcs7())]),
    Harness("est-answer-der", certificates_in_der, lambda: [_pkcs7()]),
    Harness(
        "est-request",
        asked_for,
        lambda: [b"\0\0" + _key().request(), b"\1\1" + bytes(96) + _key().request(), b"\0\0abc"],
        slow=True,
        central=True,
    ),
)
