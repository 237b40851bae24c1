// The form for a new run: the picture, its cut-out, the settings.

import { call } from "./api.js";

const $ = (id) => document.getElementById(id);

export class Form {
  constructor(studio, onStart, onError) {
    this.studio = studio;
    this.upload = null;
    this.onError = onError;
    fill($("preset"), Object.keys(studio.presets));
    fill($("prior"), studio.priors);
    $("steps").max = studio.max_steps;
    this.#usePreset();
    $("preset").onchange = () => this.#usePreset();
    $("elevation").oninput = () => this.#showElevation();
    $("background").onchange = $("prior").onchange = () => this.#cutOut();
    $("file").onchange = () => this.#take($("file").files[0]);
    const drop = $("drop");
    drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
    drop.ondragleave = () => drop.classList.remove("over");
    drop.ondrop = (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.#take(event.dataTransfer.files[0]);
    };
    document.addEventListener("paste", (event) => this.#take([...event.clipboardData.files][0]));
    $("form").onsubmit = async (event) => {
      event.preventDefault();
      $("start").disabled = true;
      try {
        onStart((await call("POST", "/api/jobs", { ...this.#values(), picture: this.upload?.id })).id);
      } catch (error) {
        onError(error);
      }
      $("start").disabled = false;
    };
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
      if (file.size > this.studio.max_upload_mb * 1e6) throw new Error(`The picture is larger than ${this.studio.max_upload_mb} MB. Choose a smaller one.`);
      this.upload = await call("POST", `/api/pictures?name=${encodeURIComponent(file.name)}`, file);
      URL.revokeObjectURL($("input-picture").src);
      $("input-picture").src = URL.createObjectURL(file);
      $("drop-words").hidden = true;
      $("previews").hidden = false;
      await this.#cutOut();
    } catch (error) {
      this.onError(error);
    }
  }

  async #cutOut() {
    if (!this.upload) return;
    const { id } = this.upload;
    $("cutout").removeAttribute("src");
    $("crop").hidden = true;
    $("cutout-words").textContent = "cutting out…";
    try {
      const { crop, notes } = await call("POST", `/api/pictures/${id}/cutout`, this.#values());
      if (this.upload.id !== id) return;
      $("cutout").src = `/api/pictures/${id}/cutout?${Date.now()}`;
      $("cutout-words").textContent = notes.find((note) => note.includes("cut off")) ?? "cut-out, recentred";
      await $("input-picture").decode();
      this.#showCrop(crop);
    } catch (error) {
      $("cutout-words").textContent = "no cut-out";
      this.onError(error);
    }
  }

  // The square that was cut out, over the picture as it is fitted into its frame.
  #showCrop({ left, top, side }) {
    const { naturalWidth: width, naturalHeight: height } = $("input-picture");
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
