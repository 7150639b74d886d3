"""The template of a venue that has not written one."""

TEMPLATE = """\
language = "visitor"

[[ticket]]
logo = true
[[ticket]]
text = "{venue}"
align = "center"
[[ticket]]
text = "{title}"
align = "center"
scale = 2
bold = true
[[ticket]]
text = "{time}"
align = "center"
bold = true
[[ticket]]
rule = true
[[ticket]]
left = { zh = "区域", en = "Zone" }
right = "{zone}"
[[ticket]]
left = { zh = "座位", en = "Seat" }
right = { zh = "[{row}排 ]{seat}座", en = "[row {row}, ]seat {seat}" }
bold = true
[[ticket]]
left = { zh = "入口", en = "Entrance" }
right = "{entrance}"
[[ticket]]
left = { zh = "票种", en = "Ticket" }
right = { zh = "{class}[ · {persons}人]", en = "{class}[ · {persons} persons]" }
[[ticket]]
left = { zh = "票价", en = "Price" }
right = "{price}"
[[ticket]]
left = { zh = "持票人", en = "Holder" }
right = "{holder}"
[[ticket]]
left = { zh = "订单", en = "Order" }
right = "{order}"
[[ticket]]
space = 2
[[ticket]]
code = true
[[ticket]]
number = true
scale = 2
[[ticket]]
text = { zh = "第 {copy} 次打印", en = "Printing no. {copy}" }
align = "center"
[[ticket]]
text = { zh = "请凭此票入场", en = "This paper is your ticket now" }
align = "center"
[[ticket]]
text = "{note}"
align = "center"
[[ticket]]
text = "{kiosk}[ {printed}]"
align = "center"

[[receipt]]
logo = true
[[receipt]]
text = "{venue}"
align = "center"
[[receipt]]
text = { zh = "收据", en = "Receipt" }
align = "center"
scale = 2
bold = true
[[receipt]]
rule = true
[[receipt]]
left = { zh = "订单", en = "Order" }
right = "{order}"
[[receipt]]
left = { zh = "演出", en = "Event" }
right = "{title}"
[[receipt]]
left = { zh = "时间", en = "Time" }
right = "{time}"
[[receipt]]
left = { zh = "张数", en = "Tickets" }
right = "{count}"
[[receipt]]
left = { zh = "付款方式", en = "Paid by" }
right = "{paid}"
[[receipt]]
rule = true
[[receipt]]
left = { zh = "合计", en = "Total" }
right = "{total}"
scale = 2
bold = true
[[receipt]]
text = { zh = "非入场凭证", en = "Does not admit" }
align = "center"
[[receipt]]
text = "{note}"
align = "center"
[[receipt]]
text = "{kiosk}[ {printed}]"
align = "center"
"""
