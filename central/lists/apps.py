"""The app's name in the admin."""

from django.apps import AppConfig


class ListsConfig(AppConfig):
    name = "central.lists"
    verbose_name = "名单 List"
