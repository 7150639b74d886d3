"""Where an admin says that a venue has a hub, and what its zones ask of it."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from central.claims.models import Hub, ZoneClaims


@admin.register(Hub)
class HubAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "venue", "key")


@admin.register(ZoneClaims)
class ZoneClaimsAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("zone", "policy")
