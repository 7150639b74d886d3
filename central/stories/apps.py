"""The app's name in the admin."""

from django.apps import AppConfig


class StoriesConfig(AppConfig):
    name = "central.stories"
    verbose_name = "异常 Incidents"
