// An answer's text with its weak sentences marked in words and the citations of each at its end.

import { el } from "../ui.js";
import { draw, toFragment } from "../text/markdown.js";
import { MARK, markSource, replaceMarks } from "../text/marks.js";
import { unitsOf } from "../text/offsets.js";

export const VERDICT_WORDS = { supported: "Supported by the material", partial: "Partly supported", unsupported: "Not in the material" };
const isWeak = (sentence) => sentence?.verdict === "partial" || sentence?.verdict === "unsupported";

function chip(citation, sentence, onChip) {
  const verdict = citation.verdict || sentence.verdict || "supported";
  const button = el("button", {
    type: "button",
    class: "cite",
    "data-verdict": verdict,
    "aria-label": `Source ${citation.marker}: ${citation.label || citation.title}. ${VERDICT_WORDS[verdict] ?? ""}. Open`,
  }, String(citation.marker));
  onChip(button, citation);
  return button;
}

/** What stands at a sentence's end: its chips, and its verdict in words where it is weak. */
function ending(sentence, onChip) {
  const parts = sentence.citations.map((citation) => chip(citation, sentence, onChip));
  if (isWeak(sentence)) parts.push(el("span", { class: "verdict", "data-verdict": sentence.verdict }, VERDICT_WORDS[sentence.verdict]));
  return parts.length ? [el("span", { class: "cites" }, "\u2060", ...parts)] : [];
}

/**
 * Renders an answer into `element`, touching only the blocks that changed since the last time.
 * sentences: [{index, start, end, verdict, citations}], offsets in characters; onChip(button, citation) for each chip made.
 * extracted: the text is a material's own, no Markdown that a model wrote.
 */
export function renderAnswer(element, text, sentences, onChip, { extracted = false } = {}) {
  const units = unitsOf(text);
  const known = new Map(sentences.map((sentence) => [sentence.index, sentence]));
  const ranges = sentences
    .filter((sentence) => sentence.end && (isWeak(sentence) || sentence.citations.length))
    .map((sentence) => ({ index: sentence.index, start: units(sentence.start), end: units(sentence.end), wrap: isWeak(sentence) }));
  const on = {
    wrap: (index) => el("span", { class: "claim", "data-claim": known.get(index)?.verdict }),
    formula: (node, index) => { node.dataset.claim = known.get(index)?.verdict ?? ""; },
    end: (index) => (known.has(index) ? ending(known.get(index), onChip) : []),
  };
  const fresh = [...toFragment(markSource(text, ranges), { extracted }).children];
  let open = null;
  fresh.forEach((node, at) => {
    const marked = [...node.textContent.matchAll(MARK)].map((found) => known.get(Number(found[2])));
    const key = JSON.stringify([node.outerHTML, open, marked]);
    const old = element.children[at];
    if (old?.renderKey === key) {
      open = old.openAfter;
      return;
    }
    open = replaceMarks(node, on, open);
    draw(node);
    node.renderKey = key;
    node.openAfter = open;
    if (old) old.replaceWith(node);
    else element.append(node);
  });
  while (element.children.length > fresh.length) element.lastElementChild.remove();
}

/** What a rendered answer says in words, for screen readers. */
export function wordsOf(element) {
  const copy = element.cloneNode(true);
  for (const node of copy.querySelectorAll(".cite")) node.remove();
  for (const node of copy.querySelectorAll(".tex")) node.replaceWith(node.dataset.tex ?? node.textContent);
  for (const node of copy.querySelectorAll("p, li, h1, h2, h3, h4, td, th, pre, .verdict")) node.append(" ");
  return copy.textContent.replace(/[\s\u2060]+/g, " ").trim();
}
