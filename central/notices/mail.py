"""Mail by SMTP (RFC 5321), plain text and HTML of the same words.

Before the server has said that it has the message (its answer to the final full stop), nothing is
known: the same message is sent again under the same Message-ID then, by which most mailboxes show
it once. A server that offers no STARTTLS where that was asked for, or another name's certificate,
gets nothing. smtplib's steps are taken one by one, since what a refusal means depends on the step.
"""

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from django.template.loader import render_to_string

from central.config import ConfigError
from central.core.address import without_addresses
from central.core.fitting import one_line
from central.core.notice import Kind
from central.core.sending import Answer, Down, Later, Refused, Taken, Unclear, Why
from central.notices.config import Mail
from central.notices.saying import Message

TIMEOUT_SECONDS = 20.0
LOGIN_PAUSE_SECONDS = 900.0
"""After a login that was refused: some servers lock who tries too often."""
IDLE_SECONDS = 20.0
ANSWER_CHARACTERS_MAX = 200


class _Stopped(Exception):
    """The conversation ended; `answer` says what that means for the message."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer)


class Post:
    """A connection to the venue's mail server, opened when there is something to send."""

    def __init__(self, told: Mail, password: str) -> None:
        """Raise ConfigError if the file of authorities cannot be used."""
        self._told, self._password = told, password
        self._domain = told.sender.rpartition("@")[2]
        self._server: smtplib.SMTP | None = None
        self._since = 0.0
        try:
            self._context = ssl.create_default_context(cafile=told.authority)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"central.toml: notices.mail.authority: {told.authority} cannot be used ({error})"
            ) from None

    def twice_is_harmless(self, kind: Kind) -> bool:  # noqa: ARG002
        return True

    def send(self, message: Message, now: float) -> Answer:
        """Hand over one message."""
        try:
            server = self._connected(now)
            self._step(server.mail, self._told.sender, message, sender=True)
            self._step(server.rcpt, message.to, message)
            answer = self._hand_over(server, message)
        except _Stopped as stopped:
            answer = stopped.answer
        if isinstance(answer, Taken):
            self._since = now
        elif self._server is not None:
            # After a refusal: whatever the server still expects, the next message begins anew.
            with suppress(smtplib.SMTPException, OSError):
                self._server.rset()
                return answer
            self.close()
        return answer

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def idle(self, now: float) -> None:
        """Close a connection that was not needed for a while; servers do so as well."""
        if self._server is not None and now - self._since > IDLE_SECONDS:
            self.close()

    def _connected(self, now: float) -> smtplib.SMTP:
        if self._server is not None:
            with suppress(smtplib.SMTPException, OSError):
                if self._server.noop()[0] == 250:
                    return self._server
            self.close()
        try:
            self._server = self._open()
        except smtplib.SMTPAuthenticationError as error:
            raise _Stopped(
                Down(Why.CREDENTIALS, _said(error.smtp_code), LOGIN_PAUSE_SECONDS)
            ) from None
        except (ssl.SSLError, smtplib.SMTPNotSupportedError) as error:
            raise _Stopped(Down(Why.UNSAFE, _text(error))) from None
        except smtplib.SMTPResponseException as error:
            said = _said(error.smtp_code, error.smtp_error)
            raise _Stopped(Down(Why.UNREACHABLE, said)) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise _Stopped(Down(Why.UNREACHABLE, _text(error))) from None
        self._since = now
        return self._server

    def _open(self) -> smtplib.SMTP:
        told, named = self._told, self._domain
        server: smtplib.SMTP
        if told.security == "tls":
            server = smtplib.SMTP_SSL(
                told.host,
                told.port,
                named,
                timeout=TIMEOUT_SECONDS,
                context=self._context,
            )
        else:
            server = smtplib.SMTP(told.host, told.port, named, TIMEOUT_SECONDS)
        try:
            if told.security == "starttls":
                server.starttls(context=self._context)
            if told.username:
                server.login(told.username, self._password)
            else:
                server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server

    def _step(
        self,
        say: Callable[[str], tuple[int, bytes]],
        argument: str,
        message: Message,
        *,
        sender: bool = False,
    ) -> None:
        """Say MAIL or RCPT; end the conversation where it is refused."""
        try:
            code, text = say(argument)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self._drop()
            raise _Stopped(Down(Why.UNREACHABLE, _text(error))) from None
        if code in (250, 251):
            return
        said = without_addresses(_said(code, text), message.to)
        if code == 421:
            self._drop()
            raise _Stopped(Down(Why.BUSY, said))
        if sender or code in (530, 535) or b"relay" in bytes(text).lower():
            # Nobody's address is wrong: the account may not send, or not so.
            raise _Stopped(Down(Why.SENDER_REFUSED, said))
        if 400 <= code < 500:
            raise _Stopped(Later(Why.BUSY, said))
        raise _Stopped(Refused(Why.ADDRESS_REFUSED, said))

    def _hand_over(self, server: smtplib.SMTP, message: Message) -> Answer:
        written = written_out(message, self._told).as_bytes(policy=SMTP)
        try:
            code, text = server.data(written)
        except smtplib.SMTPDataError as error:
            # The server would not even hear it.
            code, text = error.smtp_code, _bytes(error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Unclear(Why.SILENT, _text(error))
        said = without_addresses(_said(code, text), message.to)
        if code == 250:
            return Taken(said)
        if code == 421:
            self._drop()
            return Down(Why.BUSY, said)
        return Later(Why.BUSY, said) if code < 500 else Refused(Why.MESSAGE_REFUSED, said)

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()


def written_out(message: Message, told: Mail) -> EmailMessage:
    """Return a message as it goes out; no word of it can become a header of its own."""
    said, domain = message.said, told.sender.rpartition("@")[2]
    made = EmailMessage(policy=SMTP)
    made["From"] = Address(one_line(told.sender_name), addr_spec=told.sender)
    made["To"] = Address(addr_spec=message.to)
    made["Subject"] = one_line(said.subject)
    made["Date"] = formatdate(localtime=False)
    made["Message-ID"] = f"<{message.name}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers, please.
    shown = {
        "said": said,
        "before": said.paragraphs[:-1] if said.linked else said.paragraphs,
        "after": said.paragraphs[-1:] if said.linked else (),
        "link": message.link if said.linked else "",
        "sender_name": told.sender_name,
        "language": message.language.value,
    }
    made.set_content(_plain(shown), cte="base64")
    html = render_to_string("notices/mail.html", shown)
    made.add_alternative(html, subtype="html", cte="base64")
    return made


def _plain(shown: dict[str, object]) -> str:
    before, after, link = shown["before"], shown["after"], shown["link"]
    assert isinstance(before, tuple)
    assert isinstance(after, tuple)
    parts = [*before, *([str(link)] if link else []), *after]
    if shown["sender_name"]:
        parts.append(f"-- \n{shown['sender_name']}")
    return "\n\n".join(parts) + "\n"


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="replace")


def _said(code: int, text: bytes | str = b"") -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return one_line(f"{code} {words}")[:ANSWER_CHARACTERS_MAX]


def _text(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return type(error).__name__  # Its words quote what it was about.
    return one_line(f"{type(error).__name__}: {error}")[:ANSWER_CHARACTERS_MAX]
