// The one rendering path of text that people or models wrote: markdown -> sanitiser -> KaTeX and highlighting on nodes.

import MarkdownIt from "../../vendor/markdown-it/markdown-it.esm.min.mjs";
import DOMPurify from "../../vendor/dompurify/purify.es.mjs";
import hljs from "../../vendor/highlight/highlight.min.js";
import julia from "../../vendor/highlight/languages/julia.min.js";
import latex from "../../vendor/highlight/languages/latex.min.js";
import matlab from "../../vendor/highlight/languages/matlab.min.js";
import "../../vendor/katex/katex.min.js"; // sets globalThis.katex
import { drawIndices } from "./indices.js";
import { drawFormulas, formulaAt, mathPlugin } from "./math.js";

hljs.registerLanguage("julia", julia);
hljs.registerLanguage("latex", latex);
hljs.registerLanguage("matlab", matlab);

const md = new MarkdownIt({ html: false, linkify: false, breaks: false, typographer: false }).use(mathPlugin);
md.disable("image"); // ![…](…) stays as words and a link


// what readers extract is plain text with formulas, code in backticks, lists and tables; an asterisk in it is an asterisk
const plain = new MarkdownIt("zero", { html: false, breaks: true }).enable(["backticks", "newline", "list", "table"]).use(mathPlugin);

const TAGS = ["p", "br", "strong", "em", "s", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "hr",
  "table", "thead", "tbody", "tr", "th", "td", "a", "span", "div", "sub", "sup"];
const purifier = DOMPurify(window);
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  const url = URL.canParse(node.getAttribute("href") ?? "", location.href) ? new URL(node.getAttribute("href"), location.href) : null;
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    node.removeAttribute("href");
    return;
  }
  node.setAttribute("rel", "noopener noreferrer");
  node.setAttribute("target", "_blank");
});
// classes only as our own renderer writes them
purifier.addHook("uponSanitizeAttribute", (node, data) => {
  if (data.attrName === "class" && !/^(tex( tex-display)?|language-[\w+#.-]+)$/.test(data.attrValue)) data.keepAttr = false;
  if (data.attrName === "start" && !/^\d{1,6}$/.test(data.attrValue)) data.keepAttr = false;
});

/** A fragment of sanitised nodes; formulas and code not yet drawn. extracted: the source is text that a reader extracted. */
export function toFragment(source, { extracted = false } = {}) {
  return purifier.sanitize((extracted ? plain : md).render(source), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "class", "start"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}

/** Colours the code blocks under `root` and gives wide ones a place in the tab order, so that they scroll by keyboard. */
export function drawCode(root) {
  for (const code of root.querySelectorAll("pre > code:not([data-drawn])")) {
    code.dataset.drawn = "";
    const language = code.className.match(/language-([\w+#.-]+)/)?.[1]?.toLowerCase();
    if (language && hljs.getLanguage(language)) {
      // highlight.js escapes its input; what it returns holds only its own spans
      code.innerHTML = hljs.highlight(code.textContent, { language, ignoreIllegals: true }).value;
    }
    code.parentElement.tabIndex = 0;
    code.parentElement.setAttribute("role", "group");
    code.parentElement.setAttribute("aria-label", language ? `Code, ${language}` : "Code");
  }
}

/** Draws what the sanitised nodes under `root` hold: formulas, indices, then code. */
export function draw(root) {
  drawFormulas(root);
  drawIndices(root);
  drawCode(root);
}

/** Renders Markdown into an element at once. */
export function renderMarkdown(element, source) {
  const fragment = toFragment(source);
  draw(fragment);
  element.replaceChildren(fragment);
}

/** An extract as running text: the rows of a table as its cells, list signs left out. */
export function flatten(text) {
  return text.replace(/^\s*\|?(\s*:?-{2,}:?\s*\|)+\s*:?-*:?\s*$/gm, "").replace(/^\s*\|\s*|\s*\|\s*$/gm, "").replace(/\s*\|\s*/g, " · ")
    .replace(/^\s*[-*]\s+/gm, "").replace(/\n{2,}/g, "\n").trim();
}

/** Plain text with its formulas drawn and its line breaks kept: what a student typed. */
export function renderPlain(element, text) {
  const pieces = [];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "$" && text[at] !== "\\") continue;
    const found = formulaAt(text, at);
    if (!found) continue;
    const span = document.createElement("span");
    span.className = found.display ? "tex tex-display" : "tex";
    span.textContent = found.tex;
    pieces.push(text.slice(from, at), span);
    from = found.end;
    at = found.end - 1;
  }
  element.replaceChildren(...pieces, text.slice(from));
  drawFormulas(element);
  drawIndices(element);
}
