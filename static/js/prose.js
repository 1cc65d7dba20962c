// Renders the Markdown that stands as text in [data-markdown] elements.

import { renderMarkdown } from "./text/markdown.js";

for (const element of document.querySelectorAll("[data-markdown]")) renderMarkdown(element, element.textContent);
