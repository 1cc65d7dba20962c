// The chat page: composer, stream, turns, history and the source viewer, put together.

import { announce, api, el, icon, toast } from "../ui.js";
import { renderPlain } from "../text/markdown.js";
import { History } from "./history.js";
import { isNarrow, onNarrow, Panel } from "./panels.js";
import { Stream } from "./socket.js";
import { TurnView } from "./turn.js";
import { RUNNING, Turns } from "./turns.js";

const root = document.getElementById("chat");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const page = JSON.parse(document.getElementById("chat-page").textContent);
const { agent } = page.course;
let conversation = page.conversation?.id ?? null;
let url = page.conversation?.url ?? null;

const log = part("log");
const scroller = part("scroller");
const welcome = part("welcome");
const form = part("composer");
const input = form.querySelector("textarea");
const send = part("send");
const connection = part("connection");
const jump = part("jump");
const historySide = part("history");
const viewerSide = part("viewer");
const centre = part("centre");

const turns = new Turns();
const views = new Map();
let stream = null;
let viewer = null;
let follow = true;
let frame = 0;
const pending = new Map(); // client_id -> ask shown before the server has it

// --- panels -----------------------------------------------------------------------------------------------------

const historyPanel = new Panel(historySide, [centre, viewerSide, ...document.querySelectorAll(".topbar")], "history");
const viewerPanel = new Panel(viewerSide, [centre, historySide, ...document.querySelectorAll(".topbar")], "viewer");
part("open-history").addEventListener("click", (event) => {
  const crowded = historyPanel.isOpen && historySide.offsetWidth === 0; // the source has taken its place
  if (crowded) viewerPanel.close();
  else if (historyPanel.isOpen) historyPanel.close();
  else historyPanel.open(event.currentTarget);
});
const fitHistory = () => {
  if (isNarrow()) historyPanel.close();
  else historyPanel.open(null, false);
};
fitHistory();
onNarrow(fitHistory);
viewerPanel.onclose = () => viewer?.close();

async function openCitation(turn, citation, button) {
  if (!citation.url) {
    toast("This source is not in the course any more.");
    return;
  }
  for (const chip of root.querySelectorAll(".cite[data-open], .source[data-open]")) delete chip.dataset.open;
  button.dataset.open = "";
  viewerPanel.open(button);
  stream?.signal(turn.id, "citation_opened", { passage: citation.passage ?? null, marker: citation.marker ?? null });
  if (!viewer) {
    const { Viewer } = await import("../viewer/viewer.js");
    viewer ??= new Viewer(part("viewer-body"));
  }
  await viewer.open(citation.url);
}

// --- turns on the page ------------------------------------------------------------------------------------------

const actions = {
  openCitation,
  get url() { return url; },
  signal: (turn, kind, data) => stream?.signal(turn.id, kind, data),
  changed: (turn) => { views.get(turn.id)?.render(turns.versions(turn)); },
  choose: (turn, label) => {
    turns.choose(turn);
    render();
    const versions = views.get(turn.id)?.bar.querySelector(".versions");
    (versions?.querySelector(`[aria-label="${label}"]:enabled`) ?? versions?.querySelector("button:enabled"))?.focus();
    announce(versions?.querySelector("span")?.getAttribute("aria-label") ?? "");
  },
  regenerate: (turn) => again(turn, turn.question),
  retry: (turn) => again(turn, turn.question),
  edit: (turn, question) => again(turn, question),
};

function schedule() {
  frame ||= requestAnimationFrame(render);
}

function render() {
  frame = 0;
  const path = turns.path();
  const shown = new Set();
  let before = null;
  for (const turn of path) {
    let view = views.get(turn.id);
    if (!view) {
      view = new TurnView(turn, actions, agent);
      views.set(turn.id, view);
    }
    if (view.dirty || view.versionCount !== turns.versions(turn).length) {
      view.dirty = false;
      view.versionCount = turns.versions(turn).length;
      view.render(turns.versions(turn));
    }
    shown.add(view.element);
    const place = before ? before.nextSibling : log.firstChild;
    if (place !== view.element) log.insertBefore(view.element, place);
    before = view.element;
  }
  for (const [clientId, row] of pending) {
    shown.add(row);
    if (!row.isConnected) log.append(row);
    else if (before && row.compareDocumentPosition(before) & Node.DOCUMENT_POSITION_FOLLOWING) log.append(row);
    if ([...turns.all.values()].some((turn) => turn.clientId === clientId)) {
      pending.delete(clientId);
      shown.delete(row);
    }
  }
  for (const node of [...log.children]) if (!shown.has(node)) node.remove();
  if (welcome) {
    welcome.hidden = shown.size > 0;
    part("title").hidden = !welcome.hidden;
  }
  root.dataset.empty = String(shown.size === 0);
  const running = turns.running || pending.size > 0;
  send.dataset.mode = running ? "stop" : "send";
  send.setAttribute("aria-label", running ? "Stop answering" : "Send");
  send.title = running ? "Stop (Esc)" : "Send (Enter)";
  send.replaceChildren(icon(running ? "stop" : "send"));
  send.disabled = !running && !input.value.trim();
  if (follow) scroller.scrollTop = scroller.scrollHeight;
  showJump();
}

