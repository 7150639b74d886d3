"""Time: clocks set, answers held back or played again, and stolen keys of time."""

from tests.countermeasures.terms import Changes, out
from tests.countermeasures.tickets import ANY_KEY, UNSIGNED_PURPOSE

TIME = "edge/core/trusted_time.py"

CLOCK: Changes = {
    "a clock set back, to use an old ticket again": (
        out(TIME, "    if time.told:\n        told = ", "    if False:\n        told = "),
    ),
    "a lying time server that pulls the clock forward": (
        out(TIME, "if claims and claims[1] - claims[0] > STEP_SECONDS:", "if False:"),
    ),
    "set forward by way of 1970, to look like a machine that was only found out": (
        out(TIME, "    return min(least, now), max(most, now)\n", "    return now, now\n"),
    ),
    "power cut and network cut, to make it 1970": (
        out(
            TIME,
            "least = machine.wall - machine.uptime, max(floor, BUILT)",
            "least = machine.wall - machine.uptime, BUILT",
        ),
    ),
    "an answer of central's played again": (
        out(TIME, "if not time.nonce or nonce != time.nonce:", "if not time.nonce:"),
        out(TIME, '    time = replace(time, nonce=b"")\n'),
    ),
    "an answer held back": (out(TIME, "if took > ROUND_TRIP_SECONDS_MAX:", "if False:"),),
    "a heartbeat held back or played again": (
        out(
            TIME,
            "if time.told and beat and abs(time.told.at(uptime) - beat.at(uptime)) <= AGREE_SECONDS:",
            "if time.told and beat:",
        ),
    ),
    "a stolen time key": (
        out(
            TIME,
            "if answer and (agreed or not time.told or answer.at(uptime) <= floor + lead):",
            "if answer:",
        ),
    ),
    "a stolen heartbeat key": (
        out(TIME, "raised = ahead if agreed else min(ahead, lead)", "raised = ahead"),
    ),
    "another purpose's signature as the time": (
        out(
            ANY_KEY.file,
            ANY_KEY.old,
            ANY_KEY.new,
            *UNSIGNED_PURPOSE,
            note="Its own key and the purpose in it: either alone would be enough here.",
        ),
    ),
    "whoever asks central for the time without end": (
        out("central/lists/told_time.py", "if not _bound.allows():", "if False:"),
    ),
    "a pulled cable in the hope of a free pass": (
        out(
            "rules/verdict.py",
            "if door.rung in door.admits_unlisted or (new and door.rung is Rung.FRESH):",
            "if new or ticket:",
        ),
    ),
    "restarts, to fill the offline budget again": (
        out(
            "edge/store/budget.py",
            "    return _counted(database) if known is None else known\n",
            "    return Drawn()\n",
        ),
        out(
            "rules/verdict.py",
            "exhausted = not verdict.confirmed and left is not None and verdict.quantity > left",
            "exhausted = left is not None and left < 0",
        ),
    ),
    "a leaked ticket key": (
        out(
            "rules/verdict.py",
            "new = abs(wall - ticket.issued_at) <= UNLISTED_AGE_SECONDS_MAX",
            "new = wall > 0",
        ),
        out(
            "rules/verdict.py",
            "exhausted = not verdict.confirmed and left is not None and verdict.quantity > left",
            "exhausted = left is not None and left < 0",
        ),
        out(
            "edge/core/suspicion.py",
            "    return Suspicions({**dict(newest), kid: uptime}), True\n",
            "    return Suspicions({**dict(newest), kid: uptime}), False\n",
        ),
    ),
}
