"""The app's name in the admin; and what every app's questions to the database may use."""

from django.apps import AppConfig


class VenueConfig(AppConfig):
    name = "central.venue"
    verbose_name = "场馆 Venue"

    def ready(self) -> None:
        from central import among as among  # Registers itself.
