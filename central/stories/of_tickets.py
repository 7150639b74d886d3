"""Stories of tickets: used too often, used though given up, used though never issued."""

from central.ledger import findings
from central.ledger.findings import beyond, spending
from central.ledger.models import Incident, Use
from central.stories import facts
from central.stories.story import Story, explained_away, ticket_of
from central.times import minute
from rules.use import Outcome
from wire.event import Rung
from wire.words import Words

CLOSE_MS = 60_000
"""Two admissions closer than this: the report of the first could hardly reach the second gate."""
USES_MAX = 6
"""Single admissions that a story names; the ticket's own track has them all."""


def conflict(incident: Incident) -> Story:
    checkpoint = incident.detail["checkpoint"]
    cti = bytes.fromhex(incident.detail["cti"])
    uses = spending(cti, checkpoint)
    allowed = next((most for _, where, most in beyond([cti]) if where == checkpoint), None)
    if allowed is None:
        return explained_away()
    title = Words(
        f"一张票在“{checkpoint}”用了 {len(uses)} 次，只允许 {allowed} 次",
        f"A ticket was used {len(uses)} times at “{checkpoint}”; it allows {allowed}",
    )
    happened = [_use_sentence(use) for use in uses[:USES_MAX]]
    happened += [_why_twice(before, use) for before, use in _beyond_pairs(uses, allowed)]
    return Story(
        title,
        tuple(happened),
        (
            Words(
                "持票人把票码给了别人？冻结此票，或换码后只发给买票的人。",
                "Was the code passed on? Block the ticket, or reissue it to whoever bought it.",
            ),
            Words(
                "其中一次是误放？在门票页撤销那一次使用。",
                "Was one of them a mistake? Undo that use on the ticket's page.",
            ),
        ),
    )


def _beyond_pairs(uses: list[Use], allowed: int) -> list[tuple[Use, Use]]:
    return [(uses[0], use) for use in uses[max(allowed, 1) : USES_MAX]]


def _why_twice(before: Use, use: Use) -> Words:
    """Return why the second gate did not know of the first use, as far as its rows say."""
    where, told = facts.place(use), facts.authorised(use)
    if told is not None and told.rung is not Rung.FRESH:
        return Words(
            f"{where.zh} 当时得不到最新名单，不知道之前的使用。",
            f"{where.en} had no fresh list then, and did not know of the earlier use.",
        )
    if before.device_id == use.device_id:
        return Words(
            f"两次在同一台设备：{use.device} 可能丢失过记录，请看它的记录。",
            f"Both at one device: {use.device} may have lost rows; look at its track.",
        )
    seconds = abs(use.wall_ms - before.wall_ms) // 1000
    if seconds * 1000 < CLOSE_MS:
        return Words(
            f"两次只隔 {seconds} 秒，前一次还没有传到 {where.zh}。",
            f"Only {seconds} s lie between them: {where.en} had not heard of the first.",
        )
    return Words(
        f"{where.zh} 当时的名单（第 {told.list_sequence if told else '?'} 号）里没有前一次使用。",
        f"The list of {where.en} (number {told.list_sequence if told else '?'}) did not hold it.",
    )


def _use_sentence(use: Use) -> Words:
    where, at = facts.place(use), minute(use.wall_ms / 1000)
    became = BECAME[Outcome(use.outcome)]
    return Words(
        f"{at} 在 {where.zh} 放行第 {use.person} 人：{became.zh}。",
        f"{at}, at {where.en}: person {use.person} was let in and {became.en}.",
    )


BECAME: dict[Outcome, Words] = {
    Outcome.RESERVED: Words("正在通过", "is passing, or its end was not reported yet"),
    Outcome.ABANDONED: Words("没有走进去", "did not walk in"),
    Outcome.UNCERTAIN: Words("是否走进去无从得知", "nobody knows whether they walked in"),
    Outcome.PASSED: Words("走进去了", "walked in"),
    Outcome.PASSED_LATE: Words("稍后走进去了", "walked in a little late"),
    Outcome.UNDONE: Words("后来被撤销", "was undone later"),
}


def given_up(incident: Incident) -> Story:
    """A refund or a rebooking, and an admission."""
    rebooked = incident.kind == findings.AFTER_REBOOKING
    admission = bytes.fromhex(incident.detail["admission"])
    found = Use.objects.filter(
        device=incident.device_id, admission=admission, person=incident.detail["person"]
    )
    use = found.exclude(outcome__in=findings.GIVEN_BACK).select_related("device").first()
    if use is None:
        return explained_away()
    what = Words("改签", "rebooked") if rebooked else Words("退票", "refunded")
    title = Words(
        f"一张已{what.zh}的票有人入场", f"Somebody came in on a ticket that was {what.en}"
    )
    ticket = ticket_of(incident)
    asked = facts.given_up(ticket, rebooked) if ticket else None
    happened = [(use.wall_ms, _use_sentence(use))]
    if asked:
        at_ms, by = asked
        said = Words(
            f"{minute(at_ms / 1000)} 由 {by} {what.zh}。",
            f"{minute(at_ms / 1000)}: {what.en} by {by}.",
        )
        happened.append((at_ms, said))
    to_do = Words(
        "款未退：在“暂缓的退款”里决定。款已退：联系买票的人，或记为损失。",
        "Money not paid yet: decide under “Held refunds”. Paid: ask the buyer, or write it off.",
    )
    if rebooked:
        to_do = Words(
            "新票也会被使用：联系买票的人，必要时冻结新票。",
            "The new ticket is good as well: ask the buyer, and block it if need be.",
        )
    return Story(title, tuple(words for _, words in sorted(happened, key=_first)), (to_do,))


def _first(one: tuple[int, Words]) -> int:
    return one[0]


def not_issued(incident: Incident) -> Story:
    uses = Use.objects.filter(cti=bytes.fromhex(incident.detail["cti"])).select_related("device")
    return Story(
        Words(
            "放行了一张从未签发的票：签票密钥可能泄露",
            "A ticket that nobody issued was let in: a ticket key may have leaked",
        ),
        tuple(_use_sentence(use) for use in uses.order_by("wall_ms")[:USES_MAX]),
        (
            Words(
                "先确认各闸机的名单是最新的；再换签票密钥，并把旧密钥设为吊销。",
                "See that every gate has a fresh list; then change the ticket key, and set the old "
                "one to revoked.",
            ),
        ),
    )
