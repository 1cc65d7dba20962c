// A class: the stream, the dialogue, the material beside it, what a student says and does, put together.

import { announce, api, confirmDialog, el, icon, toast } from "../ui.js";
import { wordsOf } from "../chat/answer.js";
import { Stream } from "../chat/socket.js";
import { RUNNING } from "../chat/turns.js";
import { ActView } from "./room-act.js";
import { Acts, PACES } from "./room-acts.js";
import { renderFaces, renderHere, renderNotes, renderOver, renderQuestions, myQuestions } from "./room-lists.js";
import { Stage } from "./room-stage.js";

const STATES = { open: ["queued", "Not begun"], running: ["running", "Going on"], paused: ["stopped", "Paused"], ended: ["done", "Over"] };

const root = document.getElementById("room");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const page = JSON.parse(document.getElementById("room-page").textContent);
const { urls } = page;

const acts = new Acts(page);
const views = new Map();
const stage = new Stage(part("viewer"), part("elsewhere"));
const log = part("log");
const scroller = part("scroller");
const jump = part("jump");
const form = part("composer");
const input = form.querySelector("textarea");
const say = part("speak");
const ask = part("ask");
const spoken = part("spoken");
const length = part("length");
const connection = part("connection");
let follow = true;
let frame = 0;
let stream = null;

// --- what a person does -------------------------------------------------------------------------------------------

/** One thing done; throws in words where the class refuses. */
const perform = (data) => api(urls.act, { method: "POST", data });

/** The same, with the refusal shown. True when it was done. */
async function attempt(data) {
  try {
    await perform(data);
    return true;
  } catch (error) {
    toast(error.message, null, 8);
    return false;
  }
}

let leaving = false;

const actions = {
  urls,
  mayEnd: page.may_end,
  talk: page.leads ? (share) => attempt({ do: "talk", talkativeness: share }) : null,
  roleOf: (name) => page.functions[name] ?? "",
  open: (url, button, cited = null) => {
    if (!url) {
      toast("This source is not in the course any more.");
      return;
    }
    for (const chip of root.querySelectorAll(".cite[data-open]")) delete chip.dataset.open;
    button.dataset.open = "";
    if (cited) stream.signal(cited.turn.id, "citation_opened", { passage: cited.citation.passage ?? null, marker: cited.citation.marker ?? null });
    stage.open(url, button);
  },
  openAct: (id) => {
    const view = views.get(id);
    if (!view) return;
    document.getElementById("tab-talk").click();
    follow = false;
    view.element.scrollIntoView({ block: "center" });
    view.speech.removeAttribute("data-flash");
    requestAnimationFrame(() => view.speech.setAttribute("data-flash", ""));
    view.element.focus({ preventScroll: true });
  },
  answer: async (quiz, response, had) => {
    await perform({ do: "answer", item: quiz.item, response });
    if (had) input.focus({ preventScroll: true }); // the card is locked now: the focus must not get lost
  },
  keep: async (id) => {
    const note = acts.notes.get(id);
    if (!note) return;
    try {
      const { kept } = await api(urls.keep.replace(/0\/keep\/$/, `${id}/keep/`), { method: note.kept ? "DELETE" : "POST" });
      note.kept = kept;
      announce(kept ? "Kept" : "Not kept any more");
    } catch (error) {
      toast(error.message);
    }
    if (views.has(note.turn)) views.get(note.turn).dirty = true;
    schedule();
  },
  end: async () => {
    if (await confirmDialog("The class ends for everybody in it and cannot be continued. To come back later, leave instead.", { title: "End the class?", yes: "End it" })) attempt({ do: "end" });
  },
};

const CONTROLS = {
  back: () => ({ do: "back" }),
  skip: () => ({ do: "skip" }),
  pause: () => ({ do: { running: "pause", paused: "continue", open: "start" }[acts.now.state] }),
  slower: () => ({ do: "pace", pace: PACES.findLast((pace) => pace < acts.now.pace) ?? PACES[0] }),
  faster: () => ({ do: "pace", pace: PACES.find((pace) => pace > acts.now.pace) ?? PACES.at(-1) }),
  hand: () => ({ do: "hand", up: !acts.people.get(acts.me)?.hand }),
};

root.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button && CONTROLS[button.dataset.do]) attempt(CONTROLS[button.dataset.do]());
});
root.addEventListener("change", async (event) => {
  if (event.target.dataset.do === "mode" && !(await attempt({ do: "mode", mode: event.target.value }))) renderControls();
});

part("leave").addEventListener("click", async (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  leaving = true;
  await Promise.race([perform({ do: "leave" }).catch(() => null), new Promise((resolve) => { setTimeout(resolve, 2000); })]);
  location.href = event.target.closest("a").href;
});

// --- speaking -----------------------------------------------------------------------------------------------------

