// The tools round the 3D view: modes, layers, the slider between two of them, the input on top.

import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const MODES = { color: "colour", depth: "depth", alpha: "alpha", normals: "normals", centers: "centres" };
export const LAYERS = { gaussians: "Gaussians", first: "mesh, stage 1", final: "mesh, stage 2" };

export class Stage {
  constructor() {
    this.viewer = new Viewer($("canvas"));
    $("modes").replaceChildren(...Object.entries(MODES).map(([mode, label]) => {
      const item = document.createElement("label");
      item.innerHTML = `<input class="hidden-input" type="radio" name="mode" value="${mode}">${label}`;
      item.firstChild.checked = mode === "color";
      item.firstChild.onchange = () => { this.viewer.mode = mode; this.viewer.refresh(); };
      return item;
    }));
    $("left").onchange = $("right").onchange = () => { this.chosen = true; this.#arrange(); };
    $("slider").oninput = () => this.#arrange();
    $("home").onclick = () => this.viewer.home();
    $("turn").onchange = () => { this.viewer.controls.autoRotate = $("turn").checked; this.viewer.refresh(); };
    $("overlay-on").onchange = () => this.#overlay();
    this.viewer.controls.addEventListener("start", () => { $("overlay-on").checked = false; this.#overlay(); });
    this.clear();
  }

  clear(elevationDeg = 0, picture = "") {
    this.viewer.clear();
    this.viewer.home(elevationDeg);
    this.picture = picture;
    this.chosen = false;
    $("overlay-on").checked = false;
    $("overlay-on").disabled = !picture;
    this.#overlay();
    this.#offer();
  }

  offerOverlay(picture) {
    this.picture = picture;
    $("overlay-on").disabled = false;
  }

  splats(bytes) {
    const isNew = !this.viewer.layers.has("gaussians");
    const count = this.viewer.setSplats("gaussians", bytes);
    if (isNew) this.#offer();
    return count;
  }

  async mesh(name, bytes) {
    const isNew = !this.viewer.layers.has(name);
    await this.viewer.setMesh(name, bytes);
    if (isNew) this.#offer();
  }

  // What there is to choose from; until somebody chooses, the newest stage is shown.
  #offer() {
    const names = Object.keys(LAYERS).filter((name) => this.viewer.layers.has(name));
    const [left, right] = [$("left").value, $("right").value];
    $("left").replaceChildren(...names.map((name) => new Option(LAYERS[name], name)));
    $("right").replaceChildren(new Option("nothing", ""), ...names.map((name) => new Option(LAYERS[name], name)));
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
    viewer.split = Number($("slider").value) / 100;
    $("slider-label").hidden = $("divider").hidden = !both;
    $("divider").style.left = `${viewer.split * 100}%`;
    $("layer-left").hidden = $("layer-right").hidden = !both;
    $("layer-left").textContent = LAYERS[viewer.left] ?? "";
    $("layer-right").textContent = LAYERS[viewer.right] ?? "";
    viewer.refresh();
  }

  #overlay() {
    const on = $("overlay-on").checked && Boolean(this.picture);
    if (on) this.viewer.home();
    if (on) $("overlay").src = this.picture;
    $("overlay").hidden = !on;
  }
}
