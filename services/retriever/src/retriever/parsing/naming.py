"""What an attachment is called: as its sender named it, on one line and without folders, or after its type."""

from retriever.parsing import parameters, words
from retriever.parsing.fields import Fields

MAXIMUM_NAME = 255
MAXIMUM_TYPE = 255

# Fixed here, for the system's own table differs from machine to machine.
_EXTENSIONS = {
    "application/msword": "doc",
    "application/ms-tnef": "dat",
    "application/pdf": "pdf",
    "application/pgp-signature": "asc",
    "application/pkcs7-mime": "p7m",
    "application/pkcs7-signature": "p7s",
    "application/x-pkcs7-signature": "p7s",
    "application/zip": "zip",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "message/delivery-status": "txt",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/rfc822-headers": "txt",
    "text/x-amp-html": "html",
    "text/x-vcard": "vcf",
}
_STEMS = {
    "application/ms-tnef": "winmail",
    "message/delivery-status": "delivery-status",
    "message/rfc822": "message",
    "text/calendar": "invitation",
    "text/rfc822-headers": "headers",
}


def disposition(fields: Fields, hint: str | None) -> tuple[str, dict[str, str]]:
    value = fields.first.get("content-disposition")
    return parameters.read(value, hint) if value is not None else ("", {})


def given(disposition_parameters: dict[str, str], type_parameters: dict[str, str]) -> str | None:
    """The sender's name for a part. Many put an encoded word into the quoted string, against RFC 2047 section 5."""
    name = disposition_parameters.get("filename") or type_parameters.get("name")
    if not name:
        return None
    if "=?" in name:
        name = words.decode_words(name)
    # RFC 2183 section 2.3: never trust a path. A name that ends in a slash keeps what stands before it.
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2].strip()
    printable = last if last.isprintable() else "".join(mark if mark.isprintable() else "_" for mark in last)
    return _shortened(printable) or None


def claimed(fields: Fields, *options: dict[str, str], hint: str | None = None) -> tuple[str, ...]:
    """Every name a part gives itself, decoded and otherwise as it came: programs differ in which they go by."""
    written = {name: fields.every(name) for name in ("content-disposition", "content-type")}
    again = [
        value for values in written.values() for value in values[1:]
    ]  # the same field, which some programs prefer
    options = (*options, *(parameters.read(value, hint)[1] for value in again))
    well_formed = [one for known in options for key, one in known.items() if key.rstrip("*") in ("filename", "name")]
    values = [value for values in written.values() for value in values if b"name" in value.lower()]
    swept = [one for value in values for one in parameters.names(value, hint)]
    names = [*well_formed, *swept]
    return tuple(dict.fromkeys(words.decode_words(name) if "=?" in name else name for name in names if name))


def made_up(content_type: str, number: int) -> str:
    stem = _STEMS.get(content_type, f"attachment-{number}")
    return f"{stem}.{_EXTENSIONS.get(content_type, 'bin')}"


def content_type(value: str) -> str:
    if value.isascii() and value.isprintable() and len(value) <= MAXIMUM_TYPE:
        return value
    return "application/octet-stream"


def _shortened(name: str) -> str:
    """The end stays, since the extension is what attachments are judged by."""
    return name if len(name) <= MAXIMUM_NAME else name[: MAXIMUM_NAME - 51] + "~" + name[-50:]
