// The server counts characters (code points), JavaScript counts UTF-16 units. They differ after the first emoji or 𝑥.

/** A function from code point offsets of `text` to offsets in the JavaScript string. */
export function unitsOf(text) {
  if (!/[\ud800-\udbff]/.test(text)) return (offset) => offset;
  const starts = [];
  let unit = 0;
  for (const char of text) {
    starts.push(unit);
    unit += char.length;
  }
  starts.push(unit);
  return (offset) => starts[Math.min(Math.max(offset, 0), starts.length - 1)];
}

/** The text nodes under `root` in order, without those inside elements that match `skip`. */
export function textNodes(root, skip = "") {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, {
    acceptNode(node) {
      if (node.nodeType === Node.TEXT_NODE) return NodeFilter.FILTER_ACCEPT;
      return skip && node.matches(skip) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
    },
  });
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes;
}

/** Puts the characters start–end of a text node into an element made by `make`; returns the element. */
export function wrap(node, start, end, make) {
  let target = node;
  if (start > 0) target = node.splitText(start);
  if (end - start < target.data.length) target.splitText(end - start);
  const element = make();
  target.replaceWith(element);
  element.append(target);
  return element;
}
