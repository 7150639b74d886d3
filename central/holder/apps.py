"""The app's name in the admin."""

from django.apps import AppConfig


class HolderConfig(AppConfig):
    name = "central.holder"
    verbose_name = "持票人 Holder"
