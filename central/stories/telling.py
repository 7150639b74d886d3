"""Which incident is told by whom, and what each kind is called.

A story is made when it is looked at, from the set of all rows: one that arrives later makes it
truer, and the order in which rows came is nowhere in it.
"""

from central.identity.enrolling import CERTIFICATE_ABUSED, CODE_ABUSED
from central.ledger import findings
from central.ledger.models import Incident
from central.stories import of_devices, of_tickets
from central.stories.story import Story, Teller
from wire.words import Words

TELLERS: dict[str, Teller] = {
    findings.CONFLICT: of_tickets.conflict,
    findings.AFTER_REFUND: of_tickets.given_up,
    findings.AFTER_REBOOKING: of_tickets.given_up,
    findings.NOT_ISSUED: of_tickets.not_issued,
    findings.GAP: of_devices.gap,
    findings.FORGOT: of_devices.forgot,
    findings.PUT_BACK: of_devices.put_back,
    findings.FORKED: of_devices.forked,
    findings.CHAIN_BROKEN: of_devices.chain_broken,
    findings.FLOOD: of_devices.flood,
    CODE_ABUSED: of_devices.abused,
    CERTIFICATE_ABUSED: of_devices.abused,
}
KINDS: dict[str, Words] = {
    findings.CONFLICT: Words("票被重复使用", "Ticket used too often"),
    findings.AFTER_REFUND: Words("退票与入场", "Refund and admission"),
    findings.AFTER_REBOOKING: Words("改签与入场", "Rebooking and admission"),
    findings.NOT_ISSUED: Words("从未签发的票", "Ticket nobody issued"),
    findings.GAP: Words("记录丢失", "Rows lost"),
    findings.FORGOT: Words("设备失忆", "Device lost its memory"),
    findings.PUT_BACK: Words("设备被恢复", "Device put back"),
    findings.FORKED: Words("两个版本", "Two histories"),
    findings.CHAIN_BROKEN: Words("记录链断开", "Chain broken"),
    findings.FLOOD: Words("不停发送", "Flood"),
    CODE_ABUSED: Words("登记码被冒用", "Enrolment code abused"),
    CERTIFICATE_ABUSED: Words("旧证书被使用", "Old certificate used"),
}


def tell(incident: Incident) -> Story:
    """Return the story of an incident; of a kind that nobody here knows, its name."""
    teller = TELLERS.get(incident.kind)
    if teller is not None:
        return teller(incident)
    kind = incident.kind
    return Story(
        Words(f"未知事由 {kind}", f"Something of a kind not known here: {kind}"),
        (),
        (Words("请查看该设备的记录。", "Look at the device's track."),),
    )
