// Making and updating elements. Text only ever enters through textContent, so nothing that a calendar holds can become
// markup; nodes are updated in place, so that focus, live regions and the reader's scroll position survive a refresh.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props`: `class`, `text`, `on` (listeners by event), `data`, anything else is an attribute (`true`: empty). */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "class") node.className = value;
    else if (name === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Set text only when it differs: an unchanged live region stays silent. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set an attribute only when it differs; null takes it away. */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function setClass(node, text) {
  if (node.className !== text) node.className = text;
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/** Make the children of `parent` show `items` in order, one view (`{root, update}`) per key; views are kept by key. */
export function keyed(parent, items, keyOf, create) {
  const views = (parent.lockstepViews ??= new Map());
  const wanted = new Map(items.map((item) => [keyOf(item), item]));
  for (const [key, view] of views) {
    if (!wanted.has(key)) {
      view.root.remove();
      views.delete(key);
    }
  }
  let before = null;
  for (const [key, item] of wanted) {
    let view = views.get(key);
    if (!view) views.set(key, (view = create(item)));
    view.update(item);
    const place = before ? before.nextSibling : parent.firstChild;
    if (view.root !== place) parent.insertBefore(view.root, place);
    before = view.root;
  }
}

const ICONS = {
  check: "M20 6.5 9.5 17 4 11.5",
  active: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm4 6.5-5 5-2.5-2.5",
  warning: "M12 4 2.8 20h18.4L12 4Zm0 6v4.5m0 2.6v.1",
  waiting: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm0 4.5V12l3 2",
  working: "M12 3a9 9 0 0 1 9 9m-9 9a9 9 0 0 1-9-9",
  off: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm-4 9h8",
  paused: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm-2.5 6v6m5-6v6",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  swap: "M4 9h14m-4-4 4 4-4 4M20 16H6m4-4-4 4 4 4",
  help: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm-2.6 6.6a2.6 2.6 0 1 1 3.7 2.4c-.7.3-1.1.9-1.1 1.6v.4m0 2.6v.1",
  before: "m14.5 5-7 7 7 7",
  after: "m9.5 5 7 7-7 7",
  news: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Zm0 8v5.5m0-9v.1",
  sync: "M20 11a8 8 0 0 0-14.5-4M4 13a8 8 0 0 0 14.5 4M5 3v4.2h4.2M19 21v-4.2h-4.2",
  send: "M4 12 20 4l-6 16-3-7-7-1Z",
  edit: "m4 20 1-4L16 5l3 3L8 19l-4 1Z",
  remove: "M6 6l12 12M18 6 6 18",
  add: "M12 5v14M5 12h14",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  series: "M4 12a7 7 0 0 1 12-5l2 2m0-4v4h-4m6 3a7 7 0 0 1-12 5l-2-2m0 4v-4h4",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  arrive: "M12 4v12m-5-5 5 5 5-5M5 20h14",
};

/** A line icon in the colour of the text around it; decoration only, since words stand beside it. */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const [attribute, value] of Object.entries({
    fill: "none",
    stroke: "currentColor",
    "stroke-width": "2",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  })) {
    svg.setAttribute(attribute, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
