"""Text whose lines were only broken to be sent (RFC 3676) -> the paragraphs that were written. Pure."""

_SIGNATURE = "-- "


def joined(text: str, *, delete_space: bool) -> str:
    """A line that ends in a blank goes on in the next of the same quotation; with `delete_space` without the blank.

    Whoever reads the mail sees one line, and so must whatever looks for a number that may stand across two.
    """
    if " \n" not in text:
        return text
    lines: list[str] = []
    begun: list[str] = []
    """Of the paragraph that the line before leaves open."""
    depth = ""
    for line in text.split("\n"):
        bare = line.lstrip(">")
        quotes, content = line[: len(line) - len(bare)], bare.removeprefix(" ")
        if begun and (quotes != depth or content == _SIGNATURE):
            lines.append("".join(begun))
            begun = []
        goes_on = content.endswith(" ") and content != _SIGNATURE
        kept = content[:-1] if goes_on and delete_space else content
        begun.append(kept if begun or not quotes else f"{quotes} {kept}")
        depth = quotes
        if not goes_on:
            lines.append("".join(begun))
            begun = []
    if begun:
        lines.append("".join(begun))
    return "\n".join(lines)
