// The inbox, quicker: chats open beside the list, news comes in by itself, messages can be worked on by keyboard.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const chat = () => byId("thread")?.dataset.chat;
  const PART = { headers: { "hx-request": "true" } };

  // Where one looks
  const atEnd = () => { const box = byId("messages"); return !box || box.scrollHeight - box.scrollTop - box.clientHeight < 120; };
  const toEnd = () => { const box = byId("messages"); if (box) box.scrollTop = box.scrollHeight; };
  const opened = () => {
    const wanted = location.hash.startsWith("#msg_") && byId(location.hash.slice(1));
    if (wanted) wanted.scrollIntoView({ block: "center" }); else toEnd();
  };
  const chosen = () => {
    const id = chat();
    all(".chat-row").forEach((row) => row.classList.toggle("is-chosen", row.dataset.chat === id));
  };

  // What happened: one row anew, or the rows that are not there yet
  const again = (row) => {
    if (!row) return;
    // Not by an event of its own: a row that was just swapped in hears none for some milliseconds.
    if (busy(row)) later(row); else htmx.ajax("GET", row.dataset.from, { source: row, target: row, swap: "outerHTML" });
  };
  // Nothing is taken from under somebody's hands.
  const busy = (row) => $("textarea, .emojis, .htmx-request", row);
  const later = (row) => setTimeout(() => again(byId(row.id)), 1500);
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const row = detail.target;
    if (detail.requestConfig?.elt === row && row.matches("[data-message]") && busy(row)) {
      detail.shouldSwap = false;
      later(row);
    }
  });
  const parsed = async (address) => {
    const answer = await fetch(address, PART).catch(() => null);
    if (!answer?.ok) return null;
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    return made.content;
  };
  const put = (row, where) => {
    where();
    htmx.process(row);
    row.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true, detail: { elt: row } }));
  };
  // However much happens: soon, one at a time, and once more for what came meanwhile.
  const once = (work, wait) => {
    let timer = 0, running = false, more = false;
    const ask = () => {
      if (running) more = true;
      else timer ||= setTimeout(run, wait);
    };
    const run = async () => {
      timer = 0;
      running = true;
      try { await work(); } finally { running = false; }
      if (more) { more = false; ask(); }
    };
    return ask;
  };
  const newer = once(async () => {
    const id = chat(), rows = all("[data-message]", byId("messages") || document.body);
    if (!id) return;
    // A little back: what was sent earlier may come later.
    const since = Math.max(0, Number(rows.at(-1)?.dataset.sent || 0) - 60000);
    const found = await parsed(`/inbox/${id}/messages?since=${since}`);
    if (!found || chat() !== id) return;
    const end = atEnd();
    for (const row of all("[data-message]", found)) {
      if (byId(row.id)) continue;
      $(".nothing")?.remove();
      const after = all("[data-message]", byId("messages")).find((each) => Number(each.dataset.sent) > Number(row.dataset.sent));
      put(row, () => (after || byId("sendings")).before(row));
    }
    if (end) toEnd();
  }, 150);
  const relist = once(async () => {
    const list = byId("chats");
    if (!list) return;
    const found = await parsed(list.dataset.from);
    const fresh = found && found.getElementById("chats");
    if (!fresh) return;
    const rows = all(".chat-row", fresh), shown = all(".chat-row", list);
    if (!rows.length || shown.length <= rows.length) {
      const at = list.scrollTop;
      put(fresh, () => list.replaceWith(fresh));
      fresh.scrollTop = at;
    } else {
      // Further pages are open: what is new goes on top of them.
      rows.forEach((row) => byId(row.id)?.remove());
      const top = $(".chat-list", list);
      rows.reverse().forEach((row) => put(row, () => top.prepend(row)));
    }
    chosen();
  }, 250);
  // What was asked before a piece of news may be older than it: then it is asked again.
  const news = new Map();
  document.addEventListener("htmx:beforeRequest", (event) => { event.detail.xhr.begun = performance.now(); });
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    const id = detail.target?.id;
    if (news.get(id) > detail.xhr?.begun) setTimeout(() => again(byId(id)), 50);
  });
  document.addEventListener("postroom:event", ({ detail }) => {
    news.set(detail.message_id, performance.now());
    news.set(detail.deferral_id, performance.now());
    const noun = detail.type.split(".")[0];
    // What was taken back is found no longer.
    if (detail.type === "message.deleted") byId(`found-${detail.message_id}`)?.remove();
    if (detail.type === "*") { relist(); newer(); all("[data-message]").slice(-40).forEach(again); return; }
    if (["message", "chat", "account"].includes(noun)) relist();
    if (!chat()) return;
    again(detail.deferral_id && byId(detail.deferral_id));
    const row = detail.message_id && byId(detail.message_id);
    if (row) again(row);
    else if (noun === "message" && detail.chat_id === chat()) newer();
  });
  // A time has run out: from that moment on its buttons do nothing, and soon they are what can be done now, or why not.
  document.addEventListener("over", (event) => {
    const row = event.target.closest("[data-message], [data-deferral]"), asked = event.target.closest("[data-recalling]");
    all(asked ? "button" : "[data-undo]", asked || row || event.target).forEach((each) => { each.disabled = true; });
    all("[data-recall]", row || event.target).forEach((each) => each.classList.add("is-over"));
    if (row) setTimeout(() => again(row), 1200);
    if (asked) setTimeout(() => { if (asked.isConnected) htmx.ajax("GET", asked.dataset.from, { source: asked, target: asked, swap: "outerHTML" }); }, 1200);
  });

  // Chats open beside the list; on a phone the page changes.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest(".chat-row > a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button || matchMedia("(max-width: 640px)").matches) return;
    event.preventDefault();
    await htmx.ajax("GET", link.href, { target: ".inbox-thread", swap: "innerHTML" });
    history.pushState({}, "", link.href);
    document.title = `${$("#thread h2")?.textContent || "Inbox"} · Postroom`;
    $(".inbox").classList.add("has-chat");
    chosen();
    opened();
  });
  addEventListener("popstate", () => { if (!location.hash) location.reload(); });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-files]")) named(event.target.form);
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });

  // Earlier messages come in above, and what one reads stays where it is.
  let below = null, end = false;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const box = byId("messages");
    end = atEnd();
    if (box && event.target.matches?.("#messages .more")) below = box.scrollHeight - box.scrollTop;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const box = byId("messages");
    if (box && below !== null) { box.scrollTop = box.scrollHeight - below; below = null; }
    else if (end && box?.contains(event.target)) toEnd();
    if (event.detail.target?.id === "recall-body") {
      const dialog = byId("recall-dialog");
      if (!dialog.open) dialog.showModal();
    }
    // What was sent may have come by the other way already.
    all("#messages [id^=msg_]").forEach((row) => { if (byId(row.id) !== row) row.remove(); });
  });

  // Writing
  const composer = () => $("[data-composer]");
  const answering = (id, words) => {
    const form = composer();
    if (!form) return;
    form.elements.quote.value = id || "";
    $("[data-quoting]", form).hidden = !id;
    $("[data-quoted]", form).textContent = words || "";
    form.elements.text.focus();
  };
  const named = (form) => {
    const names = [...form.elements.files?.files || []].map((file) => file.name);
    const shown = $("[data-chosen]", form);
    if (shown) shown.textContent = names.join(", ");
  };
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target;
    if (!event.detail.successful || !form.matches) return;
    if (form.matches("[data-composer]")) {
      form.reset();
      named(form);
      answering("", "");
      toEnd();
    }
    if (form.matches("[data-closes]")) form.closest("dialog")?.close();
  });
  document.addEventListener("click", (event) => {
    const at = event.target.closest("[data-reply], [data-unquote]");
    if (at) answering(at.dataset.reply, at.dataset.words);
    all(".slot > .emojis").forEach((each) => { if (!each.contains(event.target)) each.remove(); });
  });

  // Keyboard: arrows between messages, and a letter for each thing that is done with one
  const keys = { r: "[data-reply]", e: "[data-edit]", x: "[data-recall]", u: "[data-undo]", f: "[data-react]" };
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest?.("input, textarea, select");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest?.("form")) {
      event.preventDefault();
      event.target.closest("form").requestSubmit();
      return;
    }
    if (event.key === "Escape") all(".slot > .emojis").forEach((each) => each.remove());
    if (event.key === "Escape" && writing) $("[data-cancel-edit]", event.target.closest("article") || document.createElement("i"))?.click();
    if (writing || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    const box = byId("messages"), row = event.target.closest?.("#messages > article, #sendings > article");
    if (event.key === "c" && composer()) { event.preventDefault(); composer().elements.text.focus(); }
    if (event.key === "n" && !row) $("[data-new-chat]")?.click();
    if (event.key === "m") $("[data-mark-read]")?.click();
    if (row && keys[event.key]) {
      const found = $(keys[event.key], row);
      if (found) { event.preventDefault(); found.click(); }
    }
    if (box?.contains(event.target) && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      const rows = all("article", box), at = rows.indexOf(row);
      const next = at < 0 ? rows.at(-1) : rows[at + (event.key === "ArrowUp" ? -1 : 1)];
      if (next) { event.preventDefault(); next.focus(); next.scrollIntoView({ block: "nearest" }); }
    }
  });
  opened();
  chosen();
})();
