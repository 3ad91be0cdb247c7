/** Light or dark: what the system says, unless the reader has chosen; the choice is kept in this browser. */

const KEY = "millstream.theme";
const CHOICES = ["system", "light", "dark"];

export function theme() {
  const kept = localStorage.getItem(KEY);
  return CHOICES.includes(kept) ? kept : "system";
}

/** Go on to the next choice and return it. */
export function switchTheme() {
  const next = CHOICES[(CHOICES.indexOf(theme()) + 1) % CHOICES.length];
  localStorage.setItem(KEY, next);
  applyTheme();
  return next;
}

export function applyTheme() {
  const chosen = theme();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}
