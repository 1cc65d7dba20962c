// What a dataset will take, said anew whenever something else is chosen.

const form = document.querySelector("form[data-forecast]");
const shown = form?.querySelector("[data-forecast-shown]");
let asked = 0;

async function say() {
  const mine = ++asked;
  const query = new URLSearchParams(new FormData(form));
  query.delete("csrfmiddlewaretoken");
  try {
    const response = await fetch(`${form.dataset.forecast}?${query}`, { credentials: "same-origin" });
    if (!response.ok || mine !== asked) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    shown.replaceChildren(...page.body.childNodes);
  } catch { /* what was said before stays */ }
}

form?.addEventListener("change", say);
