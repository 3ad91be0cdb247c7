/** What is around every page: navigation, notices, the dialog, and the field for a token. */
import { h } from "./dom.js";
import { dialogView } from "./dialog.js";
import { icon } from "./icons.js";
import { loginView } from "./login.js";
import { errorBox, loading } from "./states.js";
import { link } from "./router.js";
import { switchTheme, theme } from "./theme.js";

const THEME_NAMES = { system: "as the system", light: "light", dark: "dark" };

export function shell(app) {
  return h(
    "div",
    { class: "shell" },
    h("a", { class: "skip-link", href: "#content", onclick: toContent }, "Skip to the content"),
    sidebar(app),
    h(
      "main",
      { id: "content", class: "content", tabindex: "-1" },
      app.needsToken ? loginView(app) : body(app),
    ),
    notices(app),
    app.dialog && h("div", { key: "dialog" }, dialogView(app)),
  );
}

/** A hash is the page's address here, so the link moves the focus itself. */
function toContent(event) {
  event.preventDefault();
  document.getElementById("content").focus();
}

function body(app) {
  if (app.page !== null) return h("div", { class: "page", key: app.page.key }, app.page.view());
  if (app.configuration.error !== null) return errorBox(app.configuration.error, () => app.refresh());
  return loading("Asking the cluster");
}

function sidebar(app) {
  const version = app.configuration.data;
  return h(
    "header",
    { class: app.menuOpen ? "sidebar sidebar--open" : "sidebar" },
    h(
      "div",
      { class: "sidebar__top" },
      h("a", { class: "brand", href: link("overview") }, icon("brand"), h("span", null, "Millstream")),
      h(
        "button",
        {
          class: "icon-button sidebar__menu",
          type: "button",
          "aria-expanded": String(app.menuOpen),
          "aria-controls": "navigation",
          "aria-label": app.menuOpen ? "Close the menu" : "Open the menu",
          onclick: () => {
            app.menuOpen = !app.menuOpen;
            app.update();
          },
        },
        icon(app.menuOpen ? "close" : "menu"),
      ),
    ),
    h(
      "nav",
      { id: "navigation", class: "navigation", "aria-label": "Pages" },
      h("ul", null, entries(app).map((entry) => navigationEntry(app, entry))),
      h(
        "div",
        { class: "sidebar__foot" },
        themeSwitch(app),
        version && h("span", { class: "muted", title: version["flink-revision"] }, versionText(version)),
      ),
    ),
  );
}

function versionText(configuration) {
  const own = configuration["millstream-version"];
  return own === undefined ? `REST API ${configuration["flink-version"]}` : `Version ${own}`;
}

function entries(app) {
  const cluster = !app.isHistory;
  return [
    cluster && { to: ["overview"], name: "Overview", icon: "overview" },
    cluster && { to: ["job", "running"], name: "Running jobs", icon: "running" },
    { to: ["job", "completed"], name: "Completed jobs", icon: "completed" },
    cluster && { to: ["task-manager"], name: "TaskManagers", icon: "workers" },
    cluster && { to: ["job-manager"], name: "JobManager", icon: "master" },
    app.features["web-submit"] && cluster && { to: ["submit"], name: "Submit a job", icon: "submit" },
  ].filter(Boolean);
}

function navigationEntry(app, entry) {
  const isCurrent = entry.to.every((part, index) => (app.route[index] ?? (index === 0 ? "overview" : "running")) === part);
  return h(
    "li",
    { key: entry.name },
    h(
      "a",
      { href: link(...entry.to), class: "navigation__link", "aria-current": isCurrent ? "page" : null },
      icon(entry.icon),
      entry.name,
    ),
  );
}

function themeSwitch(app) {
  return h(
    "button",
    {
      type: "button",
      class: "theme-switch",
      title: "Switch between the system's colours, light and dark",
      onclick: () => {
        switchTheme();
        app.update();
      },
    },
    icon("theme"),
    `Colours: ${THEME_NAMES[theme()]}`,
  );
}

function notices(app) {
  return h(
    "div",
    { class: "notices", role: "status", "aria-live": "polite" },
    app.notices.map((notice) =>
      h(
        "div",
        { class: `notice notice--${notice.kind}` },
        h("span", null, notice.text),
        h(
          "button",
          { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: () => app.dismiss(notice) },
          icon("close"),
        ),
      ),
    ),
  );
}
