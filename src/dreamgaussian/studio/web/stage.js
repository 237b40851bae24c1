// The tools round the 3D view: modes, layers, the slider between two of them, the input on top.

import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const MODES = { color: "colour", depth: "depth", alpha: "alpha", normals: "normals", centers: "centres" };

export class Stage {
  // `layers` are titles by name, in the order in which they come to be.
  constructor(layers) {
    this.titles = layers;
    this.viewer = new Viewer($("canvas"));
    $("modes").replaceChildren(...Object.entries(MODES).map(([mode, label]) => {
      const item = document.createElement("label");
      item.innerHTML = `<input class="hidden-input" type="radio" name="mode" value="${mode}">${label}`;
      item.firstChild.checked = mode === "color";
      item.firstChild.onchange = () => { this.viewer.mode = mode; this.viewer.refresh(); };
      return item;
    }));
    $("left").onchange = $("right").onchange = () => { this.chosen = true; this.#arrange(); };
    $("slider").oninput = $("squeeze").onchange = () => this.#arrange();
    $("home").onclick = () => this.viewer.home();
    $("turn").onchange = () => this.#turn($("turn").checked);
    $("overlay-on").onchange = () => this.#overlay();
    this.viewer.controls.addEventListener("start", () => this.#hideOverlay());
    this.clear();
  }

  clear(elevationDeg = 0, image = "") {
    this.viewer.clear();
    this.viewer.home(elevationDeg);
    this.image = image;
    this.chosen = false;
    $("overlay-on").checked = false;
    $("overlay-on").disabled = !image;
    this.#overlay();
    this.#offer();
  }

  // The input, and the elevation from which it was taken.
  offerOverlay(image, elevationDeg) {
    this.image = image;
    $("overlay-on").disabled = false;
    if (elevationDeg !== this.viewer.elevationDeg) this.viewer.home(elevationDeg);
  }

  splats(bytes, name = "gaussians") {
    const isNew = !this.viewer.layers.has(name);
    this.viewer.setSplats(name, bytes);
    if (isNew) this.#offer();
  }

  async mesh(name, bytes) {
    const isNew = !this.viewer.layers.has(name);
    await this.viewer.setMesh(name, bytes);
    if (isNew) this.#offer();
  }

  compare(left, right, sideBySide) {
    $("left").value = left;
    $("right").value = right;
    $("squeeze").checked = sideBySide;
    this.chosen = true;
    this.#arrange();
  }

  // What there is to choose from; until somebody chooses, the newest stage is shown.
  #offer() {
    const names = Object.keys(this.titles).filter((name) => this.viewer.layers.has(name));
    const [left, right] = [$("left").value, $("right").value];
    $("left").replaceChildren(...names.map((name) => new Option(this.titles[name], name)));
    $("right").replaceChildren(new Option("nothing", ""), ...names.map((name) => new Option(this.titles[name], name)));
    $("left").value = this.chosen && names.includes(left) ? left : names.at(-1) ?? "";
    $("right").value = this.chosen && names.includes(right) ? right : "";
    $("empty").hidden = names.length > 0;
    this.#arrange();
  }

  #arrange() {
    const { viewer } = this;
    viewer.left = $("left").value;
    viewer.right = $("right").value;
    const both = Boolean(viewer.right) && viewer.layers.has(viewer.right);
    viewer.sideBySide = $("squeeze").checked;
    viewer.split = viewer.sideBySide ? 0.5 : Number($("slider").value) / 100;
    $("squeeze-label").hidden = $("divider").hidden = !both;
    $("slider-label").hidden = !both || viewer.sideBySide;
    $("divider").style.left = `${viewer.split * 100}%`;
    $("layer-left").hidden = $("layer-right").hidden = !both;
    $("layer-left").textContent = this.titles[viewer.left] ?? "";
    $("layer-right").textContent = this.titles[viewer.right] ?? "";
    viewer.refresh();
  }

  #turn(on) {
    $("turn").checked = this.viewer.controls.autoRotate = on;
    if (on) this.#hideOverlay();
    this.viewer.refresh();
  }

  // The input fits only the view from where it was taken.
  #hideOverlay() {
    $("overlay-on").checked = false;
    this.#overlay();
  }

  #overlay() {
    const on = $("overlay-on").checked && Boolean(this.image);
    if (on) this.#turn(false);
    if (on) this.viewer.home();
    if (on) $("overlay").src = this.image;
    $("overlay").hidden = !on;
  }
}
