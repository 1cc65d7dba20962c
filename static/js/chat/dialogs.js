// Questions to the student: why an answer is not good, what to tell the staff, a conversation's new name.

import { el } from "../ui.js";

/** Shows a dialog around a form; resolves to what `read` returns on submit, or null when it is closed. */
function ask(title, body, submit, read) {
  return new Promise((resolve) => {
    let result = null;
    const dialog = el("dialog", { class: "dialog", "aria-labelledby": "ask-title" },
      el("form", { method: "dialog" },
        el("div", { class: "dialog-head" }, el("h2", { id: "ask-title" }, title)),
        el("div", { class: "dialog-body" }, ...body),
        el("div", { class: "dialog-actions" },
          el("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel"),
          el("button", { type: "submit", class: "button button-primary" }, submit))));
    dialog.addEventListener("submit", () => { result = read(); });
    dialog.addEventListener("close", () => { resolve(result); dialog.remove(); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const REASONS = ["It is wrong", "It does not answer my question", "The source does not say this", "Hard to understand", "Something else"];

export function askWhy() {
  const name = "reason";
  const radios = REASONS.map((reason) => el("label", { class: "check" }, el("input", { type: "radio", name, value: reason }), reason));
  const words = el("textarea", { class: "textarea", id: "reason-words", maxlength: 1500, rows: 3 });
  return ask("What is not good about it?",
    [el("fieldset", { class: "field" }, el("legend", { class: "visually-hidden" }, "Reason"), ...radios),
      el("div", { class: "field" }, el("label", { for: "reason-words" }, "In your words (optional)"), words)],
    "Send",
    () => [radios.map((label) => label.firstChild).find((radio) => radio.checked)?.value, words.value.trim()].filter(Boolean).join(": "));
}

export function askStaff(question) {
  const words = el("textarea", { class: "textarea", id: "staff-words", maxlength: 2000, rows: 4 });
  return ask("Ask the course staff",
    [el("p", {}, "They see your question and the answer above, and reply here."),
      el("blockquote", { class: "quoted" }, question),
      el("div", { class: "field" }, el("label", { for: "staff-words" }, "Anything to add? (optional)"), words)],
    "Send to the staff", () => words.value.trim());
}

export function askName(title) {
  const words = el("input", { class: "input", id: "new-name", maxlength: 120, value: title, required: true });
  const result = ask("Rename the conversation", [el("div", { class: "field" }, el("label", { for: "new-name" }, "Name"), words)],
    "Rename", () => words.value.trim() || null);
  words.select();
  return result;
}
