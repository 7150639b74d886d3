"""A holder hears of it: real processes of central, a real SMTP server, and the admin's pages."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.brokers import TestBroker
from tests.demos import ARGUMENTS, CHROMIUM, PATIENCE_MS
from tests.mail_server import BEFORE_FULL_STOP, SILENCE, MailServer, running_mail_server
from tests.system.conftest import ROOT, until
from tests.system.test_operations import Shop
from tests.system.test_sync_with_central import Central

pytestmark = [pytest.mark.xdist_group("venue"), pytest.mark.timeout(300)]

SHOTS = os.environ.get("GATEHOUSE_SHOTS", "")
CONTACT = {"mail": "li.si@example.com", "mobile": "13812345678", "language": "zh"}
TOLD = """
[notices.mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "tickets@venue.example"
sender_name = "场馆 Venue"
username = "tickets"
password = "mail-password"
"""
LOGIN = ("tickets", "a password")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[TestBroker]:
    made = TestBroker(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with running_mail_server(MailServer(login=LOGIN)) as server:
        yield server


@pytest.fixture
def central(tmp_path: Path, broker: TestBroker, mail: MailServer) -> Iterator[Central]:
    """Prepared, configured, not started."""
    made = Central(tmp_path, broker.port)
    with (tmp_path / "central.toml").open("a") as file:
        file.write(TOLD.format(port=mail.port))
    secrets = tmp_path / "central" / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "mail-password").write_text(f"{LOGIN[1]}\n")
    (secrets / "mail-password").chmod(0o600)
    change(tmp_path, "DELETE FROM venue_device")  # A gate never heard of would hold refunds.
    yield made
    made.close()


def change(folder: Path, statement: str) -> None:
    database = folder / "central" / "central.db"
    with closing(sqlite3.connect(database, timeout=20)) as opened, opened:
        opened.execute(statement)


@contextmanager
def all_of(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`gatehouse central`, with all its children."""
    command = [sys.executable, "-m", "gatehouse", "central", "--config"]
    process = subprocess.Popen([*command, str(folder / "central.toml")], cwd=ROOT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def subjects(mail: MailServer) -> list[str]:
    return [str(one.message["Subject"]) for one in mail.taken]


def test_a_refund_by_the_api_is_heard_of_by_mail(
    tmp_path: Path, central: Central, mail: MailServer
) -> None:
    with all_of(tmp_path):
        until(central.answers, "central's pages")
        shop = Shop(central, tmp_path)
        ticket = shop.post("tickets", event="SHOW", ticket_class=1, contact=CONTACT)
        until(lambda: len(mail.taken) == 1, "the ticket")
        (taken,) = mail.taken
        (link,) = set(re.findall(r"http://\S+/t/\S+", taken.text))
        assert link.endswith(ticket["page"])
        assert shop.post(f"tickets/{ticket['cti']}/refund")["state"] == "settled"
        until(lambda: len(mail.taken) == 2, "the refund")
    assert subjects(mail) == ["您的电子票：演出", "退票已确认：演出"]
    assert [one.to for one in mail.taken] == [["li.si@example.com"]] * 2


def test_a_sender_that_is_killed_in_the_middle_says_it_again_by_the_same_name(
    tmp_path: Path, central: Central, mail: MailServer
) -> None:
    mail.replies[BEFORE_FULL_STOP] = [SILENCE]
    central.start("web", "notify")
    until(central.answers, "central's pages")
    Shop(central, tmp_path).post("tickets", event="SHOW", ticket_class=1, contact=CONTACT)
    until(lambda: len(mail.taken) == 1, "it was taken, and no answer was given")
    central.kill("notify")
    change(tmp_path, "UPDATE notices_notice SET due_at = 0")  # Its lease is over.
    central.start("notify")
    until(lambda: len(mail.taken) == 2, "it comes again")
    assert len({str(one.message["Message-ID"]) for one in mail.taken}) == 1

    def sent() -> bool:
        database = tmp_path / "central" / "central.db"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
            return opened.execute("SELECT state FROM notices_notice").fetchall() == [("sent",)]

    until(sent, "it is written down")


@pytest.fixture
def page(central: Central) -> Iterator[Page]:
    central.ask("createadmin", "chief", "--password", "a long password")
    central.start("web", "notify")
    until(central.answers, "central's pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        made = browser.new_page(locale="zh-CN", viewport={"width": 1280, "height": 900})
        made.set_default_timeout(PATIENCE_MS)
        made.goto(f"http://127.0.0.1:{central.port}/admin/")
        made.fill("input[name=username]", "chief")
        made.fill("input[name=password]", "a long password")
        made.press("input[name=password]", "Enter")
        expect(made).to_have_url(f"http://127.0.0.1:{central.port}/admin/")
        yield made
        browser.close()


def pictures(page: Page, name: str) -> None:
    """Take a page wide and narrow, for a person to look at."""
    for width, what in ((1280, "wide"), (390, "narrow")):
        page.set_viewport_size({"width": width, "height": 900})
        if SHOTS:
            page.wait_for_timeout(300)
            page.screenshot(path=f"{SHOTS}/notices-{name}-{what}.png", full_page=True)
        beyond = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, f"{name} is wider than a {what} window by {beyond}"
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_an_admin_sees_what_comes_first_and_a_channel_that_stands_still(
    tmp_path: Path, central: Central, mail: MailServer, page: Page
) -> None:
    messages = f"http://127.0.0.1:{central.port}/admin/notices/notice/"
    page.goto(messages)
    expect(page.get_by_text("还没有消息")).to_be_visible()
    expect(page.get_by_text("[devices] url")).to_be_visible()
    pictures(page, "empty")

    shop = Shop(central, tmp_path)
    mail.replies["RCPT"] = ["550 5.1.1 no such user", "250 ok", "250 ok"]
    for _ in range(3):
        shop.post("tickets", event="SHOW", ticket_class=1, contact=CONTACT)
    until(lambda: len(mail.taken) == 2, "one is refused, the others go")
    mail.replies["AUTH"] = ["535 5.7.8 no"]
    mail.replies["NOOP"] = ["421 4.3.2 going down"]
    shop.post("tickets", event="SHOW", ticket_class=1, contact=CONTACT)

    def paused() -> bool:
        page.goto(messages)
        return page.get_by_text("暂停 paused").count() > 0

    until(paused, "the channel pauses")
    expect(page.get_by_text("账号或密钥不对").first).to_be_visible()
    expect(page.locator(".chart rect[fill='#b3261e']").last).to_be_visible()
    pictures(page, "messages")
    page.goto(f"{messages}1/change/")
    expect(page.get_by_text("核对后在门票页修改")).to_be_visible()
    pictures(page, "message")


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_an_admin_corrects_an_address_and_sends_again(
    tmp_path: Path, central: Central, mail: MailServer, page: Page
) -> None:
    root = f"http://127.0.0.1:{central.port}/admin"
    mail.replies["RCPT"] = ["550 5.1.1 <li.si@example.com>: no such user"]
    shop = Shop(central, tmp_path)
    ticket: Any = shop.post("tickets", event="SHOW", ticket_class=1, contact=CONTACT)
    until(lambda: "RSET" in [line.upper() for line in mail.heard], "it is refused")
    shop.post("tickets", event="SHOW", ticket_class=1, contact=CONTACT)
    until(lambda: len(mail.taken) == 1, "another goes")
    page.goto(f"{root}/venue/ticket/?q={ticket['cti']}")
    page.get_by_role("link", name=ticket["cti"]).first.click()
    expect(page.get_by_text("l***@example.com")).to_be_visible()
    expect(page.get_by_text("对方拒收").first).to_be_visible()
    assert "li.si" not in page.content()
    pictures(page, "ticket")

    page.get_by_role("link", name="修改 Change").click()
    page.fill("input[name=mail]", "not an address")
    page.get_by_role("button", name="保存 Save").click()
    expect(page.get_by_role("alert")).to_contain_text("邮箱无效")
    pictures(page, "contact")
    page.fill("input[name=mail]", "li.wu@example.com")
    page.get_by_role("button", name="保存 Save").click()
    expect(page.get_by_text("联系方式已保存")).to_be_visible()

    page.goto(f"{root}/notices/notice/?q={ticket['cti']}")
    expect(page.get_by_text("未发出 failed").first).to_be_visible()
    pictures(page, "failed")
    page.locator("input.action-select").first.check()
    page.select_option("select[name=action]", "send_again")
    page.locator(
        "button[name=index], button:has-text('执行'), button:has-text('Run')"
    ).first.click()
    expect(page.get_by_text("1 条等待发送")).to_be_visible()
    until(lambda: len(mail.taken) == 2, "it goes to the new address")
    assert mail.taken[1].to == ["li.wu@example.com"]
