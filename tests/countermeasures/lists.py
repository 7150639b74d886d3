"""Lists, changes, heartbeats and roles: forged, old, held back, left out; and files on a card."""

from tests.countermeasures.orders import UNSIGNED
from tests.countermeasures.terms import Changes, Edit, out
from tests.countermeasures.tickets import ANY_KEY

DOUBTS, FILES, CHANGES = (
    "edge/core/list_doubts.py",
    "edge/store/list_files.py",
    "edge/store/changes.py",
)
AS_IT_CAME = '__import__("wire.cose", fromlist=["parts"]).parts(sealed)[1]'
"""What is in an envelope, whoever sealed it."""
LATE_AS_IT_CAME = (
    "edge/core/heartbeat.py",
    "return Heartbeats(wall, uptime, ahead), min(uptime, wall - ahead)",
    "return Heartbeats(wall, uptime, ahead), uptime",
)
ANY_VERSION = (
    "wire/signed.py",
    "if roles.version != known.roles.version + 1 or roles.venue != known.roles.venue:",
    "if roles.venue != known.roles.venue:",
)
LAST_UNSIGNED = (
    CHANGES,
    "            unseal(last, Purpose.LIST)\n",
    "            unseal or last\n",
)
ANY_CHUNK = (
    "edge/sync/download.py",
    "        if hashlib.sha256(chunk).digest() != _hash(manifest, number):\n"
    "            raise UnusableError",
    "        if not chunk:\n            raise UnusableError",
)

LISTS: Changes = {
    "a list, a change or a heartbeat with any bit flipped": (out(*UNSIGNED),),
    "a manifest with any bit flipped": (out(*UNSIGNED),),
    "a hostile publisher on the list's topics, with no key, another's, or another purpose's": (
        out(ANY_KEY.file, ANY_KEY.old, ANY_KEY.new),
        out(
            "edge/sync/suspects.py",
            "                self.suspect(Suspicion(Distrust.FORGED, why))\n",
            "                pass\n",
        ),
    ),
    "a forged snapshot": (
        out(
            "edge/sync/new_list.py",
            "decode(self._roles.trust.unseal(sealed, Purpose.LIST), Manifest)",
            f"decode({AS_IT_CAME}, Manifest)",
            Edit(
                "edge/store/list_writer.py",
                "decode(self._trust.unseal(sealed, Purpose.LIST), Manifest)",
                f"decode({AS_IT_CAME}, Manifest)",
            ),
            note="Where it is asked for, and where it is put in place.",
        ),
    ),
    "an old heartbeat played again": (
        out(
            "edge/core/heartbeat.py",
            "    if not wall > heard.wall or wall == inf:\n",
            "    if wall == inf:\n",
        ),
    ),
    "heartbeats held back and played at their own pace": (out(*LATE_AS_IT_CAME),),
    "… with the help of a hostile `sync`": (out(*LATE_AS_IT_CAME),),
    "a `sync` that calls an old list fresh": (
        out(
            "edge/store/central_time.py",
            "decode(self._trust.unseal(sealed, Purpose.HEARTBEAT), Heartbeat)",
            f"decode({AS_IT_CAME}, Heartbeat)",
        ),
        out(
            "edge/gate/footing.py",
            "if (said.sequence, said.head) == (about.sequence, about.head):",
            "if said.sequence == about.sequence:",
        ),
    ),
    "a suppressed change": (
        out(
            DOUBTS,
            "return doubts, Suspicion(Distrust.SUPPRESSED, why)",
            "return doubts, None",
        ),
    ),
    "changes out of order": (
        out(DOUBTS, "    if delta.sequence < before:\n", "    if delta.sequence < 0:\n"),
    ),
    "a chain with a change left out": (
        out(DOUBTS, "        if delta.sequence > last + 1:\n", "        if last < 0:\n"),
    ),
    "central put back to yesterday": (
        out(DOUBTS, "return doubts, Suspicion(Distrust.PUT_BACK, why)", "return doubts, None"),
    ),
    "roles that are old, skip one, or come from another root": (
        out(*ANY_VERSION),
        out(
            "wire/signed.py",
            "    for signers in (root, roles.root):\n        if _count",
            "    for signers in (roles.root,):\n        if _count",
        ),
    ),
    "a stolen list key, after it was changed": (
        out(
            "wire/signed.py",
            "    return Trust(roles)\n\n\ndef _agreed",
            "    both = Trust(roles)\n"
            "    for name, one in known._signers.items():\n"
            "        both._signers[name] = one | both._signers.get(name, {})\n"
            "    return both\n\n\ndef _agreed",
        ),
    ),
    "a root key taken from central": (
        out("central/venue/rotation.py", "    kept.unlink()\n    _sync", "    _sync"),
    ),
    "a stored change altered, forged, left out, doubled or reordered on the device's disk": (
        out(*LAST_UNSIGNED),
    ),
    "a change that a taken-over `sync` writes while the gate runs": (out(*LAST_UNSIGNED),),
    "a refunded ticket shown while a new list is put in place": (
        out("edge/sync/new_list.py", "        await self._bring_to_head()\n"),
    ),
    "the plug pulled while a new list is put in place": (
        out(
            "edge/store/list_writer.py",
            "self._trust.unseal, every_commit=True)",
            "self._trust.unseal, every_commit=False)",
        ),
    ),
    "a change so large that a broker drops it or no device reads it": (
        out(
            "central/lists/changes.py",
            "        if piece and (len(piece) == DELTA_ROWS_MAX or size + length > DELTA_BYTES_MAX):\n",
            "        if piece and size < 0:\n",
        ),
    ),
    "a device kept from its list, at a door where nobody comes": (
        out(
            "central/ledger/ingest.py",
            "            footing.note_list(device.pk, status, round(time.time() * 1000))\n",
            "            pass\n",
        ),
    ),
    "a card stolen after the event, to read who was there": (
        out("central/tickets/wiping.py", "                forget_from_now(event.venue)\n"),
        out(
            "central/tickets/wiping.py",
            "            publish_change(event.venue, tickets=some)\n",
        ),
    ),
    "a list of another root": (
        out(
            FILES,
            "codec.decode(unseal(sealed, Purpose.LIST), Manifest)",
            f"codec.decode({AS_IT_CAME}, Manifest)",
        ),
    ),
    "a damaged list, in the hope of its keys or of a free pass": (
        out("rules/verdict.py", "    if facts.revoked:\n", "    if False:\n"),
        out(
            "edge/store/whitelist.py",
            "        self.ring = found.ring\n        return True\n",
            "        return True\n",
        ),
    ),
    "old or forged essentials": (
        out(
            "edge/store/essentials.py",
            "        if reading.number <= self.number:\n",
            "        if reading.number < 0:\n",
        ),
    ),
    "a download cut or changed on its way": (out(*ANY_CHUNK),),
    "a flood of such attacks, to fill the journal": (
        out(DOUBTS, "return uptime - said.get(what, -inf) >= pause", "return True"),
    ),
}
