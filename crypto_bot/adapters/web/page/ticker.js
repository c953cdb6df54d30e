/* What the browser does by itself: counts, ages the data, switches, keys. It asks no server. */
"use strict";
(() => {
  const FROZEN_S = 60;
  const one = (selector) => document.querySelector(selector);
  let seen = "";
  let seenAt = 0;

  function put(selector, text) {
    const found = one(selector);
    if (found && found.textContent !== text) found.textContent = text;
  }

  function age(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min`;
    if (whole < 172800) return `${Math.floor(whole / 3600)} h`;
    return `${Math.floor(whole / 86400)} d`;
  }

  function countdown(ms) {
    const left = Math.max(0, Math.ceil(ms / 1000));
    const two = (value) => String(value).padStart(2, "0");
    const minutes = two(Math.floor(left / 60) % 60);
    const hours = left >= 3600 ? `${Math.floor(left / 3600)}:` : "";
    return `${hours}${minutes}:${two(left % 60)}`;
  }

  function tick() {
    const beat = one(".beat");
    if (!beat || !beat.dataset.now) return false;
    const sent = beat.dataset;
    if (sent.now !== seen) {
      seen = sent.now;
      seenAt = Date.now();
    }
    const speed = Number(sent.speed);
    const now = Number(sent.now) + (Date.now() - seenAt) * speed;
    const old = (now - Number(sent.at)) / 1000 / speed;
    const zone = one(".zone").dataset.zone === "UTC" ? "UTC" : undefined;
    const hours = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit",
    }).format(now);
    put(".clock", hours);
    put(".age", age(old));
    let next = Number(sent.next);
    const bar = Number(sent.bar);
    if (now > next) next += Math.ceil((now - next) / bar) * bar;
    put(".left", countdown(next - now));
    one(".elapsed").style.width = `${(100 * (1 - (next - now) / bar)).toFixed(1)}%`;
    const frozen = old > FROZEN_S;
    document.body.classList.toggle("frozen", frozen);
    const banner = one(".banner");
    if (frozen) put(".banner span", `No new data for ${age(old)}. All that is shown is frozen.`);
    banner.hidden = !frozen;
    const view = one("nav a[aria-current]");
    const title = `${frozen ? "Frozen:" : sent.calls} ${view ? view.textContent : "Signals"}`;
    if (document.title !== title) document.title = title;
    return true;
  }

  function remember(name, value) {  // an empty value is forgotten
    const kept = value ? 31536000 : 0;
    document.cookie = `${name}=${encodeURIComponent(value)};path=/;max-age=${kept};SameSite=Lax`;
    location.reload();
  }

  const isOn = (option) => localStorage.getItem(`crypto_bot_${option}`) === "on";

  function showOptions() {
    for (const each of document.querySelectorAll("[data-option]")) {
      const on = isOn(each.dataset.option);
      each.textContent = on ? "On" : "Off";
      each.setAttribute("aria-pressed", String(on));
    }
  }

  async function turn(option) {
    let on = !isOn(option);
    if (on && option === "notify") on = (await Notification.requestPermission()) === "granted";
    localStorage.setItem(`crypto_bot_${option}`, on ? "on" : "off");
    showOptions();
    if (on && option === "sound") chime();
  }

  function chime() {
    const audio = new AudioContext();
    for (const [hertz, at] of [[660, 0], [880, 0.14]]) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.08, audio.currentTime + at);
      volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + at + 0.13);
      tone.connect(volume).connect(audio.destination);
      tone.start(audio.currentTime + at);
      tone.stop(audio.currentTime + at + 0.14);
    }
    setTimeout(() => audio.close(), 600);
  }

  let announced = "";

  function announce() {
    const found = one(".news");
    const text = found ? found.textContent.trim() : "";
    if (text === announced) return;
    announced = text;
    if (!text) return;
    if (isOn("sound")) chime();
    // The tag is the text: however many pages are open, it is shown once.
    if (isOn("notify")) new Notification(document.title, { body: text, tag: text });
  }

  function help() {
    showOptions();
    one("dialog.help").showModal();
  }

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button.switch");
    if (!pressed) return;
    const { themeTo, directionsTo, option } = pressed.dataset;
    if (themeTo !== undefined) remember("crypto_bot_theme", themeTo);
    if (directionsTo !== undefined) remember("crypto_bot_directions", directionsTo);
    if (option) turn(option);
    if (pressed.matches(".zone")) {
      const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
      remember("crypto_bot_zone", pressed.dataset.zone === "UTC" ? local : "UTC");
    }
    if (pressed.matches(".keys")) help();
  });

  document.addEventListener("click", (event) => {  // a row leads where its name does
    if (event.target.closest("a, button, input, summary") || String(getSelection())) return;
    const row = event.target.closest("tbody tr");
    const link = row && row.querySelector("a.line");
    if (link) link.dispatchEvent(new MouseEvent("click", event));
  });

  const SEARCH = ".search input";
  const LINES = "a.line, [data-line], summary.model";
  const keyOf = (line) => line.dataset.line || line.title || line.querySelector(".coin").textContent;
  let held = "";

  function linesInView() {
    return [...document.querySelectorAll(LINES)].filter((line) => line.offsetParent !== null);
  }

  document.addEventListener("pointerdown", () => { held = ""; });
  document.addEventListener("focusin", (event) => {
    held = event.target.matches(LINES) ? keyOf(event.target) : "";
  });

  function keepFocus() {  // a table that is filled anew keeps its places, not what stands in them
    const now = document.activeElement;
    const isLine = now.matches(LINES);
    if (!held || !(isLine || now === document.body) || (isLine && keyOf(now) === held)) return;
    const line = linesInView().find((each) => keyOf(each) === held);
    if (line) line.focus();
  }

  function step(by) {
    const lines = linesInView();
    if (!lines.length) return;
    const at = lines.indexOf(document.activeElement);
    const to = at < 0 ? (by > 0 ? 0 : lines.length - 1) : at + by;
    lines[Math.min(lines.length - 1, Math.max(0, to))].focus();
  }

  document.addEventListener("input", (event) => {  // the filter stands in the address
    if (!event.target.matches(SEARCH)) return;
    const query = new URLSearchParams(event.target.value ? { q: event.target.value } : {});
    history.replaceState(history.state, "", `${location.pathname}?${query}`.replace(/\?$/, ""));
  });

  function openFound(field, text) {  // the table is filtered a moment after the last letter
    if (field.value !== text) return;
    const lines = linesInView();
    const found = lines.find((each) => each.title.startsWith(text.toUpperCase()));
    if (!found && one(".coins").dataset.filter !== text) {
      setTimeout(openFound, 50, field, text);
      return;
    }
    field.blur();  // a further letter would change the address, and stop the way to the coin
    (found || lines[0])?.click();
  }

  function stepPanel(by) {  // to the next panel, from where Tab goes on
    const panels = [...document.querySelectorAll("#content .panel")].filter((each) => each.offsetParent);
    const here = panels.findLastIndex((each) => each.contains(document.activeElement));
    const to = panels[here < 0 ? (by > 0 ? 0 : panels.length - 1) : here + by];
    if (!to) return;
    to.tabIndex = -1;
    to.focus();
  }

  // What is reached by a key, or from within a view, begins at its content or its search field.
  const GOES = "crypto_bot_goes_to";

  function goesTo(selector) {
    clearInterval(arriving);  // this page may have arrived hardly itself, and would take it
    sessionStorage.setItem(GOES, selector);
  }

  function go(link, to) {
    goesTo(to);
    link.click();
  }

  document.addEventListener("submit", () => goesTo("#content"));
  document.addEventListener("click", (event) => {
    if (event.target.closest("#content a:not([download])")) goesTo("#content");
  });

  function arrive() {
    const goal = sessionStorage.getItem(GOES);
    const found = goal && one(goal);
    if (goal && !found) return false;
    sessionStorage.removeItem(GOES);
    if (found) found.focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(SEARCH)) openFound(event.target, event.target.value);
    const form = event.target.matches("select") && event.target.form;
    if (event.key === "Enter" && form) {
      event.preventDefault();  // in place of its list, which the space bar opens
      form.requestSubmit();
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "?") help();
    else if (event.key === "n") stepPanel(1);
    else if (event.key === "p") stepPanel(-1);
    else if (event.key === "/") {
      event.preventDefault();
      if (one(SEARCH)) one(SEARCH).focus();
      else go(one("nav a"), SEARCH);
    } else if (/^[1-9]$/.test(event.key)) {
      const link = document.querySelectorAll("nav a")[Number(event.key) - 1];
      if (link) go(link, "#content");
    }
  });

  // Behind a proxy the page may lie below a path, under which this script was found.
  const prefix = new URL(document.currentScript.src).pathname.split("/assets/page/")[0];
  const below = (name) => `[${name}^="/"]:not([${name}^="${prefix}/"])`;

  function keepPrefix() {
    for (const [kind, name] of [["a", "href"], ["form", "action"]]) {
      for (const each of document.querySelectorAll(kind + below(name))) {
        each.setAttribute(name, prefix + each.getAttribute(name));
      }
    }
  }

  const start = setInterval(() => tick() && clearInterval(start), 50);
  const arriving = setInterval(() => arrive() && clearInterval(arriving), 50);
  setInterval(() => { tick(); announce(); }, 1000);
  new MutationObserver(keepFocus).observe(document.documentElement, {
    subtree: true, childList: true, attributeFilter: ["title", "data-line"],
  });
  if (prefix) {
    new MutationObserver(keepPrefix).observe(document.documentElement, {
      subtree: true, childList: true, attributeFilter: ["href", "action"],
    });
  }
  new MutationObserver(tick).observe(document.documentElement, {
    subtree: true, attributes: true, attributeFilter: ["data-now"],
  });
})();
