// The editor: the mask at the photo's full size lives here, strokes are drawn here, and each is sent
// to the server as the pixels that it turned. The server draws nothing; see dashboard/edit/editor.py.

const TOOLS = [
  ["brush", "Brush", "B"],
  ["eraser", "Eraser", "E"],
  ["lasso", "Lasso", "L"],
  ["lasso-erase", "Lasso erase", "K"],
  ["fill-hole", "Fill hole", "F"],
  ["erase-part", "Erase part", "D"],
  ["click", "Click: add", "C"],
  ["click-away", "Click: remove", "R"],
  ["move", "Move", "H"],
];
const SWAPPED = { brush: "eraser", eraser: "brush", lasso: "lasso-erase", "lasso-erase": "lasso",
  "fill-hole": "erase-part", "erase-part": "fill-hole",
  click: "click-away", "click-away": "click" };
const ADDS = new Set(["brush", "lasso"]);
const VIEWS = ["after", "before", "photo"];
const [UNDO_STEPS, RESEND_MS, IDLE_MS, LARGEST_ZOOM] = [500, 2500, 60_000, 40];

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".editor");
  root.editor ??= new Editor(root);
  root.editor.update(data, (message) => setTriggerValue("sent", message));
  return () => root.editor.close();
}

class Editor {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector(".stage");
    [this.photoCanvas, this.maskCanvas, this.topCanvas] = root.querySelectorAll("canvas");
    this.ring = root.querySelector(".ring");
    this.dot = root.querySelector(".dot");
    this.draft = null;
    this.tool = "brush";
    this.view = "after";
    this.pointers = new Map();
    this.pending = [];
    this.clicks = []; // those that the network has not answered, the first of which it was asked
    this.stroke = null;
    this.dirty = null;
    this.penSeen = false;
    this.makeControls();
    this.listen();
  }

  // --- What the server says ---------------------------------------------------------------

  update(data, send) {
    this.send = send;
    this.data = data;
    if (data.draft !== this.draft) {
      if (this.draft !== null && data.copy_of === this.draft) this.draft = data.draft;
      else if (data.mask === undefined) return this.tell("need");
      else this.load(data);
    } else if (data.reload && data.mask !== undefined) this.load(data);
    this.pending = this.pending.filter((step) => step.number > data.saved);
    this.problem = data.problem;
    this.conflict = data.conflict;
    if (this.clicks.length && data.answer?.id === this.clicks[0].id) this.answer = data.answer;
    this.merge();
    if ((this.pending.length || this.clicks.length) && !data.problem) this.deliver();
    this.showStatus();
  }

  load(data) {
    this.draft = data.draft;
    const { width, height } = data;
    this.image = { width, height, mask: masked(width, height, data.mask) };
    this.start = masked(width, height, data.start);
    this.before = new Uint8Array(width * height);
    this.area = data.area;
    this.number = data.saved;
    this.pending = [];
    this.clicks = [];
    this.answer = null;
    this.stroke = null;
    const patch = ({ box, runs }) => ({ box, lengths: unpack(runs) });
    this.done = data.done.map(patch);
    this.undone = data.undone.map(patch);
    this.colour = data.colour;
    this.opacity = data.opacity;
    this.root.querySelector("[name=opacity]").value = Math.round(100 * data.opacity);
    this.setRadius(Math.max(2, Math.round(Math.max(width, height) / 100)));
    this.lastStep = performance.now();
    this.loadPhoto(data.photo);
    this.fit();
    this.showTools();
    this.root.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "start" });
  }

  async loadPhoto(url) {
    const waiting = this.root.querySelector(".waiting");
    waiting.hidden = false;
    this.levels = [];
    try {
      const image = new Image();
      image.src = url;
      await image.decode();
      let level = await createImageBitmap(image);
      this.levels.push(level);
      // Halves of halves: a small view is drawn from a small picture.
      while (Math.max(level.width, level.height) > 900) {
        const size = { resizeWidth: Math.ceil(level.width / 2), resizeHeight: Math.ceil(level.height / 2) };
        level = await createImageBitmap(level, { ...size, resizeQuality: "high" });
        this.levels.push(level);
      }
      waiting.hidden = true;
    } catch (error) {
      waiting.textContent = "This browser can't show the photo; the mask can still be edited.";
    }
    this.redraw();
  }

  tell(action, more = {}) {
    this.send?.({ draft: this.draft, action, steps: this.pending, click: this.clicks[0] ?? null, ...more });
  }

  // All steps that are not known to be on the disk: a message that is lost costs nothing.
  deliver() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.pending.length || this.clicks.length) && this.deliver(), RESEND_MS);
    const last = `${this.pending[this.pending.length - 1]?.number} ${this.clicks[0]?.id}`;
    if (last === this.delivered && performance.now() - this.deliveredAt < RESEND_MS / 2) return;
    [this.delivered, this.deliveredAt] = [last, performance.now()];
    this.tell("steps");
  }

  // --- Steps --------------------------------------------------------------------------------

  begin() {
    this.before.set(this.image.mask);
  }

  // Ends a change of the mask since `begin`, within a box: one step, which can be undone.
  commit(tool, within, more = {}) {
    const changed = difference(this.image, this.before, within);
    if (!changed) {
      this.showStatus();
      return false;
    }
    this.done.push(changed);
    if (this.done.length > UNDO_STEPS) this.done.shift();
    this.undone = [];
    this.record(tool, changed, changed.grown, more);
    return true;
  }

  record(tool, { box, lengths }, grown, more = {}) {
    const now = performance.now();
    const seconds = Math.round(Math.min(now - this.lastStep, IDLE_MS) / 100) / 10;
    this.lastStep = now;
    this.area += grown;
    this.number += 1;
    this.pending.push({ number: this.number, tool, box, runs: pack(lengths), area: this.area,
      seconds, ...more });
    this.touch([box[0], box[1], box[0] + box[2], box[1] + box[3]]);
    this.deliver();
    this.showStatus();
  }

  turnBack(from, onto, tool) {
    if (this.stroke || !from.length) return;
    const patch = from.pop();
    onto.push(patch);
    this.record(tool, patch, turn(this.image, patch));
  }

  undo() { this.turnBack(this.done, this.undone, "undo"); }
  redo() { this.turnBack(this.undone, this.done, "redo"); }

  // --- Clicks -------------------------------------------------------------------------------

  ask([x, y], positive) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const { width, height } = this.image;
    if (column < 0 || row < 0 || column >= width || row >= height) return;
    this.clicks.push({ id: Math.random().toString(36).slice(2), x: column, y: row, positive });
    if (this.clicks.length === 1) this.deliver();
    this.showClicks();
    this.showStatus();
  }

  // Merges what the network answered into the mask as it is now, once no stroke is being drawn.
  merge() {
    const { answer } = this;
    if (!answer || this.stroke) return;
    const { x, y, positive } = this.clicks.shift();
    this.answer = null;
    this.showClicks();
    if (answer.problem) {
      this.clicks = [];
      this.showClicks();
      this.problem = answer.problem;
      return;
    }
    this.begin();
    const [left, top, width, height] = answer.box;
    const patch = { box: answer.box, lengths: unpack(answer.runs) };
    eachStretch(this.image, patch, (start, end) => this.image.mask.fill(positive ? 1 : 0, start, end));
    this.hint = "";
    const within = [left, top, left + width, top + height];
    const more = { points: [[x, y]], positive, network: answer.network };
    if (!this.commit("click", within, more)) {
      this.hint = `The network ${positive ? "adds" : "removes"} nothing here. Use the brush or the lasso.`;
    }
  }

  showClicks() {
    const [click] = this.clicks;
    this.dot.hidden = !click;
    if (!click) return;
    this.dot.classList.toggle("away", !click.positive);
    const [x, y] = [(click.x + 0.5 - this.left) * this.scale, (click.y + 0.5 - this.top) * this.scale];
    this.dot.style.transform = `translate(${x}px,${y}px)`;
  }

  // The pointer of the keyboard, in px of the photo.
  moveCursor(across, down) {
    const { clientWidth, clientHeight } = this.stage;
    const step = Math.max(clientWidth, clientHeight) / 50;
    this.cursor ??= [clientWidth / 2, clientHeight / 2];
    const held = (value, side) => Math.min(side - 1, Math.max(0, value));
    this.cursor = [held(this.cursor[0] + across * step, clientWidth), held(this.cursor[1] + down * step, clientHeight)];
    this.showRing({ pointerType: "key" }, this.cursor);
  }

  whole(tool, change) {
    if (this.stroke) return;
    this.begin();
    const pixels = Math.min(30, Math.max(1, Math.round(+this.pixelsInput.value) || 1));
    this.commit(tool, change(pixels), { size: pixels });
  }

  grow() { this.whole("grow", (pixels) => spread(this.image, pixels, 1)); }
  shrink() { this.whole("shrink", (pixels) => spread(this.image, pixels, 0)); }
  smooth() { this.whole("smooth", (pixels) => smooth(this.image, pixels)); }
  restore() {
    this.whole("restore", () => {
      this.image.mask.set(this.start);
      return [0, 0, this.image.width, this.image.height];
    });
  }

  accept() { this.decide("accept"); }
  replace() { this.decide("replace"); }
  reject() { this.decide("reject"); }
  unclear() { this.decide("unclear"); }
  leave() { this.tell("close"); }
  decide(action) {
    if (this.stroke || this.draft === null) return;
    this.tell(action, { checksum: checksum(this.image.mask) });
  }

  // --- Strokes --------------------------------------------------------------------------------

  startStroke(point, tool = this.tool) {
    if (this.view !== "after") this.setView("after");
    this.begin();
    this.stroke = { tool, points: [point], box: NOWHERE };
    if (tool === "fill-hole" || tool === "erase-part") return this.turnAt(point);
    if (tool === "brush" || tool === "eraser") this.paintTo(point, point);
  }

  turnAt([x, y]) {
    const { tool } = this.stroke;
    this.stroke = null;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const { mask, width, height } = this.image;
    if (column < 0 || row < 0 || column >= width || row >= height) return;
    if (mask[row * width + column] !== (tool === "fill-hole" ? 0 : 1)) {
      return this.showStatus(tool === "fill-hole" ? "Press inside a hole of the mask." : "Press on a part of the mask.");
    }
    const box = turnArea(this.image, column, row);
    if (!box) return this.showStatus("This background reaches the photo's border, so it is no hole. Use the lasso.");
    this.commit(tool, box, { points: [[x, y]] });
  }

  extendStroke(point) {
    const { tool, points } = this.stroke;
    const last = points[points.length - 1];
    points.push(point);
    if (tool === "brush" || tool === "eraser") this.paintTo(last, point);
    else if (tool.startsWith("lasso")) this.drawLasso();
  }

  paintTo([x0, y0], [x1, y1]) {
    const value = ADDS.has(this.stroke.tool) ? 1 : 0;
    const box = paintCapsule(this.image, x0, y0, x1, y1, this.radius, value);
    this.stroke.box = joined(this.stroke.box, box);
    this.touch(box);
  }

  endStroke() {
    if (!this.stroke) return;
    const { tool, points, box } = this.stroke;
    this.stroke = null;
    if (tool.startsWith("click")) {
      this.ask(points[0], tool === "click");
      return this.merge();
    }
    const rounded = points.map(([x, y]) => [Math.round(x * 10) / 10, Math.round(y * 10) / 10]);
    if (tool.startsWith("lasso")) {
      this.clearTop();
      if (points.length < 3) return;
      const inside = paintPolygon(this.image, points, ADDS.has(tool) ? 1 : 0);
      this.commit(tool, inside, { points: rounded });
    } else this.commit(tool, box, { points: rounded, size: this.radius });
    this.merge();
  }

  dropStroke() {
    if (!this.stroke) return;
    const { box } = this.stroke;
    this.stroke = null;
    this.image.mask.set(this.before);
    this.clearTop();
    this.touch(box);
    this.merge();
  }

  // --- Pointer ----------------------------------------------------------------------------------

  listen() {
    const { stage, root } = this;
    const on = (name, handle) => stage.addEventListener(name, handle.bind(this), { passive: false });
    on("pointerdown", this.onDown);
    on("pointermove", this.onMove);
    on("pointerup", this.onUp);
    on("pointercancel", this.onCancel);
    on("lostpointercapture", this.onUp);
    on("pointerleave", () => { this.ring.style.visibility = "hidden"; });
    on("wheel", this.onWheel);
    on("contextmenu", (event) => event.preventDefault());
    root.addEventListener("keydown", this.onKey.bind(this));
    root.addEventListener("keyup", (event) => { if (event.code === "Space") this.setMoving(false); });
    this.watcher = new ResizeObserver(() => this.onResize());
    this.watcher.observe(stage);
  }

  at(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  onPhoto([x, y]) {
    return [this.left + x / this.scale, this.top + y / this.scale];
  }

  onDown(event) {
    if (!this.image) return;
    event.preventDefault();
    this.root.focus({ preventScroll: true });
    this.stage.setPointerCapture(event.pointerId);
    const point = this.at(event);
    this.pointers.set(event.pointerId, point);
    this.penSeen ||= event.pointerType === "pen";
    if (this.pointers.size > 1) { // a second finger: both move the photo
      this.dropStroke();
      this.moving = true;
    } else if (event.button === 1 || this.held || this.tool === "move"
        || (event.pointerType === "touch" && this.penSeen)) this.moving = true;
    else if (this.tool.startsWith("click")) {
      const other = event.button === 2 || event.altKey;
      this.startStroke(this.onPhoto(point), other ? SWAPPED[this.tool] : this.tool);
    } else if (event.button === 0) this.startStroke(this.onPhoto(point));
  }

  onMove(event) {
    if (!this.image) return;
    const point = this.at(event);
    this.showRing(event, point);
    if (!this.pointers.has(event.pointerId)) return;
    event.preventDefault();
    if (this.moving) this.movePhoto(event.pointerId, point);
    else if (this.stroke) {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) {
        this.extendStroke(this.onPhoto(this.at(each)));
      }
    }
    this.pointers.set(event.pointerId, point);
  }

  onUp(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.moving) this.moving = this.pointers.size > 0;
    else this.endStroke();
  }

  onCancel(event) {
    this.pointers.delete(event.pointerId);
    this.moving = false;
    this.dropStroke();
  }

  movePhoto(id, point) {
    const was = this.pointers.get(id);
    const other = [...this.pointers].find(([each]) => each !== id)?.[1];
    if (other) {
      const spread = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
      const middle = (a) => [(a[0] + other[0]) / 2, (a[1] + other[1]) / 2];
      const [from, to] = [middle(was), middle(point)];
      this.zoomBy(spread(point) / Math.max(1, spread(was)), to);
      this.moveBy(to[0] - from[0], to[1] - from[1]);
    } else this.moveBy(point[0] - was[0], point[1] - was[1]);
  }

  onWheel(event) {
    if (!this.image) return;
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), this.at(event));
  }

  showRing(event, [x, y]) {
    const brush = this.tool === "brush" || this.tool === "eraser";
    const shown = event.pointerType !== "touch" && !this.moving && !this.held;
    this.stage.classList.toggle("moving", this.moving || this.held || this.tool === "move");
    const size = Math.max(brush ? 2 * this.radius * this.scale : this.tool.startsWith("click") ? 11 : 5, 3);
    this.ring.style.cssText = `visibility:${shown && this.tool !== "move" ? "visible" : "hidden"};`
      + `width:${size}px;height:${size}px;transform:translate(${x - size / 2}px,${y - size / 2}px)`;
  }

  setMoving(held) {
    this.held = held;
    this.stage.classList.toggle("moving", held);
  }

  // --- Keys and buttons --------------------------------------------------------------------------

  onKey(event) {
    if (event.target.type === "number" || event.altKey || !this.image) return;
    const command = event.ctrlKey || event.metaKey;
    const letter = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    if (command && letter !== "Z" && letter !== "Y") return;
    const tool = TOOLS.find(([, , key]) => key === letter);
    const onButton = event.target.closest?.("button, input, summary");
    const actions = {
      "[": () => this.setRadius(this.radius / 1.15 - 0.5),
      "]": () => this.setRadius(this.radius * 1.15 + 0.5),
      X: () => this.setTool(SWAPPED[this.tool] ?? this.tool),
      Z: () => (event.shiftKey ? this.redo() : this.undo()),
      Y: () => this.redo(),
      G: () => this.grow(),
      S: () => this.shrink(),
      M: () => this.smooth(),
      V: () => this.setView(VIEWS[(VIEWS.indexOf(this.view) + 1) % 3]),
      O: () => this.setOpacity(this.opacity - 0.1),
      P: () => this.setOpacity(this.opacity + 0.1),
      "+": () => this.zoomBy(1.25),
      "=": () => this.zoomBy(1.25),
      "-": () => this.zoomBy(0.8),
      0: () => this.fit(),
      1: () => this.zoomBy(1 / (this.scale * devicePixelRatio)),
      Escape: () => this.dropStroke(),
    };
    if (!onButton || event.target.type === "range") {
      actions[" "] = () => this.setMoving(true);
      actions.Enter = () => this.accept();
    }
    if (this.tool.startsWith("click") && event.target.type !== "range") {
      Object.assign(actions, {
        ArrowLeft: () => this.moveCursor(-1, 0),
        ArrowRight: () => this.moveCursor(1, 0),
        ArrowUp: () => this.moveCursor(0, -1),
        ArrowDown: () => this.moveCursor(0, 1),
        ".": () => this.cursor && this.ask(this.onPhoto(this.cursor), this.tool === "click"),
      });
    }
    const action = tool ? () => this.setTool(tool[0]) : actions[letter];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has keys of its own
    if (!event.repeat || "[]ZYOP+-=".includes(letter) || letter.startsWith("Arrow")) action();
  }

  makeControls() {
    const tools = this.root.querySelector(".tools");
    for (const [name, label, key] of TOOLS) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: label, title: `${label} (${key})` });
      button.setAttribute("role", "radio");
      button.dataset.tool = name;
      button.onclick = () => this.setTool(name);
      tools.append(button);
    }
    const actions = { undo: "undo", redo: "redo", grow: "grow", shrink: "shrink", smooth: "smooth",
      fit: "fit", restore: "restore", close: "leave", reject: "reject", replace: "replace",
      unclear: "unclear",
      accept: "accept" };
    for (const button of this.root.querySelectorAll("[data-do]")) {
      const name = button.dataset.do;
      button.onclick = () => {
        if (!this.image) return;
        if (name === "in" || name === "out") this.zoomBy(name === "in" ? 1.25 : 0.8);
        else this[actions[name]]();
      };
    }
    for (const button of this.root.querySelectorAll("[data-view]")) {
      button.onclick = () => this.setView(button.dataset.view);
    }
    this.sizeInput = this.root.querySelector("[name=size]");
    this.pixelsInput = this.root.querySelector("[name=pixels]");
    // The slider is logarithmic: single pixels count at its lower end.
    this.sizeInput.oninput = () => this.setRadius(0.5 * 1000 ** (this.sizeInput.value / 100));
    const opacity = this.root.querySelector("[name=opacity]");
    opacity.oninput = () => this.setOpacity(opacity.value / 100);
    this.setTool(this.tool);
    this.setView(this.view);
  }

  setTool(name) {
    if (this.stroke) return;
    this.tool = name;
    this.ring.style.visibility = "hidden";
    [this.cursor, this.hint] = [null, ""];
    this.showTools();
    this.showStatus();
  }

  setView(name) {
    if (this.stroke) return;
    this.view = name;
    for (const button of this.root.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-checked", String(button.dataset.view === name));
    }
    this.redraw();
  }

  setRadius(radius) {
    this.radius = Math.min(500, Math.max(0.5, Math.round(radius * 2) / 2));
    this.sizeInput.value = Math.round((100 * Math.log(this.radius / 0.5)) / Math.log(1000));
    this.root.querySelector(".size output").textContent = `${2 * this.radius} px`;
  }

  setOpacity(opacity) {
    this.opacity = Math.min(1, Math.max(0, opacity));
    this.root.querySelector("[name=opacity]").value = Math.round(100 * this.opacity);
    this.redraw();
  }

  showTools() {
    for (const button of this.root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-checked", String(button.dataset.tool === this.tool));
    }
  }

  showStatus(hint = "") {
    if (!this.image) return;
    const status = this.root.querySelector(".status");
    const waiting = this.pending.length;
    const share = ((100 * this.area) / this.image.mask.length).toFixed(1);
    const saved = waiting ? `Saving ${waiting} …` : `Saved · ${this.number} step${this.number === 1 ? "" : "s"}`;
    const asking = this.clicks.length ? "Asking the network …" : "";
    const first = !this.area && this.tool === "click" ? "Click on the car." : "";
    status.textContent = this.problem || hint || asking || this.hint || first || `${saved} · car ${share}% of the photo`;
    status.classList.toggle("bad", Boolean(this.problem));
    this.root.dataset.steps = this.number;
    this.root.dataset.saved = this.number - waiting;
    this.root.dataset.clicks = this.clicks.length;
    this.root.querySelector("[data-do=undo]").disabled = !this.done.length;
    this.root.querySelector("[data-do=redo]").disabled = !this.undone.length;
    this.root.querySelector("[data-do=replace]").hidden = !this.conflict;
  }

  // --- View -----------------------------------------------------------------------------------

  onResize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.photoCanvas, this.maskCanvas, this.topCanvas]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const fitted = this.fitted;
    if (this.image && (fitted || !this.scale)) this.fit();
    else this.redraw();
  }

  fit() {
    if (!this.image) return;
    const { clientWidth, clientHeight } = this.stage;
    this.scale = Math.min(clientWidth / this.image.width, clientHeight / this.image.height);
    this.left = (this.image.width - clientWidth / this.scale) / 2;
    this.top = (this.image.height - clientHeight / this.scale) / 2;
    this.fitted = true;
    this.redraw();
  }

  zoomBy(factor, [x, y] = [this.stage.clientWidth / 2, this.stage.clientHeight / 2]) {
    const { width, height } = this.image;
    const least = Math.min(this.stage.clientWidth / width, this.stage.clientHeight / height, 1) / 2;
    const scale = Math.min(LARGEST_ZOOM, Math.max(least, this.scale * factor));
    this.left += x / this.scale - x / scale;
    this.top += y / this.scale - y / scale;
    this.scale = scale;
    this.moveBy(0, 0);
  }

  moveBy(x, y) {
    const { clientWidth, clientHeight } = this.stage;
    // The photo's middle half can't leave the view.
    const held = (value, side, view) =>
      Math.min(side - view / this.scale / 4, Math.max(-0.75 * (view / this.scale), value));
    this.left = held(this.left - x / this.scale, this.image.width, clientWidth);
    this.top = held(this.top - y / this.scale, this.image.height, clientHeight);
    this.fitted = false;
    this.redraw();
  }

  redraw() {
    this.photoIsOld = true;
    this.dirty = null;
    this.maskIsOld = true;
    this.schedule();
  }

  // Has a box of the photo drawn anew; nothing else of the view is touched.
  touch(box) {
    this.dirty = joined(this.dirty ?? NOWHERE, box);
    this.schedule();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.image) this.draw();
    });
  }

  draw() {
    const { width, height } = this.maskCanvas;
    const ratio = window.devicePixelRatio || 1;
    const scale = this.scale * ratio;
    if (this.photoIsOld) this.drawPhoto(scale);
    let area = [0, 0, width, height];
    if (!this.maskIsOld) {
      const [left, top, right, bottom] = this.dirty;
      area = [Math.floor((left - this.left) * scale) - 2, Math.floor((top - this.top) * scale) - 2,
        Math.ceil((right - this.left) * scale) + 2, Math.ceil((bottom - this.top) * scale) + 2];
      area = clipped({ width, height }, area);
    }
    if (area[0] < area[2] && area[1] < area[3]) this.drawMask(area, scale);
    [this.photoIsOld, this.maskIsOld, this.dirty] = [false, false, null];
    this.showClicks();
    if (this.stroke?.tool.startsWith("lasso")) this.drawLasso();
    this.root.dataset.place = `${this.scale} ${this.left} ${this.top}`;
    this.root.querySelector(".zoom").textContent = `${Math.round(100 * scale)}%`;
  }

  drawPhoto(scale) {
    const canvas = this.photoCanvas;
    const context = canvas.getContext("2d", { alpha: false });
    context.fillStyle = getComputedStyle(this.stage).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!this.levels?.length) return;
    const { width, height } = this.image;
    const level = this.levels.findLast((each) => each.width >= width * scale) ?? this.levels[0];
    const [across, down] = [level.width / width, level.height / height];
    context.imageSmoothingEnabled = scale < 3;
    // Only what is in sight: a part of a large picture is as quick as a small one.
    const left = Math.max(0, Math.floor(this.left));
    const top = Math.max(0, Math.floor(this.top));
    const right = Math.min(width, Math.ceil(this.left + canvas.width / scale));
    const bottom = Math.min(height, Math.ceil(this.top + canvas.height / scale));
    if (left >= right || top >= bottom) return;
    context.drawImage(level, left * across, top * down, (right - left) * across, (bottom - top) * down,
      (left - this.left) * scale, (top - this.top) * scale, (right - left) * scale, (bottom - top) * scale);
  }

  // Each pixel of the view shows the pixel of the mask that its middle lies on.
  drawMask([left, top, right, bottom], scale) {
    const context = this.maskCanvas.getContext("2d");
    const { width, height } = this.image;
    const mask = this.view === "before" ? this.start : this.image.mask;
    const drawn = context.createImageData(right - left, bottom - top);
    const pixels = new Uint32Array(drawn.data.buffer);
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(this.colour.slice(at, at + 2), 16));
    const paint = (alpha) => ((Math.round(255 * alpha) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    const [inner, edge] = [paint(Math.max(this.opacity, 0.004)), paint(Math.max(this.opacity, 0.85))];
    const wide = right - left + 1;
    const columns = new Int32Array(wide);
    for (let x = 0; x < wide; x++) columns[x] = Math.floor(this.left + (left + x + 0.5) / scale);
    const row = (y) => Math.floor(this.top + (y + 0.5) / scale);
    const value = (column, line) => (column >= 0 && column < width && line >= 0 && line < height
      ? mask[line * width + column] : 0);
    if (this.view !== "photo") {
      for (let y = top; y < bottom; y++) {
        const [line, below] = [row(y), row(y + 1)];
        let now = value(columns[0], line);
        for (let x = 0; x < right - left; x++) {
          const next = value(columns[x + 1], line);
          if (now) pixels[(y - top) * (right - left) + x] = next && value(columns[x], below) ? inner : edge;
          now = next;
        }
      }
    }
    context.putImageData(drawn, left, top);
  }

  drawLasso() {
    const context = this.topCanvas.getContext("2d");
    const scale = this.scale * (window.devicePixelRatio || 1);
    this.clearTop();
    context.beginPath();
    for (const [x, y] of this.stroke.points) context.lineTo((x - this.left) * scale, (y - this.top) * scale);
    for (const [style, line] of [["#000", 3], ["#fff", 1.5]]) {
      Object.assign(context, { strokeStyle: style, lineWidth: line, lineJoin: "round" });
      context.stroke();
    }
  }

  clearTop() {
    this.topCanvas.getContext("2d").clearRect(0, 0, this.topCanvas.width, this.topCanvas.height);
  }

  close() {
    clearTimeout(this.timer);
    if (this.pending.length) this.tell("steps");
  }
}
