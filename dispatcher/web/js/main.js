/** Where it begins. */
import { App } from "./app.js";
import { applyTheme } from "./theme.js";

applyTheme();
new App(document.getElementById("app")).start();
