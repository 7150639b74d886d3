"""What central.toml says of channels: a mistake is one sentence with file and key, and ends it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from central.config import ConfigError, load
from central.core.address import Channel, Language
from central.core.notice import Kind
from central.notices.config import Notices
from tests.central.notices import mail_told, sms_told, told, wechat_told

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.parametrize("central", ["sqlite"], indirect=True)
MAIL = """
[notices.mail]
host = "smtp.example.com"
sender = "tickets@example.com"
"""


def loaded(tmp_path: Path, text: str) -> Notices:
    path = tmp_path / "central.toml"
    path.write_text(text)
    return load(path).notices


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[notices.mail]\nhost = "x"\n', "notices.mail: Object missing required field `sender`"),
        (f"{MAIL}typo = 1\n", "notices.mail: Object contains unknown field `typo`"),
        (f'{MAIL}security = "none"\n', "notices.mail: security"),
        (f'{MAIL}security = "ssl"\n', "notices.mail.security: "),
        (f"{MAIL}port = 0\n", "notices.mail.port: "),
        (f'{MAIL}username = "u"\n', "notices.mail: username and password go together"),
        (f'{MAIL}sender_name = "a\\nBcc: b"\n', "notices.mail: sender_name"),
        (MAIL.replace("tickets@", "tickets\\n@"), "notices.mail: sender is no mail address"),
        ("[notices]\nwhat = true\n", "notices: Object contains unknown field `what`"),
        (
            '[notices.wechat]\napp_id="w"\napp_secret="s"\n'
            '[notices.wechat.templates.issued]\nid="T"\nfields={first="event"}\n',
            "notices.wechat.templates[...]: first is no field",
        ),
        (
            '[notices.wechat]\napp_id="w"\napp_secret="s"\n'
            '[notices.wechat.templates.issued]\nid="T"\nfields={thing1="name"}\n',
            "notices.wechat.templates[...]: thing1: there is no name",
        ),
        (
            '[notices.sms]\naccess_key_id="L"\naccess_key_secret="s"\nsign_name="x"\n'
            'templates.zh.bought="SMS_1"\n',
            "notices.sms: bought is nothing that is told",
        ),
        (
            '[notices.sms]\naccess_key_id="L"\naccess_key_secret="s"\nsign_name="x"\n'
            'endpoint="http://dysmsapi.aliyuncs.com"\ntemplates={}\n',
            "notices.sms.endpoint: ",
        ),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, text)
    said = str(raised.value)
    assert said.startswith(f"{tmp_path}/central.toml: {key}"), said
    assert "\n" not in said


def test_what_is_said_by_which_channel() -> None:
    zh, en = Language.ZH, Language.EN
    nothing = told()
    assert not any(nothing.tells(kind) for kind in Kind)
    some = told(mail=mail_told(), sms=sms_told(templates={"zh": {"issued": "SMS_1"}}))
    assert some.channels == (Channel.MAIL, Channel.SMS)
    assert some.says(Kind.ISSUED, Channel.SMS, en), "in Chinese, where there is no other"
    assert not some.says(Kind.REFUNDED, Channel.SMS, zh)
    assert not some.says(Kind.ISSUED, Channel.WECHAT, zh)
    assert not some.tells(Kind.ADMITTED)
    every = told(admitted=True, wechat=wechat_told())
    assert every.says(Kind.ADMITTED, Channel.WECHAT, zh)


def run(folder: Path, text: str, *command: str, **variables: str) -> "subprocess.Popen[str]":
    (folder / "central.toml").write_text(f'directory = "{folder}/central"\n{text}')
    return subprocess.Popen(
        [sys.executable, "-m", "central", "--config", str(folder / "central.toml"), *command],
        cwd=ROOT,
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        text=True,
    )


SECRET = f'{MAIL}username = "u"\npassword = "mail-password"\n'


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0o600, "cannot be read (No such file or directory)"),
        ("hunter2", 0o644, "can be read by everybody; chmod 600 it"),
        ("", 0o600, "must hold one line, the secret"),
        ("two\nlines", 0o600, "must hold one line, the secret"),
        ("密码", 0o600, "only letters, digits and signs of ASCII"),
    ],
)
def test_a_secret_that_cannot_be_used_ends_it_with_78(
    tmp_path: Path, content: str | None, mode: int, said: str
) -> None:
    folder = tmp_path / "central" / "secrets"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "mail-password").write_text(content)
        (folder / "mail-password").chmod(mode)
    process = run(tmp_path, SECRET, "notify")
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 78, err
    (line,) = err.splitlines()
    assert line.startswith("central.toml: notices.mail.password: ")
    assert said in line
    assert not content or content not in line


def test_a_secret_among_systemds_credentials_comes_first(tmp_path: Path) -> None:
    from central.notices.secret import secret

    given = tmp_path / "credentials"
    given.mkdir()
    (given / "mail-password").write_text("theirs\n")
    (given / "mail-password").chmod(0o400)
    kept = os.environ.get("CREDENTIALS_DIRECTORY")
    os.environ["CREDENTIALS_DIRECTORY"] = str(given)
    try:
        assert secret("mail-password", "notices.mail.password", tmp_path) == "theirs"
    finally:
        del os.environ["CREDENTIALS_DIRECTORY"]
        if kept is not None:
            os.environ["CREDENTIALS_DIRECTORY"] = kept
    assert secret(str(given / "mail-password"), "k", tmp_path) == "theirs"


def test_an_authority_that_is_none_is_said_to_be(tmp_path: Path) -> None:
    from central.notices import channels

    wrong = tmp_path / "ca.pem"
    for named, config in (
        ("notices.mail.authority", told(mail=mail_told(security="tls", authority=str(wrong)))),
        ("notices.sms.authority", told(sms=sms_told(authority=str(wrong)))),
    ):
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "secrets" / "aliyun-secret").write_text("x")
        (tmp_path / "secrets" / "aliyun-secret").chmod(0o600)
        with pytest.raises(ConfigError, match=named):
            channels.carriers(config, tmp_path)


@pytest.mark.parametrize("channels", ["", MAIL], ids=["none", "mail"])
def test_it_lives_until_it_is_told_to_stop_with_a_channel_or_without(
    tmp_path: Path, channels: str
) -> None:
    import socket

    heard: Any = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(tmp_path / "notify"))
    heard.settimeout(60)
    migrated = run(tmp_path, channels, "migrate")
    assert migrated.wait(120) == 0, migrated.communicate()
    process = run(tmp_path, channels, "notify", NOTIFY_SOCKET=str(tmp_path / "notify"))
    try:
        assert heard.recv(100) == b"READY=1"
        assert heard.recv(100) == b"WATCHDOG=1"
    finally:
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, err = process.communicate(timeout=60)
        heard.close()
    assert process.returncode == 0, err
    assert time.monotonic() >= began
