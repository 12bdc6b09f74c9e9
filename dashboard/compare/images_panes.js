// One zoom for all panes: what is looked at in one is looked at in all.
const MOST = 24;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export default function ({ data, parentElement }) {
  const view = parentElement.querySelector(".panes");
  const grid = view.querySelector(".grid");
  const button = (what) => view.querySelector(`[data-do=${what}]`);
  view.at ??= { x: 0.5, y: 0.5, scale: 1 };

  const draw = () => {
    const { x, y, scale } = view.at;
    for (const image of grid.querySelectorAll("img")) {
      image.style.transform =
        `translate(${(0.5 - x * scale) * 100}%, ${(0.5 - y * scale) * 100}%) scale(${scale})`;
    }
    const first = grid.querySelector("img");
    const enlarged = first ? (first.parentElement.clientWidth * scale) / first.naturalWidth : 0;
    grid.classList.toggle("crisp", enlarged > 3);
    grid.classList.toggle("near", scale > 1);
    view.querySelector("output").textContent = `${Number(scale.toPrecision(2))}×`;
    button("out").disabled = button("whole").disabled = scale <= 1;
    button("in").disabled = scale >= MOST;
  };
  const look = (x, y, scale) => {
    scale = clamp(scale, 1, MOST);
    const margin = 0.5 / scale;
    view.at = { x: clamp(x, margin, 1 - margin), y: clamp(y, margin, 1 - margin), scale };
    draw();
  };
  // The picture's point at (fx, fy) of a pane stays where it is.
  const zoom = (factor, fx = 0.5, fy = 0.5) => {
    const { x, y, scale } = view.at;
    const next = clamp(scale * factor, 1, MOST);
    const shift = 1 / scale - 1 / next;
    look(x + (fx - 0.5) * shift, y + (fy - 0.5) * shift, next);
  };
  const share = (event) => {
    const box = event.target.closest(".pane").getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const deeds = {
    in: () => zoom(1.6),
    out: () => zoom(1 / 1.6),
    whole: () => look(0.5, 0.5, 1),
    focus: () => look(data.focus.x, data.focus.y, data.focus.scale),
  };

  const content = JSON.stringify(data.panes);
  if (view.content !== content) {
    view.content = content;
    grid.style.setProperty("--ratio", data.ratio);
    grid.replaceChildren(...data.panes.map((pane) => {
      const figure = document.createElement("figure");
      figure.className = "pane";
      const name = document.createElement("figcaption");
      name.textContent = name.title = pane.name;
      const inside = document.createElement(pane.src ? "img" : "span");
      if (pane.src) {
        inside.src = pane.src;
        inside.alt = pane.name;
        inside.draggable = false;
        inside.onload = draw;
      } else {
        inside.className = "lost";
        inside.textContent = pane.lost;
      }
      figure.append(inside, name);
      return figure;
    }));
    if (view.photo !== data.photo) view.at = { x: 0.5, y: 0.5, scale: 1 };
    view.photo = data.photo;
  }
  button("focus").textContent = data.focus_label;
  button("focus").hidden = !data.focus;
  for (const [what, deed] of Object.entries(deeds)) button(what).onclick = deed;
  grid.onkeydown = (event) => {
    const deed = { "+": "in", "=": "in", "-": "out", "0": "whole", f: data.focus && "focus" }[event.key];
    if (!deed || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    deeds[deed]();
  };
  grid.ondblclick = (event) => event.target.closest(".pane") && zoom(2, ...share(event));
  grid.onwheel = (event) => {
    if (!event.ctrlKey && !event.metaKey || !event.target.closest(".pane")) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 250), ...share(event));
  };

  // Where each finger is; a finger that was put down keeps the size of its pane.
  const fingers = new Map();
  const place = (event, box) => ({ x: event.clientX, y: event.clientY, box });
  const span = () => {
    const [one, two] = [...fingers.values()];
    return Math.hypot(one.x - two.x, one.y - two.y);
  };
  grid.onpointerdown = (event) => {
    const pane = event.target.closest(".pane");
    if (!pane) return;
    fingers.set(event.pointerId, place(event, pane.getBoundingClientRect()));
    if (view.at.scale > 1 || fingers.size > 1) grid.setPointerCapture(event.pointerId);
  };
  grid.onpointermove = (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const apart = fingers.size === 2 ? span() : 0;
    fingers.set(event.pointerId, place(event, before.box));
    if (fingers.size === 2) {
      zoom(span() / Math.max(apart, 1));
    } else if (view.at.scale > 1) {
      const { x, y, scale } = view.at;
      look(
        x - (event.clientX - before.x) / before.box.width / scale,
        y - (event.clientY - before.y) / before.box.height / scale,
        scale,
      );
    }
  };
  grid.onpointerup = grid.onpointercancel = (event) => fingers.delete(event.pointerId);
  draw();
}
