// The form for a new run: the image or the words, the cut-out, the settings.

import { call, whenPressed } from "./api.js";

const $ = (id) => document.getElementById(id);

export class Form {
  constructor(studio, onStart, onError) {
    this.studio = studio;
    this.onError = onError;
    this.upload = null; // what the server calls the image
    this.words = null; // where it keeps the cut-out of words
    this.turn = 0; // only the newest cut-out is shown
    fill($("preset"), Object.keys(studio.presets));
    fill($("prior"), studio.priors);
    $("steps").max = studio.max_steps;
    this.#usePreset();
    $("preset").onchange = () => { this.#usePreset(); this.#cutOut(); };
    $("elevation").oninput = () => this.#showElevation();
    $("background").onchange = $("prior").onchange = $("seed").onchange = $("prompt").onchange = () => this.#cutOut();
    $("file").onchange = () => this.#take($("file").files[0]);
    $("forget").onclick = () => this.#forget();
    this.#takeDrops();
    const start = async () => onStart((await call("POST", "/api/jobs", { ...this.#values(), image: this.upload })).id);
    $("form").onsubmit = whenPressed($("start"), () => start().catch(onError));
  }

  // An image may fall anywhere on the page, or be pasted.
  #takeDrops() {
    document.addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
    document.addEventListener("dragleave", () => $("drop").classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      $("drop").classList.remove("over");
      this.#take(event.dataTransfer.files[0]);
    });
    document.addEventListener("paste", (event) => this.#take(event.clipboardData.files[0]));
  }

  #values() {
    return {
      preset: $("preset").value, prior: $("prior").value, prompt: $("prompt").value.trim(), background: $("background").value,
      steps: Number($("steps").value), seed: Number($("seed").value), elevation_deg: Number($("elevation").value),
    };
  }

  #usePreset() {
    const { fit, prior, subject } = this.studio.presets[$("preset").value];
    $("steps").value = Math.min(fit.steps, this.studio.max_steps);
    $("prior").value = prior[0].name;
    $("elevation").value = subject.elevation_deg;
    this.#showElevation();
  }

  // The circle on the ground below the subject, as a camera of this elevation sees it.
  #showElevation() {
    const degrees = Number($("elevation").value);
    $("elevation-words").value = `${degrees}°${degrees > 0 ? " from above" : degrees < 0 ? " from below" : ""}`;
    const ellipse = document.querySelector("#ring ellipse");
    ellipse.setAttribute("ry", Math.abs(34 * Math.sin(degrees * Math.PI / 180)));
    ellipse.setAttribute("cy", 34 * Math.cos(degrees * Math.PI / 180));
  }

  async #take(file) {
    if (!file) return;
    try {
      if (file.size > this.studio.max_upload_mb * 1e6) throw new Error(`The image is larger than ${this.studio.max_upload_mb} MB. Choose a smaller one.`);
      this.upload = (await call("POST", `/api/images?name=${encodeURIComponent(file.name)}`, file)).id;
      URL.revokeObjectURL($("input-image").src);
      $("input-image").src = URL.createObjectURL(file);
      await this.#cutOut();
    } catch (error) {
      this.onError(error);
    }
  }

  #forget() {
    this.upload = null;
    $("file").value = "";
    $("file").focus();
    this.#cutOut();
  }

  async #cutOut() {
    const turn = ++this.turn;
    const isImage = this.upload !== null;
    const isEmpty = !isImage && !$("prompt").value.trim();
    $("drop-words").hidden = !isEmpty;
    $("previews").hidden = isEmpty;
    $("input-figure").hidden = $("forget").hidden = !isImage;
    $("elevation").disabled = !isEmpty && !isImage; // images for words know their own
    $("cutout").removeAttribute("src");
    $("crop").hidden = true;
    if (isEmpty) return;
    $("cutout-words").textContent = isImage ? "cutting out…" : "looking for it…";
    try {
      if (!isImage) this.words ??= (await call("POST", "/api/words")).id;
      const path = `/api/images/${this.upload ?? this.words}/cutout`;
      const { crop, notes, elevation_deg } = await call("POST", path, this.#values());
      if (turn !== this.turn) return;
      const words = isImage ? notes.find((note) => note.includes("cut off")) : notes[0];
      $("cutout-words").textContent = crop ? words ?? "cut-out, recentred" : "This prior goes by the words alone.";
      if (crop) {
        $("cutout").src = `${path}?${Date.now()}`;
        $("elevation").value = elevation_deg;
        this.#showElevation();
      }
      if (isImage) await this.#showCrop(crop);
    } catch (error) {
      this.words = null;
      if (turn !== this.turn) return;
      $("cutout-words").textContent = "no cut-out";
      this.onError(error);
    }
  }

  // The square that was cut out, over the image as it is fitted into its frame.
  async #showCrop({ left, top, side }) {
    await $("input-image").decode();
    const { naturalWidth: width, naturalHeight: height } = $("input-image");
    const scale = 100 / Math.max(width, height);
    const crop = $("crop");
    crop.style.left = `${50 - width * scale / 2 + left * scale}%`;
    crop.style.top = `${50 - height * scale / 2 + top * scale}%`;
    crop.style.width = crop.style.height = `${side * scale}%`;
    crop.hidden = false;
  }
}

function fill(select, names) {
  select.replaceChildren(...names.map((name) => new Option(name, name)));
}
