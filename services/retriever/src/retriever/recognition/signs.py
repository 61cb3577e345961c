"""How much speaks for a mail being a mail system's report for people, and not a mail of people about one. Pure.

No sign decides alone: ordinary mail quotes reports, vacation replies come with an empty return path, and newsletters
from postmasters.
"""

from dataclasses import dataclass

from retriever.parsing import ParsedMail
from retriever.recognition import (
    headers,
    named_addresses,
    report_words,
    returned_message,
    status_codes,
    written_text,
)
from retriever.recognition.headers import HeaderSigns


@dataclass(frozen=True, slots=True)
class Signs:
    """Points for whatever speaks for a report. `text` is what the server itself wrote, without what it returns."""

    header: HeaderSigns
    body: int = 0
    codes: bool = False
    """It states a code of a failure."""
    named: bool = False
    """It names somebody who neither wrote this mail nor gets it."""
    returned: bool = False
    """A message comes back with it."""
    ours: bool = False
    """And that message was sent by those to whom this mail is."""
    text: str = ""

    @property
    def is_report(self) -> bool:
        """People and shops, too, write that something was not delivered: only a server need not prove itself.

        Measured over 900 bounces: what does not come from a server brings the message back.
        """
        header = self.header
        if header.server:
            return self._is_a_servers
        if header.answer or header.forward or not self.returned or not self.body:
            return False
        if header.machine and (self.ours or not header.automatic):  # robots of ticket systems copy what they got
            return self._points >= 5
        return header.subject > 0 and self.ours and self.body > 1

    @property
    def _is_a_servers(self) -> bool:
        """Postmasters are people at times, and robots write summaries in their name."""
        header = self.header
        states = self.body > 0 and self.codes and self.named
        if self._points < 4 or (header.answer and not (header.machine or header.server > 2 or states)):
            return False
        if header.subject or (self.body and (self.returned or header.server > 2)):
            return True
        return states or (self.body > 1 and self.named and header.no_return)

    @property
    def _points(self) -> int:
        header = self.header
        return header.server + header.machine + header.subject + self.body + self.codes + self.returned


def of(mail: ParsedMail) -> Signs:
    """An ordinary mail shows none in its header; then its body is not looked at."""
    header = headers.of(mail)
    if not header.any:
        return Signs(header)
    text, returned = returned_message.split(written_text.of(mail))
    return Signs(
        header=header,
        body=(2 if report_words.of_delivery(text) else 0) + (1 if report_words.of_cause(text) else 0),
        codes=status_codes.worst(text).failure is not None,
        named=named_addresses.any_in(mail, text),
        returned=bool(returned.strip()) or returned_message.in_a_part(mail),
        ours=returned_message.was_sent_by(mail, returned, {*mail.to, *mail.delivered_to}),
        text=text,
    )
