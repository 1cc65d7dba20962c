// One act of a class on the page: who, what they say as it comes, a quiz, a note, or a line about what happened.

import { el, icon } from "../ui.js";
import { renderAnswer } from "../chat/answer.js";
import { describe, hideCard } from "../chat/card.js";
import { RUNNING } from "../chat/turns.js";
import { renderMarkdown, renderPlain } from "../text/markdown.js";
import { QuizCard } from "./room-quiz.js";

const SILENT = new Set(["show", "point", "quiz", "move", "respond", "speak"]);

export const initials = (name) => name.split(/\s+/).filter(Boolean).map((word) => [...word][0]).slice(0, 2).join("").toUpperCase();

/** A name tag: square for an agent, round for a person. */
export function tag({ type, name, function: role }) {
  return el("span", { class: "tag", "data-who": type, "data-function": role || null, "aria-hidden": "true" }, initials(name));
}

/** What a move of a person, or of the class by itself, came to in words. */
function moved(turn, who) {
  const is = (kind) => turn.notes.findLast((note) => note.kind === kind);
  const now = is("state");
  if (is("people")) return `${who} ${turn.came ? "came in" : "left"}.`;
  if (is("hand")) return is("hand").up ? `${who} raised a hand.` : "";
  if (is("skipped")) return `${who} moved on from page ${is("skipped").page}.`;
  if (!now) return "";
  if (!who) return now.state === "paused" ? "The class is paused: nobody was there." : "";
  if (now.why === "back") return `${who} came back, and the class goes on.`;
  return {
    start: `${who} began the class.`,
    continue: `${who} let the class go on.`,
    pause: `${who} paused the class.`,
    end: `${who} ended the class.`,
    back: `${who} went back a page.`,
    mode: now.mode === "continuous" ? `${who} let the class go on by itself.` : `${who} lets the class wait for answers.`,
    pace: `${who} set the pace to ${now.pace}×.`,
    talk: `${who} set how much the classmates say.`,
  }[now.do] ?? "";
}

export class ActView {
  /** @param {object} turn @param {import("./room-acts.js").Acts} acts @param {object} actions {open, openAct, answer, keep, roleOf} */
  constructor(turn, acts, actions) {
    Object.assign(this, { turn, acts, actions, dirty: true });
    this.turning = el("p", { class: "turning", hidden: true });
    this.line = el("p", { class: "event", hidden: true });
    this.words = el("div", { class: "act-words" });
    this.text = el("div", { class: "prose act-text" });
    this.state = el("p", { class: "act-state", hidden: true });
    this.extra = el("div", { class: "act-extra" });
    this.asked = el("p", { class: "asked", hidden: true });
    this.body = el("div", { class: "act-body" }, this.words, this.text, this.state, this.extra, this.asked);
    this.speech = el("article", { class: "act" }, this.body);
    this.element = el("li", { id: `act-${turn.id}`, tabindex: "-1" }, this.turning, this.line, this.speech);
  }

  /** @param {ActView|null} before the view above this one that shows speech, with nothing between */
  render(joined) {
    const { turn, acts } = this;
    const mine = acts.isMine(turn);
    if (!this.named && turn.who) {
      this.named = true;
      const { name } = turn.who;
      this.speech.dataset.who = turn.who.type;
      this.speech.dataset.act = turn.act;
      this.speech.toggleAttribute("data-mine", mine);
      this.speech.setAttribute("aria-label", mine ? "You" : name);
      this.speech.prepend(tag(turn.who), el("p", { class: "act-head" }, el("span", { class: "act-name" }, mine ? "You" : name),
        el("span", { class: "act-role" }, turn.who.type === "agent" ? this.actions.roleOf(turn.who.function) : turn.who.function === "staff" ? "Course staff" : "")));
      this.speech.querySelector(".act-head").after(this.body);
    }
    this.renderWords();
    this.renderState();
    this.renderNotes();
    this.renderQuestion();
    this.speech.toggleAttribute("data-joined", joined);
    this.speech.hidden = !this.speaks;
    this.element.hidden = this.speech.hidden && this.turning.hidden && this.line.hidden;
  }

  get speaks() {
    return Boolean(this.turn.text || this.words.textContent || !this.state.hidden || this.extra.childElementCount);
  }

  renderWords() {
    const { turn } = this;
    const said = turn.act === "speak" ? turn.question : "";
    if (this.said !== said) {
      this.said = said;
      renderPlain(this.words, said);
    }
    this.words.hidden = !said;
    this.text.setAttribute("aria-busy", String(RUNNING.has(turn.state)));
    if (turn.act === "move" || turn.act === "respond") return; // said in a line
    renderAnswer(this.text, turn.text, [...turn.sentences.values()], (button, citation) => {
      describe(button, citation);
      button.addEventListener("click", () => { hideCard(); this.actions.open(citation.url, button, { turn, citation }); });
    }, { extracted: turn.act !== "answer" });
  }

