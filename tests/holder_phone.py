"""A holder's phone without a browser: it signs, opens what is sealed to it, and moves its code."""

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


class HolderPhone:
    def __init__(self, token: str) -> None:
        self.token = token
        self.signing = ec.generate_private_key(ec.SECP256R1())
        self.agreement = ec.generate_private_key(ec.SECP256R1())

    def asked(self, verb: str, at: float | None = None) -> dict[str, Any]:
        """Return a signed request."""
        points = [packed(point(key)) for key in (self.signing, self.agreement)]
        moment = int(time.time() if at is None else at)
        said = " ".join((verb, self.token, str(moment), *points))
        halves = decode_dss_signature(self.signing.sign(said.encode(), ec.ECDSA(SHA256())))
        signature = b"".join(half.to_bytes(32, "big") for half in halves)
        names = ("signing", "agreement", "at", "signature")
        return dict(zip(names, (*points, moment, packed(signature)), strict=True))

    def ask(self, verb: str, told: Any = None, at: float | None = None) -> tuple[int, Any]:
        """Send a request; return status and what was answered."""
        body = told if isinstance(told, bytes) else json.dumps(told or self.asked(verb, at))
        path = f"/t/{self.token}/{verb}"
        answer = Client().post(path, body, content_type="application/json")
        return answer.status_code, answer.json()

    def opened(self, answer: dict[str, str]) -> bytes:
        """Return the key that an answer seals."""
        parts = [base64.b64decode(answer[name]) for name in ("point", "nonce", "sealed")]
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), parts[0])
        shared = self.agreement.exchange(ec.ECDH(), theirs)
        secret = HKDF(SHA256(), 32, salt=b"", info=b"gatehouse holder key").derive(shared)
        return AESGCM(secret).decrypt(parts[1], parts[2], None)


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
