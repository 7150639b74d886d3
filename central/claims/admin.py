"""Where an admin says that a venue has a hub, and what its zones ask of it."""

from django.contrib import admin
from unfold.admin import ModelAdmin, StackedInline

from central.claims.models import Hub, ZoneClaims


@admin.register(Hub)
class HubAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "venue", "key")


class ZoneClaimsInline(StackedInline):  # type: ignore[misc]
    model = ZoneClaims
