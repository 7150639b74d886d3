"""Central in one process of the tests: its own configuration, folder and database."""

import os
import tempfile
from pathlib import Path

CONFIGURATION = """\
venue = "v"
directory = "{folder}"
database = "{database}"
[web]
open_live_page = true
hosts = ["testserver"]
"""


def set_up() -> Path:
    """Make Django ready in this process, once, on a database of its own; return its folder.

    Settings are read when Django starts, so the first caller decides for the whole process.
    """
    import django
    from django.apps import apps

    if not apps.ready:
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-central-"))
        told = folder / "central.toml"
        database = os.environ.get("GATEHOUSE_TEST_DATABASE", "sqlite")
        told.write_text(CONFIGURATION.format(folder=folder, database=database))
        os.environ["GATEHOUSE_CENTRAL_CONFIG"] = str(told)
        os.environ["DJANGO_SETTINGS_MODULE"] = "central.settings"
        django.setup()
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
        # Not for the processes that other tests start: they name their own.
        del os.environ["GATEHOUSE_CENTRAL_CONFIG"]
        del os.environ["DJANGO_SETTINGS_MODULE"]
    from django.conf import settings

    return Path(settings.DIRECTORY)


def empty() -> None:
    """Delete every row of every table, so that each test starts with nothing."""
    from django.apps import apps
    from django.db import transaction

    with transaction.atomic():
        for model in reversed(apps.get_models()):
            if model.__module__.startswith("central."):
                model.objects.all().delete()  # type: ignore[attr-defined]
