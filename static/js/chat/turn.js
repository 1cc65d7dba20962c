// One turn on the page: the question, its answer as it comes, notes, sources, and what can be done with it.

import { api, copyText, el, icon, toast } from "../ui.js";
import { flatten, renderMarkdown, renderPlain } from "../text/markdown.js";
import { renderAnswer, wordsOf } from "./answer.js";
import { describe, hideCard } from "./card.js";
import { askStaff, askWhy } from "./dialogs.js";
import { RUNNING } from "./turns.js";

/** What is going on before the first words come; "" from then on. */
function waitingWords(turn) {
  if (turn.state === "queued" && turn.place > 0) {
    return turn.place === 1 ? "Waiting for a free place: you are next." : `Waiting for a free place: ${turn.place - 1} before you.`;
  }
  return ["queued", "searching"].includes(turn.state) ? "Looking through the material…" : "";
}

/** Citations of a turn, one for each marker, in order. */
export function sourcesOf(turn) {
  const seen = new Map();
  for (const sentence of turn.sentences.values()) {
    for (const citation of sentence.citations) if (!seen.has(citation.marker)) seen.set(citation.marker, citation);
  }
  return [...seen.values()].sort((a, b) => a.marker - b.marker);
}

/** The answer as Markdown, with the markers after their sentences and the sources below. */
export function asMarkdown(turn) {
  const points = [...turn.text];
  const sentences = [...turn.sentences.values()].filter((sentence) => sentence.end).sort((a, b) => b.end - a.end);
  for (const { citations, end, verdict } of sentences) {
    const marks = citations.map(({ marker }) => `[${marker}]`).join("");
    const words = verdict === "unsupported" ? " (not in the material)" : verdict === "partial" ? " (partly supported)" : "";
    if (!marks && !words) continue;
    const block = /(?:```|~~~|\||\$\$)\s*$/.test(points.slice(Math.max(0, end - 8), end).join("")); // its last line must stay as it is
    points.splice(end, 0, block ? `\n\n${marks}${words}` : `${marks && ` ${marks}`}${words}`);
  }
  const sources = sourcesOf(turn).map(({ marker, label, title, quote, url }) =>
    `[${marker}] ${label || title}: “${quote.replace(/\s+/g, " ").trim()}”${url ? ` <${new URL(url, location.href).href}>` : ""}`);
  return [points.join("").trim(), ...(sources.length ? ["", sources.join("\n\n")] : [])].join("\n");
}

function iconButton(name, label, onclick, extra = {}) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...extra }, icon(name));
}

export class TurnView {
  /**
   * @param {object} turn as Turns keeps it
   * @param {object} actions {openCitation, stop, regenerate, edit, retry, choose, signal, url}
   */
  constructor(turn, actions, agentName) {
    this.turn = turn;
    this.actions = actions;
    this.question = el("div", { class: "question-text" });
    this.questionBox = el("div", { class: "question" }, el("h2", { class: "visually-hidden" }, "You asked"), this.question);
    this.state = el("p", { class: "answer-state" });
    this.text = el("div", { class: "prose answer-text" });
    this.premises = el("div", { class: "notes" }); // what is to be read before the answer
    this.notes = el("div", { class: "notes" });
    this.sources = el("div", { class: "sources" });
    this.replies = el("div", { class: "notes" });
    this.bar = el("div", { class: "answer-actions" });
    this.element = el("article", { class: "turn", id: `turn-${turn.id}` },
      this.questionBox,
      el("div", { class: "answer" }, el("h2", { class: "answer-author" }, agentName), this.premises, this.text, this.state, this.notes, this.sources, this.replies, this.bar));
    this.dirty = true;
    this.shownQuestion = null;
  }

  /** Brings the page up to the turn's state. versions: all versions of this turn. */
  render(versions) {
    const { turn } = this;
    this.element.dataset.state = turn.state;
    if (this.shownQuestion !== turn.question && !this.editing) {
      renderPlain(this.question, turn.question);
      this.shownQuestion = turn.question;
    }
    const citation = (button, entry) => {
      describe(button, entry);
      button.addEventListener("click", () => { hideCard(); this.actions.openCitation(turn, entry, button); });
    };
    renderAnswer(this.text, turn.text, [...turn.sentences.values()], citation);
    this.renderState();
    this.renderNotes();
    this.renderSources(citation);
    this.renderBar(versions);
  }

  renderState() {
    const { turn } = this;
    const busy = RUNNING.has(turn.state);
    this.text.setAttribute("aria-busy", String(busy));
    const waiting = waitingWords(turn);
    const key = `${turn.state}|${turn.error}|${turn.text === ""}|${waiting}`;
    if (this.stateKey === key) return;
    this.stateKey = key;
    this.state.className = "answer-state";
    this.state.hidden = false;
    if (turn.state === "failed") {
      this.state.classList.add("answer-error");
      this.state.replaceChildren(icon("warn"), el("span", {}, turn.error),
        el("button", { type: "button", class: "button button-small", onclick: () => this.actions.retry(turn) }, "Try again"));
    } else if (turn.state === "stopped") {
      this.state.replaceChildren(turn.text ? "You stopped this answer here." : "You stopped before an answer came.");
    } else if (waiting) {
      this.state.replaceChildren(el("span", { class: "spinner" }), waiting);
    } else if (busy) {
      this.state.replaceChildren(el("span", { class: "writing", "aria-hidden": "true" }), el("span", { class: "visually-hidden" }, "Answering…"));
    } else this.state.hidden = true;
  }

  renderNotes() {
    const { turn } = this;
    const done = !RUNNING.has(turn.state);
    const key = JSON.stringify([turn.notes, turn.asked, turn.replies, done]);
    if (this.notesKey === key) return;
    this.notesKey = key;
    const isPremise = (note) => note.kind === "premise";
    this.premises.replaceChildren(...turn.notes.filter(isPremise).map((note) => this.note(note)));
    this.notes.replaceChildren(...turn.notes.filter((note) => !isPremise(note)).map((note) => this.note(note)));
    this.replies.replaceChildren(...turn.replies.map((reply) => this.reply(reply)));
    const unanswered = turn.notes.some((note) => note.kind === "abstained");
    if (unanswered && done && turn.replies.length === 0) {
      this.notes.append(turn.asked
        ? el("p", { class: "note-quiet" }, icon("check"), "The staff has this question. The reply will appear here.")
        : el("div", {}, el("button", { type: "button", class: "button", onclick: () => this.askStaff() }, icon("hand"), "Ask the staff")));
    }
  }

  note(note) {
    const passages = note.passages?.length
      ? el("ul", { class: "passages" }, ...note.passages.map((passage) => {
        const open = el("a", { href: passage.url || null, class: "passage-link" }, passage.label || passage.title);
        open.addEventListener("click", (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          this.actions.openCitation(this.turn, passage, open);
        });
        const words = el("p", {});
        renderPlain(words, flatten(passage.text ?? ""));
        return el("li", { class: "passage" }, open, words);
      }))
      : null;
    const text = note.text ? el("div", { class: "note-text" }) : null;
    if (text) renderMarkdown(text, note.text);
    switch (note.kind) {
      case "abstained":
      case "nearest":
        return el("section", { class: "note", "data-kind": note.kind }, text,
          passages && el("h3", { class: "note-title" }, "The nearest passages"), passages);
      case "premise":
        return el("section", { class: "note", "data-kind": "premise" },
          el("h3", { class: "note-title" }, icon("info"), "The material says otherwise"), passages ?? text);
      case "truncated":
        return el("p", { class: "note-quiet" }, note.text || "The answer reached its length limit and ends here.");
      default:
        return el("div", { class: "note-quiet" }, text, passages);
    }
  }

  reply(reply) {
    const text = el("div", { class: "prose" });
    renderMarkdown(text, reply.text);
    return el("section", { class: "note", "data-kind": "reply" },
      el("h3", { class: "note-title" }, icon("check"), reply.author ? `${reply.author} answered` : "The staff answered"), text);
  }

  renderSources(citation) {
    const sources = sourcesOf(this.turn);
    const key = JSON.stringify(sources.map(({ marker, label }) => [marker, label]));
    if (this.sourcesKey === key) return;
    this.sourcesKey = key;
    this.sources.replaceChildren();
    if (sources.length === 0) return;
    this.sources.append(el("h3", { class: "sources-title" }, "Sources"), el("ol", {}, ...sources.map((entry) => {
      const button = el("button", { type: "button", class: "source" }, el("span", { class: "source-marker" }, String(entry.marker)),
        el("span", {}, entry.label || entry.title));
      citation(button, entry);
      return el("li", {}, button);
    })));
  }

  renderBar(versions) {
    const { turn } = this;
    const at = versions.indexOf(turn);
    const done = !RUNNING.has(turn.state);
    const abstained = turn.notes.some((note) => note.kind === "abstained");
    const key = JSON.stringify([turn.state, at, versions.length, turn.feedback, turn.asked, abstained]);
    if (this.barKey === key) return;
    this.barKey = key;
    const said = turn.text || turn.notes.length;
    const focused = this.bar.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const switcher = versions.length > 1
      ? el("div", { class: "versions", role: "group", "aria-label": "Versions of this answer" },
        iconButton("left", "Previous version", () => this.actions.choose(versions[at - 1], "Previous version"), { disabled: at === 0 }),
        el("span", { "aria-label": `Version ${at + 1} of ${versions.length}` }, `${at + 1}/${versions.length}`),
        iconButton("right", "Next version", () => this.actions.choose(versions[at + 1], "Next version"), { disabled: at === versions.length - 1 }))
      : null;
    if (!done) {
      this.bar.replaceChildren(...(switcher ? [switcher] : []));
      return;
    }
    const thumb = (up) => iconButton(up ? "thumb-up" : "thumb-down", up ? "A good answer" : "Not a good answer", () => this.rate(up),
      { "aria-pressed": String(turn.feedback?.up === up) });
    this.bar.replaceChildren(...[
      switcher,
      turn.text ? iconButton("copy", "Copy with sources", () => this.copy()) : null,
      said ? thumb(true) : null,
      said ? thumb(false) : null,
      iconButton("retry", "Answer again", () => this.actions.regenerate(turn)),
      iconButton("edit", "Edit the question and ask again", () => this.edit()),
      said && !turn.asked && !abstained ? iconButton("hand", "Ask the staff", () => this.askStaff()) : null,
    ].filter(Boolean));
    if (focused) this.bar.querySelector(`[aria-label="${focused}"]`)?.focus();
  }

  async copy() {
    await copyText(asMarkdown(this.turn));
    this.actions.signal(this.turn, "copied");
    toast("Copied with its sources");
  }

  async rate(up) {
    const { turn } = this;
    const reason = up ? "" : await askWhy();
    if (reason === null) return;
    try {
      await api(`${this.actions.url}turns/${turn.id}/feedback/`, { method: "POST", data: { up, reason } });
      turn.feedback = { up, reason };
      toast(up ? "Thank you." : "Thank you. The course staff sees this.");
      this.actions.changed(turn);
    } catch (error) {
      toast(error.message);
    }
  }

  async askStaff() {
    const { turn } = this;
    const comment = await askStaff(turn.question);
    if (comment === null) return;
    try {
      await api(`${this.actions.url}turns/${turn.id}/ask-staff/`, { method: "POST", data: { comment } });
      turn.asked = true;
      toast("Sent to the staff. The reply will appear here.");
      this.actions.changed(turn);
    } catch (error) {
      toast(error.message);
    }
  }

  edit() {
    if (this.editing) return;
    const area = el("textarea", { class: "textarea", "aria-label": "Your question", rows: 2, maxlength: 4000, value: this.turn.question });
    const close = () => {
      this.editing = null;
      this.shownQuestion = null;
      form.remove();
      this.question.hidden = false;
      this.actions.changed(this.turn);
    };
    const form = el("form", { class: "question-edit" }, area, el("div", { class: "form-actions" },
      el("button", { type: "submit", class: "button button-primary button-small" }, "Ask again"),
      el("button", { type: "button", class: "button button-small", onclick: close }, "Cancel")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const question = area.value.trim();
      if (!question) return;
      close();
      this.actions.edit(this.turn, question);
    });
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); close(); this.bar.querySelector("button")?.focus(); }
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
    });
    this.editing = form;
    this.question.hidden = true;
    this.questionBox.append(form);
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }

  /** The finished answer in words, for screen readers. */
  spoken() {
    const { turn } = this;
    if (turn.state === "failed") return `No answer: ${turn.error}`;
    if (turn.state === "stopped") return "Stopped.";
    const count = sourcesOf(turn).length;
    const otherwise = turn.notes.filter(({ kind }) => kind === "premise").map(({ text }) => `The material says otherwise: ${flatten(text ?? "").replace(/^> /, "")}`);
    const notes = turn.notes.filter(({ kind }) => kind !== "premise").map(({ text }) => text);
    const sources = count === 1 ? "1 source." : count ? `${count} sources.` : "";
    return `Answer: ${[...otherwise, wordsOf(this.text), ...notes, sources].filter(Boolean).join(" ")}`;
  }
}
