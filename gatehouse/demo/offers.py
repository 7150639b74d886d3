"""The codes that the buttons of the simulators' page hand out."""

import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.demo.venue import LANE_CARDS, STAFF_CARD
from rules.zone import CardDoes
from simulators.crowd import Issued, Shows
from simulators.page import Offered
from wire import ticket as gh1
from wire.reason import Reason

SCREENSHOT_SECONDS = 120.0
"""How old a picture of a moving code is."""


def offered(tickets: list[Issued]) -> Offered:
    """Hand out tickets to the page's buttons, from the end that the crowd does not reach."""
    stock = {kind: [one for one in tickets if one.kind is kind] for kind in Shows}
    forger = Ed25519PrivateKey.generate()
    last: list[bytes] = []

    def next_code(kind: str) -> bytes | None:
        if kind == "again":
            return last[-1] if last else None
        if kind == "forged":
            genuine = gh1.read(stock[Shows.VALID][0].text.encode())
            assert not isinstance(genuine, Reason)
            return gh1.sign(genuine.ticket, genuine.kid, forger).encode()
        if kind in ("moving", "screenshot") and stock[Shows.MOVING]:
            age = SCREENSHOT_SECONDS if kind == "screenshot" else 0.0
            return stock[Shows.MOVING].pop(0).moving(time.time() - age)
        if kind == "staff":
            return STAFF_CARD
        if kind in LANE_CARDS:
            return LANE_CARDS[CardDoes(kind)].encode()
        if kind not in ("valid", "refunded", "paper") or not stock[Shows(kind)]:
            return None
        code = stock[Shows(kind)].pop().text.encode()
        if kind in ("valid", "paper"):
            last.append(code)
        return code

    return Offered(next_code)
