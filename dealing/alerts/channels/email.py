"""E-mail as a channel: each version of a case is a mail, and mail programs show one thread.

The first mail of a case has a Message-ID made from the case, and every later one answers it, so a
thread holds together whatever was sent twice or late. Texts are put into headers by the standard
library alone, cleaned before, so none can add a header of its own.

Source: RFC 5322 3.6.4 on identification fields.
"""

from __future__ import annotations

import asyncio
import html
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Literal

import structlog

from dealing.alerts.channels.words import (
    clean,
    facts,
    numbers,
    one_line,
    paragraphs,
    plain_heading,
    said,
)
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import Case, Fact
from dealing.alerts.ports import CaseMessage
from exposure.errors import ConfigError

Security = Literal["starttls", "tls", "none"]

WITHIN_S: Final = 15.0
LONGEST_SUBJECT: Final = 160
HIGH: Final = "1 (Highest)"

_US_PER_S: Final = 1_000_000
_PERMANENT: Final = 500
_TO_MEND: Final[Mapping[type[Exception], str]] = {
    smtplib.SMTPAuthenticationError: (
        "the mail server does not let us in: mend PLIMSOLL_SMTP_USER and PLIMSOLL_SMTP_PASSWORD"
    ),
    smtplib.SMTPNotSupportedError: (
        "the mail server does not offer what email asks for (encryption or a password): "
        "change email.security, or the server"
    ),
    ssl.SSLCertVerificationError: (
        "the mail server's certificate is not to be believed: check email.host"
    ),
}
"""What stays wrong until somebody mends it."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Through which server mails go; the password is not in its text form.

    Attributes:
        host: The server.
        port: Its port.
        security: How the connection is encrypted: from the start, after a greeting, or not.
        user: Who logs in, "" where nobody has to.
        password: With what.
    """

    host: str
    port: int
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.user and self.security == "none" and self.host not in _LOOPBACK:
            raise ConfigError(
                ["email.security none would send a password in the clear: use starttls"]
            )


