// Rating two answers by keys: 1, 2, 3 or 4 presses the button of that number, once.

const form = document.querySelector("[data-rate]");
let sent = false;

form?.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
});

window.addEventListener("pageshow", () => { sent = false; });

document.addEventListener("keydown", (event) => {
  if (!form || event.repeat || event.metaKey || event.ctrlKey || event.altKey || event.target.closest("textarea, select, dialog")) return;
  const button = form.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (!button) return;
  event.preventDefault();
  button.click();
});
