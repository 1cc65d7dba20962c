// Indices and powers that a reader extracted as signs: x_i, ∑_(i=1)^n, 10^(−3). Names in code have longer stems and stay.

import { textNodes } from "./offsets.js";

const INDEXED = /(?<![\p{L}\p{N}_])(?:(?:\p{L}\p{M}*|[∑∏∫])(?:_(?:\([^()]{1,20}\)|[\p{L}0-9]{1,3}(?![\p{L}0-9_(]))|\^(?:\([^()]{1,20}\)|[\p{L}0-9](?![\p{L}0-9_(])))+|\d+\^(?:\([−-]?\d{1,3}\)|[−-]?\d{1,3}(?![\p{L}\p{N}_(])))/gu;
const PARTS = /([_^])(\([^()]*\)|[−-]?[\p{L}0-9]+)/gu;

/** Draws them as subscripts and superscripts under `root`; code and formulas are left alone. */
export function drawIndices(root) {
  for (const node of textNodes(root, "code, pre, .tex, .cite, sub, sup, a")) {
    if (!/[_^]/.test(node.data)) continue;
    const pieces = [];
    let from = 0;
    for (const found of node.data.matchAll(INDEXED)) {
      pieces.push(node.data.slice(from, found.index));
      let at = 0;
      for (const part of found[0].matchAll(PARTS)) {
        const drawn = document.createElement(part[1] === "_" ? "sub" : "sup");
        drawn.textContent = part[2].replace(/^\((.*)\)$/, "$1");
        pieces.push(found[0].slice(at, part.index), drawn);
        at = part.index + part[0].length;
      }
      pieces.push(found[0].slice(at));
      from = found.index + found[0].length;
    }
    if (from) node.replaceWith(...pieces, node.data.slice(from));
  }
}
