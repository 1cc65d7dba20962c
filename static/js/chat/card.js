// The card that shows a citation's quote while its chip is hovered or focused.

import { el } from "../ui.js";
import { flatten, renderPlain } from "../text/markdown.js";
import { VERDICT_WORDS } from "./answer.js";

const card = el("div", { class: "quote-card", id: "quote-card", role: "tooltip", hidden: true });
let owner = null;
let timer = 0;

function place(button) {
  const at = button.getBoundingClientRect();
  const width = Math.min(360, innerWidth - 24);
  card.style.width = `${width}px`;
  card.style.left = `${Math.max(12, Math.min(at.left + at.width / 2 - width / 2, innerWidth - width - 12))}px`;
  const height = card.offsetHeight;
  const above = at.top - height - 8;
  card.style.top = `${above > 60 ? above : Math.min(at.bottom + 8, innerHeight - height - 8)}px`;
}

function show(button, citation) {
  clearTimeout(timer);
  if (!card.isConnected) document.body.append(card);
  owner?.removeAttribute("aria-describedby");
  owner = button;
  const quote = el("blockquote", {});
  renderPlain(quote, flatten(citation.quote ?? ""));
  card.replaceChildren(
    el("p", { class: "quote-card-label" }, citation.label || citation.title),
    quote,
    el("p", { class: "quote-card-verdict", "data-verdict": citation.verdict }, VERDICT_WORDS[citation.verdict] ?? "From the material"));
  card.hidden = false;
  button.setAttribute("aria-describedby", card.id);
  place(button);
}

export function hideCard() {
  clearTimeout(timer);
  owner?.removeAttribute("aria-describedby");
  owner = null;
  card.hidden = true;
}

const hideSoon = () => {
  clearTimeout(timer);
  timer = setTimeout(hideCard, 160);
};

card.addEventListener("pointerenter", () => clearTimeout(timer));
card.addEventListener("pointerleave", hideSoon);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || card.hidden) return;
  hideCard();
  event.stopImmediatePropagation();
}, true);
document.addEventListener("scroll", hideCard, { capture: true, passive: true });

/** Shows the card of `citation` while `button` is hovered or focused by keyboard. */
export function describe(button, citation) {
  button.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") show(button, citation); });
  button.addEventListener("pointerleave", hideSoon);
  button.addEventListener("focus", () => { if (button.matches(":focus-visible")) show(button, citation); });
  button.addEventListener("blur", hideSoon);
}
