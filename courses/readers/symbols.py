"""Mathematical characters as LaTeX."""

from __future__ import annotations

COMMANDS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\epsilon", "ϵ": r"\epsilon",
    "ζ": r"\zeta", "η": r"\eta", "θ": r"\theta", "ι": r"\iota", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu",
    "ν": r"\nu", "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "υ": r"\upsilon",
    "φ": r"\varphi", "ϕ": r"\phi", "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta",
    "Θ": r"\Theta", "Λ": r"\Lambda", "Ξ": r"\Xi", "Π": r"\Pi", "Σ": r"\Sigma", "Φ": r"\Phi", "Ψ": r"\Psi",
    "Ω": r"\Omega", "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∮": r"\oint", "∂": r"\partial", "∇": r"\nabla",
    "√": r"\surd", "∞": r"\infty", "±": r"\pm", "∓": r"\mp", "×": r"\times", "÷": r"\div", "⋅": r"\cdot",
    "·": r"\cdot", "∘": r"\circ", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv",
    "∼": r"\sim", "∝": r"\propto", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset", "⊆": r"\subseteq",
    "∪": r"\cup", "∩": r"\cap", "∅": r"\emptyset", "∀": r"\forall", "∃": r"\exists", "¬": r"\neg", "∧": r"\wedge",
    "∨": r"\vee", "→": r"\to", "←": r"\leftarrow", "↔": r"\leftrightarrow", "⇒": r"\Rightarrow",
    "⇐": r"\Leftarrow", "⇔": r"\Leftrightarrow", "↦": r"\mapsto", "⌊": r"\lfloor", "⌋": r"\rfloor",
    "⌈": r"\lceil", "⌉": r"\rceil", "⟨": r"\langle", "⟩": r"\rangle", "…": r"\dots", "⋯": r"\cdots", "′": "'",
    "−": "-", "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}", "ℂ": r"\mathbb{C}", "ℚ": r"\mathbb{Q}",
    "‖": r"\|", "∥": r"\|", "⊕": r"\oplus", "⊗": r"\otimes", "⊥": r"\perp", "†": r"\dagger", "°": r"^\circ",
    "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$", "_": r"\_",
    "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u200b": "", "\u00a0": " ",
}  # fmt: skip

FUNCTIONS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln",
    "exp", "lim", "max", "min", "sup", "inf", "det", "dim", "gcd", "arg", "deg", "ker", "Pr",
}  # fmt: skip

ACCENTS = {
    "^": r"\hat", "ˆ": r"\hat", "\u0302": r"\hat", "¯": r"\bar", "\u0304": r"\bar", "‾": r"\overline",
    "\u0305": r"\overline", "_": r"\underline", "~": r"\tilde", "˜": r"\tilde", "\u0303": r"\tilde", "→": r"\vec",
    "\u20d7": r"\vec", "˙": r"\dot", "\u0307": r"\dot", "¨": r"\ddot", "\u0308": r"\ddot", "⏞": r"\overbrace",
    "⏟": r"\underbrace",
}  # fmt: skip


def latex(text: str) -> str:
    """Mathematical text as LaTeX, each command followed by a space where the next character is a letter."""
    pieces: list[str] = []
    for character in _plain_letters(text):
        command = COMMANDS.get(character, character)
        if pieces and command[:1].isalpha() and pieces[-1].startswith("\\") and pieces[-1][-1:].isalpha():
            pieces.append(" ")
        pieces.append(command)
    return "".join(pieces)


def _plain_letters(text: str) -> str:
    """Mathematical italic and bold letters (𝑥) as the letters they stand for."""
    if all(ord(character) < 0x1D400 for character in text):
        return text
    import unicodedata

    return "".join(unicodedata.normalize("NFKC", c) if ord(c) >= 0x1D400 else c for c in text)
