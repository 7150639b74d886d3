"""A venue edits its ticket, sees it as it will be printed, and its devices are told."""

import io
from typing import Any

import pytest
import zxingcpp
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from central.papers.sample import TOLD
from paper.default import TEMPLATE
from paper.sheet import Kind, Picture
from paper.template import Language, read
from tests.central.test_desired import refresh, wanted
from tests.central.test_orders import device

ADDRESS = "/admin/papers/papertemplate/"


@pytest.fixture
def zone(tickets: list[Any]) -> Any:
    from central.identity.models import Placement
    from central.papers.models import PaperTemplate
    from central.venue.models import Checkpoint, Venue, Zone

    assert tickets
    PaperTemplate.objects.all().delete()
    hall = Checkpoint.objects.get(code="hall")
    made = Zone.objects.create(venue=Venue.objects.get(), name="售票厅 Box office", checkpoint=hall)
    Placement.objects.update_or_create(device=device(), defaults={"zone": made})
    return made


@pytest.fixture
def chief(zone: Any) -> Client:
    from django.contrib.auth import get_user_model

    assert zone
    users = get_user_model()
    users.objects.filter(username="chief").delete()
    user = users.objects.create_superuser("chief", password="a long password")
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(user)
    return client


def logo(colour: str = "black") -> SimpleUploadedFile:
    picture = Image.new("RGB", (900, 300), "white")
    picture.paste(colour, (100, 100, 800, 200))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return SimpleUploadedFile("logo.png", file.getvalue(), "image/png")


def save(client: Client, zone: Any, **told: Any) -> Any:
    answer = client.post(f"{ADDRESS}add/", {"zone": zone.pk, "text": TEMPLATE, **told})
    return answer.content.decode() if answer.status_code == 200 else None


def test_a_logo_is_uploaded_and_previewed_as_it_will_be_printed(chief: Client, zone: Any) -> None:
    from central.papers.models import PaperTemplate

    assert save(chief, zone, picture=logo()) is None
    written = PaperTemplate.objects.get()
    sheet = read(written.whole).sheet(Kind.TICKET, TOLD, Language.ZH)
    (found,) = [part for part in sheet.parts if isinstance(part, Picture)]
    assert (found.bitmap.width, found.bitmap.height) == (320, 107)
    assert found.bitmap.black(160, 53)
    assert not found.bitmap.black(2, 2)
    page = chief.get(f"{ADDRESS}{written.pk}/change/").content.decode()
    for language, width, dots in (("zh", "80", 624), ("en", "58", 432), ("both", "80", 624)):
        address = f"{ADDRESS}{written.pk}/preview/ticket-{language}-{width}.png"
        answer = chief.get(address)
        assert answer["Content-Type"] == "image/png"
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.width == dots
        assert [one.text for one in zxingcpp.read_barcodes(picture)] == [TOLD["code"]]
    assert f"{ADDRESS}{written.pk}/preview/receipt-both-80.png" in page
    for wrong in ("ticket-fr-80", "poster-zh-80", "ticket-zh-210"):
        assert chief.get(f"{ADDRESS}{written.pk}/preview/{wrong}.png").status_code == 404


def test_the_box_office_prints_on_a4(chief: Client, zone: Any) -> None:
    from central.papers.models import PaperTemplate

    assert save(chief, zone, picture=logo()) is None
    answer = chief.get(f"{ADDRESS}{PaperTemplate.objects.get().pk}/preview/a4.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_what_cannot_be_printed_is_refused_with_the_place(chief: Client, zone: Any) -> None:
    from central.papers.models import PaperTemplate

    page = save(chief, zone, text=TEMPLATE.replace("{zone}", "{colour}"))
    assert "[[ticket]] number 6: {colour} is no field" in page
    page = save(chief, zone, picture=SimpleUploadedFile("x.png", b"\x89PNG none"))
    assert "This is not a picture" in page
    endless = io.BytesIO()
    Image.new("1", (8000, 8000)).save(endless, "PNG")
    assert endless.tell() < 100_000
    page = save(chief, zone, picture=SimpleUploadedFile("x.png", endless.getvalue()))
    assert "too many pixels" in (page or "it was taken")
    assert not PaperTemplate.objects.exists()


def test_a_logo_is_kept_and_taken_off(chief: Client, zone: Any) -> None:
    from central.papers.models import PaperTemplate

    assert save(chief, zone, picture=logo()) is None
    address = f"{ADDRESS}{PaperTemplate.objects.get().pk}/change/"
    chief.post(address, {"zone": zone.pk, "text": TEMPLATE})
    assert PaperTemplate.objects.get().logo
    chief.post(address, {"zone": zone.pk, "text": TEMPLATE, "without_logo": "on"})
    assert not PaperTemplate.objects.get().logo


def test_it_travels_with_the_configuration_and_a_change_is_a_version(zone: Any) -> None:
    from central.papers.models import PaperTemplate

    refresh()
    before = wanted()
    assert before.paper == ""
    written = PaperTemplate.objects.create(zone=zone, text=TEMPLATE)
    assert refresh() == 1
    assert (wanted().paper, wanted().version) == (TEMPLATE, before.version + 1)
    PaperTemplate.objects.filter(pk=written.pk).update(text="[[ticket]]")
    assert refresh() == 0, "a template that cannot be printed is not sent"


def test_only_who_may_see_templates_sees_previews(zone: Any) -> None:
    from django.contrib.auth import get_user_model

    from central.papers.models import PaperTemplate

    written = PaperTemplate.objects.create(zone=zone, text=TEMPLATE)
    users = get_user_model()
    users.objects.filter(username="clerk").delete()
    user = users.objects.create_user("clerk", password="a long word", is_staff=True)
    client = Client()
    client.force_login(user)
    assert client.get(f"{ADDRESS}{written.pk}/preview/ticket-zh-80.png").status_code == 403
    assert client.get(f"{ADDRESS}{written.pk}/preview/a4.pdf").status_code == 403
