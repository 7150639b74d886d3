"""Certificates: rogue, expired, revoked, copied, or somebody else's; and what central bounds."""

from tests.countermeasures.terms import Changes, Edit, out

ENROLLING, NGINX = "central/identity/enrolling.py", "provisioning/nginx.conf"
NO_REVOCATION = "        ssl_crl /var/lib/gatehouse-central/authority/crl.pem;\n"

IDENTITY: Changes = {
    "a rogue device: a certificate of another authority, or self-signed with the right name": (
        out(
            NGINX,
            "ssl_verify_client optional;",
            "ssl_verify_client optional_no_ca;",
            Edit(NGINX, NO_REVOCATION, ""),
            note="Of whom no list of revoked ones is there, nginx believes nobody either.",
            tests=(
                "test_rogue_and_expired_certificates_are_refused",
                "test_a_certificate_of_another_authority_never_reaches_central",
            ),
        ),
        out(
            ENROLLING,
            "if found is None or bytes(found.der) != der or not authority.ours(certificate):",
            "if found is None or not der:",
            Edit(
                ENROLLING,
                "Certificate.objects.filter(serial=serial)\n",
                "Certificate.objects.filter(\n"
                "            device__identity=certificate.subject.rfc4514_string()[3:]\n"
                "        )\n",
            ),
            tests=("test_rogue_certificates_are_nobodys",),
            note="It is taken for whom it names.",
        ),
    ),
    "an expired certificate": (
        out(
            NGINX,
            "ssl_verify_client optional;",
            "ssl_verify_client off;",
            tests=("test_rogue_and_expired_certificates_are_refused",),
            note="Dates cannot be left out alone of what nginx looks at.",
        ),
        out(
            ENROLLING,
            "if now >= found.not_after + (GRACE_SECONDS if grace else 0):",
            "if False:",
            tests=("test_a_device_that_slept_through_the_winter_comes_back",),
        ),
    ),
    "a revoked certificate": (
        out(
            ENROLLING,
            'if found.revoked_at is not None or hasattr(found.device, "denied"):',
            "if False:",
        ),
        out(
            NGINX,
            NO_REVOCATION,
            tests=("test_a_revoked_device_is_out_at_once_and_at_nginx_after_its_next_reload",),
        ),
    ),
    "a TLS session resumed with a certificate revoked since": (
        out(
            NGINX,
            "ssl_session_cache off;\n        ssl_session_tickets off;",
            "ssl_session_cache shared:SSL:1m;\n        ssl_session_tickets on;",
        ),
    ),
    "renewing while being revoked": (
        out(
            ENROLLING,
            "        Device.objects.select_for_update().get(pk=held.device_id)\n"
            "        held = held_certificate(certificate, now, grace=grace)\n",
        ),
    ),
    "a certificate without its key": (
        out(
            NGINX,
            "proxy_set_header X-Client-Cert $verified_certificate;",
            "proxy_set_header X-Client-Cert $http_x_client_cert;",
            Edit(
                NGINX, "if ($ssl_client_verify != SUCCESS) {", "if ($ssl_client_verify = FAILED) {"
            ),
            tests=("test_a_certificate_without_its_key_opens_nothing",),
            note="TLS itself cannot be taken out: nginx takes the certificate for its proof.",
        ),
        out(
            ENROLLING,
            "        key.verify(signature, proof_message(request), ec.ECDSA(SHA256()))\n",
            tests=("test_a_certificate_without_its_key_renews_nothing",),
        ),
    ),
    "a copied card that renews itself for ever": (
        out(ENROLLING, "if not any(one.seen_at is not None for one in later):", "if True:"),
    ),
    "`X-Client-Cert` sent by a stranger": (
        out(
            NGINX,
            "    proxy_set_header X-Client-Cert $verified_certificate;\n",
            tests=("test_a_strangers_certificate_header_is_not_handed_on",),
        ),
        out(
            "central/identity/asking.py",
            'if request.META.get("REMOTE_ADDR", "") not in THIS_MACHINE:',
            "if False:",
            tests=("test_a_certificate_header_counts_from_this_machine_alone",),
        ),
    ),
    "device A asks as device B": (
        out(NGINX, "    proxy_set_header X-Client-Cert $verified_certificate;\n"),
    ),
    "a server's certificate used as a device's": (
        out(
            "central/identity/authority.py",
            "x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])",
            "x509.ExtendedKeyUsage(\n"
            "            [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]\n"
            "        )",
        ),
    ),
    "a stolen enrolment code": (
        out(
            ENROLLING,
            "    if one.used_at is not None:\n        return _again(one, key, now), 0\n",
        ),
    ),
    "an enrolment code guessed": (
        out(
            ENROLLING,
            "WRONG_CODES_MAX = 5",
            "WRONG_CODES_MAX = 10**9",
            tests=("test_five_wrong_codes_and_the_right_one_is_worth_nothing",),
        ),
        out(
            NGINX,
            "            limit_req zone=enrolment burst=20 nodelay;\n",
            tests=("test_guessing_codes_is_slowed_down",),
        ),
    ),
    "one code used by several at once": (
        out(
            ENROLLING,
            "device = Device.objects.select_for_update().get(identity=identity)",
            "device = Device.objects.get(identity=identity)",
            tests=("test_two_devices_with_one_code_in_the_same_second_at_two_centrals",),
        ),
        out(
            ENROLLING,
            "    if one.used_at is not None:\n        return _again(one, key, now), 0\n",
            tests=("test_one_code_used_by_four_at_once_gives_one_certificate",),
            by=("MultipleObjectsReturned",),
            note="On one machine a file's lock, and SQLite's own, keep them apart as well.",
        ),
    ),
    "a token where certificates are asked for": (
        out(
            "central/identity/asking.py",
            'if settings.DEVICES.tokens and kind == "Bearer":',
            'if kind == "Bearer":',
        ),
    ),
    "slow clients: hundreds of connections of a byte a second": (
        out(
            NGINX,
            "client_header_timeout 10s;",
            "# client_header_timeout 10s;\n    client_header_timeout 1000s;",
        ),
    ),
    "an oversized body or header": (
        out(
            NGINX,
            "            limit_conn address 20;\n            client_max_body_size 8k;\n",
            "            limit_conn address 20;\n",
            tests=("test_an_oversized_body_stops_at_nginx",),
        ),
        out(
            NGINX,
            "client_max_body_size 5m;",
            "client_max_body_size 50m;",
            tests=("test_an_oversized_body_stops_at_nginx",),
        ),
        out(
            "central/identity/est.py",
            "if len(body) > BODY_BYTES_MAX:",
            "if False:",
            tests=("test_an_oversized_or_unreadable_body_is_refused",),
        ),
    ),
    "a certificate request that is no request": (
        out(ENROLLING, "    if not genuine:\n", "    if False:\n"),
    ),
}
