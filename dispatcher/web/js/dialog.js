/** The one dialog that can be open: modal, closed by Esc, and the focus stays inside until it is closed. */
import { h } from "./dom.js";

const FOCUSABLE = "button:not([disabled]), input, select, textarea, a[href], summary";

/**
 * @typedef Dialog what `App.openDialog` is given.
 * @property {string} title
 * @property {function} view returns the content.
 * @property {function} [actions] returns the buttons beside "Cancel".
 * @property {string} [dismissal] the text of the button that closes it.
 * @property {function} [onsubmit] what Enter in a field does.
 */
export function dialogView(app) {
  const { dialog } = app;
  return h(
    "dialog",
    {
      class: "dialog",
      "aria-labelledby": "dialog-title",
      ref: open,
      onkeydown: keepFocus,
      oncancel: (event) => {
        event.preventDefault();
        app.closeDialog();
      },
    },
    h(
      "form",
      {
        class: "dialog__form",
        onsubmit: (event) => {
          event.preventDefault();
          dialog.onsubmit?.();
        },
      },
      h("h2", { id: "dialog-title" }, dialog.title),
      h("div", { class: "dialog__content" }, dialog.view()),
      h(
        "div",
        { class: "dialog__actions" },
        h("button", { type: "button", class: "button", onclick: () => app.closeDialog() }, dialog.dismissal ?? "Cancel"),
        dialog.actions?.(),
      ),
    ),
  );
}

function open(element) {
  const opener = document.activeElement;
  element.showModal();
  element.querySelector("[autofocus], input, select, .button--primary, .button--danger, button")?.focus();
  // An element that is taken out of the page gives the focus to nobody.
  const watch = new MutationObserver(() => {
    if (element.isConnected) return;
    watch.disconnect();
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
  });
  watch.observe(document.getElementById("app"), { childList: true, subtree: true });
}

/** Tab goes round inside instead of to the browser's own buttons. */
function keepFocus(event) {
  if (event.key !== "Tab") return;
  const inside = [...event.currentTarget.querySelectorAll(FOCUSABLE)].filter((each) => each.offsetParent !== null);
  const [first, last] = [inside[0], inside[inside.length - 1]];
  if (event.shiftKey && document.activeElement === first) last.focus();
  else if (!event.shiftKey && document.activeElement === last) first.focus();
  else return;
  event.preventDefault();
}
