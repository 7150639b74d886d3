"""The app's name in the admin."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "central.notices"
    verbose_name = "通知 Messages"
