"""The app of the live page."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "central.live"
    verbose_name = "实时 Live"
