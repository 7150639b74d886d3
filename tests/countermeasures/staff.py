"""Staff cards: what a gate obeys, and what can be made of what it keeps."""

from tests.countermeasures.terms import Changes, out

STAFF: Changes = {
    "a lost or photographed staff card, once that is known": (
        out(
            "edge/gate/configuring.py",
            "cards(settings.zone)",
            "lane._cards",
            tests=("test_central_gives_a_card_and_takes_it_away_while_the_gate_works",),
        ),
        out(
            "edge/gate/lane.py",
            "        if card is None:",
            "        if card is None and staff_card.looks_like(shown.data) and self._cards:\n"
            "            card = next(iter(self._cards.values()))\n"
            "        if card is None:",
            tests=("test_a_withdrawn_card_is_refused_and_no_byte_of_it_kept",),
        ),
        out(
            "edge/kiosk/daemon.py",
            "        self.senses.staff = chosen.staff\n        self.visit = at_rest(",
            "        self.visit = at_rest(",
            tests=("test_a_card_of_the_zone_opens_the_staffs_pages_until_it_is_withdrawn",),
        ),
    ),
    "a staff card's code, read at central: database, log, address, session": (
        out(
            "central/identity/staff_card_admin.py",
            "obj.by = request.user.get_username()",
            "obj.by = obj.shown_once or request.user.get_username()",
        ),
    ),
    "a staff card made of what a stolen gate keeps of it": (
        out(
            "edge/gate/lane.py",
            "        if card is None:",
            '        card = card or self._cards.get(shown.data.decode("ascii", errors="replace"))\n'
            "        if card is None:",
        ),
    ),
}
