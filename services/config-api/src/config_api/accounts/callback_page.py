"""The page a browser ends on after a sign-in: what happened and what to do, readable without a script."""

import secrets
from dataclasses import dataclass, field
from html import escape

from fastapi.responses import HTMLResponse

_STYLE = """
:root{color-scheme:light dark}
body{margin:0;font:1rem/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}
main{max-width:40rem;margin:3rem auto;padding:0 1.25rem}
h1{font-size:1.5rem;line-height:1.25}
label{display:block;font-weight:600;margin-top:1.5rem}
textarea{box-sizing:border-box;width:100%;min-height:8rem;margin:.4rem 0;padding:.6rem}
textarea{font:.95rem/1.4 ui-monospace,monospace}
button{font:inherit;padding:.5rem 1.1rem;cursor:pointer}
.told{border-left:.25rem solid;padding-left:.9rem;overflow-wrap:anywhere}
"""
_SCRIPT = """
const [area,button,done]=["code","copy","copied"].map(id=>document.getElementById(id));
button.hidden=false;
button.addEventListener("click",async()=>{
  area.select();
  try{await navigator.clipboard.writeText(area.value)}catch{document.execCommand("copy")}
  done.textContent="Copied.";
});
"""
_FORGET = 'history.replaceState(null,"",location.pathname);'
"""What the provider sent along stays in no address bar once it has been used."""
_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>{title}</title>
<style nonce="{nonce}">{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
{script}
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Page:
    """`paragraphs` in plain text; `told` are somebody else's words; `code` is what the person came for."""

    title: str
    paragraphs: tuple[str, ...]
    told: str | None = None
    code: str | None = field(default=None, repr=False)
    status: int = 200


def rendered(page: Page) -> HTMLResponse:
    """Nobody keeps this page, learns its address from a link, or runs a script on it but ours."""
    nonce = secrets.token_urlsafe(18)
    parts = [f"<p>{escape(text)}</p>" for text in page.paragraphs]
    if page.told:
        parts.append(f'<p class="told">{escape(page.told)}</p>')
    if page.code is not None:
        parts.append(_code(page.code))
    scripts = (_SCRIPT if page.code is not None else "") + (_FORGET if page.status == 200 or page.code else "")
    script = f'<script nonce="{nonce}">{scripts}</script>' if scripts else ""
    document = _DOCUMENT.format(
        title=escape(page.title), nonce=nonce, style=_STYLE, body="\n".join(parts), script=script
    )
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'"
    headers = {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return HTMLResponse(document, status_code=page.status, headers=headers)


def _code(code: str) -> str:
    return (
        '<label for="code">Authorization code</label>\n'
        f'<textarea id="code" readonly rows="6" spellcheck="false" autocomplete="off">{escape(code)}</textarea>\n'
        '<p><button id="copy" type="button" hidden>Copy the code</button> <span id="copied" role="status"></span></p>'
    )
