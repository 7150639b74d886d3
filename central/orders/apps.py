"""The app's name in the admin."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "central.orders"
    verbose_name = "指令与配置 Orders and configurations"
