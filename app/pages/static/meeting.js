// What the pages of a meeting can do besides: tell the time, listen to keys, follow others, copy. All of it works without.
"use strict";

const field = "input:not([type=hidden]), textarea, select";
const typed = (node) => (node.type === "radio" || node.type === "checkbox" ? node.checked !== node.defaultChecked
  : node.tagName === "SELECT" ? [...node.options].some((o) => o.selected !== o.defaultSelected)
  : node.value !== node.defaultValue);
const dirty = (part) => [...part.querySelectorAll(field)].some(typed);

// --- the time

function clock(seconds) {
  const whole = Math.abs(Math.trunc(seconds));
  return `${seconds < 0 ? "-" : ""}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
function tick() {
  for (const timer of document.querySelectorAll(".timer[data-left]")) {
    timer.dataset.since ||= String(Date.now());
    const left = Number(timer.dataset.left) - (Date.now() - Number(timer.dataset.since)) / 1000;
    timer.querySelector("b").textContent = clock(left);
    timer.classList.toggle("over", left < 0);
  }
}
if (document.querySelector(".timer")) {
  tick();
  setInterval(tick, 1000);
}

// --- what is being typed outlives the page: another form may be sent meanwhile

const drafts = `tasuki drafts ${location.pathname}`;
let sent = null;
document.addEventListener("submit", (event) => { sent = event.target; });
addEventListener("pagehide", () => {
  const kept = {};
  for (const node of document.querySelectorAll(field)) {
    if (node.id && node.form && node.form !== sent && typed(node)) {
      kept[node.id] = { value: node.value, checked: node.checked, item: itemOf(node.form)?.value };
    }
  }
  sessionStorage.setItem(drafts, JSON.stringify(kept));
});
function itemOf(form) {
  return form.querySelector("input[name=item]");
}
function put(node, was) {
  if (node.type === "radio" || node.type === "checkbox") node.checked = was.checked;
  else node.value = was.value;
}
function restore(kept) {
  for (const [id, was] of Object.entries(kept)) {
    const node = document.getElementById(id);
    if (!node || node.getAttribute("aria-invalid")) continue;
    if (node.value && node.value !== node.defaultValue) continue;
    put(node, was);
    node.closest("details")?.setAttribute("open", "");
    const item = node.form && itemOf(node.form);
    if (item && was.item && item.value !== was.item) about(node.form, was.item);
  }
}
// A note that was begun for item 3 stays a note on item 3.
function about(form, number) {
  const label = form.querySelector("textarea[name=text]")?.labels?.[0];
  if (label) label.firstChild.textContent = label.firstChild.textContent.replace(itemOf(form).value, number);
  itemOf(form).value = number;
}
try {
  restore(JSON.parse(sessionStorage.getItem(drafts) || "{}"));
} catch { /* nothing was kept */ }
sessionStorage.removeItem(drafts);

// --- follow what others do

const live = document.getElementById("live");
let due = 0;
function snapshot(part) {
  const kept = {};
  for (const node of part.querySelectorAll(field)) if (node.id && typed(node)) kept[node.id] = { value: node.value, checked: node.checked };
  const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
  const shut = [...part.querySelectorAll("details[id]:not([open])")].map((each) => each.id);
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  return { kept, open, shut, id: focused?.id, start: focused?.selectionStart, end: focused?.selectionEnd };
}
function swap(part, fresh) {
  if (part.innerHTML === fresh.innerHTML) return;
  const was = snapshot(part);
  part.replaceChildren(...fresh.childNodes);
  for (const id of was.open) document.getElementById(id)?.setAttribute("open", "");
  for (const id of was.shut) document.getElementById(id)?.removeAttribute("open");
  for (const [id, value] of Object.entries(was.kept)) {
    const node = document.getElementById(id);
    if (node) put(node, value);
  }
  const focused = was.id && document.getElementById(was.id);
  if (focused) {
    focused.focus({ preventScroll: true });
    try { if (was.start !== undefined) focused.setSelectionRange(was.start, was.end); } catch { /* no text field */ }
  }
}
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("live");
  const same = new URL(answer.url).pathname === location.pathname;
  if (!fresh || !same) {  // the meeting began or was closed: this page is another one now
    if (!dirty(document)) location.replace(answer.url);
    return;
  }
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = page.getElementById(part.id);
    if (!other) continue;
    if (part.dataset.live === "idle" && (dirty(part) || part.contains(document.activeElement))) continue;
    swap(part, other);
  }
  document.title = page.title;
  showKeys();
  tick();
  document.getElementById("live-said").textContent = live.dataset.changed;
}
if (live && window.EventSource) {
  const stream = new EventSource(`${live.dataset.events}?seen=${encodeURIComponent(live.dataset.pulse)}`);
  stream.addEventListener("changed", () => {
    clearTimeout(due);
    due = setTimeout(refresh, 150);
  });
  addEventListener("pagehide", () => stream.close());
}

// --- keys

const mode = document.querySelector(".mode");
const keys = document.getElementById("keys");
function writing(node) {
  return node.closest("input, textarea, select, [contenteditable], dialog") !== null;
}
function press(key) {
  const node = mode.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!node || node.disabled) return false;
  if (node.tagName !== "SUMMARY") {
    node.click();
    return true;
  }
  node.parentElement.open = true;
  node.parentElement.querySelector("textarea")?.focus();
  return true;
}
if (mode && keys) {
  const on = document.getElementById("keys-on");
  on.checked = localStorage.getItem("tasuki keys") !== "off";
  on.defaultChecked = on.checked;
  on.addEventListener("change", () => {
    on.defaultChecked = on.checked;
    localStorage.setItem("tasuki keys", on.checked ? "on" : "off");
  });
  mode.addEventListener("click", (event) => {
    if (event.target.closest("#keys-shown")) keys.showModal();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.closest?.(".writing")) event.target.blur();
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (!on.checked || writing(event.target)) return;
    if (press(event.key)) event.preventDefault();
  });
  showKeys();
}
function showKeys() {
  const shown = document.getElementById("keys-shown");
  if (shown) shown.hidden = false;
}

// --- copy as rich text and as Markdown

const copy = document.getElementById("copy");
async function both() {
  const [page, markdown] = await Promise.all([fetch(copy.dataset.html), fetch(copy.dataset.markdown)]);
  if (!page.ok || !markdown.ok) throw new Error("not there");
  const whole = await page.text();  // taken as text: its own styles are for the document it is pasted into, not for us
  const article = whole.slice(whole.indexOf("<article"), whole.lastIndexOf("</article>") + "</article>".length);
  return { html: article, plain: await markdown.text() };
}
if (copy && navigator.clipboard?.write && window.ClipboardItem) {
  copy.hidden = false;
  const said = document.getElementById("copied");
  copy.addEventListener("click", async () => {
    try {
      const paper = both();  // Safari wants the promise itself: the click must not be over before
      const blob = async (kind, type) => new Blob([(await paper)[kind]], { type });
      await navigator.clipboard.write([new ClipboardItem({
        "text/html": blob("html", "text/html"), "text/plain": blob("plain", "text/plain"),
      })]);
      said.textContent = copy.dataset.done;
    } catch {
      said.textContent = copy.dataset.failed;
    }
  });
}
