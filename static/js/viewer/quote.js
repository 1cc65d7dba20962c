// Finding a quote in text that was extracted by somebody else: spaces, hyphens at line ends, ligatures and typographic
// signs may differ, and formulas may be written in another way.

const MIN_PIECE = 14; // letters; a shorter piece would be found where it is not meant

/** The letters and digits of `text`, folded, with where each came from. */
function fold(text) {
  let letters = "";
  const from = [];
  const to = [];
  let at = 0;
  for (const char of text) {
    const folded = char.normalize("NFKD").toLowerCase().replace(/[^\p{L}\p{N}=+<>]/gu, "");
    for (const letter of folded) {
      letters += letter;
      for (let n = 0; n < letter.length; n++) {
        from.push(at);
        to.push(at + char.length);
      }
    }
    at += char.length;
  }
  return { letters, from, to };
}

function rangeOf(page, at, length) {
  return { start: page.from[at], end: page.to[at + length - 1] };
}

/** Where `quote` stands in `text`: ranges [{start, end}] in order; several where only pieces are found; none if it is not there. */
export function findQuote(text, quote) {
  const page = fold(text);
  const wanted = fold(quote.replace(/\\[a-zA-Z]+/g, " "));
  if (!wanted.letters) return [];
  const whole = page.letters.indexOf(wanted.letters);
  if (whole >= 0) return [rangeOf(page, whole, wanted.letters.length)];

  // its lines, sentences and the words around formulas, each looked for after the one before
  const pieces = quote.split(/\n+|(?<=[.!?;:])\s+|\$\$?[^$]*\$\$?|[•▪·|]/).map((piece) => fold(piece).letters).filter((piece) => piece.length >= MIN_PIECE);
  const ranges = [];
  let after = 0;
  for (const piece of pieces) {
    let at = page.letters.indexOf(piece, after);
    if (at < 0) at = page.letters.indexOf(piece);
    if (at >= 0) {
      ranges.push(rangeOf(page, at, piece.length));
      after = at + piece.length;
      continue;
    }
    // the longest beginning that is there
    let low = MIN_PIECE;
    let high = piece.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (page.letters.includes(piece.slice(0, middle))) low = middle;
      else high = middle - 1;
    }
    at = page.letters.indexOf(piece.slice(0, low), after);
    if (at < 0) at = page.letters.indexOf(piece.slice(0, low));
    if (at >= 0 && low >= Math.min(piece.length * 0.5, 30)) ranges.push(rangeOf(page, at, low));
  }
  ranges.sort((a, b) => a.start - b.start);
  return ranges.filter((range, n) => n === 0 || range.start >= ranges[n - 1].end);
}
