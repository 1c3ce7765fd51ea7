// Small helps on top of pages that work without them. No state is kept here and nothing is decided here.
(() => {
  "use strict";

  const SCHOOL_ZONE = "America/Los_Angeles";
  const language = document.documentElement.lang || "en";
  const later = (task, milliseconds) => window.setTimeout(task, milliseconds);

  // A reader's clock may be wrong. The server's, written into the page, corrects it, unless the page is an old copy.
  function clockError() {
    const sent = Number(document.querySelector('meta[name="server-time"]')?.content);
    const arrival = performance.getEntriesByType("navigation")[0];
    if (!sent || !arrival || arrival.type === "back_forward") return 0;
    const error = sent * 1000 - (performance.timeOrigin + arrival.responseStart);
    return Math.abs(error) > 30_000 ? error : 0;
  }
  const correction = clockError();
  const now = () => Date.now() + correction;

  function quietText(element) {
    const status = document.createElement("span");
    status.className = "visually-hidden";
    status.setAttribute("role", "status");
    element.after(status);
    return status;
  }

  function inWords(seconds) {
    const minutes = Math.ceil(seconds / 60);
    if (minutes < 60) return minutes === 1 ? "less than a minute left" : `${minutes} minutes left`;
    const hours = Math.floor(minutes / 60);
    return `${hours} ${hours === 1 ? "hour" : "hours"} left`;
  }

  function countDown(element) {
    const end = Date.parse(element.dateTime);
    if (Number.isNaN(end) || end - now() > 24 * 3600_000) return;
    const status = quietText(element);
    element.title = element.textContent.trim();
    element.setAttribute("aria-hidden", "true");
    let said = "";
    const tick = () => {
      if (!element.isConnected) return;
      const seconds = Math.max(0, Math.round((end - now()) / 1000));
      if (seconds === 0) {
        element.textContent = element.dataset.over || "The time is up";
        element.removeAttribute("aria-hidden");
        status.textContent = element.textContent;
        element.dispatchEvent(new CustomEvent("countdown:over", { bubbles: true }));
        if (element.hasAttribute("data-reload")) later(() => window.location.reload(), 1500);
        return;
      }
      const hours = Math.floor(seconds / 3600);
      const minutes = Math.floor((seconds % 3600) / 60);
      const rest = String(seconds % 60).padStart(2, "0");
      element.textContent = hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
      const words = inWords(seconds);
      if (words !== said) status.textContent = said = words;
      later(tick, 1000);
    };
    tick();
  }

  function localTime(element) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const show = (timeZone, parts) => new Intl.DateTimeFormat(language, { timeZone, ...parts }).format(moment);
    const clock = { hour: "numeric", minute: "2-digit" };
    const printed = element.dataset.zone || SCHOOL_ZONE;
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!own || show(own, { weekday: "short", ...clock }) === show(printed, { weekday: "short", ...clock })) return;
    const day = { weekday: "long" };
    const otherDay = show(own, day) === show(printed, day) ? "" : `${show(own, day)} `;
    const note = document.createElement("span");
    note.className = "local-time";
    note.textContent = ` (${otherDay}${show(own, { ...clock, timeZoneName: "short" })} where you are)`;
    element.after(note);
  }

  function copyButton(button) {
    const source = document.querySelector(button.dataset.copy);
    if (!source || !navigator.clipboard) return;
    button.hidden = false;
    const label = button.textContent;
    const status = quietText(button);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
        button.textContent = status.textContent = "Copied";
      } catch {
        button.textContent = status.textContent = "Select it and copy by hand";
      }
      later(() => { button.textContent = label; status.textContent = ""; }, 2500);
    });
  }

  function selectWhole(field) {
    field.addEventListener("focus", () => field.select());
  }

  function printButton(button) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  function tickButton(button) {
    const boxes = [...document.querySelectorAll('input[type="checkbox"]')].filter((box) => box.name === button.dataset.tick);
    if (!boxes.length) return;
    button.hidden = false;
    const label = button.textContent;
    const all = () => boxes.every((box) => box.checked);
    const show = () => { button.textContent = all() ? "Untick all" : label; };
    button.addEventListener("click", () => {
      const wanted = !all();
      for (const box of boxes) box.checked = wanted;
      show();
    });
    for (const box of boxes) box.addEventListener("change", show);
    show();
  }

  // Said before anything is sent: a server can only refuse what has travelled already.
  function fileLimit(input) {
    const said = input.parentElement.querySelector("[data-file-said]");
    const [limit, count] = [Number(input.dataset.fileLimit), Number(input.dataset.fileCount)];
    const megabytes = (bytes) => new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(bytes / 1e6);
    input.addEventListener("change", () => {
      const large = [...input.files].filter((file) => file.size > limit);
      const words = large.map((file) => `${file.name} has ${megabytes(file.size)} MB, and one file may have ${megabytes(limit)} MB.`);
      if (input.files.length > count) words.push(`You chose ${input.files.length} files, and there is room for ${count}.`);
      input.setCustomValidity(words.join(" "));
      if (said) said.textContent = words.join(" ");
      // What was wrong with the files before is said no longer.
      input.closest("section")?.querySelector("[data-file-errors]")?.remove();
    });
    // Pressing the button all the same leads to the words that say why nothing is sent.
    input.addEventListener("invalid", () => {
      if (said && input.validity.valueMissing) said.textContent = "Choose at least one file first.";
      input.focus();
    });
  }

  const behaviours = [
    ["input[data-file-limit]", fileLimit],
    ["time[data-countdown]", countDown],
    ["time[data-local]", localTime],
    ["button[data-copy]", copyButton],
    ["input[data-select]", selectWhole],
    ["button[data-print]", printButton],
    ["button[data-tick]", tickButton],
    ["[data-scripted]", (element) => { element.hidden = false; }],
    ["[data-unscripted]", (element) => { element.hidden = true; }],
  ];
  const prepared = new WeakSet();
  function prepare(root) {
    for (const [selector, behaviour] of behaviours) {
      const found = [...root.querySelectorAll(selector)];
      if (root.matches?.(selector)) found.push(root);
      for (const element of found) {
        if (prepared.has(element)) continue;
        prepared.add(element);
        behaviour(element);
      }
    }
  }

  function say(text) {
    const area = document.getElementById("messages");
    if (!area) return;
    const notice = document.createElement("div");
    notice.className = "notice notice-stop";
    const words = document.createElement("p");
    words.textContent = text;
    notice.append(words);
    area.replaceChildren(notice);
    notice.scrollIntoView({ block: "nearest" });
  }

  // The server answers a repeated POST safely; this only spares the reader the doubt of a second click.
  const sent = new Map();
  function release(form) {
    sent.get(form)?.removeAttribute("aria-disabled");
    sent.delete(form);
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const method = (event.submitter?.getAttribute("formmethod") || form.getAttribute("method") || "get").toLowerCase();
    if (event.defaultPrevented || method !== "post" || form.hasAttribute("data-repeatable")) return;
    if (sent.has(form)) {
      event.preventDefault();
      return;
    }
    event.submitter?.setAttribute("aria-disabled", "true");
    sent.set(form, event.submitter);
    later(() => release(form), 8000);
  });
  window.addEventListener("pageshow", () => [...sent.keys()].forEach(release));

  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 409 || status === 422) return;
    if (status === 403) say("That page has been open for a while. Load it again, and sign in if you are asked to.");
    else if (status === 413) say("That is more than we can take at once. Choose smaller files, or fewer of them.");
    else if (status === 404) say("That is no longer here. Load the page again to see how things stand.");
    else if (status === 429 || status === 503) say("Many people are here at this moment. Wait a few seconds, then try once more.");
    else say("Something went wrong on our side. Load the page again to see how things stand.");
  });
  document.addEventListener("htmx:sendError", () => {
    say("There is no connection at the moment. When it is back, load the page again to see how things stand.");
  });

  // Passkeys: leave out what this browser cannot do, and say in words when a device declines.
  document.addEventListener("allauth.error", (event) => {
    if (!event.detail?.tags?.includes("webauthn")) return;
    event.preventDefault();
    say("Your device did not finish with the passkey. Nothing has changed. You can try again or choose another way.");
  });

  document.addEventListener("DOMContentLoaded", () => {
    prepare(document);
    if (!window.PublicKeyCredential) {
      for (const element of document.querySelectorAll("[data-needs-passkeys]")) element.hidden = true;
    }
    document.querySelector(".error-summary")?.focus();
  });
})();
