"""Kiosks and papers: what stops a second paper, and keys that say more than they may."""

from tests.countermeasures.terms import Changes, out

PAPERS: Changes = {
    "a phone's code after its paper": (
        out(
            "rules/verdict.py",
            "if ticket.generation < entry.least_generation:",
            "if False:",
            tests=("test_the_phone_is_void_before_its_paper_was_ever_shown",),
        ),
        out(
            "rules/verdict.py",
            "if ticket.generation < facts.shown_generation:",
            "if False:",
            tests=("test_a_door_that_let_in_a_paper_refuses_the_phone",),
        ),
    ),
    "a second paper by pulling a kiosk's plug in the midst of it": (
        out(
            "edge/core/exchange.py",
            "else wire.PaperUnknown(paper=paper.paper, why=INTERRUPTED)",
            "else wire.PaperGivenBack(paper=paper.paper, why=INTERRUPTED)",
        ),
    ),
    "one ticket at two kiosks in the same second": (
        out(
            "rules/exchange.py",
            "            case Held.RESERVED if not paper.own:\n"
            "                return Refuse(Reason.BEING_COLLECTED, paper.since, paper.place)\n",
            tests=("test_two_kiosks_one_ticket",),
        ),
        out(
            "central/exchange/granting.py",
            "        one_at_a_time(device.venue)\n        ticket.refresh",
            "        ticket.refresh",
            tests=("test_two_kiosks_in_the_same_second_are_granted_one_paper",),
        ),
    ),
    "order numbers or IDs guessed at a kiosk": (
        out("central/core/lockout.py", "FAILURES_MAX = 5", "FAILURES_MAX = 10**9"),
        out(
            "central/exchange/finding.py",
            'guesses.subject("kiosk", device.identity), guesses.subject("order", number)',
            'guesses.subject("order", number), guesses.subject("order", number)',
        ),
    ),
    "a stolen kiosk that asks for papers of tickets nobody showed": (
        out("central/exchange/finding.py", " if owner == device.pk else None", ""),
    ),
    "another page, or another browser, that touches the kiosk's controls": (
        out(
            "edge/kiosk/page.py",
            'if origin is not None and origin != f"http://{host}":',
            "if False:",
            tests=("test_no_other_origin",),
        ),
        out(
            "edge/kiosk/page.py",
            'if host.rpartition(":")[0] not in ("127.0.0.1", "[::1]"):',
            "if False:",
            tests=("test_no_other_origin",),
        ),
        out(
            "edge/kiosk/page.py",
            'if request.method not in ("GET", "HEAD") and origin is None:',
            "if False:",
            tests=("test_no_other_origin",),
        ),
        out(
            "edge/kiosk/page.py",
            'if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):',
            "if False:",
            tests=("test_no_other_origin",),
        ),
        out(
            "edge/kiosk/page.py",
            'return "" if secrets.compare_digest(shown.encode(), self._token.encode()) else "no token"',
            'return ""',
            tests=("test_nobody_without_the_token",),
        ),
    ),
    "a kiosk's browser led elsewhere: another address, files, its own settings": (
        out(
            "provisioning/chromium-policy.json",
            '"chrome://*", ',
            tests=("test_nothing_but_the_page_of_this_machine_is_opened",),
        ),
        out(
            "provisioning/chromium-policy.json",
            '  "PrintingEnabled": false,\n',
            '  "PrintingEnabld": false,\n',
            tests=("test_a_real_browser_takes_every_policy_without_a_word",),
        ),
    ),
    "a picture of a moving code, shown to a kiosk": (
        out(
            "central/exchange/finding.py",
            "return Denied(refused) if refused else Found(",
            "return Found(",
        ),
        out(
            "central/exchange/finding.py",
            "return None if apart <= STEPS_APART_MAX else Reason.CODE_TOO_OLD",
            "return None",
        ),
    ),
    "a stolen exchange key that makes tickets of its own": (
        out(
            "wire/ticket.py",
            "    if record.role is not Role.TICKET:\n"
            "        return Reason.FORGED  # An exchange key must not mint a right.\n",
        ),
        out(
            "wire/delegated.py",
            "if not ticket.generation < paper.generation <= SMALL_MAX:",
            "if False:",
        ),
    ),
    "a stolen exchange key used for rights that were never listed": (
        out("rules/verdict.py", "if entry is None and facts.delegated:", "if False:"),
    ),
    "a stolen exchange key, once that is known": (
        out(
            "wire/delegated.py",
            "    if record.status is Status.REVOKED:\n        return Reason.KEY_REVOKED\n",
        ),
    ),
    "a kiosk that gives itself leave to exchange alone": (
        out("central/exchange/delegating.py", "device=device, revoked=False, ", "revoked=False, "),
        out(
            "central/exchange/delegating.py",
            "revoked=False, valid_until__gt=int(time.time())",
            "revoked=False",
        ),
    ),
    "a kiosk without central, used to print a ticket twice": (
        out("edge/kiosk/alone.py", "            papers=papers,\n"),
    ),
    "another signature of that key passed off as a paper": (
        out("wire/delegated.py", 'EXTERNAL = b"gatehouse exchange"', 'EXTERNAL = b""'),
    ),
}
