// Applies the chosen theme before the first paint; the switch itself is in ui.js.
(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // storage is refused: the system's theme stays
  }
})();
