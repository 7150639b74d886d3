"""How an order was paid, as receipts say it: a fixed set of words, in both languages.

What a newer program calls otherwise has no words here, and its line is left out.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from wire.words import Words


class Payment(StrEnum):
    WECHAT = "wechat"
    ALIPAY = "alipay"
    UNIONPAY = "unionpay"
    CARD = "card"
    CASH = "cash"
    TRANSFER = "transfer"
    VOUCHER = "voucher"
    OTHER = "other"


WORDS: Mapping[str, Words] = MappingProxyType(
    {
        Payment.WECHAT: Words("微信支付", "WeChat Pay"),
        Payment.ALIPAY: Words("支付宝", "Alipay"),
        Payment.UNIONPAY: Words("银联", "UnionPay"),
        Payment.CARD: Words("银行卡", "bank card"),
        Payment.CASH: Words("现金", "cash"),
        Payment.TRANSFER: Words("转账", "bank transfer"),
        Payment.VOUCHER: Words("代金券", "voucher"),
        Payment.OTHER: Words("其他", "otherwise"),
    }
)
