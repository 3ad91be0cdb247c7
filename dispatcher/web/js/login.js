/** The field for the token of a cluster that wants one. */
import { h } from "./dom.js";

export function loginView(app) {
  return h(
    "form",
    {
      class: "panel login",
      key: "login",
      onsubmit: (event) => {
        event.preventDefault();
        const entered = event.currentTarget.querySelector("input").value.trim();
        if (entered !== "") app.logIn(entered);
      },
    },
    h("h1", null, "This cluster wants a token"),
    h("p", { class: "muted" }, "It is the value of rest.authentication.token, and is kept until this tab is closed."),
    h("label", { for: "token" }, "Token"),
    h("input", { id: "token", type: "password", autocomplete: "off", required: true, ref: (field) => field.focus() }),
    app.tokenWasRefused && h("p", { class: "field-error", role: "alert" }, "The cluster has not taken this token."),
    h("button", { type: "submit", class: "button button--primary" }, "Continue"),
  );
}
