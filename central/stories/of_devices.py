"""Stories of devices: rows that are lost, memory that is gone, identities that two claim."""

from central.identity.first_steps import ABUSED
from central.ledger.models import Incident, Row
from central.stories import facts
from central.stories.story import HELD_REFUNDS, Story, explained_away
from central.times import minute
from wire.words import Words


def gap(incident: Incident) -> Story:
    first, last = incident.detail["first"], incident.detail["last"]
    epoch, device = bytes.fromhex(incident.detail["epoch"]), incident.device
    count = last - first + 1
    rows = Row.objects.filter(device=device, epoch=epoch)
    here = rows.filter(seq__gte=first, seq__lte=last).count()
    since, until = facts.around(device, epoch, first, last)
    happened = [
        Words(
            f"{device} 写下的第 {first} 至 {last} 行（{count} 行）没有送到，设备上也已经没有了。",
            f"Rows {first} to {last} of {device} ({count}) never came, and it has them no more.",
        ),
        Words(
            f"它们写于 {since} 与 {until} 之间。", f"They were written between {since} and {until}."
        ),
    ]
    if here:
        happened.append(Words(f"其中 {here} 行后来到了。", f"{here} of them have come after all."))
    return Story(
        Words(
            f"{device} 有 {count - here} 行记录丢失", f"{count - here} rows of {device} are lost"
        ),
        tuple(happened),
        (
            Words(
                "中央是从备份恢复的吗？那么丢的只是备份之后的记录。否则检查设备的存储卡。",
                "Was central restored from a backup? Then only what came after it is lost. "
                "Otherwise look at the device's card.",
            ),
            HELD_REFUNDS,
        ),
        holds=here < count,
    )


def forgot(incident: Incident) -> Story:
    device, epoch = incident.device, bytes.fromhex(incident.detail["epoch"])
    began, why = facts.beginning(device, epoch)
    last = facts.last_before(device, epoch)
    happened = [
        Words(
            f"{began} {device} 发现自己的记录丢失或损坏{f'（{why}）' if why else ''}，"
            "从此另起一段。",
            f"{began}: {device} found its journal lost or damaged{f' ({why})' if why else ''}, "
            "and began anew.",
        ),
        Words(
            f"它此前送到的最后一行写于 {last}；之后的若未送到，就没有人知道了。",
            f"The last row that it had sent before was written at {last}. What it wrote after "
            "that and did not send, nobody knows.",
        ),
        facts.handed_back(device, epoch, facts.let_in_before(device, epoch)),
    ]
    return Story(
        Words(f"{device} 丢失了记录", f"{device} lost its memory"),
        tuple(happened),
        (
            Words(
                "检查存储卡和供电；若再次发生，更换存储卡后重新登记。",
                "Look at its card and its power supply. If it happens again, change the card and "
                "enrol the device anew.",
            ),
            HELD_REFUNDS,
        ),
    )


def put_back(incident: Incident) -> Story:
    device, epoch = incident.device, bytes.fromhex(incident.detail["epoch"])
    kept = incident.detail["kept"]
    count = Row.objects.filter(device=device, epoch=epoch, seq__gt=kept).count()
    written = facts.span(device, epoch, kept)
    if written is None:
        return explained_away()
    since, until = written
    successor = facts.successor(device, epoch)
    happened = [
        Words(
            f"{device} 被恢复到较早的状态：它不知道自己在 {since} 至 {until} 之间写下的"
            f" {count} 行。",
            f"{device} was put back to an older state: it knows nothing of {count} rows that it "
            f"wrote between {since} and {until}.",
        ),
        Words("这些行中央都有，没有丢失。", "Central has them all: nothing is lost."),
    ]
    if successor:
        happened.append(
            facts.handed_back(device, successor, facts.let_in_after(device, epoch, kept))
        )
    return Story(
        Words(f"{device} 被恢复到较早的状态", f"{device} was put back to an older state"),
        tuple(happened),
        (
            Words(
                "是您恢复了备份或换回旧卡吗？不是的话，可能有人复制了存储卡：吊销并重新登记。",
                "Did you restore a backup, or put an old card back? If not, somebody may have "
                "copied its card: revoke the device and enrol it anew.",
            ),
        ),
    )


def forked(incident: Incident) -> Story:
    device, epoch = incident.device, bytes.fromhex(incident.detail["epoch"])
    twice = facts.twice(device, epoch)
    if not twice:
        return explained_away()
    since, until = minute(min(twice.times_ms) / 1000), minute(max(twice.times_ms) / 1000)
    return Story(
        Words(f"{device} 的记录有两个版本", f"{device} has two histories"),
        (
            Words(
                f"第 {twice.first} 至 {twice.last} 行中有 {twice.count} 行来了两次，内容不同，"
                f"写于 {since} 至 {until}。",
                f"Of rows {twice.first} to {twice.last}, {twice.count} came twice with different "
                f"content; they were written between {since} and {until}.",
            ),
            Words(
                "两个版本都算数：每一次放行都已记入，并已通知各闸机。",
                "Both count: each admission is in the books, and every gate is told of it.",
            ),
        ),
        (
            Words(
                "它的记录文件被换成了旧的？那么重启它即可。不是的话，有两台机器用同一身份："
                "吊销并重新登记。",
                "Was its journal replaced by an older one? Then restart it. If not, two machines "
                "go by one identity: revoke it and enrol it anew.",
            ),
        ),
    )


def chain_broken(incident: Incident) -> Story:
    device, epoch = incident.device, bytes.fromhex(incident.detail["epoch"])
    seq = incident.detail["seq"]
    since, until = facts.around(device, epoch, seq, seq - 1)
    return Story(
        Words(f"{device} 的记录链断开", f"The chain of {device} does not hold"),
        (
            Words(
                f"第 {seq} 行接不上第 {seq - 1} 行：它前面曾是另一行（{since} 至 {until}）。",
                f"Row {seq} does not hang on row {seq - 1}: another one stood before it "
                f"({since} to {until}).",
            ),
        ),
        (
            Words(
                "有人改动过设备上的记录，或存储卡出错。查看机箱，比对设备上的记录"
                "（gatehouse journal），必要时吊销并重新登记。",
                "Somebody changed the journal on the device, or its card fails. Look at its "
                "cabinet, compare the journal there (gatehouse journal); if in doubt, revoke it "
                "and enrol it anew.",
            ),
        ),
    )


def flood(incident: Incident) -> Story:
    at, device = minute(incident.received_ms / 1000), incident.device
    return Story(
        Words(f"{device} 不停地发送", f"{device} talks without end"),
        (
            Words(
                f"{at} 起它发来的远多于任何设备所需，多出的被丢弃，其他设备不受影响。",
                f"{at}: it sent far more than any device needs. What was too much was dropped; "
                "other devices were not held up.",
            ),
        ),
        (
            Words(
                "是程序出错，还是有人用它的身份？查看设备；若不明，吊销并重新登记。",
                "A fault of its software, or somebody with its identity? Look at the device; if "
                "in doubt, revoke it and enrol it anew.",
            ),
        ),
    )


def abused(incident: Incident) -> Story:
    """Tell that somebody else pretended to be a device."""
    said = ABUSED[incident.kind]
    at, device = minute(incident.received_ms / 1000), incident.device
    return Story(
        Words(f"有人冒充 {device}", f"Somebody pretended to be {device}"),
        (Words(f"{at} {said.zh}", f"{at}: {said.en}"),),
        (
            Words(
                "不是您本人操作的话：在设备页吊销它，再当面重新登记。",
                "If it was not you: revoke it on the devices' page, and enrol it anew on the spot.",
            ),
        ),
    )
