// The calendar: posts are moved by hand and by key. The compose page: files come and go. All of it can be done by forms, too.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  document.documentElement.classList.add("js");

  // Which zone the reader's clock is of: the server shows times, and reads fields, as it has them.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `postroom_zone=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Strict${secure}`;
  const shown = $("[data-zone]");
  if (shown && shown.dataset.zone !== zone && !sessionStorage.getItem("postroom-zone")) {
    // Once: a place that the server does not know is shown in UTC.
    sessionStorage.setItem("postroom-zone", zone);
    location.reload();
  }

  // Filters show at once
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-filter]")) event.target.form.requestSubmit();
    const upload = event.target.closest("[data-upload]");
    if (upload) upload.requestSubmit();
  });

  // The calendar
  const sheet = () => $("#sheet");
  const day = (text, by) => {
    const at = new Date(`${text}T12:00:00Z`);
    at.setUTCDate(at.getUTCDate() + by);
    return at.toISOString().slice(0, 10);
  };
  const move = (card, to) => {
    const { zone, view, date, status, network } = sheet().dataset;
    const values = { zone, view, date, status, network, ...to };
    const id = card.id;
    document.querySelectorAll(".toast-good").forEach((toast) => toast.remove());
    htmx.ajax("POST", card.dataset.move, { target: "#sheet", swap: "outerHTML", values }).then(() => {
      document.getElementById(id)?.focus();
    });
  };
  let dragged = null;
  let over = null;
  const mark = (place) => {
    if (over === place) return;
    over?.classList.remove("is-target");
    over = place;
    over?.classList.add("is-target");
  };
  document.addEventListener("dragstart", (event) => {
    const card = event.target.closest?.("[data-move]");
    if (!card) return;
    dragged = card;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", card.id);
    requestAnimationFrame(() => card.classList.add("is-dragged"));
  });
  document.addEventListener("dragover", (event) => {
    if (!dragged) return;
    const place = event.target.closest?.("[data-day]");
    mark(place || null);
    if (place) { event.preventDefault(); event.dataTransfer.dropEffect = "move"; }
  });
  document.addEventListener("dragend", () => { dragged?.classList.remove("is-dragged"); dragged = null; mark(null); });
  document.addEventListener("drop", (event) => {
    const place = event.target.closest?.("[data-day]");
    if (!dragged || !place) return;
    event.preventDefault();
    const card = dragged;
    const { day, hour } = place.dataset;
    if (!place.contains(card)) move(card, hour === undefined ? { day } : { day, hour });
  });
  // Nothing is drawn anew under somebody's hand.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (dragged && event.target.id === "sheet" && event.detail.requestConfig?.verb === "get") event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const card = event.target.closest?.("[data-move]");
    if (!card || !event.altKey || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const at = card.dataset.at;
    const today = $(".today [datetime]", sheet())?.dateTime || $("[data-day]", sheet())?.dataset.day;
    if (!at) { if (today) move(card, { day: today }); return; }
    const [date, time] = at.split("T");
    const weekly = sheet().dataset.view === "week";
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (across) return move(card, { day: day(date, across) });
    const down = event.key === "ArrowDown" ? 1 : -1;
    if (!weekly) return move(card, { day: day(date, down * 7) });
    const hour = Number(time.slice(0, 2)) + down;
    move(card, { day: day(date, Math.floor(hour / 24)), hour: (hour + 24) % 24 });
  });
  let scrolled = null;
  const settle = () => {
    const hours = $(".hours");
    if (!hours || hours.settled) return;
    hours.settled = true;
    if (scrolled !== null) { hours.scrollTop = scrolled; return; }
    const rows = [...hours.querySelectorAll("[data-hour-row]")];
    const first = rows.find((row) => $(".pcard", row)) || rows[8];
    const from = rows[Math.min(7, rows.indexOf(first))];
    hours.scrollTop = from.offsetTop - hours.querySelector("thead").offsetHeight;
  };
  settle();
  document.addEventListener("htmx:beforeSwap", () => { scrolled = $(".hours")?.scrollTop ?? null; });
  document.addEventListener("htmx:afterSwap", settle);

  // Writing: files come and go, and the previews follow
  const compose = $("#compose");
  const look = () => compose && htmx.trigger(compose, "preview");
  document.addEventListener("click", (event) => {
    const gone = event.target.closest("[data-remove]");
    if (!gone) return;
    const next = gone.closest("li").nextElementSibling;
    gone.closest("li").remove();
    (next?.querySelector("[data-remove]") || $("#upload"))?.focus();
    look();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    // What was uploaded by itself is not sent with the form again.
    if (event.target.id === "upload") event.target.value = "";
  });
  document.addEventListener("htmx:afterSwap", (event) => { if (event.target.id === "files") look(); });
  // What was opened stays open when the previews are drawn anew.
  let opened = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target.id === "previews") opened = [...event.target.querySelectorAll("details[open]")].map((each) => each.id);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "previews") opened.forEach((id) => { document.getElementById(id)?.setAttribute("open", ""); });
  });
})();
