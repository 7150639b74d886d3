"""Tickets, signatures, and what a stolen card holds."""

from tests.countermeasures.terms import Changes, Edit, out

UNSIGNED_PURPOSE = (
    Edit(
        "wire/signed.py",
        "cose.to_be_signed(protected, payload, CONTEXT + purpose.encode()))\n    return cose.enclose",
        "cose.to_be_signed(protected, payload, CONTEXT))\n    return cose.enclose",
    ),
    Edit(
        "wire/signed.py",
        "if not genuine(signature, cose.to_be_signed(protected, payload, CONTEXT + purpose.encode())):",
        "if not genuine(signature, cose.to_be_signed(protected, payload, CONTEXT)):",
    ),
)
"""The purpose is no longer signed along."""
ANY_KEY = Edit(
    "wire/signed.py",
    "return _unsealed(envelope, purpose, self._signers.get(purpose.value, {}))[0]",
    "return _unsealed(\n"
    "            envelope, purpose, {k: v for one in self._signers.values() for k, v in one.items()}\n"
    "        )[0]",
)
"""A key of any purpose will do."""

TICKETS: Changes = {
    "a forged ticket": (
        out(
            "wire/ticket.py",
            "    if not genuine(signed.signature, signed.signed):\n        return Reason.FORGED\n",
        ),
    ),
    "a ticket with any bit flipped": (
        out(
            "wire/ticket.py",
            "    if not genuine(signed.signature, signed.signed):\n        return Reason.FORGED\n",
        ),
        out(
            "wire/ticket.py",
            '    if value & (1 << spare) - 1:\n        raise WireError("spare bits")\n',
        ),
    ),
    "another event's key": (
        out(
            "wire/ticket.py",
            "    if record.audiences and ticket.audience not in record.audiences:\n"
            "        return Reason.FORGED\n",
        ),
    ),
    "algorithm confusion": (
        out(
            "wire/cose.py",
            "if not kid or len(kid) > 23 or protected != header(kid):",
            "if not kid or len(kid) > 23:",
        ),
    ),
    "one purpose's signature shown as another's": (
        out(
            UNSIGNED_PURPOSE[0].file,
            UNSIGNED_PURPOSE[0].old,
            UNSIGNED_PURPOSE[0].new,
            UNSIGNED_PURPOSE[1],
        ),
        out(ANY_KEY.file, ANY_KEY.old, ANY_KEY.new),
    ),
    "a stolen card: names, IDs, tickets, keys": (
        out(
            "wire/secret.py",
            'return nonce + ChaCha20Poly1305(_key(cti, b"name")).encrypt(nonce, filled, None)',
            "return nonce + filled",
        ),
        out(
            "central/venue/issue.py",
            "id_check=secret.id_check(order.id_number, cti) if order.id_number else None",
            "id_check=order.id_number.encode() if order.id_number else None",
        ),
        out(
            "wire/entry.py",
            "digest = hashlib.blake2b(cti, digest_size=8, key=list_key).digest()",
            "digest = cti[:8] or list_key",
        ),
    ),
    "a stolen list and an ID to try": (
        out("wire/secret.py", "ID_CHECK_BYTES = 2", "ID_CHECK_BYTES = 8"),
    ),
    "an older version of who may sign": (
        out(
            "wire/signed.py",
            "if roles.version != known.roles.version + 1 or roles.venue != known.roles.venue:",
            "if roles.venue != known.roles.venue:",
        ),
    ),
}
