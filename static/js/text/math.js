// A markdown-it plugin: formulas are taken out before Markdown can touch them, and stand as text in
// <span class="tex"> or <div class="tex tex-block"> until KaTeX draws them into the sanitised page.

const ENVIRONMENTS = "(?:equation|align|alignat|gather|multline|eqnarray|cases|matrix|pmatrix|bmatrix)";

/** Where the formula that opens at `at` ends: {tex, display, end}, or null if none opens there. */
export function formulaAt(text, at) {
  const rest = text.slice(at, at + 2);
  if (rest === "$$" || rest === "\\[") {
    const close = rest === "$$" ? "$$" : "\\]";
    const end = text.indexOf(close, at + 2);
    if (end < 0 || !text.slice(at + 2, end).trim()) return null;
    return { tex: text.slice(at + 2, end).trim(), display: true, end: end + 2 };
  }
  if (rest === "\\(") {
    const end = text.indexOf("\\)", at + 2);
    return end < 0 ? null : { tex: text.slice(at + 2, end).trim(), display: false, end: end + 2 };
  }
  if (text[at] !== "$") return null;
  // as Pandoc has it: no space after the opening sign, none before the closing one, no digit after it
  if (/[\s$]/.test(text[at + 1] ?? " ")) return null;
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === "\n" && text[end + 1] === "\n") return null;
    else if (text[end] === "$") {
      if (/\s/.test(text[end - 1]) || /\d/.test(text[end + 1] ?? "")) return null;
      return { tex: text.slice(at + 1, end), display: false, end: end + 1 };
    }
  }
  return null;
}

export function mathPlugin(md) {
  md.inline.ruler.before("escape", "formula", (state, silent) => {
    const char = state.src[state.pos];
    if (char !== "$" && char !== "\\") return false;
    const found = formulaAt(state.src, state.pos);
    if (!found || found.end > state.posMax) return false;
    if (!silent) {
      const token = state.push("formula", "", 0);
      token.content = found.tex;
      token.meta = { display: found.display };
    }
    state.pos = found.end;
    return true;
  });

  md.block.ruler.before("fence", "formula_block", (state, startLine, endLine, silent) => {
    const from = state.bMarks[startLine] + state.tShift[startLine];
    if (state.sCount[startLine] - state.blkIndent >= 4) return false;
    const rest = state.src.slice(from, state.eMarks[endLine - 1]);
    const begin = rest.match(new RegExp(`^\\\\begin\\{(${ENVIRONMENTS}\\*?)\\}`));
    let tex;
    let length;
    if (begin) {
      const end = rest.indexOf(`\\end{${begin[1]}}`);
      if (end < 0) return false;
      length = end + `\\end{${begin[1]}}`.length;
      tex = rest.slice(0, length);
    } else if (rest.startsWith("$$") || rest.startsWith("\\[")) {
      const found = formulaAt(rest, 0);
      if (!found) return false;
      ({ tex, end: length } = found);
    } else return false;
    if (rest.slice(0, length).includes("\n\n")) return false;
    const stop = from + length;
    const line = [...Array(endLine - startLine).keys()].map((n) => startLine + n).find((n) => state.eMarks[n] >= stop);
    if (line === undefined || state.src.slice(stop, state.eMarks[line]).trim()) return false; // words follow: inline
    if (silent) return true;
    const token = state.push("formula", "", 0);
    token.content = tex;
    token.block = true;
    token.meta = { display: true };
    token.map = [startLine, line + 1];
    state.line = line + 1;
    return true;
  }, { alt: ["paragraph", "reference", "blockquote", "list"] });

  md.renderer.rules.formula = (tokens, at) => {
    const token = tokens[at];
    const tag = token.block ? "div" : "span";
    const tex = md.utils.escapeHtml(token.content);
    return `<${tag} class="tex${token.meta.display ? " tex-display" : ""}">${tex}</${tag}>`;
  };
}

/** Draws every formula under `root`. One that KaTeX cannot read stays as its source. */
export function drawFormulas(root) {
  for (const node of root.querySelectorAll(".tex:not([data-drawn])")) {
    const tex = node.textContent;
    node.dataset.drawn = "";
    try {
      globalThis.katex.render(tex, node, {
        displayMode: node.classList.contains("tex-display"), throwOnError: true, trust: false, strict: "ignore", maxExpand: 500, maxSize: 20,
      });
      node.dataset.tex = tex;
    } catch {
      node.textContent = tex;
      node.classList.add("tex-raw");
    }
  }
}
