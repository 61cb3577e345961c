"""Masking patterns as XML, in the upstream product's form: all of a file or nothing of it. Pure.

The elements of a pattern are written in one fixed order; names and values count upper and lower case. What encloses
the patterns may have any name; ours are `patterns` and `pattern`. Upstream's own description has swapped the meaning
of `numOfCharsToUnmaskFromLeft` and `numOfCharsToUnmaskFromRight`; here each means what its name says.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import cast, get_args
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ece_common.contracts.policies import MAXIMUM_PATTERNS, MaskingCharacter
from ece_common.policies.masking_engines import Expression
from ece_common.policies.masking_escapes import Dialect, PatternError
from ece_common.policies.masking_syntax import MAXIMUM_LENGTH

MAXIMUM_BYTES = 10 * 1024 * 1024
MAXIMUM_UNMASKED = 1000
_ELEMENTS = (
    "name", "description", "isActive", "isDefault", "maskingCharacter", "javascriptRegularExpression",
    "javaRegularExpression", "numOfCharsToUnmaskFromLeft", "numOfCharsToUnmaskFromRight", "applyLuhnAlgorithm",
)  # fmt: skip
_LONGEST = {
    "name": 255,
    "description": 2000,
    "javascriptRegularExpression": MAXIMUM_LENGTH,
    "javaRegularExpression": MAXIMUM_LENGTH,
}
_MAXIMUM_ELEMENTS = 10 * (MAXIMUM_PATTERNS * (len(_ELEMENTS) + 1) + 1)
_ELEMENT = re.compile(rb"<\0?[^!?/\0]")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot carry (section 2.2)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_YES_OR_NO = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class PatternDefinition:
    """A masking pattern as administrators write it."""

    name: str
    description: str
    active: bool
    masking_character: MaskingCharacter
    javascript_regular_expression: str
    java_regular_expression: str
    unmask_from_left: int
    unmask_from_right: int
    apply_luhn: bool


class ImportRefused(ValueError):
    """Nothing of the file is taken. `field` names the element, `number` the pattern it stands in, from 1."""

    def __init__(self, code: str, problem: str, *, number: int | None = None, field: str | None = None) -> None:
        where = "" if number is None else f"pattern {number}{f', {field}' if field else ''}: "
        super().__init__(where + problem)
        self.code = code
        self.problem = problem
        self.number = number
        self.field = field


def read(content: bytes, *, in_use: Collection[str] = ()) -> list[PatternDefinition]:
    """Raises ImportRefused. `in_use`: names of patterns applied to a channel, which no file may make inactive."""
    if len(content) > MAXIMUM_BYTES:
        raise ImportRefused("file_too_large", f"the file has more than {MAXIMUM_BYTES} bytes")
    if any(islice(_ELEMENT.finditer(content), _MAXIMUM_ELEMENTS, None)):
        raise ImportRefused("not_xml", f"the file has more than {_MAXIMUM_ELEMENTS} elements")
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as problem:
        reason = "a document type" if isinstance(problem, DefusedXmlException) else str(problem)
        raise ImportRefused("not_xml", f"this is no XML that can be read: {reason}") from problem
    if len(root) > MAXIMUM_PATTERNS:
        raise ImportRefused("too_many_patterns", f"the file has more than {MAXIMUM_PATTERNS} patterns")
    if not len(root):
        raise ImportRefused("malformed", "the file holds no pattern")
    patterns = [_Reader(element, number).pattern() for number, element in enumerate(root, 1)]
    _check_together(patterns, in_use)
    return patterns


def write(patterns: Iterable[PatternDefinition]) -> bytes:
    root = Element("patterns")
    for pattern in patterns:
        element = SubElement(root, "pattern")
        for name, value in zip(_ELEMENTS, _values(pattern), strict=True):
            SubElement(element, name).text = _NO_XML.sub("\ufffd", value)
    indent(root)
    return cast("bytes", tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _values(pattern: PatternDefinition) -> tuple[str, ...]:
    return (
        pattern.name, pattern.description, _yes_or_no(pattern.active), "no", pattern.masking_character,
        pattern.javascript_regular_expression, pattern.java_regular_expression, str(pattern.unmask_from_left),
        str(pattern.unmask_from_right), _yes_or_no(pattern.apply_luhn),
    )  # fmt: skip


def _yes_or_no(value: bool) -> str:  # noqa: FBT001 - the value itself
    return "yes" if value else "no"


def _check_together(patterns: list[PatternDefinition], in_use: Collection[str]) -> None:
    names: set[str] = set()
    for number, pattern in enumerate(patterns, 1):
        if pattern.name in names:
            raise ImportRefused("malformed", f"{pattern.name} stands in the file twice", number=number, field="name")
        if pattern.name in in_use and not pattern.active:
            problem = f"{pattern.name} is applied to a channel and cannot be made inactive"
            raise ImportRefused("pattern_in_use", problem, number=number, field="isActive")
        names.add(pattern.name)


class _Reader:
    """One pattern's element."""

    def __init__(self, element: Element, number: int) -> None:
        self._number = number
        found = tuple(child.tag for child in element)
        if found != _ELEMENTS:
            wrong = next(
                (have for have, want in zip((*found, "nothing"), _ELEMENTS, strict=False) if have != want), "more"
            )
            raise self._refused(
                "malformed", f"must hold {', '.join(_ELEMENTS)} in this order; found {str(wrong)[:100]}"
            )
        if (nested := next((child.tag for child in element if len(child)), None)) is not None:
            raise self._refused("malformed", "must hold text alone", str(nested))
        self._text = {child.tag: child.text or "" for child in element}
        self._text["name"] = self._text["name"].strip()
        for name, longest in _LONGEST.items():
            if len(self._text[name]) > longest:
                raise self._refused("field_too_long", f"must not be longer than {longest} characters", name)

    def pattern(self) -> PatternDefinition:
        if self._flag("isDefault"):
            raise self._refused("default_pattern", "must be no: only shipped patterns are defaults", "isDefault")
        if not self._text["name"]:
            raise self._refused("malformed", "must not be empty", "name")
        if _CONTROL.search(self._text["name"]):
            raise self._refused("malformed", "must be on one line", "name")
        return PatternDefinition(
            name=self._text["name"],
            description=self._text["description"],
            active=self._flag("isActive"),
            masking_character=self._character(),
            javascript_regular_expression=self._expression("javascriptRegularExpression", "javascript"),
            java_regular_expression=self._expression("javaRegularExpression", "java"),
            unmask_from_left=self._count("numOfCharsToUnmaskFromLeft"),
            unmask_from_right=self._count("numOfCharsToUnmaskFromRight"),
            apply_luhn=self._flag("applyLuhnAlgorithm"),
        )

    def _flag(self, name: str) -> bool:
        if self._text[name] not in _YES_OR_NO:
            raise self._refused("malformed", "must be yes or no", name)
        return _YES_OR_NO[self._text[name]]

    def _character(self) -> MaskingCharacter:
        value = self._text["maskingCharacter"]
        if value not in get_args(MaskingCharacter):
            choices = " ".join(get_args(MaskingCharacter))
            raise self._refused("malformed", f"must be one of {choices}", "maskingCharacter")
        return cast("MaskingCharacter", value)

    def _count(self, name: str) -> int:
        value = self._text[name]
        if not (value.isascii() and value.isdigit() and len(value) < 5 and int(value) <= MAXIMUM_UNMASKED):
            raise self._refused("malformed", f"must be a number from 0 to {MAXIMUM_UNMASKED}", name)
        return int(value)

    def _expression(self, name: str, dialect: Dialect) -> str:
        try:
            Expression(self._text[name], dialect)
        except PatternError as problem:
            raise self._refused("expression_does_not_compile", str(problem), name) from problem
        return self._text[name]

    def _refused(self, code: str, problem: str, field: str | None = None) -> ImportRefused:
        return ImportRefused(code, problem, number=self._number, field=field)
