// What makes the pages quicker to use. All of them can be read, and their forms sent, without it.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Toasts: {said, tone}
  const toast = ({ said, tone = "plain" }) => {
    const box = document.createElement("div");
    box.className = `toast toast-${tone}`;
    const words = document.createElement("p");
    words.textContent = said;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "quiet";
    close.textContent = "×";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", "Dismiss");
    box.append(words, close);
    $("[data-toasts]")?.append(box);
    fade(box);
  };
  const fade = (box) => { if (!box.classList.contains("toast-bad")) setTimeout(() => box.remove(), 7000); };
  all(".toast").forEach(fade);
  window.postroom = { toast };

  // htmx: the form token goes along, and what went wrong is said.
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["x-form-token"] = $('meta[name="form-token"]').content;
  });
  document.addEventListener("toast", (event) => toast(event.detail));
  document.addEventListener("htmx:sendError", () => toast({ said: "The server cannot be reached.", tone: "bad" }));
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    if (!xhr.getResponseHeader("hx-trigger") && !xhr.getResponseHeader("hx-redirect")) {
      toast({ said: xhr.responseText.length < 300 && xhr.responseText ? xhr.responseText : "That did not work.", tone: "bad" });
    }
  });

  // Moments, in the reader's own place and words
  const units = [["year", 31536e6], ["month", 2592e6], ["week", 6048e5], ["day", 864e5], ["hour", 36e5], ["minute", 6e4]];
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  // A sandbox may have moved the server's clock: the page says what it was.
  const ahead = () => Number(document.body.dataset.ahead || 0);
  const since = (ms) => {
    const apart = ms - Date.now() - ahead();
    const [unit, size] = units.find(([, size]) => Math.abs(apart) >= size) || ["second", 1000];
    return Math.abs(apart) < 45e3 ? (apart > 0 ? "in a moment" : "just now") : relative.format(Math.round(apart / size), unit);
  };
  const clock = (ms) => {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const pad = (number) => String(number).padStart(2, "0");
    const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
    if (days) return `${days} d ${hours} h`;
    return (hours ? `${hours}:${pad(minutes)}` : minutes) + `:${pad(seconds % 60)}`;
  };
  const tell = (root = document) => {
    all("time[data-when]", root).forEach((each) => {
      const ms = Date.parse(each.dateTime);
      each.title = exact.format(ms);
      each.textContent = since(ms);
    });
    all("time[data-moment]", root).forEach((each) => { each.textContent = exact.format(Date.parse(each.dateTime)); });
  };
  const count = () => all("[data-until]").forEach((each) => {
    each.started ??= Date.now();
    const left = Number(each.dataset.until) - Number(each.dataset.now) - (Date.now() - each.started);
    each.textContent = left > 0 ? clock(left) : each.dataset.over;
    if (left <= 0 && !each.ended) {
      each.ended = true;
      each.dispatchEvent(new CustomEvent("over", { bubbles: true }));
    }
  });
  tell();
  count();
  setInterval(tell, 30000);
  setInterval(count, 1000);
  document.addEventListener("htmx:load", (event) => { tell(event.detail.elt.parentElement || document); count(); });

  // Dialogs, copying, light and dark
  const openDialog = (id) => { const found = document.getElementById(id); if (found?.showModal && !found.open) found.showModal(); };
  document.addEventListener("click", async (event) => {
    const at = event.target.closest("[data-open],[data-close],[data-dismiss],[data-copy],[data-theme-toggle]");
    if (!at) {
      if (event.target instanceof HTMLDialogElement && event.target.open) event.target.close();
      return;
    }
    const { open, copy } = at.dataset;
    if (at.matches("a[href^='#']")) event.preventDefault();
    if (open) openDialog(open);
    if ("close" in at.dataset) at.closest("dialog")?.close();
    if ("dismiss" in at.dataset) at.closest(".toast")?.remove();
    if (copy) {
      try {
        await navigator.clipboard.writeText(document.getElementById(copy).textContent);
        toast({ said: "Copied.", tone: "good" });
      } catch {
        getSelection().selectAllChildren(document.getElementById(copy));
        toast({ said: "Selected: copy it with your keyboard." });
      }
    }
    if ("themeToggle" in at.dataset) {
      const root = document.documentElement;
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* It holds for this page. */ }
    }
  });

  // A form is sent once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.sent) event.preventDefault();
    form.sent = true;
    setTimeout(() => { form.sent = false; }, 3000);
  });
  addEventListener("pageshow", () => all("form").forEach((form) => { form.sent = false; }));

  // Keyboard: g and a letter, j and k in lists, / for the search, ? for help
  let going = 0;
  const lists = "[data-list] > li, [data-list] > tr";
  const move = (by) => {
    const rows = all(lists).filter((row) => row.offsetParent !== null);
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains("is-here"));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by))];
    rows.forEach((row) => row.classList.remove("is-here"));
    next.classList.add("is-here");
    next.scrollIntoView({ block: "nearest" });
    $("a[href], button", next)?.focus({ preventScroll: true });
  };
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      if (location.hash === "#menu") location.hash = "main";
      if (writing && !event.target.closest("dialog")) event.target.blur();
    }
    if (writing || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    if (event.timeStamp < going) {
      going = 0;
      const link = all("[data-go]").find((each) => each.dataset.go === event.key);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "g") going = event.timeStamp + 1500;
    else if (event.key === "?") openDialog("help");
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "/") {
      const field = $("[data-search]");
      if (field) { event.preventDefault(); field.focus(); field.select?.(); }
    }
  });

  // Live: what says data-live="message post" is fetched anew (its own hx-get) when such a thing happens.
  const waiting = new Map();
  const refresh = (element, wait) => {
    if (waiting.has(element)) return;
    waiting.set(element, setTimeout(() => {
      waiting.delete(element);
      // Nothing is taken from under somebody's hands.
      if (document.hidden || element.contains($("dialog[open]")) || (element.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"))) return refresh(element, 1000);
      if (element.isConnected) htmx.trigger(element, "live");
    }, wait));
  };
  const heard = (told) => {
    const noun = told.type.split(".")[0];
    document.dispatchEvent(new CustomEvent("postroom:event", { detail: told }));
    all("[data-live]").forEach((each) => {
      if (told.type === "*" || each.dataset.live.split(" ").some((name) => name === noun || name === told.type)) refresh(each, 150);
    });
  };
  const over = () => { location.href = "/sign-in"; };
  const position = document.body.dataset.position;
  if (position !== undefined && "EventSource" in window) {
    let last = Number(position);
    const channel = "BroadcastChannel" in window ? new BroadcastChannel("postroom") : null;
    const take = (told, at) => { if (at > last) { last = at; heard(told); } };
    const listen = () => {
      const source = new EventSource(`/live?after=${last}`);
      source.onmessage = (event) => {
        const told = JSON.parse(event.data);
        take(told, Number(event.lastEventId));
        channel?.postMessage({ told, at: Number(event.lastEventId) });
      };
      source.addEventListener("missed", (event) => {
        take({ type: "*" }, Number(event.lastEventId));
        channel?.postMessage({ told: { type: "*" }, at: Number(event.lastEventId) });
      });
      // Refused rather than interrupted: perhaps nobody is signed in any more.
      source.addEventListener("error", () => {
        if (source.readyState !== EventSource.CLOSED) return;
        setTimeout(async () => {
          const answer = await fetch("/settings", { method: "HEAD", redirect: "manual" }).catch(() => null);
          if (answer?.type === "opaqueredirect") over();
          else listen();
        }, 5000);
      });
      source.addEventListener("over", () => { source.close(); channel?.postMessage({ over: true }); over(); });
      return source;
    };
    if (channel && navigator.locks) {
      // One tab listens for all: a browser allows few connections to one server.
      channel.onmessage = ({ data }) => { if (data.over) over(); else take(data.told, data.at); };
      navigator.locks.request("postroom-live", () => new Promise(() => { listen(); }));
    } else {
      listen();
    }
  }
})();
