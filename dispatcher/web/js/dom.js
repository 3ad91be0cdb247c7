/**
 * Elements as values. A view is a function from data to elements; `render` changes the page to look like them and
 * keeps what is alike, so that focus, scroll positions, open details and the text of fields outlive a refresh.
 *
 * Text always becomes a text node and an attribute an attribute: nothing that a server sends is read as markup.
 */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** Properties that the page and the user both change: set on the element, not as an attribute. */
const LIVE_PROPERTIES = new Set(["value", "checked", "selected", "open", "disabled"]);

/** What is on the page for an element: its value, and the values of its children. */
const mounted = new WeakMap();

/** The functions that an element calls at events, by the event's name. */
const listeners = new WeakMap();

/**
 * Describe an element.
 *
 * @param {string} tag its name; `svg` and what is inside it are SVG.
 * @param {object|null} properties attributes; `onclick` and the like are functions, `style` an object of CSS
 *   properties, `key` what tells it from its siblings over time, `ref` a function that is given the new element.
 * @param children elements, text, numbers, lists of them; null and booleans are nothing.
 */
export function h(tag, properties, ...children) {
  const given = properties ?? {};
  return { tag, properties: given, key: given.key, children: flat(children, []) };
}

/** What waits for the end of a drawing: functions that are given elements which are then on the page. */
let references = [];

/** Make the children of `container` look like `view`. */
export function render(container, view) {
  references = [];
  reconcile(container, flat([view], []), container.namespaceURI === SVG_NAMESPACE);
  for (const give of references) give();
}

function flat(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child === null || child === undefined || typeof child === "boolean") continue;
    else if (typeof child === "object") into.push(child);
    else into.push({ tag: "#text", text: String(child) });
  }
  return into;
}

function reconcile(parent, views, inSvg) {
  const before = mounted.get(parent) ?? [];
  const keyed = new Map();
  const others = new Map();
  for (const entry of before) {
    if (entry.view.key !== undefined) keyed.set(`${entry.view.tag} ${entry.view.key}`, entry);
    else if (others.has(entry.view.tag)) others.get(entry.view.tag).push(entry);
    else others.set(entry.view.tag, [entry]);
  }
  const after = [];
  for (const view of views) {
    let old;
    if (view.key !== undefined) {
      old = keyed.get(`${view.tag} ${view.key}`);
      keyed.delete(`${view.tag} ${view.key}`);
    } else {
      old = others.get(view.tag)?.shift();
    }
    if (old === undefined) after.push({ view, node: create(view, inSvg) });
    else {
      change(old.node, old.view, view, inSvg);
      after.push({ view, node: old.node });
    }
  }
  for (const entry of keyed.values()) entry.node.remove();
  for (const left of others.values()) for (const entry of left) entry.node.remove();
  let place = parent.firstChild;
  for (const entry of after) {
    if (entry.node === place) place = place.nextSibling;
    else parent.insertBefore(entry.node, place);
  }
  mounted.set(parent, after);
}

function create(view, inSvg) {
  if (view.tag === "#text") return document.createTextNode(view.text);
  const isSvg = inSvg || view.tag === "svg";
  const element = isSvg ? document.createElementNS(SVG_NAMESPACE, view.tag) : document.createElement(view.tag);
  // Children first: a select takes its value only when it has its options.
  reconcile(element, view.children, isSvg);
  for (const [name, value] of Object.entries(view.properties)) setProperty(element, name, value, undefined);
  if (view.properties.ref !== undefined) references.push(() => view.properties.ref(element));
  return element;
}

function change(node, old, view, inSvg) {
  if (old === view) return;
  if (view.tag === "#text") {
    if (old.text !== view.text) node.data = view.text;
    return;
  }
  reconcile(node, view.children, inSvg || view.tag === "svg");
  for (const name of Object.keys(old.properties)) {
    if (!(name in view.properties)) setProperty(node, name, undefined, old.properties[name]);
  }
  for (const [name, value] of Object.entries(view.properties)) setProperty(node, name, value, old.properties[name]);
}

function setProperty(element, name, value, old) {
  if (name === "key" || name === "ref") return;
  if (name.startsWith("on")) setListener(element, name.slice(2), value);
  else if (name === "style") setStyle(element, value ?? {}, old ?? {});
  else if (LIVE_PROPERTIES.has(name) && name in element) {
    // A field shows what the program says; what a user has opened stays open until the program says otherwise.
    const known = name === "value" || name === "checked" ? element[name] : old;
    if (known !== value) element[name] = value ?? (name === "value" ? "" : false);
  } else if (value === old) return;
  else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

function setListener(element, event, listener) {
  let own = listeners.get(element);
  if (own === undefined) {
    own = new Map();
    listeners.set(element, own);
  }
  if (!own.has(event)) element.addEventListener(event, (what) => own.get(event)?.(what));
  own.set(event, listener);
}

function setStyle(element, style, old) {
  for (const name of Object.keys(old)) if (!(name in style)) element.style.removeProperty(name);
  for (const [name, value] of Object.entries(style)) {
    if (old[name] !== value) element.style.setProperty(name, String(value));
  }
}
