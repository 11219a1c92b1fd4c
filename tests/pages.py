"""A form as a browser would send it back."""

from __future__ import annotations

from html.parser import HTMLParser

from django.test import Client


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self.select = self.area = ""
        self.is_multiple = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value")
        if tag == "textarea":
            self.area = name
            self.sent[name] = [""]
        elif tag == "select":
            self.select = name
        elif tag == "option" and "selected" in given and self.select:
            self.sent.setdefault(self.select, []).append(value or "")
        elif tag == "input" and name and not name.startswith("_"):
            kind = given.get("type")
            if kind in ("checkbox", "radio") and "checked" not in given:
                return
            if kind not in ("submit", "search"):
                self.sent.setdefault(name, []).append(
                    value if value is not None else "on" if kind == "checkbox" else ""
                )

    def handle_data(self, data: str) -> None:
        if self.area:
            self.sent[self.area] = [(self.sent[self.area][0] + data).removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.area = ""
        elif tag == "select":
            self.select = ""


def fill_in(client: Client, url: str) -> dict[str, list[str]]:
    """What the form of a page would send if nothing were changed."""
    form = _Form()
    form.feed(client.get(url).content.decode())
    return {name: values for name, values in form.sent.items() if name != "q" and not name.startswith(("csrf", "__"))}


def complaints(answer) -> str:
    """Why a form was not taken."""
    return str([dict(each) if hasattr(each, "items") else each for each in (answer.context or {}).get("errors", [])])
