"""A hub's enrolment: whose key counts, who may ask it, and what its broker is given."""

from tests.countermeasures.terms import Changes, out

HUBS: Changes = {
    "a stolen enrolment code of a hub, to become the venue's ledger of claims": (
        out(
            "central/claims/hubs.py",
            "update(reported_key=said, reported_at=now)",
            "update(reported_key=said, key=said, reported_at=now)",
        ),
    ),
    "… of one that is replaced": (
        out(
            "central/claims/hubs.py",
            "update(reported_key=said, reported_at=now)",
            "update(reported_key=said, key=hub.key and said, reported_at=now)",
        ),
    ),
    "a key slipped in between the admin's look and the click": (
        out(
            "central/claims/hubs.py",
            '    taken = Hub.objects.filter(pk=hub.pk, reported_key=seen).exclude(reported_key="")\n'
            "    return bool(taken.update(key=seen))\n",
            "    taken = Hub.objects.filter(pk=hub.pk)\n"
            "    return bool(taken.update(key=hub.reported_key or seen))\n",
        ),
    ),
    "a gate that names a key for the venue, or asks for the certificate of a hub's broker": (
        out(
            "central/claims/hubs.py",
            "    return Hub.objects.filter(device=device).first()\n",
            "    return Hub.objects.filter(venue=device.venue).first()\n",
        ),
    ),
    "a hub that asks for a certificate by central's name, or uses its broker's as a device": (
        out(
            "central/identity/enrolling.py",
            "    key = requested_key(request, names[0])\n",
            "    name = x509.load_der_x509_csr(request).subject.rfc4514_string()[3:]\n"
            "    names, key = [name], requested_key(request, name)\n",
        ),
    ),
    "a hub that was carried off": (
        out("central/identity/revocation.py", "    hubs.end(device)\n", "    hubs.of(device)\n"),
    ),
    "a forged, old or another hub's roster": (
        out(
            "edge/hub/roster.py",
            "            payload = await self._thread.run(self._trust.unseal, envelope, Purpose.CONFIGURATION)\n",
            '            payload = __import__("wire.cose", fromlist=["parts"]).parts(envelope)[1]\n',
        ),
        out(
            "edge/hub/roster.py",
            "zone_text.read(payload, self._device, self._version)",
            "zone_text.read(payload, self._device, 0)",
        ),
        out(
            "edge/core/zone_text.py",
            "    if desired.device != device:\n",
            "    if not desired.device:\n",
        ),
    ),
    "a revoked gate at the hub": (
        out(
            "edge/hub/ledger.py",
            "self._open, self._names = False, names",
            "self._open, self._names = False, {**self._names, **names}",
            tests=("test_a_hub_hears_whom_central_names_and_nobody_else",),
        ),
        out(
            "edge/sync/hub_broker.py",
            "        self._put(files.REVOKED, revoked)\n",
            "        self._put(files.REVOKED, self._folder.read(files.REVOKED) or revoked)\n",
            tests=("test_a_day_of_a_hub_that_is_enrolled_hears_of_devices_and_is_replaced",),
        ),
    ),
    "a revocation list that would turn every device away from the hub's broker": (
        out(
            "edge/core/certificate.py",
            "        if not any(_signed_list(made, one) for made in found):\n",
            "        if not found and one is None:\n",
        ),
    ),
    "a broker that sends gates to a hub of its own": (
        out(
            "edge/sync/keeper.py",
            "            payload = await self._thread.run(self._trust.unseal, envelope, Purpose.CONFIGURATION)\n",
            '            payload = __import__("wire.cose", fromlist=["parts"]).parts(envelope)[1]\n',
        ),
    ),
}
