// The work pages do all they can without this: it adds keys, and keeps the list up to date while it is looked at.
"use strict";

// --- keys

const KEYS_OFF = "tasuki.keys.off";

const remembered = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const remember = (name, value) => { try { value ? localStorage.setItem(name, value) : localStorage.removeItem(name); } catch { /* then it lasts for this page */ } };

const help = document.querySelector("[data-shortcuts]");
const onOff = document.querySelector("[data-shortcuts-on]");
let keysOn = remembered(KEYS_OFF) === null;

const lines = () => [...document.querySelectorAll("[data-line]")];
const lineOf = (element) => element?.closest?.("[data-line]") ?? null;

function current() {
  const all = lines();
  return lineOf(document.activeElement) ?? (all.length === 1 ? all[0] : null);
}

function move(by) {
  const all = lines().filter((line) => line.querySelector("[data-open]"));
  const here = all.indexOf(current());
  const next = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1)];
  if (!next) return;
  next.querySelector("[data-open]").focus();
  next.scrollIntoView({ block: "nearest" });
}

const press = (selector) => current()?.querySelector(selector)?.click();

const DOES = {
  j: () => move(1),
  k: () => move(-1),
  a: () => press('[data-key="a"]'),
  l: () => press('[data-key="l"]'),
  c: () => press('[data-key="c"]'),
  r: () => press('[data-key="r"]'),
  o: () => press("[data-sfa] a"),
  "?": () => help?.showModal(),
};

// Letters belong to whoever is typing, and to the browser when a modifier is held.
const typing = (element) => element?.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(element?.tagName ?? "");

document.addEventListener("keydown", (event) => {
  if (!keysOn || event.ctrlKey || event.metaKey || event.altKey || event.repeat && !"jk".includes(event.key)) return;
  if (event.isComposing || typing(event.target) || help?.open || !(event.key in DOES)) return;
  event.preventDefault();
  DOES[event.key]();
});

for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", () => help?.showModal());
}
if (onOff) {
  onOff.checked = keysOn;
  onOff.addEventListener("change", () => {
    keysOn = onOff.checked;
    remember(KEYS_OFF, keysOn ? "" : "1");
  });
}

// Back from a form: go on at the line that the address names, once the browser has moved there and let go of the focus.
window.addEventListener("load", () => requestAnimationFrame(() => {
  if (location.hash.startsWith("#line-")) document.getElementById(location.hash.slice(1))?.querySelector("[data-open]")?.focus({ preventScroll: true });
}));

// --- up to date

const live = document.querySelector("[data-live-from]");
const MINUTE = 60_000;
let sending = false;

const list = (page) => page.querySelector('[data-live="list"]');
const order = (part) => [...part.querySelectorAll("[data-line]")].map((line) => line.id).join();

function place() {
  const focused = document.activeElement;
  const line = lineOf(focused);
  const seen = line ?? lines().find((each) => each.getBoundingClientRect().bottom > 0) ?? null;
  const key = focused?.dataset?.key;
  return {
    id: line?.id,
    part: key ? `[data-key="${key}"]` : focused?.closest?.("[data-sfa]") ? "[data-sfa] a" : "[data-open]",
    following: line ? lines().slice(lines().indexOf(line) + 1).map((each) => each.id) : [],
    anchor: seen?.id,
    top: seen?.getBoundingClientRect().top ?? 0,
  };
}

function backTo(before) {
  const anchor = before.anchor && document.getElementById(before.anchor);
  if (anchor) window.scrollBy({ top: anchor.getBoundingClientRect().top - before.top, behavior: "instant" });
  if (!before.id) return;
  const same = document.getElementById(before.id)?.querySelector(before.part);
  const next = before.following.map((id) => document.getElementById(id)).find(Boolean)?.querySelector("[data-open]");
  (same ?? next)?.focus({ preventScroll: true });
}

async function refresh() {
  const address = new URL(location.href);
  for (const name of ["done", "lead", "event"]) address.searchParams.delete(name);
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok || answer.redirected || sending) return;
  const fresh = list(new DOMParser().parseFromString(await answer.text(), "text/html"));
  const shown = list(document);
  if (!fresh || !shown || sending) return;
  const changed = order(fresh) !== order(shown);
  const before = place();
  shown.replaceWith(document.adoptNode(fresh));
  backTo(before);
  if (changed) document.querySelector('[data-live="news"]').textContent = live.dataset.liveWord;
}

const tryRefresh = () => refresh().catch(() => { /* the next change or minute tries again */ });

function listen() {
  let source = null;
  let seen = live.dataset.liveSeen;
  const open = () => {
    const address = new URL(live.dataset.liveFrom, location.href);
    address.searchParams.set("seen", seen);
    source = new EventSource(address);
    source.addEventListener("changed", (event) => { seen = event.data; tryRefresh(); });
    source.addEventListener("error", () => { if (source?.readyState === EventSource.CLOSED) close(); });
  };
  const close = () => { source?.close(); source = null; };
  // A page that nobody looks at holds no connection.
  const look = () => {
    if (document.hidden) return close();
    if (!source) open();
  };
  document.addEventListener("visibilitychange", () => { look(); if (!document.hidden) tryRefresh(); });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", look);
  // Time goes by without anything happening, and a refused stream is asked for again.
  setInterval(() => { look(); if (!document.hidden) tryRefresh(); }, MINUTE);
  look();
}

document.addEventListener("submit", () => { sending = true; });
window.addEventListener("pageshow", () => { sending = false; });
if (live && list(document)) listen();
