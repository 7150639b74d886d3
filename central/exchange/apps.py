"""The app's name in the admin."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "central.exchange"
    verbose_name = "换票 Exchange"