class EmailSink:
    """Mails to some people."""

    has_buttons = False

    def __init__(
        self,
        server: MailServer,
        sender: str,
        to: Sequence[str],
        now_us: Callable[[], int],
        trust: ssl.SSLContext,
        *,
        name: str = "email",
        within_s: float = WITHIN_S,
    ) -> None:
        """Take the server, from and to whom, the wall clock, and which certificates are believed.

        Raises:
            ConfigError: An address is none.
        """
        self.name = name
        self._server = server
        self._sender = _address(sender)
        self._to = tuple(map(_address, to))
        self._now_us = now_us
        self._trust = trust
        self._within_s = within_s

    async def tell(self, message: CaseMessage, ref: str) -> str:
        """Mail a case; the ref is the Message-ID that the others of the case answer."""
        case = message.case
        first = self._first_id(case)
        mail = self._mail(f"[{case.severity.value}] {case.name} {case.title}", urgent=_is_bad(case))
        mail["Message-ID"] = first if not ref else self._id(case, f"v{case.version}")
        if ref:
            mail["In-Reply-To"] = first
            mail["References"] = first
        mail.set_content("\n\n".join([plain_heading(case), *paragraphs(message)]) + "\n")
        mail.add_alternative(_html(message), subtype="html")
        await self._send(mail)
        return first

    async def say(self, text: str) -> None:
        """Mail something that is no case."""
        shown = said(text)
        mail = self._mail(f"Plimsoll: {one_line(shown, 80)}", urgent=False)
        mail.set_content(shown + "\n")
        await self._send(mail)

    def _mail(self, subject: str, *, urgent: bool) -> EmailMessage:
        mail = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit"))
        mail["Subject"] = one_line(subject, LONGEST_SUBJECT)
        mail["From"] = self._sender
        mail["To"] = self._to
        mail["Date"] = format_datetime(datetime.fromtimestamp(self._now_us() // _US_PER_S, UTC))
        mail["Auto-Submitted"] = "auto-generated"  # nobody's holiday notice answers it
        if urgent:
            mail["X-Priority"] = HIGH
        return mail

    def _first_id(self, case: Case) -> str:
        return self._id(case, "first")

    def _id(self, case: Case, version: str) -> str:
        # when it was opened is in it, because another run counts its cases from 1 as well
        return f"<{case.name.lower()}.{case.opened_us}.{version}@{self._sender.domain}>"

    async def _send(self, mail: EmailMessage) -> None:
        try:
            refused = await asyncio.to_thread(self._sent, mail)
        except (smtplib.SMTPException, OSError) as e:
            raise _failure(e) from None  # their texts hold addresses
        if refused:
            structlog.get_logger().warning(
                "a mail did not reach everybody", reached=len(self._to) - refused, refused=refused
            )

    def _sent(self, mail: EmailMessage) -> int:
        """Send a mail and return how many of those it was for the server refused."""
        with self._connected() as connection:
            if self._server.security == "starttls":
                connection.starttls(context=self._trust)
            if self._server.user:
                connection.login(self._server.user, self._server.password)
            refused: Mapping[str, object] = connection.send_message(mail)
        return len(refused)

    def _connected(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        if self._server.security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=self._within_s, context=self._trust)
        return smtplib.SMTP(host, port, timeout=self._within_s)


def _is_bad(case: Case) -> bool:
    return case.severity.value == "critical" and case.resolved_us is None


def _address(text: str) -> Address:
    """Return an address as headers take it."""
    try:
        found = Address(addr_spec=text.strip())
    except (ValueError, IndexError, MessageError) as e:
        raise ConfigError([f"email: '{one_line(text, 80)}' is no e-mail address"]) from e
    if not found.username or not found.domain or clean(text) != text or not text.isascii():
        raise ConfigError([f"email: '{one_line(text, 80)}' is no e-mail address"])
    return found


def _failure(error: smtplib.SMTPException | OSError) -> AlertDeliveryError:
    """Return what is wrong in words, without an address or a password."""
    for kind, sentence in _TO_MEND.items():
        if isinstance(error, kind):
            return AlertDeliveryError(sentence, will_pass=False)
    match error:
        case smtplib.SMTPRecipientsRefused():
            return _refused([code for code, _ in error.recipients.values()], "email.to")
        case smtplib.SMTPSenderRefused():
            return _refused([error.smtp_code], "email.sender")
        case smtplib.SMTPResponseException():
            return _refused([error.smtp_code], "email")
        case _:
            return AlertDeliveryError(f"the mail server cannot be reached: {type(error).__name__}")


def _refused(codes: Sequence[int], where: str) -> AlertDeliveryError:
    """Return that a server refused; codes from 500 on are meant to stay so (RFC 5321 4.2.1)."""
    for_good = bool(codes) and min(codes) >= _PERMANENT
    told = ", ".join(sorted({str(code) for code in codes}))
    advice = f": look at {where}" if for_good else ""
    return AlertDeliveryError(
        f"the mail server refused with {told}{advice}", will_pass=not for_good
    )


def _html(message: CaseMessage) -> str:
    case = message.case
    rows = "".join(map(_row, (*numbers(case, message.now_us), *facts(case))))
    head, *rest = paragraphs(message) or [""]
    shown = [text for text in rest if text != message.link and not text.startswith("At stake: ")]
    body = "".join(f"<p>{_text(paragraph)}</p>" for paragraph in shown)
    return (
        '<html><body style="font-family:sans-serif">'
        f"<h3>{_text(plain_heading(case))}</h3><p><b>{_text(head)}</b></p>"
        f'<table cellpadding="4">{rows}</table>{body}{_link(message)}</body></html>\n'
    )


def _row(fact: Fact) -> str:
    return f"<tr><td><b>{_text(fact.name)}</b></td><td>{_text(fact.text)}</td></tr>"


def _text(text: str) -> str:
    return html.escape(clean(text)).replace("\n", "<br>")


def _link(message: CaseMessage) -> str:
    if not message.link.startswith(("https://", "http://")):
        return ""
    return f'<p><a href="{html.escape(message.link)}">Open on the desk</a></p>'
