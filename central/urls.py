"""Where everything is on central's web."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from central.api.errors import nothing_here
from central.api.routes import api
from central.claims.views import report
from central.exchange.pages import count
from central.exchange.pages import page as kiosks
from central.exchange.views import answer as exchange
from central.identity import est
from central.lists import device, told_time
from central.live import views


def healthy(_: HttpRequest) -> HttpResponse:
    """For whoever watches the process."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("", RedirectView.as_view(url="/live/")),
    path("healthz", healthy),
    path("live/", views.page, name="live"),
    path("live/events", views.events, name="live-events"),
    path(".well-known/est/cacerts", est.cacerts),
    path(".well-known/est/simpleenroll", est.simpleenroll),
    path(".well-known/est/simplereenroll", est.simplereenroll),
    path(".well-known/est/server/simpleenroll", est.server_simpleenroll),
    path("device/configuration", est.configuration),
    path("device/hub", report),
    path("device/revocations", est.revocations),
    path("device/list/manifest", device.manifest),
    path("device/list/deltas", device.deltas),
    path("device/essentials", device.essentials),
    path("device/trust", device.trust),
    path("device/exchange", exchange),
    path("kiosks/", kiosks, name="kiosks"),
    path("kiosks/<int:device>/count", count, name="kiosk-count"),
    path("device/time", told_time.told),
    path("device/list/<str:version>.db.zst", device.snapshot),
    path("api/1/", api.urls),
    re_path("^api/", nothing_here),
    path("t/", include("central.holder.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
