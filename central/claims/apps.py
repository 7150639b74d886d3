"""Django's name for this app."""

from django.apps import AppConfig


class ClaimsConfig(AppConfig):
    name = "central.claims"
    verbose_name = "核对 Claims"
