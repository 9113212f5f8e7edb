// The first screen with scripts on: keys, selection, and findings that arrive while the page is open.
// Without it every part is a form or a link.

const list = document.getElementById("list");
const rows = document.getElementById("rows");
const selected = document.getElementById("selected");
const wholePage = document.getElementById("whole-page");
const keysOff = "spillwatch-keys-off"; // a person's choice in this browser

const all = () => [...rows.querySelectorAll("tr[data-reference]")];
const box = (row) => row && row.querySelector("input[type=checkbox]");
const chosen = () => all().filter((row) => box(row)?.checked);
let current = null;

// --- selection

function tell() {
  if (!selected) return;
  const count = chosen().length;
  selected.textContent = count ? selected.dataset.some.replace("{n}", count) : selected.dataset.none;
  for (const row of all()) row.classList.toggle("selected", Boolean(box(row)?.checked));
  wholePage.checked = count > 0 && count === all().length;
}

function select(row, on) {
  const found = box(row);
  if (found) found.checked = on === undefined ? !found.checked : on;
  tell();
}

if (selected) {
  wholePage.addEventListener("change", () => {
    for (const row of all()) if (box(row)) box(row).checked = wholePage.checked;
    tell();
  });
  rows.addEventListener("change", tell);
  // With scripts the boxes of the rows say what is chosen.
  list.addEventListener("submit", () => { wholePage.disabled = true; setTimeout(() => { wholePage.disabled = false; }); });
  tell();
}

// Enter in a field does what the button beside it does; the form's own first button does nothing.
for (const [field, button] of [["reason", "set-state"], ["new-label", "add-label"]]) {
  document.getElementById(field)?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    list.requestSubmit(document.getElementById(button));
  });
}

// --- keys: the current row has the focus on its link, so that Enter opens it and screen readers read it

function go(row) {
  if (!row) return;
  current?.classList.remove("current");
  current = row;
  row.classList.add("current");
  const link = row.querySelector(".what a");
  link.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const found = all();
  const at = found.indexOf(current);
  go(found[at < 0 ? (by > 0 ? 0 : found.length - 1) : Math.min(Math.max(at + by, 0), found.length - 1)]);
}

rows.addEventListener("focusin", (event) => {
  const row = event.target.closest("tr[data-reference]");
  if (!row || row === current) return;
  current?.classList.remove("current");
  current = row;
  row.classList.add("current");
});

const help = document.getElementById("keys");
const keysOn = document.getElementById("keys-on");

function acknowledge() {
  const button = document.getElementById("acknowledge");
  if (!button) return;
  if (!chosen().length && current) select(current, true);
  if (!chosen().length) return;
  const at = all().indexOf(current);
  if (at >= 0) sessionStorage.setItem("spillwatch-row", String(at));
  list.requestSubmit(button);
}

const acts = {
  j: () => step(1), ArrowDown: () => step(1),
  k: () => step(-1), ArrowUp: () => step(-1),
  x: () => select(current),
  a: acknowledge,
  f: () => {
    const state = document.getElementById("new-state");
    if (!state) return;
    if (!chosen().length && current) select(current, true);
    state.value = "false_positive";
    document.getElementById("reason").focus();
  },
  o: () => current?.querySelector(".what a").click(),
  "/": () => document.getElementById("words").focus(),
  r: () => document.getElementById("refresh").click(),
  "?": () => (help.open ? help.close() : help.showModal()),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("input, select, textarea")) { event.target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.matches("input:not([type=checkbox]), select, textarea") || help.open) return;
  if (localStorage.getItem(keysOff) && event.key !== "?") return;
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.getElementById("keys-open").addEventListener("click", () => help.showModal());
document.getElementById("keys-bar").hidden = false;
keysOn.checked = !localStorage.getItem(keysOff);
keysOn.addEventListener("change", () => {
  if (keysOn.checked) localStorage.removeItem(keysOff); else localStorage.setItem(keysOff, "1");
});

// After a change by key the next row has the focus, not the top of the page.
const before = sessionStorage.getItem("spillwatch-row");
if (before !== null) {
  sessionStorage.removeItem("spillwatch-row");
  const found = all();
  if (found.length) go(found[Math.min(Number(before), found.length - 1)]);
}

// --- live: rows come as the server renders them for this person and these choices

const bar = document.getElementById("arrived");
const state = document.getElementById("live-state");
const waiting = new Map(); // reference -> row, the newest last

function made(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.querySelector("tr");
}

// Whether a row at the top would move what the person looks at.
function busy() {
  return document.hidden || chosen().length > 0 || rows.contains(document.activeElement) || rows.getBoundingClientRect().top < 0;
}

function show() {
  const found = [...waiting.values()];
  waiting.clear();
  for (const row of found) {
    rows.querySelector("tr.none")?.remove();
    row.classList.add("arrived");
    rows.prepend(row);
  }
  for (const row of all().slice(Number(list.dataset.most))) row.remove();
  tell();
  announce();
}

function announce() {
  bar.hidden = waiting.size === 0;
  if (waiting.size) bar.querySelector("button").textContent = bar.dataset.text.replace("{n}", waiting.size);
}

function take(told) {
  const old = rows.querySelector(`tr[data-reference="${CSS.escape(told.reference)}"]`);
  if (old && old.dataset.stamp === told.stamp) return;
  const row = made(told.html);
  if (old) {
    // A row that is there stays where it is, with its box and its focus.
    const focused = old.contains(document.activeElement) && document.activeElement;
    const was = box(old)?.checked;
    old.replaceWith(row);
    if (box(row) && was) box(row).checked = true;
    if (old === current) { current = row; row.classList.add("current"); }
    if (focused) (focused.type === "checkbox" ? box(row) : row.querySelector(".what a"))?.focus({ preventScroll: true });
    row.classList.add("arrived");
    tell();
  } else if (told.fits && told.arrives) {
    waiting.delete(told.reference);
    waiting.set(told.reference, row);
    if (!busy()) show(); else announce();
  }
}

bar.querySelector("button").addEventListener("click", () => { show(); go(all()[0]); });

function listen() {
  const source = new EventSource(list.dataset.live);
  source.addEventListener("finding", (event) => take(JSON.parse(event.data)));
  source.addEventListener("many", () => { state.textContent = state.dataset.many; });
  source.addEventListener("ended", () => { source.close(); state.textContent = state.dataset.ended; });
  source.addEventListener("open", () => { state.textContent = state.dataset.on; });
  source.addEventListener("error", () => {
    state.textContent = source.readyState === EventSource.CLOSED ? state.dataset.off : state.dataset.again;
  });
}

if (list.dataset.live) listen();
