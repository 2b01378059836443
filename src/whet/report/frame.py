"""What all pages share: one style, one script, templates that escape, and no network.

Everything is inline, nothing is loaded, and a page forbids itself the network. Whatever a user wrote is
escaped: by the template, or by ``markup.tag``. Knows no files but the templates and the style.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from whet.report import words
from whet.report.markup import breakable, ticked

GUIDE = "https://github.com/whet-ai/whet/blob/main/docs/when-to-tune.md"
# Folded parts open for print and where a link leads into one. Without scripts, style.css does the first, and
# browsers that know the standard do the second.
SCRIPT = """
addEventListener('beforeprint',()=>document.querySelectorAll('details').forEach(d=>{d.open=true}))
const reveal=()=>{
  const aim=document.getElementById(decodeURIComponent(location.hash.slice(1)))
  const folded=aim&&aim.closest('details')
  if(folded&&!folded.open){folded.open=true;aim.scrollIntoView()}
}
addEventListener('hashchange',reveal)
reveal()
"""


def fill(template: str, **values: Any) -> str:
    """A whole page from a template of this package."""
    frame = {"script": Markup(SCRIPT), "policy": _policy(), "style": Markup(_text("style.css"))}
    return _environment().get_template(template).render(**frame, **values)


def environment_of(
    text: Callable[[str], str | None], **filters: Callable[..., Any]
) -> ImmutableSandboxedEnvironment:
    """Templates whose source ``text`` gives by name: escaped, sandboxed, and strict about what is missing."""
    environment = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own = {"breakable": breakable, "ticked": ticked, "count": words.count, "metric_title": words.metric_title}
    environment.filters.update({**own, **filters})
    return environment


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return environment_of(_text)


@cache
def _text(name: str) -> str:
    return files("whet.report").joinpath(name).read_text(encoding="utf-8")


def _policy() -> str:
    """The page may use its own style and this one script, and reach nothing."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
