"""The broker: who may connect, and say and hear what; floods, and what it drops."""

from tests.countermeasures.terms import Changes, Edit, out

MOSQUITTO, ACCESS = "provisioning/mosquitto.conf", "central/identity/access.py"
ANYBODY = (
    Edit(MOSQUITTO, "allow_anonymous false", "allow_anonymous true"),
    Edit(MOSQUITTO, "use_identity_as_username true\n", ""),
    Edit(MOSQUITTO, "use_username_as_clientid true\n", ""),
)
UNNAMED = "Whoever has no name by a certificate is turned away as well: these lines go together."
SERVERS_ARE_CLIENTS = (
    "central/identity/authority.py",
    "x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])",
    "x509.ExtendedKeyUsage(\n"
    "            [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]\n"
    "        )",
)
NO_REVOCATION = (MOSQUITTO, "crlfile /run/gatehouse-broker/crl.pem\n", "")

BROKER: Changes = {
    "a client without a certificate, or with another authority's": (
        out(
            MOSQUITTO,
            "require_certificate true",
            "require_certificate false",
            *ANYBODY,
            note=UNNAMED,
        ),
    ),
    "a server's certificate used to speak as a client": (out(*SERVERS_ARE_CLIENTS),),
    "an expired certificate at the broker": (
        out(
            MOSQUITTO,
            "require_certificate true",
            "require_certificate false",
            *ANYBODY,
            note="TLS alone looks at dates, and only of certificates that it asks for.",
        ),
    ),
    "a revoked certificate at the broker": (out(*NO_REVOCATION),),
    "a revoked device that is connected already": (
        out(
            "central/identity/broker.py",
            '        told.append({"command": "disableClient", "username": device})\n',
        ),
    ),
    "… that comes back at once, or to a broker that forgot": (
        out(
            "central/identity/broker.py",
            '{"acltype": kind, "topic": "#", "priority": 0, "allow": False}',
            '{"acltype": kind, "topic": "#", "priority": 0, "allow": True}',
            tests=(
                "test_it_comes_back_deaf_and_dumb_before_the_broker_has_read_the_revocation_list",
            ),
        ),
        out(
            "central/identity/broker.py",
            '        self._held, self._asked_at = None, float("-inf")\n',
            tests=("test_the_broker_remembers_and_one_that_forgot_is_told_again",),
        ),
    ),
    "… that takes up its old TLS session": (
        out(*NO_REVOCATION, note="That sessions end with the reading is mosquitto's own doing."),
    ),
    "… whose rows come by another way": (
        out(
            "central/ledger/ingest.py",
            '        if hasattr(device, "denied"):\n'
            '            raise WireError("this device was revoked")\n',
        ),
    ),
    "a rogue client id": (out(MOSQUITTO, "use_username_as_clientid true\n"),),
    "publishing on another device's topic, or on central's": (
        out(ACCESS, 'f"pattern write {topic(NAMED)}"', "f\"pattern write {topic('+')}\""),
        out(
            ACCESS,
            'f"pattern read {ROOT}/{venue}/list/#",',
            'f"pattern readwrite {ROOT}/{venue}/list/#",',
        ),
    ),
    "retained rubbish on the list's topics, or without end on one's own": (
        out(
            ACCESS,
            'f"pattern read {ROOT}/{venue}/list/#",',
            'f"pattern readwrite {ROOT}/{venue}/list/#",',
        ),
        out(
            ACCESS,
            'f"pattern write {topic(NAMED)}" for topic in up',
            'f"pattern write {ROOT}/{venue}/up/{NAMED}/#" for _ in up',
        ),
    ),
    "listening to what another is told": (
        out(
            ACCESS,
            'f"pattern read {ROOT}/{venue}/down/{NAMED}/#",',
            'f"pattern read {ROOT}/{venue}/down/#",',
        ),
    ),
    "a device that says who is denied": (
        out(
            ACCESS,
            'f"pattern read {ROOT}/{venue}/list/#",',
            'f"pattern read {ROOT}/{venue}/list/#",\n        f"pattern readwrite $CONTROL/#",',
        ),
    ),
    "an oversized message": (out(MOSQUITTO, "max_packet_size 263168\n"),),
    "a hostile publisher that floods": (
        out(
            "central/identity/broker.py",
            'return frozenset(denied) | frozenset(flooded.values_list("device__identity", flat=True))',
            "return frozenset(denied) | frozenset(flooded.none())",
            tests=("test_a_flood_is_put_off_and_who_is_revoked_is_off_while_the_others_go_on",),
            by=("Timeout",),
            note="It waits for the end of a flood, which does not come.",
        ),
        out(
            "central/ledger/arrivals.py",
            "            if self._count >= ALL_MAX or self._live.of(device) + self._backlog.of(device) >= (\n"
            "                DEVICE_MAX\n"
            "            ):\n",
            "            if self._count >= ALL_MAX:\n",
            tests=("test_who_floods_fills_its_own_queue_and_is_served_in_turn",),
        ),
        out(
            "central/ledger/arrivals.py",
            "            self._waiting[device] = queue\n",
            "            self._waiting[device] = queue\n"
            "            self._waiting.move_to_end(device, last=False)\n",
            tests=("test_who_floods_fills_its_own_queue_and_is_served_in_turn",),
        ),
    ),
    "rubbish without end, to fill central's disk": (
        out("central/ledger/ingest.py", "ASIDE_MAX = 100\n", "ASIDE_MAX = 10**9\n"),
    ),
    "a broker that drops what it acknowledged": (
        out(
            MOSQUITTO,
            "max_inflight_messages 1000\nmax_queued_messages 1000000\nmax_queued_bytes 268435456\n",
            tests=("test_a_central_that_is_busy_for_a_while_is_told_everything",),
        ),
        out(
            "edge/sync/outward.py",
            "            self._inbox.put(Sent(flight.number, through))\n",
            "            self._inbox.put(Sent(flight.number, through))\n"
            "            self.acked(Ack(flight.epoch, through))\n",
            Edit(
                "edge/core/delivery.py",
                "    if ack.upto < books.acknowledged:\n",
                "    if ack.upto < 0:\n",
            ),
            tests=("test_central_away_and_back",),
            note="Central's own word, at the next connection, would mend what a broker said.",
        ),
    ),
}
