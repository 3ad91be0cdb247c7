/** What an address shows that names no page. */
import { h } from "../dom.js";
import { empty } from "../states.js";
import { link } from "../router.js";

export class NotFoundPage {
  key = "not found";
  title = "Not found";

  isSame() {
    return true;
  }

  go() {}

  feeds() {
    return [];
  }

  view() {
    return [h("h1", null, "There is no such page"), empty("The address names nothing here."), h("p", null, h("a", { href: link("overview") }, "To the overview"))];
  }
}