  renderState() {
    const { turn } = this;
    const key = `${turn.state}|${turn.text === ""}|${turn.error}`;
    if (this.stateKey === key) return;
    this.stateKey = key;
    this.state.className = "act-state";
    this.state.hidden = false;
    if (turn.state === "failed") {
      this.state.classList.add("act-error");
      this.state.replaceChildren(icon("warn"), turn.error);
    } else if (turn.state === "stopped" && turn.text) this.state.replaceChildren("Broke off here.");
    else if (RUNNING.has(turn.state) && !SILENT.has(turn.act)) {
      const looks = turn.act === "answer" && !turn.text;
      this.state.replaceChildren(el("span", { class: "writing", "aria-hidden": "true" }), looks ? "Looks through the material…" : "");
    } else {
      this.state.hidden = true;
      this.state.replaceChildren();
    }
  }

  renderNotes() {
    const { turn, acts } = this;
    const notes = turn.notes.length;
    const key = JSON.stringify([notes, turn.state, turn.notes.map((note) => note.kind === "notebook" && acts.notes.get(note.note)?.kept)]);
    if (this.notesKey === key) return;
    this.notesKey = key;
    const place = turn.notes.find((note) => note.kind === "place");
    this.turning.hidden = !place;
    if (place) this.turning.replaceChildren(el("span", {}, `Page ${place.page}${place.title ? ` · ${place.title}` : ""}`));
    const who = acts.isMine(turn) ? "You" : turn.who?.name ?? "";
    const skipped = turn.notes.filter((note) => note.kind === "skipped" && turn.act !== "move").map((note) => `Page ${note.page} is left out: ${note.reason}`);
    const happened = { move: () => moved(turn, who), respond: () => (acts.isMine(turn) ? "" : `${who} answered.`) }[turn.act]?.() ?? "";
    const words = [happened, ...skipped].filter(Boolean).join(" ");
    this.line.hidden = !words;
    this.line.textContent = words;
    for (const note of turn.notes) {
      if (note.kind === "quiz" && !this.quiz) {
        this.quiz = new QuizCard(acts.quizzes.find((quiz) => quiz.turn === turn), this.actions);
        this.extra.append(this.quiz.element);
      } else if (note.kind === "notebook" && !this.noted?.has(note.note)) {
        (this.noted ??= new Map()).set(note.note, this.noteRow(note));
        this.extra.append(this.noted.get(note.note));
      } else if (["abstained", "premise", "nearest"].includes(note.kind) && note.text && !note.shown) {
        note.shown = true;
        const text = el("div", { class: "note-text" });
        renderMarkdown(text, note.text);
        this.extra.append(el("div", { class: "note", "data-kind": note.kind }, text));
      }
    }
    for (const [id, row] of this.noted ?? []) row.sync(acts.notes.get(id));
  }

  noteRow(note) {
    const text = el("p", {});
    renderPlain(text, note.text);
    const button = el("button", { type: "button", class: "button button-small", onclick: () => this.actions.keep(note.note) });
    const row = el("div", { class: "noted" }, text, button);
    row.sync = (now) => {
      button.setAttribute("aria-pressed", String(Boolean(now?.kept)));
      button.replaceChildren(...(now?.kept ? [icon("check"), "Kept"] : ["Keep"]));
      button.setAttribute("aria-label", now?.kept ? "Kept. Do not keep this note" : "Keep this note");
    };
    this.text.hidden = true; // the note itself says it
    return row;
  }

  renderQuestion() {
    const { turn, acts } = this;
    const question = acts.questions.get(turn.id);
    const key = question ? `${question.state}|${question.answer}` : "";
    if (this.askedKey === key) return;
    this.askedKey = key;
    this.asked.hidden = !question;
    if (!question) return;
    const words = { open: ["running", "Open question"], answered: ["done", "Answered"], escalated: ["scheduled", "With the course staff"] }[question.state];
    this.asked.replaceChildren(el("span", { class: "badge", "data-state": words[0] }, words[1]),
      question.state === "answered" && question.answer
        ? el("button", { type: "button", class: "link-button", onclick: () => this.actions.openAct(question.answer) }, "To the answer") : "");
  }

  renderQuiz(over) {
    this.quiz?.render(this.acts.gradeOf(this.quiz.quiz), over);
  }

  /** The finished act in words, for screen readers. */
  spoken(wordsOf) {
    const { turn } = this;
    if (!this.line.hidden) return this.acts.isMine(turn) ? "" : this.line.textContent;
    const who = turn.who?.name ?? "";
    if (this.quiz) return `Quiz: ${this.quiz.quiz.prompt}`;
    if (turn.act === "speak") return this.acts.isMine(turn) ? "" : `${who}: ${turn.question}`;
    const words = this.noted ? turn.notes.filter((note) => note.kind === "notebook").map((note) => `Note: ${note.text}`).join(" ") : wordsOf(this.text);
    const failed = turn.state === "failed" ? turn.error : "";
    const turned = this.turning.hidden ? "" : `${this.turning.textContent}. `;
    return words || failed || turned ? `${turned}${words || failed ? `${who}: ${words} ${failed}` : ""}`.trim() : "";
  }
}
