"""The app's name in the admin."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "central.api"
    verbose_name = "接口 API"
