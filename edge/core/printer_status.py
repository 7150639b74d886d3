"""What is known of a printer: ready, or why not, in words for staff.

Made from answers by `escpos_talk` and `fgl_talk`; a printer that was not heard is not ready, and
what a printer cannot tell is None.
"""

from dataclasses import dataclass
from enum import StrEnum

from wire.words import Words


class Roll(StrEnum):
    """How much paper there is."""

    ENOUGH = "enough"
    NEAR_END = "near-end"
    END = "end"
    UNKNOWN = "unknown"


class Fault(StrEnum):
    """Why nothing can be printed now, what a person can mend first."""

    GONE = "gone"  # No connection: unplugged, without power, or the network is away.
    SILENT = "silent"  # Connected, but it does not answer.
    PAPER_END = "paper-end"
    COVER_OPEN = "cover-open"
    JAM = "jam"
    CUTTER = "cutter"
    PAPER_WAITING = "paper-waiting"  # The last one was not taken out of its mouth.
    TOO_HOT = "too-hot"  # It goes on by itself when the head has cooled down.
    BROKEN = "broken"  # It says that only a technician can help.
    STOPPED = "stopped"  # Offline for a reason that it does not tell.


PASSES_BY_ITSELF = {Fault.TOO_HOT}

WORDS = {
    Fault.GONE: Words(
        "打印机未连接：检查电源和数据线",
        "The printer is not connected: check its power and its cable",
    ),
    Fault.SILENT: Words(
        "打印机没有应答：关机再开机", "The printer does not answer: switch it off and on"
    ),
    Fault.PAPER_END: Words("打印纸已用完：装入新纸", "Out of paper: put in a new roll"),
    Fault.COVER_OPEN: Words("打印机盖未关：关好盖子", "The cover is open: close it"),
    Fault.JAM: Words("卡纸：打开盖子取出纸", "Paper jam: open the cover, take the paper out"),
    Fault.CUTTER: Words(
        "切刀故障：关机，清除纸屑，再开机",
        "The cutter is stuck: switch off, remove scraps, switch on",
    ),
    Fault.PAPER_WAITING: Words("出票口有票未取走", "A paper was left in the mouth: take it out"),
    Fault.TOO_HOT: Words("打印头过热，正在冷却", "The print head is too hot and cools down"),
    Fault.BROKEN: Words("打印机故障，需要维修", "The printer is broken and needs a technician"),
    Fault.STOPPED: Words(
        "打印机脱机：按面板上的联机键", "The printer is offline: press its online button"
    ),
}


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a printer."""

    heard: bool = False
    """False: nothing is known, it has not answered (yet)."""
    online: bool = False
    cover_open: bool = False
    roll: Roll = Roll.UNKNOWN
    cutter_error: bool = False
    jam: bool = False
    broken: bool = False
    too_hot: bool = False
    other_error: bool = False
    paper_waiting: bool | None = None
    """Whether a paper stands in its mouth; None: it has no sensor there."""
    busy: bool = False
    """It says that it still prints or moves paper."""
    connected: bool = True

    @property
    def fault(self) -> Fault | None:
        """What keeps it from printing; the first that a person should look at."""
        if not self.connected:
            return Fault.GONE
        if not self.heard:
            return Fault.SILENT
        found = {
            Fault.BROKEN: self.broken,
            Fault.COVER_OPEN: self.cover_open,
            Fault.JAM: self.jam,
            Fault.CUTTER: self.cutter_error,
            Fault.PAPER_END: self.roll is Roll.END,
            Fault.TOO_HOT: self.too_hot,
            Fault.PAPER_WAITING: bool(self.paper_waiting),
            Fault.STOPPED: self.other_error or not self.online,
        }
        return next((fault for fault, is_so in found.items() if is_so), None)

    @property
    def ready(self) -> bool:
        return self.fault is None


NOT_CONNECTED = Status(connected=False)
NOT_HEARD = Status()
READY = Status(heard=True, online=True, roll=Roll.ENOUGH)
