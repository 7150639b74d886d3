"""The app's name in the admin."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "central.ledger"
    verbose_name = "账本 Ledger"
