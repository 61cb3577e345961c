"""Rule numbers are for who reads the code: a text that leaves it, an error or a description, says the thing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
RULE = re.compile(r"\bR\d{1,3}\b")


def texts(source: str) -> Iterator[ast.Constant]:
    """String constants that are no docstrings."""
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node


def test_no_text_cites_a_rule_by_its_number() -> None:
    cited = [
        f"{path.relative_to(ROOT)}:{text.lineno}: {text.value}"
        for folder in ("services", "libs")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in texts(path.read_text("utf-8"))
        if RULE.search(str(text.value))
    ]
    assert cited == []
