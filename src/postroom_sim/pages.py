"""The control plane for a browser: plain pages that look again every two seconds."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d8d4cc, #3b3a38); --own: light-dark(#eef3f8, #20262d);
  --quiet: light-dark(#6b665e, #a19c93); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; } .quiet { color: var(--quiet); font-size: .85rem; }
ol { list-style: none; padding: 0; } li { border: 1px solid var(--line); border-radius: .6rem; padding: .5rem .8rem;
  margin: .5rem 0; background: var(--own); overflow-wrap: anywhere; }
li.recalled { border-style: dashed; background: none; font-style: italic; }
blockquote { margin: .3rem 0; padding-left: .7rem; border-left: 3px solid var(--line); }
p { margin: .2rem 0; white-space: pre-wrap; } a { color: inherit; }
"""


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2">'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def chats(network: str, found: list[Json]) -> str:
    rows = "".join(
        f'<li><a href="/_sim/network/{network}/chats/{quote(chat["id"], safe="")}">{escape(_title(chat))}</a>'
        f'<p class="quiet">last message {escape(chat["last_message_at"] or "never")}</p></li>'
        for chat in found
    )
    return _page(f"Chats on the simulated {network}", f"<ol>{rows}</ol>")


def chat(found: Json) -> str:
    viewer = next((person["name"] for person in found["participants"] if person["id"] == found["viewer"]), "?")
    rows = "".join(_message(message) for message in reversed(found["messages"]))
    return _page(_title(found), f'<p class="quiet">As {escape(viewer)} sees it, newest first.</p><ol>{rows}</ol>')


def _title(chat: Json) -> str:
    return str(chat["title"] or ", ".join(person["name"] for person in chat["participants"]))


def _message(message: Json) -> str:
    head = f'<p class="quiet">{escape(message["sender_name"])} · {escape(message["sent_at"])}'
    if message["state"] == "RECALLED":
        body = f"{head}</p><p>This message was recalled.</p>"
        return f'<li class="recalled" data-message="{escape(message["id"])}">{body}</li>'
    edited = " · edited" if message["state"] == "EDITED" else ""
    subject = f"<p><b>{escape(message['subject'])}</b></p>" if message["subject"] else ""
    extras = "".join(_attachment(item) for item in message["attachments"])
    reactions = " ".join(f"{escape(item['emoji'])} {len(item['members'])}" for item in message["reactions"])
    return (
        f'<li data-message="{escape(message["id"])}">{head}{edited}</p>{subject}{extras}'
        f"<p>{escape(message['text'])}</p>"
        f'<p class="quiet">{reactions}</p></li>'
    )


def _attachment(item: Json) -> str:
    if item["kind"] == "quote":
        return f"<blockquote>{escape(item['text'])}</blockquote>"
    return f'<p class="quiet">[{escape(item["kind"])}] {escape(str(item.get("name") or item.get("title") or ""))}</p>'


def posts(network: str, found: list[Json]) -> str:
    rows = "".join(
        f'<li><p class="quiet">{escape(post["id"])} · {escape(str(post["created_at"]))}</p>'
        f"<p>{escape(post['text'])}</p>"
        + "".join(
            f'<p class="quiet">[{escape(item["type"])}] {escape(item.get("alt") or "")}</p>' for item in post["media"]
        )
        + "</li>"
        for post in found
    )
    return _page(f"Posts on the simulated {network}", f"<ol>{rows}</ol>" if found else '<p class="quiet">None.</p>')


def front(paths: list[str]) -> str:
    links = "".join(
        f'<li><a href="{escape(path)}">{escape(path)}</a></li>' if "{" not in path else f"<li>{escape(path)}</li>"
        for path in dict.fromkeys(path.replace("{network}/chats", "linkedin/chats") for path in paths)
    )
    return _page("The simulated networks", f"<ol>{links}</ol>")
