// The script of a lesson: progress while it is written, sources beside it, the review by keys, and edits in place.

import { renderPlain } from "../text/markdown.js";
import { announce, api, confirmDialog, toast } from "../ui.js";
import { addAction, editPage, pointAt, swapItem, writeLine } from "./lesson-forms.js";

const POLL_MS = 1500;
const root = document.querySelector("[data-lesson]");
const viewer = root.querySelector("[data-source-viewer]");
const wide = matchMedia("(min-width: 68rem)");
const editable = root.dataset.editable === "1";
let current = null; // the flagged line that the keys act on

function draw(part) {
  for (const node of part.querySelectorAll("[data-math]")) renderPlain(node, node.textContent);
}

function article(id) {
  return document.getElementById(`page-${id}`);
}

/** Puts a page in anew and keeps the place of the reader. */
function put(old, html) {
  const holder = document.createElement("div");
  holder.innerHTML = html; // our own template, escaped by the server
  const next = holder.firstElementChild;
  draw(next);
  old.replaceWith(next);
  return next;
}

function show(summary) {
  const figures = root.querySelector("[data-figures]");
  figures.textContent =
    `${summary.written} of ${summary.pages} pages written, ${summary.sentences} sentences, ${summary.flags} to review` +
    (summary.accepted ? `, ${summary.accepted} accepted by name` : "");
  const set = (selector, hidden) => { const node = root.querySelector(selector); if (node) node.hidden = hidden; };
  set('[data-when="busy"]', !summary.busy);
  set('[data-when="left"]', summary.busy || !summary.left);
  set("[data-review]", !summary.flags);
  set("[data-missing]", !summary.missing);
  const missing = root.querySelector("[data-missing]");
  if (missing) missing.textContent = summary.missing;
  const flags = root.querySelector("[data-flags]");
  if (flags) flags.textContent = summary.flags;
  const publish = root.querySelector("[data-publish]");
  if (publish) publish.disabled = Boolean(summary.missing);
  root.dataset.busy = summary.busy ? "1" : "0";
}

/** Sends a change to a page; puts the page in as it is then. Resolves to the new element, or null when refused. */
async function change(page, data) {
  try {
    const answer = await api(page.dataset.changeUrl, { method: "POST", data });
    if (answer.reload) { location.hash = answer.html ? page.id : ""; location.reload(); return null; }
    const next = put(page, answer.html);
    show(answer.summary);
    if (answer.summary.busy) watch();
    return next;
  } catch (error) {
    toast(error.message);
    return null;
  }
}

// Sources -----------------------------------------------------------------------------------------------------------

root.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-source]");
  if (!link || !wide.matches || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  viewer.dispatchEvent(new CustomEvent("open-source", { detail: link.getAttribute("href") }));
  announce("The source is shown beside the script.");
});

// Progress ----------------------------------------------------------------------------------------------------------

let timer = null;
function watch() {
  if (timer === null) timer = setTimeout(poll, POLL_MS);
}

async function poll() {
  timer = null;
  try {
    const status = await api(root.dataset.statusUrl);
    for (const [id, row] of Object.entries(status.pages)) {
      const page = article(id);
      if (!page) continue;
      if (page.dataset.state !== row.state && !page.querySelector(".script-form")) {
        const response = await fetch(page.dataset.url, { credentials: "same-origin" });
        if (response.ok) put(page, await response.text());
        if (row.state === "done") announce(`Page written: ${page.dataset.title}`);
      } else if (row.state === "running") {
        const bar = page.querySelector("[data-progress]");
        if (bar) bar.value = row.progress;
        const doing = page.querySelector("[data-doing]");
        if (doing) doing.textContent = row.doing;
      }
    }
    show(status.summary);
    if (status.summary.busy) watch();
  } catch {
    timer = setTimeout(poll, POLL_MS * 4);
  }
}

// The review --------------------------------------------------------------------------------------------------------

function flagged() {
  return [...root.querySelectorAll('.script-line[data-flag="open"]')];
}

function go(step) {
  const lines = flagged();
  if (!lines.length) return;
  const at = lines.indexOf(current);
  let to = at + step;
  if (at < 0) {
    const below = lines.findIndex((line) => line.getBoundingClientRect().top > 0);
    to = below < 0 ? 0 : below;
  }
  mark(lines[(to + lines.length) % lines.length]);
}

