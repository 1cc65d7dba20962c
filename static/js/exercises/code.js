// Textareas for programs ([data-code]): Tab indents, Enter keeps the indentation, and inside a .code-editor the program is
// coloured behind the text. A textarea stays a textarea: undo, dictation and screen readers work as everywhere.

import hljs from "../../vendor/highlight/highlight.min.js";
import verilog from "../../vendor/highlight/languages/verilog.min.js";

hljs.registerLanguage("verilog", verilog);

const STEP = "    ";

/** Makes a textarea fit for programs. Escape gives the next Tab back to the keyboard's way through the page. */
export function dress(area) {
  let leaving = false;
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { leaving = true; return; }
    if (event.key === "Tab" && !leaving && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      if (event.shiftKey) shift(area, (line) => line.replace(/^( {1,4}|\t)/, ""));
      else if (area.selectionStart === area.selectionEnd) put(area, STEP);
      else shift(area, (line) => STEP + line);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing) {
      const before = area.value.slice(area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, area.selectionStart);
      const indent = before.match(/^[ \t]*/)[0] + (/(:|\bbegin)\s*$/.test(before) ? STEP : "");
      if (indent) { event.preventDefault(); put(area, `\n${indent}`); }
    }
    if (event.key !== "Shift") leaving = false;
  });
  area.addEventListener("blur", () => { leaving = false; });
  const editor = area.closest(".code-editor");
  if (editor) colour(editor, area);
}

/** Types text at the cursor, so that it can be undone. */
function put(area, text) {
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** Changes every line that the selection touches. */
function shift(area, change) {
  const { value } = area;
  const from = value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  const end = value.indexOf("\n", Math.max(area.selectionStart, area.selectionEnd - 1));
  const to = end < 0 ? value.length : end;
  const changed = value.slice(from, to).split("\n").map(change).join("\n");
  if (changed === value.slice(from, to)) return;
  area.setSelectionRange(from, to);
  put(area, changed);
  area.setSelectionRange(from, from + changed.length);
}

function colour(editor, area) {
  const { language } = editor.dataset;
  if (!hljs.getLanguage(language)) return;
  const behind = document.createElement("pre");
  behind.setAttribute("aria-hidden", "true");
  const code = behind.appendChild(document.createElement("code"));
  code.className = `language-${language}`;
  editor.prepend(behind);
  editor.dataset.coloured = "";
  const draw = () => {
    // highlight.js escapes its input; what it returns holds only its own spans
    code.innerHTML = hljs.highlight(`${area.value}\n`, { language, ignoreIllegals: true }).value;
    follow();
  };
  const follow = () => { behind.scrollTop = area.scrollTop; behind.scrollLeft = area.scrollLeft; };
  area.addEventListener("input", draw);
  area.addEventListener("scroll", follow);
  draw();
}

for (const area of document.querySelectorAll("textarea[data-code]")) dress(area);
