"""What an attachment is and holds, level by level: every extension with the path to it, within bounds. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ece_common.policies import archives, mail_parts, outlook_attachments, outlook_messages, sniffing
from ece_common.policies.archives import Entry, Opener, Sealed
from ece_common.policies.attachment_names import extensions, shortened
from ece_common.policies.bounds import Bounds, TooMuch

Path = tuple[str, ...]

_DECLARED = {
    "application/hta": "hta",
    "application/java-archive": "jar",
    "application/javascript": "js",
    "application/ms-tnef": "tnef",
    "application/vnd.ms-cab-compressed": "cab",
    "application/vnd.ms-tnef": "tnef",
    "application/vnd.rar": "rar",
    "application/x-7z-compressed": "7z",
    "application/x-bat": "bat",
    "application/x-dosexec": "exe",
    "application/x-javascript": "js",
    "application/x-ms-installer": "msi",
    "application/x-ms-shortcut": "lnk",
    "application/x-msdos-program": "exe",
    "application/x-msdownload": "exe",
    "application/x-msi": "msi",
    "application/x-rar-compressed": "rar",
    "application/x-sh": "sh",
    "application/x-vbs": "vbs",
    "message/global": "eml",
    "message/rfc822": "eml",
    "text/javascript": "js",
    "text/vbscript": "vbs",
    "text/x-vbscript": "vbs",
}
"""Types whose label alone makes some program run or open what carries it."""
_OPENED_AS = {
    "message/external-body": "eml",
    "message/news": "eml",
}
"""Types of mails in other respects; an external body's file is named in the header that stands for it."""
_SEALED = {
    "application/pkcs7-mime": "is a mail signed or encrypted as a whole",
    "application/x-pkcs7-mime": "is a mail signed or encrypted as a whole",
    "message/partial": "is a piece of a mail",
}
"""Types of what hides files from everybody but whoever puts it together, or has the key."""
_MAILS = frozenset({"eml", "mht", "mhtml", "nws"})
_SIGNATURES = frozenset({"p7s", "p7c", "p7b"})
_MACROS = {"word": ("docm", "dotm"), "xl": ("xlsm", "xltm", "xlam"), "ppt": ("pptm", "potm", "ppsm", "ppam")}
"""By the folder in an office document that has them: what it must be called."""
_WEAK = frozenset({"exe", "js"})
"""Types that senders also put on files with a name that says better."""
# What runs even inside a document that is an archive only in the way it is stored.
_ACTIVE = frozenset(
    {
        "exe", "dll", "scr", "com", "cpl", "pif", "sys", "bat", "cmd", "vbs", "vbe", "vb", "js", "jse", "wsf", "wsh",
        "ws", "hta", "lnk", "msi", "msp", "ps1", "psm1", "jar", "reg", "chm", "inf", "elf", "macho", "sh", "py",
        "class", "application", "gadget",
    }
)  # fmt: skip
_OPENERS: Mapping[str, Opener] = {
    "tnef": outlook_attachments.opened,
    "ole": outlook_messages.opened,
    "eml": mail_parts.opened,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """An extension that an attachment, or something in it, has."""

    extension: str
    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something nobody here can look into. `sealed`: by how it is packed; otherwise it would have taken too much."""

    path: Path
    why: str
    sealed: bool


@dataclass(frozen=True, slots=True)
class File:
    """`names`: each that the part gives itself, the one it is shown by first."""

    names: tuple[str, ...]
    content_type: str
    content: bytes


class Inspection:
    """Looks into the attachments of one mail. `openers` may bring a better one for a kind, `eml` above all."""

    def __init__(self, bounds: Bounds | None = None, openers: Mapping[str, Opener] | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._openers = {**_OPENERS, **(openers or {})}

    def look(self, file: File) -> Iterator[Seen | Unseen]:
        shown = file.names[0] if file.names else ""
        for other in file.names[1:]:
            for extension in extensions(other):
                yield Seen(extension, (shown,), f"is also called {shortened(other, 200)!r}")
        head = file.content[: sniffing.HEAD]
        entry = Entry(shown, head, lambda: file.content, content_type=file.content_type)
        yield from self._entry(entry, (shown,))

    def _entry(self, entry: Entry, path: Path) -> Iterator[Seen | Unseen]:
        names = extensions(entry.name)
        for extension in names:
            yield Seen(extension, path, f"its name ends in .{extension}")
        declared = _DECLARED.get(entry.content_type)
        if declared is not None and declared != "tnef" and not (declared in _WEAK and names):
            yield Seen(declared, path, f"its type is {entry.content_type}")
        content_kind = sniffing.kind(entry.head)
        for extension in sniffing.disguised(names, content_kind):
            yield Seen(extension, path, f"its content is of the kind {content_kind}")
        sealed = entry.sealed or (None if _SIGNATURES.intersection(names) else _sealed(entry.content_type, names))
        if sealed is not None:
            yield Unseen(path, sealed, sealed=True)
        else:
            kind = declared if declared in ("eml", "tnef") else _OPENED_AS.get(entry.content_type, content_kind)
            yield from self._inside(entry, kind if self._opener(kind) else _named_kind(names) or kind, path)

    def _opener(self, kind: str | None) -> Opener | None:
        return self._openers.get(kind or "") or archives.opener(kind)

    def _inside(self, entry: Entry, kind: str | None, path: Path) -> Iterator[Seen | Unseen]:
        opener = self._opener(kind)
        if opener is None or entry.whole is None:
            return
        try:
            self._bounds.level(len(path))
            whole = entry.whole()
            document = kind == "zip" and _is_document(entry, whole)
            for inner in opener(whole, path[-1], self._bounds):
                for extension in _macros(inner.name, extensions(entry.name)):
                    yield Seen(extension, path, "it holds macros")
                for sight in self._entry(inner, (*path, inner.name)):
                    if not document or _matters_in_documents(sight):
                        yield sight
        except Sealed as problem:
            yield Unseen(path, str(problem), sealed=True)
        except TooMuch as problem:
            yield Unseen(path, str(problem), sealed=False)


def _sealed(content_type: str, names: list[str]) -> str | None:
    return _SEALED.get("application/pkcs7-mime" if "p7m" in names else content_type)


def _named_kind(names: list[str]) -> str | None:
    if _MAILS.intersection(names):
        return "eml"
    return next((archives.BY_NAME[name] for name in names if name in archives.BY_NAME), None)


def _macros(inner: str, names: list[str]) -> tuple[str, ...]:
    """What a document with this file in it is, when its name says that it has no macros."""
    folder, _, file = inner.replace("\\", "/").lower().rpartition("/")
    if file != "vbaproject.bin" or {"xlsb", *sum(_MACROS.values(), ())}.intersection(names[:1]):
        return ()
    return _MACROS.get(folder.strip("/"), ())


def _matters_in_documents(sight: Seen | Unseen) -> bool:
    return sight.extension in _ACTIVE if isinstance(sight, Seen) else not sight.sealed


def _is_document(entry: Entry, whole: bytes) -> bool:
    """Named as an office document and built as one: its parts are no files to anybody."""
    if not sniffing.DOCUMENTS.intersection(extensions(entry.name)[:1]):
        return False
    return b"[Content_Types].xml" in whole or whole[30:38] == b"mimetype" or b"META-INF/manifest.xml" in whole
