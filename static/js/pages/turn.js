// Answers as the student saw them: Markdown and formulas, through the one rendering path.

import { renderMarkdown } from "../text/markdown.js";

for (const text of document.querySelectorAll("[data-markdown]")) renderMarkdown(text, text.textContent);
