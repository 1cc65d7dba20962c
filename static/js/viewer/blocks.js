// Blocks of a material's text as nodes, with a range of the text marked.

import { el } from "../ui.js";
import { draw, toFragment } from "../text/markdown.js";
import { markSource, replaceMarks } from "../text/marks.js";
import { textNodes, wrap } from "../text/offsets.js";

const marker = () => el("mark", { "data-mark": "" });

/** The part of `range` inside a block, relative to the block; null when they do not meet. */
function within(block, range) {
  if (!range || range.end <= block.start || range.start >= block.end) return null;
  return { start: Math.max(0, range.start - block.start), end: Math.min(block.end, range.end) - block.start };
}

function markText(node, range) {
  let at = 0;
  for (const text of textNodes(node)) {
    const { length } = text.data;
    const start = Math.max(0, range.start - at);
    const end = Math.min(length, range.end - at);
    at += length;
    if (start < end) wrap(text, start, end, marker);
  }
}

function prose(source, range, structured = false) {
  const marked = range ? markSource(source, [{ index: 0, ...range, wrap: true }]) : source;
  // only lists and tables have lines that begin with a sign of their own
  const fragment = toFragment(structured ? marked : marked.replace(/^(\s*)([-+*]|\d+[.)])(?=\s|$)/gm, "$1\u2060$2"), { extracted: true });
  if (range) {
    const missed = !fragment.textContent.includes("⸨s0⸩");
    replaceMarks(fragment, { wrap: marker, formula: (node) => { node.dataset.mark = ""; } });
    if (missed) for (const child of fragment.children) child.dataset.mark = ""; // the range lies in a formula or code
  }
  draw(fragment);
  return fragment;
}

function code(source, range, language) {
  const inner = el("code", { class: language && /^[\w+#.-]+$/.test(language) ? `language-${language}` : null }, source);
  const node = el("pre", {}, inner);
  draw(node);
  if (range) markText(inner, range);
  return node;
}

function figure(block, source, range, assetUrl) {
  const { asset, width, height } = block.data;
  const node = el("figure", { class: "figure", "data-mark": Boolean(range) });
  if (asset) node.append(el("img", { src: `${assetUrl}${encodeURIComponent(asset)}`, alt: source, width, height, loading: "lazy" }));
  const caption = el("figcaption", {});
  caption.append(prose(source, null));
  if (source) node.append(caption);
  return node;
}

/**
 * A block as a node.
 * @param {object} block {kind, start, end, level, data}, offsets in JavaScript units
 * @param {string} text of the whole material
 * @param {{start: number, end: number}|null} mark range of the text to mark
 */
export function blockNode(block, text, mark, assetUrl) {
  const source = text.slice(block.start, block.end);
  const range = within(block, mark);
  let node;
  switch (block.kind) {
    case "heading":
      node = el(`h${Math.min(Math.max(block.level || 1, 1) + 1, 6)}`, { class: `level-${Math.min(block.level || 1, 4)}` });
      node.append(...[...prose(source, range).childNodes].flatMap((child) => (child.tagName === "P" ? [...child.childNodes] : [child])));
      break;
    case "code":
      node = code(source, range, block.data.language);
      if (block.data.output) node.dataset.output = "";
      break;
    case "figure":
      node = figure(block, source, range, assetUrl);
      break;
    default:
      node = el("div", { class: `block block-${block.kind}` });
      node.append(prose(source, range, block.kind === "list" || block.kind === "table"));
  }
  node.dataset.block = String(block.start);
  return node;
}
