"""Codes that move, the phone's key and page, and tickets that nobody issued."""

from tests.countermeasures.terms import Changes, out

VERDICT, PHONE = "rules/verdict.py", "central/holder/phone.py"
OLDER_THAN_THE_LAST = (
    "if facts.last_code is not None and code.step < facts.last_code // STEP_SECONDS:"
)

MOVING: Changes = {
    "a screenshot of a code that must move, sent to a friend": (
        out(
            VERDICT,
            "fits = abs(code.step - wall // STEP_SECONDS) <= STEPS_APART_MAX",
            "fits = True",
        ),
    ),
    "the GH1 cut out of a moving code": (
        out(VERDICT, "return Refuse(Reason.STATIC_COPY)", "return None"),
    ),
    "digits changed, or of another ticket or step": (
        out(
            "wire/rotating.py",
            "return hmac.compare_digest(totp(key_of(cti, event_key), code.time), code.totp)",
            "return len(code.totp) == len(totp(key_of(cti, event_key), code.time))",
        ),
    ),
    "a moving code shown again behind its owner's back, at the same gate": (
        out(VERDICT, OLDER_THAN_THE_LAST, "if False:"),
    ),
    "a moving code of a moment ago at another gate": (
        out(
            "central/ledger/ingest.py",
            "            tell_uses(group.used | group.papers)\n",
            "            pass\n",
        ),
    ),
    "an old moving code while the gate's clock is in doubt": (
        out(VERDICT, "fits = door.floor <= code.time", "fits = True"),
        out(VERDICT, OLDER_THAN_THE_LAST, "if False:"),
        out(
            VERDICT,
            "return door.clock is ClockQuality.SUSPECT or facts.event is None\n\n\ndef validity",
            "return facts.event is None\n\n\ndef validity",
        ),
    ),
    "the memory of moving codes damaged on the card": (
        out("edge/store/moving.py", "if row[2] == checksum(*row[:2]):", "if row:"),
        out("edge/store/moving.py", "    if copied == every:\n        return\n", "    return\n"),
    ),
    "a second phone with the same link": (
        out(
            PHONE,
            "if (bytes(phone.signing), bytes(phone.agreement)) == (asked.signing, asked.agreement):",
            "if phone:",
        ),
        out(PHONE, 'found.update(others_refused=F("others_refused") + 1, ', "found.update("),
    ),
    "two phones at the same moment": (
        out(
            PHONE,
            "if (bytes(phone.signing), bytes(phone.agreement)) == (asked.signing, asked.agreement):",
            "if phone:",
            tests=("test_two_who_press_at_once_are_not_both_given_it",),
        ),
        out(
            PHONE,
            "        Link.objects.select_for_update().get(pk=link.pk)\n",
            tests=("test_of_two_phones_that_ask_at_once_one_is_bound",),
        ),
    ),
    "a key asked for in another phone's name, or with an old request": (
        out(PHONE, '        raise Refused("not-signed") from None\n', "        pass\n"),
        out(PHONE, "if abs(now - at) > AGREE_SECONDS:", "if False:"),
    ),
    "a key long before the event, to be sold on": (
        out(
            PHONE,
            "if not opens - event.rotation_lead_seconds <= now < closes:",
            "if not now < closes:",
        ),
    ),
    "the key read from the phone's page, or on the way": (
        out(
            "central/holder/static/holder/phone.mjs",
            "{name: 'HMAC', hash: 'SHA-1'}, false, ['sign']",
            "{name: 'HMAC', hash: 'SHA-1'}, true, ['sign']",
        ),
        out(
            PHONE,
            "answer |= _sealed(key, bytes(phone.agreement))",
            'answer |= {**_sealed(key, bytes(phone.agreement)), "open": key.hex()}',
        ),
    ),
    "a released phone that kept its key": (
        out(PHONE, "        reissue(ticket)\n", by=("ValueError",)),
    ),
    "a link guessed, read in the database or in a log": (
        out(
            "central/holder/views.py",
            "            made._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001\n",
        ),
    ),
    "a script or an address of somebody else in the page": (
        out("central/holder/views.py", "\"default-src 'none'; script", '"script'),
        out(
            "central/holder/views.py",
            '            made["Referrer-Policy"] = "no-referrer"\n',
            "",
        ),
    ),
    "a leaked ticket key used for new tickets": (
        out(
            "central/ledger/footing.py",
            "    findings.find(findings.NOT_ISSUED, device, detail, happened.cti)\n",
        ),
    ),
}
