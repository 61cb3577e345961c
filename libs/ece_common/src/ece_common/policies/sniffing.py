"""What a file is by its content, and when that contradicts its name. Pure."""

import filetype
from filetype.types import Type

HEAD = 40 * 1024
"""Bytes from the beginning that tell what a file is: those of a disc image stand at 32 KiB."""


class _Signed(Type):
    """A kind of file that the library does not know, told by how it begins."""

    def __init__(self, extension: str, *beginnings: bytes) -> None:
        super().__init__(mime="application/octet-stream", extension=extension)
        self._beginnings = tuple(beginning.upper() for beginning in beginnings)

    def match(self, buf: bytes) -> bool:
        return bytes(buf[:19]).removeprefix(b"\xef\xbb\xbf")[:16].upper().startswith(self._beginnings)


class _DiscImage(Type):
    def __init__(self) -> None:
        super().__init__(mime="application/x-iso9660-image", extension="iso")

    def match(self, buf: bytes) -> bool:
        return bytes(buf[0x8001:0x8006]) == b"CD001"


_KINDS = [
    _Signed("lnk", b"\x4c\x00\x00\x00\x01\x14\x02\x00"),
    _Signed("class", *(b"\xca\xfe\xba\xbe\x00\x00\x00" + bytes([version]) for version in range(0x2D, 0x50))),
    _Signed("macho", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf"),
    _Signed("tnef", b"\x78\x9f\x3e\x22"),
    _Signed("chm", b"ITSF"),
    _Signed("cab", b"MSCF"),
    _Signed("vbe", b"#@~^"),
    _Signed("reg", b"REGEDIT4", b"Windows Registry"),
    _Signed("hta", b"<hta:application"),
    _Signed("bat", b"@echo off"),
    _Signed("html", b"<!doctype html", b"<html"),
    _Signed("pgp", b"-----BEGIN PGP M"),
    _Signed("sh", b"#!"),
    _Signed("ole", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    _Signed("zip", b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
    _Signed("rar", b"Rar!\x1a\x07"),
    _Signed("7z", b"7z\xbc\xaf\x27\x1c"),
    _Signed("gz", b"\x1f\x8b"),
    _Signed("bz2", b"BZh"),
    _Signed("xz", b"\xfd7zXZ\x00"),
    _DiscImage(),
]

_FAMILIES = [
    # The head of each family is the name its content is sniffed as.
    "exe dll scr com cpl sys drv ocx pif efi mui ax acm tlb msstyles",
    "elf so o out bin run",
    "macho dylib bundle",
    "sh bash zsh ksh csh py pl rb php awk js mjs command txt log cfg conf",
    "bat cmd nt txt log",
    "reg key txt",
    "hta html htm",
    "html htm xhtml xht shtml mht mhtml hta asp aspx jsp php cfm svg xml txt log eml msg doc xls",
    "pgp gpg asc txt",
    "iso img udf",
    "tnef dat",
    "cab msu ppz",
    "rar cbr r00",
    "7z cb7",
    "gz tgz gzip z emz svgz wmz",
    "bz2 tbz tbz2 bzip2",
    "xz txz lzma",
    (
        "zip docx docm dotx dotm xlsx xlsm xlsb xltx xltm xlam pptx pptm potx potm ppsx ppsm ppam sldx vsdx vsdm "
        "odt ods odp odg odf odb odm ott ots otp epub jar war ear apk ipa xpi crx nupkg whl egg vsix appx msix aar"
        " kmz 3mf usdz cbz pages numbers key sketch mmap xps oxps thmx zipx idml"
    ),
    "ole doc dot xls xlt xla ppt pot pps msg oft vsd msi msp mst mpp pub db one wps",
    "jpg jpeg jpe jfif jif pjpeg",
    "tif tiff dng nef cr2 arw",
    "mp4 m4v m4a mov qt 3gp f4v m4b",
    "mov qt mp4",
    "ogg oga ogv opus",
    "ps eps ai",
    "mkv webm mka",
    "wmv wma asf",
    "ico cur",
    "ar deb a lib",
    "sqlite db sqlite3 db3",
]
_INNOCENT = frozenset(
    ["txt", "log", "csv", "md", "pdf", "rtf", "jpg", "jpeg", "png", "gif", "bmp", "ics", "vcf", "xml", "htm", "html"]
)
"""Names under which nobody keeps a document of the older office programs but to hide it."""
_CONTROLS = frozenset(range(9))
_FAMILY = {names[0]: frozenset(names) for names in map(str.split, _FAMILIES)}

DOCUMENTS = _FAMILY["zip"] - {"zip", "zipx", "jar", "war", "ear", "apk", "ipa", "xpi", "crx", "nupkg", "whl", "egg"}
"""Formats that are zip archives inside and that nobody opens as such."""


def kind(content: bytes) -> str | None:
    """The extension that a file with this beginning should have; None when it could be anything."""
    head = content[:HEAD]
    if not head:
        return None
    found = filetype.match(head, _KINDS) or filetype.match(head, filetype.TYPES)
    if found is None or (found.extension == "exe" and head[:256].isascii() and not _CONTROLS & set(head[:256])):
        return None  # a text may begin with MZ
    return str(found.extension)


def disguised(names: list[str], content_kind: str | None) -> list[str]:
    """The extensions the content stands for, when the name does not already say so.

    Of a program under an innocent name nobody knows which of its names it was meant to run by: all of them count.
    """
    if content_kind is None or content_kind in names:
        return []
    family = _FAMILY.get(content_kind, frozenset({content_kind}))
    if names and names[0] in family:
        return []
    if content_kind in ("exe", "elf", "macho") or (content_kind == "ole" and _INNOCENT.issuperset(names[:1])):
        return [content_kind, *sorted(family - {content_kind, "bin"})]
    return [content_kind]
