"""Where holders find their tickets."""

from django.urls import path, re_path

from central.holder import views

TOKEN = r"^(?P<token>[A-Za-z0-9_-]{24})"

urlpatterns = [
    path("worker.js", views.worker),
    re_path(TOKEN + "$", views.page, name="holder"),
    re_path(TOKEN + "/state$", views.how_it_stands),
    re_path(TOKEN + "/key$", views.key),
    re_path(TOKEN + "/kept$", views.kept),
    re_path(TOKEN + "/tried$", views.tried),
    re_path(TOKEN + "/release$", views.release),
    re_path("", views.gone),
]
