// A report: its timeline, its moments, and what people say to its statements without leaving the page.

import { announce, api, toast } from "../ui.js";
import { moments } from "./moments.js";

const show = moments(document.querySelector("[data-transcript]"));

/** The slider under the timeline goes line by line; Enter or letting go leads to the moment. */
function slider(timeline) {
  const box = timeline.querySelector(".timeline-slider");
  const range = box.querySelector("input");
  const readout = box.querySelector("[data-readout]");
  const cursor = timeline.querySelector(".cursor");
  const lines = [...document.querySelectorAll(".lines > li")];

  const read = () => {
    const line = Number(range.value);
    const item = lines[line - 1];
    cursor.setAttribute("x1", `${item.dataset.x}%`);
    cursor.setAttribute("x2", `${item.dataset.x}%`);
    cursor.setAttribute("visibility", "visible");
    const who = [item.querySelector(".line-clock")?.textContent, item.querySelector(".line-speaker").textContent].filter(Boolean).join(", ");
    const words = item.querySelector(".line-text").textContent;
    readout.textContent = `Line ${line}, ${who}: ${words.length > 90 ? `${words.slice(0, 90)}…` : words}`;
    range.setAttribute("aria-valuetext", `Line ${line}, ${who}`);
  };
  range.addEventListener("input", () => { read(); show(range.value, { play: false }); });
  range.addEventListener("keydown", (event) => { if (event.key === "Enter") show(range.value, { from: range }); });
  timeline.querySelector("svg").addEventListener("click", (event) => {
    const mark = event.target.closest(".mark");
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const share = (100 * (event.clientX - left)) / width;
    const line = mark?.dataset.line ?? (lines.findLast((item) => Number(item.dataset.x) <= share) ?? lines[0]).id.slice(5);
    range.value = line;
    read();
    show(line, { from: range });
  });
  box.hidden = false;
}

for (const timeline of document.querySelectorAll("[data-timeline]")) slider(timeline);

// accept, reject, correct, take back
document.addEventListener("submit", async (event) => {
  const holder = event.target.closest("[data-judge]");
  if (!holder) return;
  event.preventDefault();
  const data = Object.fromEntries(new FormData(event.target, event.submitter));
  delete data.csrfmiddlewaretoken;
  try {
    const { html } = await api(event.target.action, { method: "POST", data });
    const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    holder.replaceWith(fresh);
    const words = { accepted: "Accepted", rejected: "Rejected", corrected: "Your correction is kept" }[data.verdict] ?? "Taken back";
    announce(words);
    const again = fresh.querySelector(`button[value="${data.verdict}"]`) ?? fresh.querySelector("button[value=accepted]");
    (data.verdict === "corrected" ? fresh.querySelector("summary") : again)?.focus();
  } catch (error) {
    toast(error.message);
  }
});

// the whole quote leads to its moment, unless somebody is selecting words in it
document.addEventListener("click", (event) => {
  const quote = event.target.closest(".moment blockquote");
  if (quote && !String(getSelection())) quote.parentElement.querySelector("[data-line]").click();
});
