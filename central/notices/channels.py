"""Makes of central.toml what sends: one carrier for each channel that is configured."""

from pathlib import Path
from typing import Protocol

from central.config import ConfigError
from central.core.address import Channel
from central.core.notice import Kind
from central.core.sending import Answer
from central.notices.config import Notices
from central.notices.mail import Post
from central.notices.saying import Message
from central.notices.secret import secret
from central.notices.sms import Texts
from central.notices.wechat import Account


class Carrier(Protocol):
    """What a channel promises: an answer for each message, never an exception."""

    def send(self, message: Message, now: float) -> Answer:
        """Hand over one message; `now` in Unix seconds."""
        ...

    def twice_is_harmless(self, kind: Kind) -> bool:
        """Whether the same message, handed over again, reaches its holder once."""
        ...

    def idle(self, now: float) -> None:
        """Nothing was to be sent for a moment."""
        ...

    def close(self) -> None: ...


def carriers(told: Notices, directory: Path) -> dict[Channel, tuple[Carrier, int]]:
    """Return each channel's carrier, and how many messages a minute it may take.

    Raise ConfigError where a secret or a file of authorities cannot be used.
    """
    made: dict[Channel, tuple[Carrier, int]] = {}
    if told.mail:
        password = ""
        if told.mail.password:
            password = secret(told.mail.password, "notices.mail.password", directory)
            if not password.isascii():
                raise ConfigError(
                    "central.toml: notices.mail.password: only letters, digits and signs of ASCII"
                    " can be sent to a mail server"
                )
        made[Channel.MAIL] = Post(told.mail, password), told.mail.per_minute
    if told.sms:
        key = secret(told.sms.access_key_secret, "notices.sms.access_key_secret", directory)
        made[Channel.SMS] = Texts(told.sms, key), told.sms.per_minute
    if told.wechat:
        key = secret(told.wechat.app_secret, "notices.wechat.app_secret", directory)
        made[Channel.WECHAT] = Account(told.wechat, key), told.wechat.per_minute
    return made
