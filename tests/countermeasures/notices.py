"""What is sent to ticket holders: by whom it could be read, turned, or made to say more."""

from tests.countermeasures.terms import Changes, out

MAIL, ASKING = "central/notices/mail.py", "central/notices/asking.py"
CONTACTS, PAGE = "central/notices/contacts.py", "central/notices/admin.py"

NOTICES: Changes = {
    "a mail address, or an event's name, that brings headers or markup of its own": (
        out(
            "central/core/address.py",
            "and _LOCAL.fullmatch(local)",
            "and _LOCAL.match(local)",
            tests=("test_what_is_no_mail_address",),
            by=("Failed",),
        ),
        out(
            "central/notices/templates/notices/mail.html",
            '{% for paragraph in before %}<p style="margin:0 0 12px">{{ paragraph }}</p>',
            '{% for paragraph in before %}<p style="margin:0 0 12px">{{ paragraph|safe }}</p>',
            tests=("test_names_of_events_make_no_headers_and_no_markup",),
        ),
    ),
    "holders' addresses and links, read in a copy of central's database": (
        out(
            CONTACTS,
            "setattr(made, field, nonce + sealed)",
            "setattr(made, field, nonce + filled)",
            tests=("test_neither_addresses_nor_link_are_in_the_database",),
        ),
        out(
            CONTACTS,
            "return bytes(ticket.cti) + channel.value.encode()",
            'return b""',
            tests=("test_a_sealed_address_opens_beside_its_own_ticket_and_secret_alone",),
            by=("Failed",),
        ),
    ),
    "… or in the log, or in what a provider's answer leaves behind": (
        out(
            "central/core/address.py",
            '    return _LOOKS_LIKE_ONE.sub("…", bare)',
            "    return said",
            tests=("test_neither_address_nor_link_is_ever_logged",),
        ),
        out(
            ASKING,
            "    said = type(reason or error).__name__\n",
            "    said = str(error)\n",
            tests=("test_nothing_goes_to_whom_it_should_not",),
        ),
    ),
    "somebody between central and a mail server, who takes TLS away or shows another certificate": (
        out(
            MAIL,
            "ssl.create_default_context(cafile=told.authority)",
            "ssl._create_unverified_context(cafile=told.authority)",
        ),
        out(
            MAIL,
            "                server.starttls(context=self._context)\n",
            "                with suppress(smtplib.SMTPNotSupportedError):\n"
            "                    server.starttls(context=self._context)\n",
        ),
    ),
    "… or between central and a provider, or who sends it elsewhere": (
        out(
            ASKING,
            "verify=self._authority or True",
            "verify=False",
            tests=("test_nothing_goes_to_whom_it_should_not",),
        ),
        out(
            ASKING,
            "allow_redirects=False",
            "allow_redirects=True",
            tests=("test_what_may_have_gone_is_not_sent_again_by_itself",),
        ),
    ),
    "somebody of the venue who looks up where a holder is reached, or sends a link elsewhere": (
        out(PAGE, 'if not request.user.has_perm("notices.change_contact"):', "if False:"),
    ),
}