function fit() {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight, innerHeight * 0.3)}px`;
  const over = input.value.trim().length > page.longest;
  const words = over ? `That has ${input.value.trim().length.toLocaleString("en")} characters; ${page.longest.toLocaleString("en")} fit into what is said at once. Shorten it, or say it in parts.` : "";
  if (length.textContent !== words) length.textContent = words;
  length.hidden = !over;
  input.setAttribute("aria-invalid", String(over));
  say.disabled = ask.disabled = over || !input.value.trim();
}

let sending = false;
async function speak(question) {
  const text = input.value.trim();
  if (!text || sending || text.length > page.longest) return;
  sending = true;
  input.value = "";
  fit();
  input.focus();
  follow = true;
  if (!(await attempt({ do: "speak", text, question })) && !input.value) input.value = text;
  sending = false;
  fit();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  speak(null);
});
ask.addEventListener("click", () => speak(true));
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  speak(event.ctrlKey || event.metaKey ? true : null);
});
input.addEventListener("input", fit);

// --- what happens -------------------------------------------------------------------------------------------------

const past = new Set(Object.keys(page.acts)); // acts that the page came after: not told again

/** Says what has just been said, to screen readers. */
function tell(words) {
  if (!words) return;
  spoken.append(el("p", {}, words));
  while (spoken.childElementCount > 4) spoken.firstElementChild.remove();
}

function receive(event) {
  if (leaving) return;
  const turn = acts.apply(event);
  if (!turn) {
    if (event.type === "error" && event.message) toast(event.message);
    return;
  }
  let view = views.get(turn.id);
  if (!view) {
    view = new ActView(turn, acts, actions);
    views.set(turn.id, view);
  }
  view.dirty = true;
  if (event.type === "note" && event.kind === "question") for (const other of views.values()) other.dirty = true;
  if (!past.has(turn.id)) {
    if (event.type === "note" && event.kind === "graded" && acts.isMine(turn)) {
      view.pendingGrade = true;
    } else if (event.type === "note" && event.kind === "state") tell(stateWords());
    if (["end", "stopped", "error"].includes(event.type)) view.pendingWords = true;
  } else if (["text", "start"].includes(event.type)) past.delete(turn.id); // it was still being said when the page came
  schedule();
}

function stateWords() {
  return { running: "The class goes on.", paused: "The class is paused.", ended: "The class is over." }[acts.now.state] ?? "";
}

function schedule() {
  frame ||= requestAnimationFrame(render);
}

function render() {
  frame = 0;
  let above = null;
  let place = null;
  for (const turn of acts.sorted()) {
    const view = views.get(turn.id);
    if (!view || !turn.who) continue;
    const joined = Boolean(above && turn.who.type === "agent" && above.turn.who.type === "agent" && above.turn.who.id === turn.who.id);
    if (view.dirty || view.joined !== joined) {
      view.dirty = false;
      view.joined = joined;
      view.render(joined);
    }
    if (view.quiz) view.renderQuiz(acts.now.state === "ended" || acts.since.place > turn.ordinal);
    const next = place ? place.nextSibling : log.firstChild;
    if (next !== view.element) log.insertBefore(view.element, next);
    place = view.element;
    if (!view.turning.hidden || !view.line.hidden) above = null;
    if (!view.speech.hidden) above = view;
    if (view.pendingWords) {
      view.pendingWords = false;
      tell(view.spoken(wordsOf));
    }
    if (view.pendingGrade) {
      view.pendingGrade = false;
      const card = [...views.values()].findLast((other) => other.quiz?.shown?.turn === turn)?.quiz;
      if (card) tell(card.spoken());
    }
  }
  renderHead();
  renderControls();
  renderSides();
  renderPrompt();
  stage.follow(acts.now.place, acts.now.point);
  if (follow) scroller.scrollTop = scroller.scrollHeight;
  showJump();
}

function renderHead() {
  const { place, state } = acts.now;
  root.dataset.state = state;
  const [kind, words] = STATES[state] ?? ["", state];
  const badge = part("state");
  badge.dataset.state = kind;
  badge.textContent = acts.waiting && state === "running" ? "Waits for your answer" : words;
  if (!place) return;
  const section = Array.isArray(place.section) ? place.section.join(" › ") : place.section;
  part("where").textContent = [section, place.title].filter((text, n, all) => text && all.indexOf(text) === n).join(" › ");
  part("count").textContent = `Page ${place.page} of ${place.pages}`;
  const bar = part("progress");
  bar.max = place.pages;
  bar.value = place.page - (state === "ended" ? 0 : 1);
}

function renderControls() {
  const { state, mode, pace } = acts.now;
  const over = state === "ended";
  const [name, words] = { paused: ["play", "Continue"], open: ["play", "Begin"] }[state] ?? ["pause", "Pause"];
  for (const button of root.querySelectorAll('button[data-do="pause"]')) {
    if (button.dataset.shows !== words) {
      button.dataset.shows = words;
      if (button.matches(".icon-button")) {
        button.replaceChildren(icon(name));
        button.setAttribute("aria-label", words);
      } else button.replaceChildren(icon(name), el("span", {}, words));
      button.classList.toggle("button-primary", state !== "running" && !over && button.matches(".button"));
    }
  }
  for (const button of root.querySelectorAll("[data-do]")) button.disabled = over || (state === "open" && ["back", "skip"].includes(button.dataset.do));
  for (const button of root.querySelectorAll('[data-do="slower"]')) button.disabled ||= pace <= PACES[0];
  for (const button of root.querySelectorAll('[data-do="faster"]')) button.disabled ||= pace >= PACES.at(-1);
  for (const shown of root.querySelectorAll('[data-show="pace"]')) shown.textContent = `${pace}×`;
  for (const select of root.querySelectorAll('[data-do="mode"]')) if (document.activeElement !== select || select.value !== mode) select.value = mode;
  const up = Boolean(acts.people.get(acts.me)?.hand);
  const hand = root.querySelector('[data-do="hand"]');
  hand.setAttribute("aria-pressed", String(up));
  hand.setAttribute("aria-label", up ? "Take your hand down" : "Raise your hand");
  hand.title = hand.getAttribute("aria-label");
  part("dock").hidden = over && connection.hidden;
  form.hidden = over;
  for (const controls of root.querySelectorAll(".controls")) controls.hidden = over;
}

function renderSides() {
  const count = (name, number) => { root.querySelector(`[data-show="${name}"]`).textContent = number ? String(number) : ""; };
  renderNotes(part("notes"), acts, actions);
  renderQuestions(part("questions"), acts, actions);
  renderHere(part("here"), acts, actions);
  count("notes", acts.notes.size);
  count("questions", myQuestions(acts).length);
  count("here", renderFaces(part("faces"), acts));
  const over = part("over");
  if (acts.now.state !== "ended") return;
  renderOver(over, acts, actions);
  if (!over.hidden) return;
  over.hidden = false;
  document.getElementById("tab-talk").click();
  follow = false;
  over.scrollIntoView({ block: "start" });
  over.focus({ preventScroll: true }); // where the composer was there is nothing any more
}

/** What is expected of the student now, above the composer. */
function renderPrompt() {
  const prompt = part("prompt");
  const { state } = acts.now;
  const key = `${state}|${acts.waiting?.turn.id ?? ""}`;
  if (prompt.dataset.key === key) return;
  prompt.dataset.key = key;
  const button = (words, onclick, primary = true) => el("button", { type: "button", class: `button button-small${primary ? " button-primary" : ""}`, onclick }, words);
  const go = { open: ["Begin", "start"], paused: ["Continue", "continue"] }[state];
  const quiz = acts.waiting;
  const words = [{ open: "The class has not begun.", paused: "The class is paused." }[state], quiz && "A quiz question waits for you."].filter(Boolean);
  const buttons = [
    quiz && button("Answer it", () => {
      document.getElementById("tab-talk").click();
      views.get(quiz.turn.id).element.scrollIntoView({ block: "center" });
      views.get(quiz.turn.id).quiz.focus();
    }),
    go && button(go[0], () => attempt({ do: go[1] }), !quiz),
  ].filter(Boolean);
  const had = prompt.contains(document.activeElement);
  prompt.hidden = !buttons.length;
  prompt.replaceChildren(el("span", {}, words.join(" ")), el("span", { class: "cluster" }, ...buttons));
  if (had) input.focus({ preventScroll: true });
}

// --- scrolling ----------------------------------------------------------------------------------------------------

const distance = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
function showJump() {
  jump.hidden = distance() < 120;
}
scroller.addEventListener("scroll", () => {
  follow = distance() < 48;
  showJump();
}, { passive: true });
new ResizeObserver(() => { if (follow) scroller.scrollTop = scroller.scrollHeight; }).observe(scroller);
jump.addEventListener("click", () => {
  follow = true;
  scroller.scrollTop = scroller.scrollHeight;
  input.focus();
});

// --- connection ---------------------------------------------------------------------------------------------------

function showConnection(state, words) {
  if (leaving) return;
  root.dataset.connection = state;
  const text = { open: "", connecting: "", offline: "No connection to the class. It catches up here when the connection is back.", refused: words }[state];
  connection.hidden = !text;
  connection.replaceChildren(text ?? "");
  if (state === "refused") connection.append(" ", el("a", { href: location.href }, "Open the page again"));
}

fit();
render();
if (!matchMedia("(max-width: 60rem)").matches) input.focus({ preventScroll: true });
await attempt({ do: "here" }); // whoever left takes their seat again, before the stream asks who may follow it
stream = new Stream(page.socket, { event: receive, state: showConnection });
if (page.classroom.state === "open" && !page.classroom.shared) attempt({ do: "start" });
