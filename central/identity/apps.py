"""The app's name in the admin."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "central.identity"
    verbose_name = "身份 Identity"
