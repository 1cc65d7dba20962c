// A page about a job: while it works, what the server shows of it is fetched again and put in place. Where nothing of it is shown
// any more, the page is.

const PAUSE = 1500;

async function refresh() {
  const shown = document.querySelector('[data-live="on"]');
  if (!shown) return;
  try {
    const response = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
    const page = response.ok && new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page && page.querySelector("[data-live]");
    if (!fresh) { location.reload(); return; }
    const open = [...shown.querySelectorAll("details")].map((details) => details.open);
    const ticked = [...shown.querySelectorAll("input[type=checkbox]")].map((box) => box.checked);
    const held = shown.contains(document.activeElement) ? document.activeElement.getAttribute("value") : null;
    shown.replaceWith(fresh);
    fresh.querySelectorAll("details").forEach((details, number) => { if (open[number]) details.open = true; });
    fresh.querySelectorAll("input[type=checkbox]").forEach((box, number) => { box.checked = ticked[number] ?? box.checked; });
    if (held) fresh.querySelector(`[value="${CSS.escape(held)}"]`)?.focus();
  } catch { /* the network is away: look again */ }
  setTimeout(refresh, PAUSE);
}

setTimeout(refresh, PAUSE);
