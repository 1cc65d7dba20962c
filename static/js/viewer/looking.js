// Which page, slide or other sheet of several is looked at.

/**
 * The one that was turned to, as long as all of it, or nothing else, can be seen: several may be in view, and the last
 * ones never come up to the top. Otherwise the one of which most can be seen. Gives its index.
 */
export function lookedAt(sheets, view, turnedTo) {
  const { top, bottom, height } = view.getBoundingClientRect();
  const share = (sheet) => {
    const box = sheet.getBoundingClientRect();
    return (Math.min(box.bottom, bottom) - Math.max(box.top, top)) / Math.max(1, Math.min(box.height, height));
  };
  if (sheets[turnedTo] && share(sheets[turnedTo]) > 0.95) return turnedTo;
  const shares = sheets.map(share);
  return shares.indexOf(Math.max(...shares));
}
