"""The app's name in the admin."""

from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "central.tickets"
    verbose_name = "退改 Refunds"
