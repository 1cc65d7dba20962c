// A quiz card: the question, my answer, and what became of it.

import { el, icon } from "../ui.js";
import { renderMarkdown, renderPlain } from "../text/markdown.js";

const OUTCOMES = { right: "Right", partial: "Partly right", wrong: "Not right" };

function plain(tag, attributes, text) {
  const node = el(tag, attributes);
  renderPlain(node, text);
  return node;
}

export class QuizCard {
  /** @param {object} quiz @param {{answer: (quiz, response) => Promise<void>, open: (url, label, button) => void}} actions */
  constructor(quiz, actions) {
    this.quiz = quiz;
    this.actions = actions;
    this.result = el("div", { class: "quiz-result", hidden: true });
    this.submit = el("button", { type: "submit", class: "button button-primary", disabled: true }, "Answer");
    this.error = el("p", { class: "field-error", role: "alert", hidden: true });
    this.element = el("form", { class: "quiz", "aria-label": "Quiz question" }, this.field(), this.error, el("div", {}, this.submit), this.result);
    this.element.addEventListener("input", () => { this.submit.disabled = !this.response; });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
  }

  field() {
    const { quiz } = this;
    const name = `quiz-${quiz.turn.id}`;
    if (quiz.kind === "choice") {
      this.inputs = quiz.options.map((option, n) => el("input", { type: "radio", name, value: String(n) }));
      return el("fieldset", {}, plain("legend", { class: "quiz-prompt" }, quiz.prompt),
        ...quiz.options.map((option, n) => el("label", { class: "choice" }, this.inputs[n], plain("span", {}, option))));
    }
    const long = quiz.kind === "explain";
    this.inputs = [el(long ? "textarea" : "input", { class: long ? "textarea" : "input", id: name, maxlength: long ? 4000 : 300, autocomplete: "off", rows: long ? 3 : null })];
    if (long) this.inputs[0].addEventListener("keydown", (event) => { if (event.key === "Enter" && event.ctrlKey) this.element.requestSubmit(); });
    return el("div", { class: "field" }, plain("label", { class: "quiz-prompt", for: name }, quiz.prompt), this.inputs[0],
      el("p", { class: "field-hint" }, long ? "A sentence or two, in your own words." : "A word, a name or a number."));
  }

  get response() {
    if (this.quiz.kind !== "choice") return this.inputs[0].value.trim();
    const at = this.inputs.findIndex((input) => input.checked);
    return at < 0 ? "" : this.quiz.options[at];
  }

  lock(locked) {
    for (const input of this.inputs) input.disabled = locked;
    this.submit.disabled = locked || !this.response;
  }

  async send() {
    if (!this.response) return;
    const { response } = this;
    const had = this.element.contains(document.activeElement);
    this.lock(true);
    this.error.hidden = true;
    this.submit.textContent = "Checking…";
    try {
      await this.actions.answer(this.quiz, response, had);
    } catch (error) {
      this.error.textContent = error.message;
      this.error.hidden = false;
      this.submit.textContent = "Answer";
      this.lock(false);
    }
  }

  /** Shows my grade; over: the class has ended or gone on without my answer. */
  render(grade, over) {
    if (grade && this.shown !== grade) {
      this.shown = grade;
      this.lock(true);
      this.submit.hidden = true;
      if (this.quiz.kind === "choice") {
        this.quiz.options.forEach((option, n) => {
          const chosen = option === grade.response;
          this.inputs[n].checked = chosen;
          this.inputs[n].parentElement.toggleAttribute("data-chosen", chosen);
        });
      } else this.inputs[0].value = grade.response;
      const feedback = el("div", {});
      renderMarkdown(feedback, grade.feedback ?? "");
      const source = grade.url ? el("button", { type: "button", class: "source", onclick: (event) => this.actions.open(grade.url, event.currentTarget) },
        icon("book"), "Where the material says so") : null;
      this.result.dataset.outcome = grade.outcome;
      this.again = grade.outcome === "right" || over ? null
        : el("button", { type: "button", class: "button button-small", onclick: () => this.reopen() }, icon("retry"), "Try again");
      this.result.replaceChildren(...[el("strong", {}, OUTCOMES[grade.outcome] ?? grade.outcome), feedback,
        el("div", { class: "cluster" }, ...[source, this.again].filter(Boolean))].filter(Boolean));
      this.result.hidden = false;
    } else if (grade && over) {
      this.again?.remove();
      if (!this.submit.hidden) this.lock(true); // it was being tried again
    } else if (!grade && over && !this.closed) {
      this.closed = true;
      this.lock(true);
      this.submit.hidden = true;
      this.result.hidden = false;
      this.result.replaceChildren("Not answered.");
    }
  }

  reopen() {
    this.result.hidden = true;
    this.submit.hidden = false;
    this.submit.textContent = "Answer";
    this.lock(false);
    this.focus();
    this.inputs[0].select?.(); // what is typed takes the place of the first try
  }

  focus() {
    (this.inputs.find((input) => input.checked) ?? this.inputs[0]).focus();
  }

  /** The grade in words, for screen readers. */
  spoken() {
    return `${OUTCOMES[this.shown.outcome] ?? ""}. ${this.result.textContent}`;
  }
}
