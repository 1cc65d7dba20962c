// The small forms with which a script is edited: a sentence, an action, a region, an item, a page.

import { api, el, icon, toast } from "../ui.js";

/** Turns a line into a form. save(text) resolves to true once it is saved. */
export function writeLine(line, save) {
  if (line.querySelector(".script-form")) return;
  const kept = [...line.childNodes];
  const text = el("textarea", { class: "textarea", rows: 3, maxlength: 2000, "aria-label": "What is said" });
  text.value = line.dataset.text;
  const close = () => { line.replaceChildren(...kept); line.focus(); };
  const form = el("form", { class: "script-form stack-s" }, text,
    el("p", { class: "small muted" }, "What it states is checked against the material when you save."),
    el("div", { class: "cluster" },
      el("button", { class: "button button-small button-primary", type: "submit" }, "Save"),
      el("button", { class: "button button-small button-quiet", type: "button", onclick: close }, "Cancel")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    if (!(await save(text.value))) button.disabled = false;
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.stopPropagation(); close(); }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  });
  line.replaceChildren(form);
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

/** A dialog around fields; save(fields) sends and resolves to the new page, or null when refused. */
function ask(title, fields, save, yes = "Save") {
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": "ask-title" },
    el("form", { class: "form" },
      el("div", { class: "dialog-head" }, el("h2", { id: "ask-title" }, title),
        el("button", { class: "icon-button", type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
      el("div", { class: "dialog-body stack-s" }, ...fields),
      el("div", { class: "dialog-actions" },
        el("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"),
        el("button", { class: "button button-primary", type: "submit" }, yes))));
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await save()) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function field(label, control, hint = "") {
  const id = `f-${Math.random().toString(36).slice(2)}`;
  control.id = id;
  return el("div", { class: "field" }, el("label", { for: id }, label), control, hint ? el("p", { class: "field-hint" }, hint) : null);
}

/** Title, description and section of a page. */
export function editPage(page, send) {
  const title = el("input", { class: "input", maxlength: 200, required: true, value: page.dataset.title });
  const description = el("textarea", { class: "textarea", rows: 4, maxlength: 2000, value: page.dataset.description });
  const section = el("input", { class: "input", value: page.dataset.section });
  ask("The page", [
    field("Title", title), field("Description", description),
    field("Section", section, "Where it stands in the section tree; “ > ” leads one step down."),
  ], async () => {
    const done = await send({ do: "page.describe", title: title.value, description: description.value, section: section.value });
    if (done) location.reload(); // the section tree is made of these
    return done;
  });
}

async function offered(page) {
  try {
    return await api(page.dataset.materialUrl);
  } catch (error) {
    toast(error.message);
    return null;
  }
}

/** The page's text, to select in it. `region()` gives the selected characters of the material. */
function selectable(given) {
  const text = el("textarea", { class: "textarea", rows: 12, readonly: true, value: given.text });
  return { text, region: () => ({ start: given.start + points(given.text, text.selectionStart), end: given.start + points(given.text, text.selectionEnd) }) };
}

/** The server counts characters, the browser UTF-16 units. */
function points(text, units) {
  return [...text.slice(0, units)].length;
}

/** Choose what is pointed at: select it in the page's text. */
export async function pointAt(page, save) {
  const given = await offered(page);
  if (!given) return;
  const { text, region } = selectable(given);
  ask("Point at", [field("The page's words", text, "Select what should be pointed at.")], () => save(region()), "Point here");
}

function itemsField(items) {
  const select = el("select", { class: "select" }, ...items.map((item) => el("option", { value: String(item.id) }, `${item.skill}: ${item.prompt}`)));
  return field("Item", select, items.length ? "" : "No item rests on this page's material yet.");
}

/** Choose another quiz item. */
export async function swapItem(page, save) {
  const given = await offered(page);
  if (!given) return;
  const items = itemsField(given.items);
  ask("Ask another item", [items], () => save(Number(items.querySelector("select").value)), "Ask this");
}

const KINDS = { read: "Read: sentences to say", point: "Point at a place", ask: "Ask the class a question", quiz: "Quiz item, graded", discuss: "Pause for discussion" };

/** A new action behind action `id`; with `line`, a new sentence inside it. */
export async function addAction(page, id, send, line) {
  const given = line ? { text: "", items: [], start: 0 } : await offered(page);
  if (!given) return;
  const kind = el("select", { class: "select" }, ...Object.entries(KINDS).map(([value, words]) => el("option", { value }, words)));
  const words = el("textarea", { class: "textarea", rows: 3, maxlength: 2000 });
  const said = field("What is said", words, "A sentence that states something is checked against the material at once.");
  const { text, region } = selectable(given);
  const place = field("The page's words", text, "Select what should be pointed at.");
  const items = itemsField(given.items);
  const show = () => {
    said.hidden = ["point", "quiz"].includes(kind.value);
    place.hidden = kind.value !== "point";
    items.hidden = kind.value !== "quiz";
  };
  kind.addEventListener("change", show);
  show();
  ask(line ? "Add a sentence" : "Add an action", line ? [said] : [field("What happens", kind), said, place, items], () => {
    if (line) return send({ do: "line.add", action: id, text: words.value });
    const data = { do: "action.add", kind: kind.value, after: id ?? undefined };
    if (kind.value === "point") Object.assign(data, region());
    else if (kind.value === "quiz") data.item = Number(items.querySelector("select").value);
    else Object.assign(data, { text: words.value });
    return send(data);
  }, "Add");
}
