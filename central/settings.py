"""Django's settings, made from central.toml. Nothing here is meant to be edited at a venue."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from central import config
from central.database import settings_of

TOLD = config.current()
DIRECTORY = Path(TOLD.directory)
"""Where everything of central lies; a setting, so that the apps need not know the file."""
DEVICES = TOLD.devices
NOTICES = TOLD.notices
OWN_ADDRESS = f"http://{TOLD.web.host}:{TOLD.web.port}"
"""Where holders' pages are, as long as `devices.url` says nothing else."""

_SECRET = DIRECTORY / "secret"


def _secret_key() -> str:
    """Made at the first start, readable by central's user alone."""
    if not os.environ.get(config.VARIABLE):
        return "no configuration, no secrets: type checking and makemigrations only"
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(_SECRET, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return _SECRET.read_text()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return _SECRET.read_text()


SECRET_KEY = _secret_key()
DEBUG = False
_CALLED = urlsplit(DEVICES.url)
# This machine's watchdog calls it by its address, whatever else it is called.
ALLOWED_HOSTS = [*TOLD.web.hosts, "127.0.0.1", *filter(None, [_CALLED.hostname])]
if _CALLED.scheme == "https":
    # Behind provisioning/nginx.conf, which always sets this header and listens to nobody's.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    CSRF_TRUSTED_ORIGINS = [f"https://{_CALLED.netloc}"]
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "central.venue",
    "central.identity",
    "central.ledger",
    "central.lists",
    "central.orders",
    "central.papers",
    "central.tickets",
    "central.exchange",
    "central.claims",
    "central.api",
    "central.stories",
    "central.live",
    "central.holder",
    "central.notices",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "central.files.StaticFiles",
    "central.api.errors.spoken",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "central.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ASGI_APPLICATION = "central.asgi.application"
DATABASES = {"default": settings_of(TOLD.database, DIRECTORY)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
USE_I18N = True
TIME_ZONE = TOLD.time_zone
USE_TZ = True
STATIC_URL = "/static/"
# Served straight from the packages: an appliance has no collectstatic step to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
LOGIN_URL = "/admin/login/"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
UNFOLD = {
    "SITE_TITLE": "Gatehouse",
    "SITE_HEADER": "Gatehouse 门房",
    "SHOW_LANGUAGES": True,
    "SITE_URL": "/live/",
}
