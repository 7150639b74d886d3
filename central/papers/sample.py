"""A ticket for the preview: every field told, with a name that is hard to print."""

from paper.number import number_of
from wire.words import Words

TOLD: dict[str, Words | str] = {
    "title": Words("天鹅湖", "Swan Lake"),
    "venue": Words("示例大剧院", "Sample Grand Theatre"),
    "time": "2026-12-24 19:30",
    "doors": "18:45",
    "zone": Words("一层 A 区", "Stalls A"),
    "entrance": Words("东门", "East"),
    "row": "7",
    "seat": "12",
    "class": Words("成人票", "Adult"),
    "price": "¥ 280.00",
    "holder": "欧阳𠮷子 Zoë Müller-Lüdenscheidt",
    "order": "GH-20261124-000187",
    "number": number_of("SAMPLE", 25),
    "kiosk": "K3",
    "printed": "2026-12-24 18:02",
    "count": "2",
    "total": "¥ 560.00",
    "paid": Words("微信支付", "WeChat Pay"),
    # As long as a ticket's, and no ticket.
    "code": "SAMPLE" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 7,
}
