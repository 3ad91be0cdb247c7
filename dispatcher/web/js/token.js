/** The token that the reader has entered: it lives as long as the browser's tab, and goes nowhere but to this server. */

const KEY = "millstream.token";

export function token() {
  return sessionStorage.getItem(KEY);
}

export function keepToken(value) {
  sessionStorage.setItem(KEY, value);
}

export function forgetToken() {
  sessionStorage.removeItem(KEY);
}
