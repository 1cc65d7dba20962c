// What stands beside the dialogue: notes, one's questions, who is here, and the summary when the class is over.

import { el, icon } from "../ui.js";
import { renderPlain } from "../text/markdown.js";
import { tag } from "./room-act.js";

const QUESTION = {
  open: ["running", "Open"], answered: ["done", "Answered"], escalated: ["scheduled", "With the course staff"],
};
const OUTCOMES = { right: ["ok", "Right"], partial: ["warn", "Partly right"], wrong: ["bad", "Not right"] };

function words(text) {
  const node = el("p", { class: "row-words" });
  renderPlain(node, text);
  return node;
}

const empty = (text) => el("p", { class: "list-empty" }, text);

/** Replaces what `root` shows when `key` changed, keeping the focus on the same control. */
function fill(root, key, make) {
  const now = JSON.stringify(key);
  if (root.shownKey === now) return;
  root.shownKey = now;
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  root.replaceChildren(...make());
  if (focused) root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

export function renderNotes(root, acts, actions) {
  const notes = [...acts.notes.values()];
  fill(root, notes, () => {
    if (!notes.length) return [empty("The note taker writes down what matters. Keep what you want; it can be exported at any time.")];
    const kept = notes.filter((note) => note.kept).length;
    return [
      el("div", { class: "list-head" }, el("span", {}, kept ? `${kept} of ${notes.length} kept` : "None kept yet: the export has all of them."),
        el("a", { class: "button button-small", href: actions.urls.notes, download: true, "data-key": "export" }, icon("download"), kept ? "Export what I kept" : "Export all")),
      el("ul", { class: "rows" }, ...notes.map((note) => el("li", {},
        el("span", { hidden: true }),
        el("div", {}, words(note.text), el("div", { class: "row-foot" }, note.page ? `Page ${note.page}` : "",
          note.url ? el("button", { type: "button", class: "link-button", "data-key": `source-${note.id}`, onclick: (event) => actions.open(note.url, event.currentTarget) }, "Source") : "")),
        el("button", { type: "button", class: "button button-small", "aria-pressed": String(Boolean(note.kept)), "data-key": `keep-${note.id}`, onclick: () => actions.keep(note.id) },
          ...(note.kept ? [icon("check"), "Kept"] : ["Keep"]))))),
    ];
  });
}

/** My questions, newest first. */
export function myQuestions(acts) {
  return [...acts.questions.values()].map((question) => ({ ...question, asked: acts.all.get(question.turn) }))
    .filter(({ asked }) => asked && acts.isMine(asked)).sort((a, b) => b.asked.ordinal - a.asked.ordinal);
}

export function renderQuestions(root, acts, actions) {
  const questions = myQuestions(acts);
  fill(root, questions.map(({ turn, state, answer }) => [turn, state, answer]), () => {
    if (!questions.length) return [empty("Ask at any time. A question comes before everything else, and the class does not move on until it is answered or handed to the course staff.")];
    return [el("ul", { class: "rows" }, ...questions.map(({ turn, state, answer, asked }) => el("li", {},
      el("span", { class: "badge", "data-state": QUESTION[state][0] }, QUESTION[state][1]),
      el("div", {}, words(asked.question), el("div", { class: "row-foot" },
        el("button", { type: "button", class: "link-button", "data-key": turn, onclick: () => actions.openAct(turn) }, "Where I asked"),
        answer ? el("button", { type: "button", class: "link-button", "data-key": answer, onclick: () => actions.openAct(answer) }, "The answer") : "",
        state === "escalated" ? el("span", {}, "The reply comes to your ", el("a", { href: actions.urls.replies }, "replies"), ".") : "")))))];
  });
}

function faceOf(entry, speaking) {
  const face = tag(entry);
  face.toggleAttribute("data-speaking", speaking);
  face.toggleAttribute("data-away", entry.type === "person" && !entry.here);
  if (entry.hand) face.append(el("span", { class: "tag-hand" }, icon("raise")));
  return face;
}

function everybody(acts) {
  const people = [...acts.people.values()].map((person) => ({ type: "person", ...person, here: person.here || person.id === acts.me }));
  return [...acts.page.agents.map((agent) => ({ type: "agent", ...agent, here: true })), ...people];
}

export function renderFaces(root, acts) {
  const speaker = acts.speaking?.who;
  const here = everybody(acts).filter((entry) => entry.here);
  fill(root, [here.map(({ type, id, hand }) => [type, id, hand]), speaker?.id, speaker?.type], () => here.slice(0, 10).map((entry) => {
    const speaking = speaker?.type === entry.type && speaker.id === entry.id;
    const state = [entry.role, speaking && "speaking", entry.hand && "hand raised"].filter(Boolean).join(", ");
    return el("li", { title: `${entry.name}${state ? `, ${state}` : ""}` }, faceOf(entry, speaking), el("span", { class: "visually-hidden" }, `${entry.name}${state ? `, ${state}` : ""}`));
  }));
  return here.length;
}

export function renderHere(root, acts, actions) {
  const speaker = acts.speaking?.who;
  const all = everybody(acts);
  const { talk, state } = acts.now;
  fill(root, [all, speaker?.id, state, talk], () => [
    el("ul", { class: "rows" }, ...all.map((entry) => el("li", {}, faceOf(entry, speaker?.type === entry.type && speaker.id === entry.id),
      el("div", {}, el("strong", {}, entry.name), entry.type === "person" && entry.id === acts.me ? " (you)" : "",
        el("div", { class: "row-foot" }, [entry.role ?? "Student", entry.hand && "hand raised", !entry.here && "not here right now"].filter(Boolean).join(" · ")),
        entry.character ? el("p", { class: "small muted" }, entry.character) : "")))),
    actions.talk && state !== "ended" && acts.page.agents.some(({ function: role }) => !["teaching", "assisting"].includes(role))
      ? el("label", { class: "field" }, "How much the classmates say", el("select", { class: "select", "data-key": "talk", onchange: (event) => actions.talk(Number(event.target.value)) },
        ...Object.entries(acts.page.talk).map(([share, word]) => el("option", { value: share, selected: Number(share) === talk }, word)))) : "",
    actions.mayEnd && acts.now.state !== "ended"
      ? el("p", {}, el("button", { type: "button", class: "button button-small button-danger", "data-key": "end", onclick: actions.end }, "End the class for good")) : "",
  ]);
}

/** What the class came to. */
export function renderOver(root, acts, actions) {
  const mine = myQuestions(acts);
  const kept = [...acts.notes.values()].filter((note) => note.kept).length;
  const pages = new Set(acts.sorted().flatMap((turn) => turn.notes.filter((note) => note.kind === "place").map((note) => note.page))).size;
  const right = acts.grades.filter((grade) => grade.outcome === "right").length;
  fill(root, [pages, acts.grades.length, right, mine.map(({ state }) => state), acts.notes.size, kept], () => {
    const figure = (value, label) => el("li", { class: "stat" }, el("span", { class: "stat-value" }, String(value)), el("span", { class: "stat-label" }, label));
    const later = mine.filter(({ state }) => state !== "answered");
    return [
      el("h2", { id: "over-title" }, "The class is over"),
      el("ul", { class: "stats" }, figure(`${pages}`, pages === 1 ? "page seen" : "pages seen"), figure(`${right}/${acts.grades.length}`, "quiz answers right"),
        figure(mine.length, mine.length === 1 ? "question asked" : "questions asked"), figure(acts.notes.size, kept ? `notes, ${kept} kept` : "notes")),
      acts.grades.length ? el("div", {}, el("h3", {}, "Quiz"), el("ul", { class: "rows" }, ...acts.grades.map((grade) => {
        const quiz = acts.quizzes.find(({ item }) => item === grade.item);
        const [state, word] = OUTCOMES[grade.outcome] ?? ["", grade.outcome];
        return el("li", {}, el("span", { class: "badge", "data-state": state }, word), words(quiz?.prompt ?? ""));
      }))) : "",
      later.length ? el("p", { class: "small" }, `${later.length === 1 ? "One question" : `${later.length} questions`} went to the course staff; the reply comes to your `, el("a", { href: actions.urls.replies }, "replies"), ".") : "",
      el("div", { class: "cluster" },
        actions.urls.knowledge ? el("a", { class: "button button-primary", href: actions.urls.knowledge }, "What you know") : "",
        acts.notes.size ? el("a", { class: "button", href: actions.urls.notes, download: true }, icon("download"), "Notes") : "",
        el("a", { class: "button", href: actions.urls.lobby }, "To the classrooms")),
    ];
  });
}
