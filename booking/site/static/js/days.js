// The form of a record of days on set: a calendar under the field of dates, and buttons that wait for a save under way.
// The field is the truth and the server reads it; the calendar only writes dates into it, the year first.
(() => {
  "use strict";

  const language = document.documentElement.lang || "en";
  const DATE = /\b(\d{4})-(\d{2})-(\d{2})\b(?:\s*(?:to|through|-|\u2013)\s*(\d{4})-(\d{2})-(\d{2})\b)?/g;
  const EARLIEST = 1950;
  const DAY = 24 * 3600_000;

  // Dates are midnights of UTC here, so that no clock change moves one.
  const at = (iso) => Date.parse(`${iso}T00:00:00Z`);
  const iso = (time) => new Date(time).toISOString().slice(0, 10);
  const words = (time, parts) => new Intl.DateTimeFormat(language, { timeZone: "UTC", ...parts }).format(time);
  const inFull = (time) => words(time, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

  function runs(days) {
    const found = [];
    for (const time of [...days].map(at).sort((a, b) => a - b)) {
      const last = found.at(-1);
      if (last && time - last[1] === DAY) last[1] = time;
      else found.push([time, time]);
    }
    return found.map(([first, last]) => (first === last ? iso(first) : `${iso(first)} to ${iso(last)}`));
  }

  // What stands in the text with the year first: each date or range, and the days of all of them.
  function written(text) {
    const parts = [];
    const days = new Set();
    for (const found of text.matchAll(DATE)) {
      const first = at(found[0].slice(0, 10));
      const last = found[4] ? at(found[0].slice(-10)) : first;
      if (Number.isNaN(first) || Number.isNaN(last) || last < first || last - first > 366 * DAY) continue;
      const own = [];
      for (let time = first; time <= last; time += DAY) own.push(iso(time));
      own.forEach((day) => days.add(day));
      parts.push({ from: found.index, to: found.index + found[0].length, days: own });
    }
    return { parts, days };
  }

  function calendar(place, field, read) {
    const today = at(place.dataset.today);
    const counted = new Set(place.dataset.counted.split(" ").filter(Boolean));
    let known = new Set();
    let knownText = field.value;
    let sentText = field.value;
    let shown;

    function learn(text) {
      known = new Set(read().dataset.days.split(" ").filter(Boolean));
      knownText = text;
    }

    // What the server read, as far as the text is still the one that it read, and what is written in the plain form.
    function chosen() {
      if (field.value === knownText) return known;
      const inWords = [...known].filter((day) => !written(knownText).days.has(day));
      return new Set([...written(field.value).days, ...inWords]);
    }

    function put(text) {
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }

    function add(day) {
      const before = field.value.trimEnd();
      put(before ? `${before}\n${day}` : day);
    }

    function remove(day) {
      const { parts } = written(field.value);
      const holding = parts.filter((part) => part.days.includes(day));
      if (holding.length) {
        let text = field.value;
        for (const part of holding.reverse()) {
          const rest = runs(part.days.filter((each) => each !== day)).join(", ");
          text = text.slice(0, part.from) + rest + text.slice(part.to);
        }
        put(text.split("\n").map((line) => line.replace(/^[\s,;]+|[\s,;]+$/g, "")).filter(Boolean).join("\n"));
        return true;
      }
      if (field.value !== knownText || Number(read().dataset.faults)) return false;
      put(runs([...known].filter((each) => each !== day)).join("\n"));
      return true;
    }

    const grid = document.createElement("table");
    const caption = document.createElement("caption");
    caption.className = "visually-hidden";
    const months = document.createElement("select");
    months.setAttribute("aria-label", "Month");
    for (let month = 0; month < 12; month += 1) months.add(new Option(words(Date.UTC(2001, month, 1), { month: "long" }), month));
    const years = document.createElement("select");
    years.setAttribute("aria-label", "Year");
    for (let year = new Date(today).getUTCFullYear(); year >= EARLIEST; year -= 1) years.add(new Option(year, year));
    const step = (label, sign, by) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button-secondary";
      button.textContent = sign;
      button.setAttribute("aria-label", label);
      button.addEventListener("click", () => show(Date.UTC(new Date(shown).getUTCFullYear(), new Date(shown).getUTCMonth() + by, 1)));
      return button;
    };
    const head = document.createElement("div");
    head.className = "calendar-head";
    head.append(step("The month before", "\u2190", -1), months, years, step("The month after", "\u2192", 1));
    const status = document.createElement("p");
    status.setAttribute("role", "status");
    status.textContent = counted.size ? "A dot marks a day that counts already." : "";
    place.className = "calendar";
    place.setAttribute("role", "region");
    place.setAttribute("aria-label", "Calendar");
    place.append(head, grid, status);

    const asked = () => show(Date.UTC(Number(years.value), Number(months.value), 1));
    months.addEventListener("change", asked);
    years.addEventListener("change", asked);
    // What is chosen here is no answer to the form by itself.
    for (const kind of ["input", "change"]) head.addEventListener(kind, (event) => event.stopPropagation());

    function show(time, focus) {
      const latest = Math.min(time, today);
      const year = Math.max(EARLIEST, new Date(latest).getUTCFullYear());
      const month = new Date(latest).getUTCMonth();
      shown = Date.UTC(year, month, 1);
      months.value = month;
      years.value = year;
      const rows = document.createElement("tbody");
      const names = document.createElement("tr");
      const opening = shown - new Date(shown).getUTCDay() * DAY;
      for (let index = 0; index < 7; index += 1) {
        const name = document.createElement("th");
        name.scope = "col";
        name.textContent = words(opening + index * DAY, { weekday: "short" });
        names.append(name);
      }
      const top = document.createElement("thead");
      top.append(names);
      caption.textContent = words(shown, { month: "long", year: "numeric" });
      const marked = chosen();
      const reachable = focus ?? Math.min(today, [...marked].map(at).filter((each) => sameMonth(each)).sort()[0] ?? shown);
      let row;
      for (let day = shown; sameMonth(day); day += DAY) {
        if (!row || new Date(day).getUTCDay() === 0) {
          row = document.createElement("tr");
          if (day === shown && new Date(day).getUTCDay()) {
            const gap = document.createElement("td");
            gap.colSpan = new Date(day).getUTCDay();
            row.append(gap);
          }
          rows.append(row);
        }
        const cell = document.createElement("td");
        cell.append(dayButton(day, marked, day === reachable));
        row.append(cell);
      }
      grid.replaceChildren(caption, top, rows);
      if (focus !== undefined) grid.querySelector(`[data-day="${iso(focus)}"]`)?.focus();
    }

    const sameMonth = (time) => new Date(time).getUTCMonth() === new Date(shown).getUTCMonth();

    function dayButton(time, marked, reachable) {
      const day = iso(time);
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.day = day;
      button.textContent = new Date(time).getUTCDate();
      button.tabIndex = reachable ? 0 : -1;
      button.setAttribute("aria-pressed", marked.has(day));
      let label = inFull(time);
      if (counted.has(day)) {
        button.classList.add("is-counted");
        label += ", counts already on another record";
      }
      if (time > today) {
        button.setAttribute("aria-disabled", "true");
        label += ", has not come yet";
      }
      button.setAttribute("aria-label", label);
      return button;
    }

    grid.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-day]");
      if (!button || button.getAttribute("aria-disabled")) return;
      const day = button.dataset.day;
      if (!chosen().has(day)) add(day);
      else if (!remove(day)) {
        status.textContent = `${inFull(at(day))} is part of something written in words. Change it in the field above.`;
        return;
      }
      status.textContent = `${inFull(at(day))} ${chosen().has(day) ? "added" : "taken out"}`;
      show(shown, at(day));
    });

    grid.addEventListener("keydown", (event) => {
      const button = event.target.closest("button[data-day]");
      if (!button) return;
      const time = at(button.dataset.day);
      const date = new Date(time);
      const weekday = date.getUTCDay();
      const inMonth = (by) => {
        const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + by + 1, 0)).getUTCDate();
        return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + by, Math.min(date.getUTCDate(), last));
      };
      const goes = {
        ArrowLeft: () => time - DAY,
        ArrowRight: () => time + DAY,
        ArrowUp: () => time - 7 * DAY,
        ArrowDown: () => time + 7 * DAY,
        Home: () => time - weekday * DAY,
        End: () => time + (6 - weekday) * DAY,
        PageUp: () => inMonth(event.shiftKey ? -12 : -1),
        PageDown: () => inMonth(event.shiftKey ? 12 : 1),
      }[event.key];
      if (!goes) return;
      event.preventDefault();
      const target = Math.max(Date.UTC(EARLIEST, 0, 1), Math.min(today, goes()));
      show(target, target);
    });

    field.addEventListener("input", () => show(shown, focusedDay()));
    const focusedDay = () => (grid.contains(document.activeElement) ? at(document.activeElement.dataset.day) : undefined);
    document.addEventListener("htmx:beforeRequest", (event) => { if (event.target === field.form) sentText = field.value; });
    document.addEventListener("htmx:afterRequest", (event) => {
      if (event.target !== field.form || !event.detail.successful) return;
      const before = String([...known]);
      learn(sentText);
      const focus = focusedDay();
      show(focus === undefined && String([...known]) !== before ? latest() : shown, focus);
    });

    // The month to look at: that of the last day that was read.
    const latest = () => (known.size ? Math.max(...[...known].map(at)) : today);
    learn(field.value);
    show(latest());
    place.hidden = false;
  }

  // A button pressed while a save is under way waits for it, so that it names what was saved.
  function waits(form) {
    form.addEventListener("submit", (event) => {
      if (!form.classList.contains("htmx-request")) return;
      event.preventDefault();
      const pressed = event.submitter;
      form.addEventListener("htmx:afterRequest", () => window.setTimeout(() => form.requestSubmit(pressed), 0), { once: true });
    });
  }

  // Whoever leaves within a moment of writing is followed by a last save, which the browser finishes on its own.
  function savesOnLeaving(form) {
    if (!form.hasAttribute("hx-post")) return;
    const written = () => new URLSearchParams(new FormData(form));
    const words = () => {
      const said = written();
      for (const name of ["revision", "csrfmiddlewaretoken"]) said.delete(name);
      return String(said);
    };
    let kept = words();
    let sent = kept;
    let isSubmitted = false;
    let isRefused = false;
    const isUnsaved = () => !isSubmitted && words() !== kept;
    form.addEventListener("submit", (event) => { isSubmitted = !event.defaultPrevented; });
    document.addEventListener("htmx:beforeRequest", (event) => { if (event.target === form) sent = words(); });
    document.addEventListener("htmx:afterRequest", (event) => {
      if (event.target !== form) return;
      const { status } = event.detail.xhr;
      isRefused = status === 409;
      if (status === 200 || status === 422) kept = sent;
    });
    // Where another tab or a save under way is first, a last save would be refused: the browser asks instead.
    window.addEventListener("beforeunload", (event) => {
      if (isUnsaved() && (isRefused || form.classList.contains("htmx-request"))) event.preventDefault();
    });
    window.addEventListener("pagehide", () => {
      if (!isUnsaved() || isRefused) return;
      kept = words();
      isSubmitted = true;
      fetch(form.getAttribute("hx-post"), { method: "POST", body: written(), keepalive: true, headers: { "HX-Request": "true" } });
    });
    // A page that comes back as it was left names a revision that is no longer the last one.
    window.addEventListener("pageshow", (event) => {
      if (event.persisted && isSubmitted) window.location.reload();
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("days-calendar");
    const field = place && document.getElementById(place.dataset.field);
    if (!field) return;
    waits(field.form);
    savesOnLeaving(field.form);
    calendar(place, field, () => document.getElementById("dates-read"));
  });
})();
