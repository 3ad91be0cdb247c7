/** A TaskManager's id, which leads to its page where there is one: a history server has none. */
import { h } from "./dom.js";
import { link } from "./router.js";

export function taskManagerLink(app, id) {
  if (!id) return null;
  return app.isHistory ? id : h("a", { href: link("task-manager", id, "metrics") }, id);
}
