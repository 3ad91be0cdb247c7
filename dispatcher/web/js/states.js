/** What stands where data will be, or cannot be had. */
import { h } from "./dom.js";

export function loading(text = "Loading") {
  return h("div", { class: "state", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), `${text} …`);
}

export function empty(text, hint = null) {
  return h("div", { class: "state state--empty" }, h("p", null, text), hint && h("p", { class: "muted" }, hint));
}

export function errorBox(error, retry) {
  return h(
    "div",
    { class: "banner banner--error", role: "alert" },
    h(
      "div",
      { class: "banner__text" },
      h("p", null, error.message),
      error.details.length > 0 &&
        h("details", null, h("summary", null, "More"), h("pre", { class: "code" }, error.details.join("\n"))),
    ),
    h("button", { type: "button", class: "button", onclick: retry }, "Try again"),
  );
}

/** The view of a feed's data; instead of it that it is loading or has failed; with it that a refresh has failed. */
export function shown(app, feed, view) {
  const retry = () => {
    if (feed.data === undefined) feed.expire();
    app.refresh();
  };
  if (feed.data === undefined) return feed.error === null ? loading() : errorBox(feed.error, retry);
  return [feed.error !== null && h("div", { key: "error" }, errorBox(feed.error, retry)), view(feed.data)];
}
