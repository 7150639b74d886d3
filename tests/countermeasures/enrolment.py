"""Enrolment: a code that is stolen, misread or shown to the wrong device; whom a device believes."""

from tests.countermeasures.terms import Changes, Edit, out

ENROLMENT: Changes = {
    "an enrolment code photographed and used later": (
        out(
            "central/identity/enrolling.py",
            "    if one.used_at is not None:\n        return _again(one, key, now), 0\n",
            tests=("test_a_stolen_enrolment_code_is_refused_and_told",),
        ),
        out(
            "edge/sync/enrolment.py",
            "return Failure.REFUSED, error.why, str(error)",
            'return Failure.REFUSED, "", str(error)',
            tests=("test_a_stolen_code_is_worth_nothing_once_it_was_used",),
        ),
    ),
    "an enrolment code that a thief used first": (
        out(
            "edge/sync/enrolment.py",
            "return Failure.REFUSED, error.why, str(error)",
            'return Failure.REFUSED, "", str(error)',
        ),
    ),
    "an enrolment code shown to an enrolled gate": (
        out(
            "edge/gate/desk.py",
            "            if row.reason is Reason.ENROLMENT_CODE:\n"
            "                shown = event.EnrolmentShown(scan=asked.scan.scan)\n"
            "                self._record((shown,), decision.refused.lane, now)\n",
            by=("ValueError",),
        ),
        out("edge/runtime/enrolment.py", "        if not self._held:\n            return None\n"),
    ),
    "an enrolment code shown without the service contact": (
        out("edge/runtime/enrolment.py", "        if not self._held:\n            return None\n"),
    ),
    "any other code that would configure a device": (
        out(
            "edge/gate/unenrolled.py",
            "        if not is_enrolment(asked.scan.data):\n"
            "            return Decision((), None, Refused(NOBODY_YET))\n",
            "",
            Edit(
                "edge/runtime/enrolment.py",
                "            return enrolment.ended(False, enrolment.failed(Failure.MISREAD))\n",
                "",
            ),
            note="Whatever is shown is passed on: what is no enrolment, and what cannot be read.",
        ),
    ),
    "an enrolment code shown to a kiosk": (
        out(
            "edge/kiosk/desk.py",
            "        if row and reason is Reason.ENROLMENT_CODE:\n",
            "        if False:\n",
            tests=("test_an_enrolled_kiosk_refuses_the_code_and_alarms",),
            by=("ValueError",),
        ),
        out(
            "edge/runtime/enrolment.py",
            "        if not self._held:\n            return None\n",
            tests=(
                "test_an_enrolled_kiosk_refuses_the_code_and_alarms",
                "test_without_the_contact_it_does_not_read_the_code",
            ),
        ),
    ),
    "somebody in between with an authority of his own": (
        out(
            "edge/core/certificate.py",
            "pinned = [one for one in shown if hashlib.sha256(_der(one)).digest() == pin]",
            "pinned = [one for one in shown if issued(one, one) or pin == b'']",
        ),
        out(
            "edge/sync/enrolment.py",
            "central = self._opens.verified(read.url, believed, None)",
            "central = self._opens.unverified(read.url)",
        ),
    ),
    "somebody in between with a certificate that the system trusts": (
        out(
            "edge/drivers/fetch_http.py",
            "            self._session.verify = tls.authority\n",
            "            pass\n",
        ),
    ),
    "an expired or wrong enrolment code": (
        out(
            "central/identity/enrolling.py",
            "if now >= one.expires_at:",
            "if False:",
            tests=("test_a_code_is_good_for_a_quarter_of_an_hour",),
        ),
        out(
            "edge/sync/enrolment.py",
            "return Failure.REFUSED, error.why, str(error)",
            'return Failure.REFUSED, "", str(error)',
            tests=("test_an_expired_code_and_a_wrong_one_are_refused_in_words",),
        ),
    ),
    "an enrolment code with wrong letters": (
        out(
            "wire/enrolment.py",
            "    if _sum(body) != check:\n"
            '        raise WireError("a letter of the enrolment was misread, or its end is missing")\n',
            "",
            Edit("wire/enrolment.py", "if compose(enrolment) != plain:", "if check == b'':"),
            note="The comparison with central's own spelling would find it as well.",
        ),
    ),
    "a certificate for another device as the answer": (
        out("edge/core/certificate.py", "if _key_of(certificate) != public:", "if False:"),
        out(
            "edge/core/certificate.py",
            "if [name.value for name in names] != [identity]:",
            "if not names:",
        ),
        out(
            "edge/core/certificate.py",
            "if not any(issued(certificate, one) for one in authority):",
            "if not authority:",
        ),
    ),
    "another venue's list left on a box that moved": (
        out(
            "edge/store/identity_folder.py",
            "        if fresh is not None:\n            self._forget_strangers(fresh)\n",
        ),
    ),
    "a server's expired certificate": (
        out("edge/drivers/tls.py", "if now.wall >= ends:", "if False:"),
        out(
            "edge/core/certificate.py",
            "return now.quality is ClockQuality.UNCONFIRMED and now.wall >= BUILT",
            "return False",
        ),
    ),
    "a server's key that was stolen": (
        out(
            "central/identity/authority.py",
            "ISSUING_DAYS, ROOT_DAYS = 90, 90, 3650, 9125",
            "ISSUING_DAYS, ROOT_DAYS = 90, 3650, 3650, 9125",
        ),
    ),
    "the key that issues certificates was stolen, or gets old": (
        out(
            "central/identity/succession.py",
            "authority.write_root_revocations(root_key, only, serials, now)",
            "authority.write_root_revocations(root_key, only, [], now)",
            tests=("test_devices_move_to_a_new_issuing_authority_and_the_old_one_ends",),
        ),
        out(
            "edge/sync/renewal.py",
            "authority = await self._authority(central)",
            "authority = tuple(\n"
            "            x509.load_pem_x509_certificates(self._folder.authority.read_bytes())\n"
            "        )",
            tests=("test_it_renews_into_an_issuing_authority_that_came_after_it_was_enrolled",),
            by=("NotOurs",),
        ),
    ),
    "an issuing authority of another root, slipped into central's answer": (
        out(
            "edge/core/certificate.py",
            "return root, *(one for one in shown if one is not root and issued(one, root))",
            "return root, *(one for one in shown if one is not root)",
        ),
    ),
    "waiting until a server's certificate has run out": (
        out(
            "central/identity/renewing.py",
            "if now >= due(old) or not authority.issued(issuing.certificate, old):",
            "if not authority.issued(issuing.certificate, old):",
            tests=("test_a_renewed_certificate_is_shown_after_the_broker_reads_it_again",),
        ),
        out(
            "central/link.py",
            "        client.on_pre_connect = read_again\n",
            tests=("test_a_program_of_central_shows_what_is_in_its_file_by_then",),
        ),
    ),
    "a clock set to 1970, to make a device believe anybody": (
        out(
            "edge/drivers/fetch_http.py",
            "            self._session.verify = tls.authority\n",
            "            from edge.core.certificate import dates_count\n\n"
            "            self._session.verify = tls.authority if dates_count(clock.now()) else False\n",
            Edit(
                "edge/drivers/tls.py",
                "    made.load_verify_locations(tls.authority)\n",
                "    made.load_verify_locations(tls.authority)\n"
                "    if not dates_count(clock.now()):\n"
                "        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE\n",
            ),
        ),
    ),
    "sync killed in the middle of enrolment": (
        out(
            "edge/store/identity_folder.py",
            "        if path.exists():\n            return path.read_bytes()\n        fresh = make()\n",
            "        fresh = make()\n",
        ),
    ),
    "the power goes while a device is enrolled or renewed": (
        out(
            "edge/store/identity_folder.py",
            "        file.write(content)\n        file.flush()\n        os.fsync(handle)\n",
            "        file.write(content)\n",
        ),
        out(
            "edge/store/identity_folder.py",
            "        self._coming.rename(self._next)\n        sync_directory(self.path)\n",
            "        self._coming.rename(self._next)\n",
        ),
    ),
}
