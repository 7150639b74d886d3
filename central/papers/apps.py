"""Django's name for this app."""

from django.apps import AppConfig


class PapersConfig(AppConfig):
    name = "central.papers"
    verbose_name = "票面 Papers"
