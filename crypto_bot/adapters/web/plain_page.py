"""Pages that stand alone: the login and unknown addresses. They load nothing and run no script."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse
from starlette.types import Scope

from crypto_bot.adapters.web.page.palette import system_tokens
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.adapters.web.proxies import prefix_of
from crypto_bot.adapters.web.templating import render

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}


def plain_page(
    template: str, asked: Headers, status: int, headers: Mapping[str, str], **values: object
) -> HTMLResponse:
    """The page `template` in the theme of who `asked`, with the status code and the headers."""
    viewer = Viewer.of(cookies_of(asked))
    page = render(
        template,
        tokens=system_tokens(),
        theme=viewer.theme.value if viewer.chose_theme else "",
        prefix=prefix_of(asked),
        **values,
    )
    return HTMLResponse(page, status, {**_HEADERS, **headers})


def cookies_of(headers: Headers) -> dict[str, str]:
    """All of them, of each header that holds some."""
    cookies: dict[str, str] = {}
    for each in headers.getlist("cookie"):
        cookies |= cookie_parser(each)
    return cookies


def wants_page(scope: Scope, headers: Headers) -> bool:
    """Whether a browser shows the response to a user."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and "text/html" in headers.get("accept", "")
    )
