"""The app's name in the admin."""

from django.apps import AppConfig


class VenueConfig(AppConfig):
    name = "central.venue"
    verbose_name = "场馆 Venue"
