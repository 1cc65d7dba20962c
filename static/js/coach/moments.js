// The transcript beside a report: every link, bar and mark with a line number leads to that line.

import { el } from "../ui.js";

const wide = matchMedia("(min-width: 70rem)");

/** Wraps the first occurrence of the quote in the line's text in <mark>. */
function mark(text, quote) {
  const at = quote ? text.textContent.indexOf(quote) : -1;
  if (at < 0) return;
  const range = document.createRange();
  range.setStart(text.firstChild, at);
  range.setEnd(text.firstChild, at + quote.length);
  range.surroundContents(document.createElement("mark"));
}

/** Makes the pane work; returns show(line, {quote, from, play}). */
export function moments(pane) {
  const list = pane.querySelector(".lines");
  const close = pane.querySelector("[data-close-moments]");
  const recording = pane.querySelector("[data-recording]");
  const comment = document.getElementById("comment-line");
  let current = null;
  let origin = null;

  const leave = () => {
    if (!current) return;
    current.removeAttribute("aria-current");
    current.querySelector(".line-comment")?.remove();
    const text = current.querySelector(".line-text");
    text.replaceChildren(text.textContent);
  };

  const hide = () => {
    delete pane.dataset.open;
    close.hidden = true;
    origin?.focus();
    origin = null;
  };

  function show(line, { quote = "", from = null, play = true } = {}) {
    const item = document.getElementById(`line-${line}`);
    if (!item) return;
    leave();
    current = item;
    item.setAttribute("aria-current", "true");
    mark(item.querySelector(".line-text"), quote);
    if (comment) {
      item.append(el("button", { type: "button", class: "link-button line-comment small", onclick: () => {
        if (!wide.matches) hide();
        comment.value = line;
        document.getElementById("comment-text").focus();
      } }, "Comment on this line"));
    }
    if (!wide.matches && play) {
      pane.dataset.open = "";
      close.hidden = false;
      origin = from ?? origin;
    }
    list.scrollTop += item.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 3;
    if (play) item.focus({ preventScroll: wide.matches || "open" in pane.dataset });
    if (recording && play && item.dataset.start) {
      recording.currentTime = Number(item.dataset.start) / 1000;
      recording.play().catch(() => { /* the browser wants a click on the player itself */ });
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    show(link.dataset.line, { quote: link.dataset.quote, from: link.closest("a") });
  });
  close.addEventListener("click", hide);
  pane.addEventListener("keydown", (event) => { if (event.key === "Escape" && "open" in pane.dataset) hide(); });
  const linked = /^#line-(\d+)$/.exec(location.hash);
  if (linked) show(linked[1]);
  return show;
}
