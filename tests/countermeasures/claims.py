"""Claims: forged grants, rogue hubs, and what a ledger forgets."""

from tests.countermeasures.lists import ANY_CHUNK
from tests.countermeasures.terms import Changes, Edit, out

CLAIMANT = "edge/store/claimant.py"
"""What a gate's claims and a kiosk's have in common."""

CLAIMS: Changes = {
    "a forged grant, so that a copy opens a zone that wants certainty": (
        out(
            CLAIMANT,
            "return await self._unseal(envelope, Purpose.CLAIM)",
            'return __import__("wire.cose", fromlist=["parts"]).parts(envelope)[1]',
        ),
    ),
    "a grant played again, of another claim, device or term": (
        out(
            "wire/claim.py",
            "    if word.device != device:\n",
            "    if not word.device:\n",
        ),
        out(CLAIMANT, "        if word.term < self.term:\n", "        if word.term < 0:\n"),
        out(
            CLAIMANT,
            "        waiting = self._waiting.get(word.admission)\n",
            "        waiting = next(iter(self._waiting.values()), None)\n",
        ),
    ),
    "another ledger's answers, also central's, where a hub was named": (
        out(CLAIMANT, "        if self._key:\n", "        if False:\n"),
    ),
    "two ledgers, each of which grants the same right": (
        out(
            "central/claims/answering.py",
            "        if hubs.serving(device.venue):\n",
            "        if hubs.serving(device.venue) and not device.pk:\n",
        ),
    ),
    "a rogue hub that grants everything": (
        out(
            "edge/core/claiming.py",
            "quantity = min(verdict.quantity, claimed.answer.quantity)",
            "quantity = claimed.answer.quantity",
        ),
    ),
    "a rogue hub that says that central has a row": (
        out(
            "edge/sync/__main__.py",
            "to_hub = (near, heard, Forgetful(), thread",
            "to_hub = (near, heard, DeliveryStore(directory), thread",
        ),
    ),
    "a hub that gives out a false list": (out(*ANY_CHUNK),),
    "somebody without a certificate at the hub's cache, or after more than lists there": (
        out("provisioning/nginx-hub.conf", "ssl_verify_client on;", "ssl_verify_client optional;"),
        out(
            "provisioning/nginx-hub.conf",
            "location ~ ^/device/list/[A-Za-z0-9][A-Za-z0-9._-]*\\.db\\.zst$ {",
            "location ~ ^/ {",
        ),
    ),
    "giving back what another gate holds": (
        out(
            "edge/store/claims.py",
            'return self._select("device = ? AND admission = ?", (device, admission))',
            "return self._select(\"device != ? AND admission = ?\", (b'', admission))",
            tests=("tests/daemons/test_hub.py::test_nobody_gives_back_what_another_holds",),
        ),
        out(
            "central/claims/knowing.py",
            "Granted.objects.filter(device=device, admission=admission)\n    )",
            "Granted.objects.filter(admission=admission)\n    )",
            Edit(
                "central/claims/knowing.py",
                '            "device": device,\n            "admission": one.admission,\n',
                '            "device": Device.objects.filter(identity=one.device.hex()).first() or device,\n'
                '            "admission": one.admission,\n',
            ),
            tests=("tests/central/test_claims.py::test_nobody_gives_back_what_another_holds",),
            note="Where it is looked up, and where what became of it is kept.",
        ),
    ),
    "claiming, or answering, in another's name at the hub's broker": (
        out(
            "edge/core/hub_broker.py",
            'f"pattern write {topic(NAMED)}" for topic in up',
            "f\"pattern write {topic('+')}\" for topic in up",
        ),
        out(
            "edge/core/hub_broker.py",
            'f"pattern read {topic(NAMED)}" for topic in down',
            "f\"pattern readwrite {topic('+')}\" for topic in down",
        ),
    ),
    "a device that is none of the venue's, at the hub": (
        out(
            "edge/hub/ledger.py",
            "heard = [one for one in said if self._open or one.device in self._names]",
            "heard = list(said)",
        ),
    ),
    "a hub that is pulled out and put back with an empty disk": (
        out(
            "rules/term.py",
            "return self.told and not self.awaited and uptime >= self.sure_at",
            "return True",
        ),
    ),
    "a flipped bit in the hub's books": (
        out(
            "edge/store/claims.py",
            "    if _checksum(tuple(values)) != checksum:\n",
            "    if not checksum:\n",
        ),
    ),
    "a gate that is made to say that it used nothing, by losing its journal": (
        out(
            "edge/gate/claims.py",
            "        if not self._forgets():\n",
            "        if self._forgets is not None:\n",
        ),
    ),
}
