// A page about a job: while it works, what the server shows of it is fetched again and put in place.

const PAUSE = 1500;

async function refresh() {
  const shown = document.querySelector('[data-live="on"]');
  if (!shown) return;
  try {
    const response = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
    if (!response.ok) { location.reload(); return; }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh) { location.reload(); return; }
    const open = [...shown.querySelectorAll("details")].map((details) => details.open);
    const held = shown.contains(document.activeElement) ? document.activeElement.getAttribute("value") : null;
    shown.replaceWith(fresh);
    fresh.querySelectorAll("details").forEach((details, number) => { if (open[number]) details.open = true; });
    if (held) fresh.querySelector(`button[value="${CSS.escape(held)}"]`)?.focus();
  } catch { /* the network is away: look again */ }
  setTimeout(refresh, PAUSE);
}

setTimeout(refresh, PAUSE);
