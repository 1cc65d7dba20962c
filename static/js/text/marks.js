// Marks that survive Markdown: they go into the source as ⸨s3⸩ … ⸨e3⸩ (a bracket counts as punctuation, so emphasis
// still closes before it), pass through Markdown and the sanitiser as text, and are replaced in the nodes.

import { formulaAt } from "./math.js";
import { textNodes } from "./offsets.js";

export const MARK = /⸨([se])(\d+)⸩/g;

/** Fences, formulas and inline code of `text`: [{from, to, fence}], in which no mark may stand. */
function closedSpans(text) {
  const spans = [];
  let at = 0;
  while (at < text.length) {
    const lineStart = at === 0 || text[at - 1] === "\n";
    const fence = lineStart && text.slice(at, at + 400).match(/^ {0,3}(`{3,}|~{3,})[^\n]*/);
    if (fence) {
      const close = new RegExp(`\\n {0,3}${fence[1][0]}{${fence[1].length},} *(?=\\n|$)`, "g");
      close.lastIndex = at + fence[0].length;
      const found = close.exec(text);
      const to = found ? found.index + found[0].length : text.length;
      spans.push({ from: at, to, fence: true });
      at = to;
      continue;
    }
    const char = text[at];
    const formula = char === "$" || char === "\\" ? formulaAt(text, at) : null;
    if (formula) {
      spans.push({ from: at, to: formula.end });
      at = formula.end;
      continue;
    }
    if (char === "`") {
      const ticks = text.slice(at).match(/^`+/)[0];
      const end = text.indexOf(ticks, at + ticks.length);
      const closed = end > 0 && !text.slice(at, end).includes("\n\n");
      if (closed) spans.push({ from: at, to: end + ticks.length });
      at = closed ? end + ticks.length : at + ticks.length;
      continue;
    }
    at += char === "\\" ? 2 : 1;
  }
  return spans;
}

/** The source with marks. ranges: [{index, start, end, wrap}], in JavaScript units; without `wrap` only the end is marked. */
export function markSource(text, ranges) {
  const source = text.replaceAll("⸨", "⦅").replaceAll("⸩", "⦆");
  const spans = closedSpans(source);
  const inserts = [];
  for (const range of ranges) {
    let end = Math.min(range.end, source.length);
    while (end > range.start && /\s/.test(source[end - 1])) end--;
    const inside = spans.find((span) => end > span.from && (end < span.to || (span.fence && end === span.to)));
    if (inside) end = inside.to;
    else if (source[end - 1] === "|") end--; // the last cell of a table row
    if (range.wrap && !inside?.fence) {
      let start = range.start + source.slice(range.start).match(/^\s*(?:(?:[-*+]|\d+[.)]|#{1,6}|>)\s+|\|\s*)*/)[0].length;
      const around = spans.find((span) => start > span.from && start < span.to);
      if (around && !around.fence) start = around.from;
      if (!around?.fence && start < end) inserts.push({ at: start, order: 1, mark: `⸨s${range.index}⸩` });
    }
    const mark = `⸨e${range.index}⸩`;
    inserts.push({ at: end, order: 0, mark: inside?.fence ? `\n\n${mark}\n\n` : mark });
  }
  inserts.sort((a, b) => b.at - a.at || b.order - a.order);
  let marked = source;
  for (const { at, mark } of inserts) marked = marked.slice(0, at) + mark + marked.slice(at);
  return marked;
}

/**
 * Replaces the marks under `root`, before formulas are drawn.
 * on.wrap(index) makes the element around what lies between a range's marks; on.formula(node, index) is told of formulas
 * in between; on.end(index) gives the nodes that stand at its end. `open` is the range that is open where `root` begins.
 * Returns the range that is open where it ends.
 */
export function replaceMarks(root, on, open = null) {
  let inside = open;
  for (const node of textNodes(root)) {
    const formula = node.parentElement?.closest(".tex");
    if (formula) {
      if (inside !== null) on.formula?.(formula, inside);
      continue;
    }
    if (inside === null && !node.data.includes("⸨")) continue;
    if (!node.data.trim()) continue; // between the cells of a table only table parts may stand
    const pieces = [];
    let from = 0;
    const words = (to) => {
      if (to <= from) return;
      const text = node.data.slice(from, to);
      if (inside === null) pieces.push(text);
      else {
        const around = on.wrap(inside);
        around.append(text);
        pieces.push(around);
      }
    };
    for (const found of node.data.matchAll(MARK)) {
      words(found.index);
      from = found.index + found[0].length;
      inside = found[1] === "s" ? Number(found[2]) : null;
      if (found[1] === "e") pieces.push(...(on.end?.(Number(found[2])) ?? []));
    }
    words(node.data.length);
    node.replaceWith(...pieces);
  }
  return inside;
}