function mark(line) {
  current?.removeAttribute("data-current");
  current = line;
  if (!line) return;
  line.setAttribute("data-current", "");
  line.focus({ preventScroll: true });
  line.scrollIntoView({ block: "center" });
  const cite = line.querySelector("a[data-source]") ?? line.closest(".lesson-page").querySelector("a[data-source]");
  if (cite && wide.matches) viewer.dispatchEvent(new CustomEvent("open-source", { detail: cite.getAttribute("href") }));
}

/** Settles a line and goes on to the next flagged one. */
async function settle(line, what) {
  const lines = flagged();
  const following = lines[lines.indexOf(line) + 1]?.dataset.line;
  const page = line.closest(".lesson-page");
  const next = await change(page, { do: what, line: Number(line.dataset.line) });
  if (!next) return;
  current = null;
  const left = flagged();
  mark(left.find((one) => one.dataset.line === following) ?? left[0] ?? null);
  announce(left.length ? `${left.length} to review` : "Nothing left to review");
}

function edit(line) {
  const page = line.closest(".lesson-page");
  const id = Number(line.dataset.line);
  const wasFlagged = line.dataset.flag === "open";
  writeLine(line, async (text) => {
    const next = await change(page, { do: "line.write", line: id, text });
    const row = next?.querySelector(`[data-line="${id}"]`);
    if (!row) return Boolean(next);
    if (wasFlagged && row.dataset.flag !== "open") { current = null; go(1); }
    else mark(row);
    announce(row.dataset.flag === "open" ? "Saved. The material does not say this." : "Saved and supported.");
    return true;
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !editable) return;
  if (event.target.closest("input, textarea, select, dialog, [contenteditable], .menu[open]")) return;
  if (event.key === "j" || event.key === "k") { event.preventDefault(); go(event.key === "j" ? 1 : -1); return; }
  const line = document.activeElement?.closest?.(".script-line") ?? current;
  if (!line?.isConnected) return;
  if (event.key === "e") { event.preventDefault(); edit(line); }
  else if (line.dataset.flag === "open" && event.key === "a") { event.preventDefault(); settle(line, "line.accept"); }
  else if (line.dataset.flag === "open" && event.key === "d") { event.preventDefault(); settle(line, "line.drop"); }
});

// Edits -------------------------------------------------------------------------------------------------------------

root.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.go) { go(Number(button.dataset.go)); return; }
  const page = button.closest(".lesson-page");
  if (!page) return;
  const line = button.closest(".script-line");
  const action = button.closest(".script-action");
  const id = action ? Number(action.dataset.action) : null;
  const send = (data) => change(page, data);
  if (button.dataset.do) {
    if (button.dataset.ask && !(await confirmDialog(button.dataset.ask, { yes: "Remove" }))) return;
    if (line?.dataset.flag === "open" && ["line.accept", "line.drop"].includes(button.dataset.do)) { settle(line, button.dataset.do); return; }
    const data = { do: button.dataset.do, line: line ? Number(line.dataset.line) : undefined, action: id ?? undefined };
    const next = await send(data);
    const again = line && next?.querySelector(`[data-line="${line.dataset.line}"]`);
    (again ?? next?.querySelector(`[data-action="${id}"] summary`))?.focus();
  } else if ("edit" in button.dataset) edit(line);
  else if ("editPage" in button.dataset) editPage(page, send);
  else if ("addLine" in button.dataset) addAction(page, id, send, true);
  else if ("addAction" in button.dataset) addAction(page, id, send, false);
  else if ("point" in button.dataset) pointAt(page, (region) => send({ do: "action.point", action: id, ...region }));
  else if ("swap" in button.dataset) swapItem(page, (item) => send({ do: "action.swap", action: id, item }));
  button.closest("details.menu")?.removeAttribute("open");
});

draw(root);
const tree = root.querySelector("[data-tree]");
const unfold = () => { tree.open = wide.matches; };
wide.addEventListener("change", unfold);
unfold();
if (root.dataset.busy === "1") watch();
