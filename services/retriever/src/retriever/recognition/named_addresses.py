"""Whom a report names: every address in it but those of who reports, and to whom. Pure."""

import re

from retriever.parsing import ParsedMail

ADDRESS = re.compile(
    r"(?<![\w.+\-@])(?:smtp[=:])?([\w.+\-=!#$%&*/?^`{|}~]{1,64}@(?:[\w\-]{1,63}\.){1,8}"
    r"(?:xn--[A-Za-z0-9\-]{1,59}|[^\W\d_]{2,24}))(?![\w@])",
    re.IGNORECASE,
)


def found_in(mail: ParsedMail, text: str) -> list[re.Match[str]]:
    """Without the postmaster who is to be asked for help, unless nobody else is named."""
    passed_over = _not_meant(mail)
    found = [one for one in ADDRESS.finditer(text) if one[1].lower() not in passed_over]
    return [one for one in found if not one[1].lower().startswith("postmaster@")] or found


def any_in(mail: ParsedMail, text: str) -> bool:
    passed_over = _not_meant(mail)
    return any(one[1].lower() not in passed_over for one in ADDRESS.finditer(text))


def _not_meant(mail: ParsedMail) -> set[str]:
    addresses = [mail.from_ or "", *mail.to, *mail.cc, *mail.reply_to, *mail.delivered_to]
    return {address.lower() for address in addresses}
