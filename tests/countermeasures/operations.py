"""What is done to tickets: refunds, rebooking, the API's keys, and people of the venue."""

from tests.countermeasures.terms import Changes, out

REFUND, OPERATIONS = "central/core/refund.py", "central/tickets/operations.py"
KEYS, ADMIN = "central/api/keys.py", "central/tickets/admin.py"

DEEDS: Changes = {
    "a refund asked for at the turnstile, and in before the gate hears of it": (
        out(
            REFUND,
            "not _has_lost(gate, since) and gate.list_sequence >= sequence",
            "not _has_lost(gate, since)",
        ),
    ),
    "a refund, and in by a gate that is offline": (
        out(REFUND, "    if inquiry.silent:\n        return State.HELD\n"),
        out(REFUND, "return gate.complete and not _has_lost", "return not _has_lost"),
    ),
    "a gate restarted in between, so that its last life is not asked for": (
        out(
            "central/ledger/epochs.py",
            "    if not began.previous_epoch:\n        return\n    prefix",
            "    if began:\n        return\n    prefix",
        ),
    ),
    "a ticket refunded twice, or twice at once": (
        out(OPERATIONS, "        one_at_a_time(venue)\n        before = ", "        before = "),
    ),
    "a used ticket rebooked for a fresh one": (
        out(OPERATIONS, "        raise Refused(Code.WAS_ADMITTED)\n", "        pass\n"),
        out(OPERATIONS, "        raise Refused(Code.MAY_HAVE_BEEN_ADMITTED)\n", "        pass\n"),
    ),
    "a request sent again by a shop or by whoever recorded it": (
        out(OPERATIONS, "            if before.request != request:\n", "            if False:\n"),
    ),
    "a leaked API key": (
        out("central/api/routes.py", "    if not getattr(key, role):\n", "    if not role:\n"),
    ),
    "an API key read in the database": (
        out(KEYS, "= key_hash(text), text[:SHOWN_CHARACTERS]", "= text, text[:SHOWN_CHARACTERS]"),
    ),
    "a shop's key used to try many codes, or to wear central down": (
        out(KEYS, "        bounds.take(key, time.monotonic())\n"),
    ),
    "a ticket's code read in a log of the API": (
        out(
            "central/api/errors.py",
            "        given._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001\n",
            "        pass\n",
        ),
    ),
    "anything but what the API describes": (
        out("central/api/shapes.py", 'extra="forbid"', 'extra="ignore"'),
        out(
            "central/api/errors.py",
            "*(Refused, AuthenticationError, ValidationError, HttpError),",
            "*(Refused, AuthenticationError, HttpError),",
        ),
    ),
    "somebody of the venue who reissues a ticket, or looks at its code, for a friend": (
        out(ADMIN, 'if not request.user.has_perm("venue.show_ticket"):', "if False:"),
        out(ADMIN, '        self.log_change(request, ticket, "查看票码 code shown")\n'),
    ),
    "a use undone to let somebody in twice": (
        out(
            "central/tickets/confirm.py", "    if not may(request, operation):\n", "    if False:\n"
        ),
        out(
            ADMIN,
            "            and confirm.may(request, operation)\n        ],\n",
            "        ],\n",
        ),
    ),
}
