// The page of one exercise: hands a program in, waits for its tests, shows what passed.

import { announce, api, confirmDialog, el } from "../ui.js";
import "./code.js";

const SOON = 300;
const LATER = 2000;

const form = document.querySelector("[data-exercise]");
const area = form.querySelector("textarea");
const button = form.querySelector("button[type=submit]");
const busy = form.querySelector("[data-busy]");
const result = document.querySelector("[data-result]");

let loading = true;
let running = false;

function show({ state, error, passed, results, trouble, hint, printed }) {
  if (state === "failed") { result.replaceChildren(el("p", { class: "message", "data-kind": "error" }, error)); return; }
  const right = results.filter((test) => test.passed).length;
  const words = passed ? "All tests passed." : results.length ? `${right} of ${results.length} tests passed.` : "The tests could not run.";
  const rows = results.map((test) => el("li", { class: "exercise-test" },
    el("span", { class: "badge", "data-state": test.passed ? "ok" : "bad" }, test.passed ? "Passed" : "Failed"),
    el("span", {}, test.name, test.note ? el("span", { class: "muted small exercise-note" }, test.note) : "")));
  const parts = [el("h2", {}, words)];
  if (trouble) parts.push(el("p", { class: "message", "data-kind": "warning" }, trouble));
  if (rows.length) parts.push(el("ul", { class: "exercise-tests" }, ...rows));
  if (!passed && hint) parts.push(el("div", { class: "message", "data-kind": "info" }, el("strong", {}, "Hint: "), hint));
  if (printed) parts.push(el("details", {}, el("summary", {}, "What was printed"), el("pre", { class: "exercise-printed" }, printed)));
  result.replaceChildren(...parts);
  announce(words);
  if (!loading) result.scrollIntoView({ block: "nearest" });
}

function working(on) {
  running = on;
  button.setAttribute("aria-disabled", on); // not disabled: the focus stays where it is
  busy.hidden = !on;
}

async function wait(attempt) {
  const url = form.dataset.attempts.replace("00000000-0000-0000-0000-000000000000", attempt);
  for (let pause = SOON; ; pause = Math.min(pause * 1.4, LATER)) {
    const found = await api(url).catch((error) => {
      if (pause >= LATER) throw error; // the network may be away for a moment
      return { state: "running" };
    });
    if (!["queued", "running"].includes(found.state)) return found;
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

/** Waits for an attempt and shows what came of it; `start` gives its id. */
async function follow(start) {
  working(true);
  try {
    show(await wait(await start()));
  } catch (error) {
    result.replaceChildren(el("p", { class: "message", "data-kind": "error" }, error.message));
  } finally {
    working(false);
  }
}

function run(event) {
  event?.preventDefault();
  if (running) return;
  follow(async () => (await api(form.dataset.exercise, { method: "POST", data: { code: area.value } })).attempt);
}

form.addEventListener("submit", run);
area.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run(event);
});
form.querySelector("[data-reset]")?.addEventListener("click", async () => {
  if (!await confirmDialog("Your program on this page is replaced by what the exercise starts from.", { title: "Start again?", yes: "Start again" })) return;
  area.value = document.querySelector("#starter").content.textContent;
  area.dispatchEvent(new Event("input"));
  area.focus();
});

const last = document.querySelector("#last-attempt");
if (last) {
  const found = JSON.parse(last.textContent);
  if (["queued", "running"].includes(found.state)) follow(() => found.attempt);
  else show(found);
}
loading = false;