function receive(event) {
  if (event.type === "error" && !event.turn) { // refused: the question goes back to the composer
    const refused = stream.outbox.get(event.client_id);
    stream.outbox.delete(event.client_id);
    pending.delete(event.client_id);
    toast(event.message || "The question was refused. Try again in a moment.", null, 10);
    if (refused && !input.value) {
      input.value = refused.question;
      fit();
    }
    schedule();
    return;
  }
  const turn = turns.apply(event);
  if (!turn) return;
  if (event.kind === "staff_reply") {
    announce(`${event.author} answered your question: ${event.text}`);
    if (document.hidden) toast(`${event.author} answered a question of yours.`, null, 60);
  }
  if (event.type === "queued") {
    for (const view of views.values()) view.dirty = true;
  }
  const view = views.get(turn.id);
  if (view) view.dirty = true;
  if (["end", "stopped", "error"].includes(event.type)) {
    schedule();
    if (turn.askedHere || performance.now() - (turn.seenRunning ?? Infinity) > 300) { // not what was only replayed
      requestAnimationFrame(() => requestAnimationFrame(() => announce(views.get(turn.id)?.spoken() ?? "")));
      history.load();
    }
    return;
  }
  if (event.type === "queued" && pending.has(event.client_id)) turn.askedHere = true;
  if (event.type === "queued" && stopEarly.delete(event.client_id)) stream.send({ type: "stop", turn: turn.id });
  turn.seenRunning ??= performance.now();
  schedule();
}

// --- asking -----------------------------------------------------------------------------------------------------

async function ensureConversation() {
  if (conversation) return;
  const made = await api(page.urls.create, { method: "POST", data: {} });
  conversation = made.id;
  url = made.url;
  window.history.replaceState(null, "", url);
  connect();
}

async function ask(question, { edits = null, regenerates = null } = {}) {
  const clientId = crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((b, i) =>
    ([4, 6, 8, 10].includes(i) ? "-" : "") + (i === 6 ? (b & 15) | 64 : i === 8 ? (b & 63) | 128 : b).toString(16).padStart(2, "0")).join("");
  const row = el("article", { class: "turn", "data-state": "sending" },
    el("div", { class: "question" }, el("div", { class: "question-text" }, question)),
    el("div", { class: "answer" }, el("p", { class: "answer-state" }, el("span", { class: "spinner" }), "Sending…")));
  pending.set(clientId, row);
  if (!edits && !regenerates) turns.chooseNewest(); // a new question goes on from the newest version
  follow = true;
  schedule();
  try {
    await ensureConversation();
    stream.send({ type: "ask", question, client_id: clientId, edits, regenerates });
  } catch (error) {
    pending.delete(clientId);
    toast(error.message);
    input.value ||= question;
    schedule();
  }
}

/** Asks in place of a turn. The server knows a place by its newest version, whichever version is on show. */
function again(turn, question) {
  const newest = turns.versions(turn).at(-1);
  return ask(question, newest.question === question ? { regenerates: newest.id } : { edits: newest.id });
}

const stopEarly = new Set(); // client ids of questions that were stopped before the server had answered to them

function stop() {
  for (const clientId of pending.keys()) stopEarly.add(clientId);
  for (const turn of turns.all.values()) if (RUNNING.has(turn.state)) stream.send({ type: "stop", turn: turn.id });
}

function fit() {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight, innerHeight * 0.4)}px`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (send.dataset.mode === "stop") {
    stop();
    input.focus();
    return;
  }
  const question = input.value.trim();
  if (!question) return;
  input.value = "";
  fit();
  input.focus();
  ask(question);
});
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (send.dataset.mode === "send") form.requestSubmit();
  else toast("The answer is still being written. Stop it with Esc, or wait.");
});
input.addEventListener("input", () => { fit(); schedule(); });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (send.dataset.mode === "stop") {
    stop();
    announce("Stopping");
  }
});
for (const button of root.querySelectorAll("[data-starter]")) {
  renderPlain(button.querySelector("span"), button.dataset.starter);
  button.addEventListener("click", () => {
    ask(button.dataset.starter);
    input.focus();
  });
}

// --- scrolling --------------------------------------------------------------------------------------------------

const distance = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
function showJump() {
  jump.hidden = distance() < 120;
}
scroller.addEventListener("scroll", () => {
  follow = distance() < 48;
  showJump();
}, { passive: true });
jump.addEventListener("click", () => {
  follow = true;
  scroller.scrollTo({ top: scroller.scrollHeight, behavior: "smooth" });
  input.focus();
});

// --- connection -------------------------------------------------------------------------------------------------

function showConnection(state, words) {
  root.dataset.connection = state;
  const text = { open: "", connecting: "", offline: "No connection to the server. An answer that was being written goes on and appears here when the connection is back.", refused: words }[state];
  connection.hidden = !text;
  connection.replaceChildren(text ?? "");
  if (state === "refused") connection.append(" ", el("a", { href: location.href }, "Open the page again"));
}

function connect() {
  stream = new Stream(`/ws/conversations/${conversation}/`, { event: receive, state: showConnection }, page.after);
}

addEventListener("pagehide", () => {
  for (const turn of turns.all.values()) if (RUNNING.has(turn.state)) stream?.signal(turn.id, "abandoned");
});

const history = new History(part("conversations"), part("search"), page.urls.list, () => conversation, () => { location.href = page.course.url; });
history.named = (title) => {
  part("title").textContent = title;
  document.title = title;
};
history.load();
turns.load(page.turns ?? []);
if (conversation) connect();
fit();
if (location.hash.startsWith("#turn-")) { // a link to one answer, from the list of replies
  const turn = turns.all.get(location.hash.slice(6));
  if (turn) turns.choose(turn);
  follow = false;
}
render();
if (!follow) document.getElementById(location.hash.slice(1))?.scrollIntoView();
if (!isNarrow()) input.focus({ preventScroll: true });
