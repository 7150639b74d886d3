"""Central in one process of the tests: its own configuration, folder and databases."""

import asyncio
import atexit
import os
import shutil
import tempfile
from pathlib import Path

CONFIGURATION = """\
venue = "v"
directory = "{folder}"
[web]
open_live_page = true
hosts = ["testserver"]
[devices]
tokens = true
"""

ROOM_BYTES = 1_000_000_000
_migrated: set[str] = set()
_folders: list[Path] = []
"""The one folder; a test may set another for what it looks at."""


def set_up() -> Path:
    """Make Django ready in this process, once, on a folder of its own; return the folder."""
    import django
    from django.apps import apps
    from django.conf import settings

    if not apps.ready:
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-central-", dir=_quick()))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _folders.append(folder)
        told = folder / "central.toml"
        told.write_text(CONFIGURATION.format(folder=folder))
        os.environ["GATEHOUSE_CENTRAL_CONFIG"] = str(told)
        os.environ["DJANGO_SETTINGS_MODULE"] = "central.settings"
        django.setup()
        # Half a second for each password is right for a server, and a third of these tests.
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        # Not for the processes that other tests start: they name their own.
        del os.environ["GATEHOUSE_CENTRAL_CONFIG"]
        del os.environ["DJANGO_SETTINGS_MODULE"]
    return _folders[0]


def _quick() -> Path | None:
    """Return a place where a commit waits for no disk, if there is room for a central in it."""
    place = Path("/dev/shm")
    return place if place.is_dir() and shutil.disk_usage(place).free > ROOM_BYTES else None


def use(database: str) -> None:
    """Work on a database, "sqlite" or a URL as in central.toml; make its tables the first time.

    Django reads its settings once in a process; the connections are what is exchanged here.
    """
    folder = set_up()
    from asgiref.sync import sync_to_async
    from django.core.management import call_command
    from django.db import connections

    from central.database import settings_of

    def disconnect() -> None:
        connections["default"].close()
        del connections["default"]

    settings = connections.configure_settings({"default": settings_of(database, folder)})
    connections.settings["default"] = settings["default"]
    disconnect()
    asyncio.run(sync_to_async(disconnect)())  # What is awaited has a thread, and a connection.
    if database not in _migrated:
        call_command("migrate", interactive=False, verbosity=0)
        _migrated.add(database)


def empty() -> None:
    """Delete every row of every table, so that each test starts with nothing; users are kept."""
    set_up()
    from django.db import connection, transaction

    # In any order: what refers to what is only looked at in the end.
    with transaction.atomic(), connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(include_views=False):
            if not table.startswith(("auth_", "django_content_type")):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
