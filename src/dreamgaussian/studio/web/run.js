// The panel of the selected run: its progress, its controls, its downloads.

import { bytes, call, whenPressed } from "./api.js";
import { drawCurve } from "./curve.js";

const $ = (id) => document.getElementById(id);
const ACTIONS = {
  running: ["pause", "extract", "stop"], paused: ["resume", "extract", "stop"], queued: ["stop"],
  stopped: ["resume"], interrupted: ["resume"], failed: ["resume"], finished: [],
};
const LABELS = { pause: "Pause", resume: "Resume", stop: "Stop", extract: "Extract mesh now" };
const FILES = { "turntable.mp4": "turntable", "preview.png": "preview", "generated.png": "generated image", "run.json": "run.json", "fit.safetensors": "checkpoint" };

export class RunPanel {
  constructor(studio, onError) {
    this.studio = studio;
    this.onError = onError;
    this.progress = null;
    this.losses = []; // [stage, step, loss]
    new ResizeObserver(() => this.#curve()).observe($("curve"));
    addEventListener("look", () => this.#curve());
  }

  // Begin with another run.
  open(job) {
    this.progress = null;
    this.losses = [];
    $("notes").replaceChildren();
    $("video").removeAttribute("src");
    this.#numbers();
    this.update(job);
    this.#curve();
  }

  update(job) {
    this.job = job;
    $("run").hidden = false;
    $("run-title").textContent = job.title;
    $("run-error").textContent = job.error;
    $("run-error").hidden = !job.error;
    $("settings").textContent = JSON.stringify(job.config, null, 1);
    this.#state();
    const actions = job.mine ? ACTIONS[job.state].filter((command) => command !== "extract" || this.#inFit()) : [];
    refill($("controls"), actions.map((command) => this.#button(LABELS[command], () => call("POST", `/api/jobs/${job.id}/${command}`))));
    this.#downloads();
    this.#sharing();
    $("video").hidden = !job.files.includes("turntable.mp4");
    if (!$("video").hidden && !$("video").hasAttribute("src")) {
      $("video").poster = `/api/jobs/${job.id}/files/thumbnail.webp`;
      $("video").src = `/api/jobs/${job.id}/files/turntable.mp4`;
    }
  }

  // The losses of stage 1, as a run that ended left them.
  recall(losses) {
    this.losses = losses.map((loss, i) => ["Gaussians", i + 1, loss]);
    this.#curve();
  }

  hear(progress) {
    const stageChanged = this.progress?.stage !== progress.stage;
    this.losses = progress.whole ? [...progress.losses] : this.losses.concat(progress.losses);
    this.progress = progress;
    $("bar").max = progress.steps;
    $("bar").value = progress.step;
    this.#numbers();
    this.#curve();
    if (stageChanged) this.update(this.job);
    else this.#state();
  }

  note(text) {
    $("notes").append(element("li", text));
    $("notes").scrollTop = 1e6;
  }

  #numbers() {
    const { stage, step, steps, gaussians, faces, steps_per_second, seconds_left } = this.progress ?? {};
    const facts = this.progress && {
      Stage: stage,
      Step: `${step} / ${steps}`,
      Gaussians: gaussians.toLocaleString("en"),
      ...(faces ? { Triangles: faces.toLocaleString("en") } : {}),
      "Steps a second": steps_per_second?.toPrecision(3) ?? "…",
      "Left of this stage": seconds_left === null ? "…" : duration(seconds_left),
    };
    $("numbers").replaceChildren(...Object.entries(facts ?? {}).map(([name, value]) => {
      const pair = document.createElement("div");
      pair.append(element("dt", name), element("dd", value));
      return pair;
    }));
  }

  #inFit() {
    return (this.progress?.stage ?? this.job.stage) === "Gaussians";
  }

  #state() {
    const { state, position, stage, step, steps } = this.job;
    const at = this.progress ?? { stage, step, steps };
    const words = {
      queued: `waiting, number ${position} in the queue`,
      running: at.stage === "Opening" ? "opening the image and the prior" : `working: ${at.stage}`,
      paused: `paused at step ${at.step}`,
      stopped: "stopped; its state is kept",
      interrupted: "interrupted",
      failed: "failed",
      finished: "finished",
    }[state];
    if ($("run-state").textContent !== words) $("run-state").textContent = words; // else it would be read out again
    $("bar").hidden = !["running", "paused"].includes(state);
  }

  #curve() {
    const stages = new Set(this.losses.map(([stage]) => stage));
    const now = this.progress?.stage;
    const shown = stages.has(now) ? now : "Gaussians";
    const points = this.losses.filter(([stage]) => stage === shown).map(([, step, loss]) => [step, loss]);
    drawCurve($("curve"), points, shown === now ? this.progress.steps : points.length);
  }

  #downloads() {
    const { job, studio } = this;
    const has = (name) => job.files.includes(name);
    const exports = Object.entries(studio.exports).filter(([result]) => has(result)).flatMap(([result, names]) => {
      const kind = element("span", result === "mesh.glb" ? "mesh" : "Gaussians");
      kind.className = "kind";
      return [kind, ...names.map((name) => this.#download(name.slice(name.indexOf(".")), `/api/jobs/${job.id}/exports/${name}`, job.title, name))];
    });
    const rest = element("span", "more");
    rest.className = "kind";
    const files = Object.entries(FILES).filter(([name]) => has(name))
      .map(([name, label]) => this.#download(label, `/api/jobs/${job.id}/files/${name}`, job.title, name));
    $("download-list").replaceChildren(...exports, ...(files.length ? [rest] : []), ...files);
    $("downloads").hidden = !exports.length;
  }

  #download(label, path, title, name) {
    const button = this.#button(label, async () => {
      const data = await bytes(path);
      const isZip = data[0] === 0x50 && data[1] === 0x4b && !name.endsWith(".usdz"); // several files come as one
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([data]));
      link.download = `${title}-${isZip ? `${name}.zip` : name}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
    button.setAttribute("aria-label", `Download ${name}`);
    return button;
  }

  #sharing() {
    const { job } = this;
    if (!job.mine) return $("sharing").replaceChildren(element("span", "shared with you, to look at"));
    const share = this.#button(job.share_key ? "Copy the link" : "Share by link", async () => {
      const { share_key } = await call("POST", `/api/jobs/${job.id}/share`);
      const link = `${location.origin}/share/${share_key}`;
      this.update({ ...this.job, share_key });
      this.note(`Whoever opens this link may look: ${link}`);
      await navigator.clipboard?.writeText(link).catch(() => {});
    });
    const unshare = this.#button("Stop sharing", async () => {
      await call("POST", `/api/jobs/${job.id}/unshare`);
      this.update({ ...this.job, share_key: null });
    });
    $("sharing").replaceChildren(share, ...(job.share_key ? [unshare] : []));
  }

  #button(label, work) {
    const button = element("button", label);
    button.type = "button";
    button.onclick = whenPressed(button, () => work().catch(this.onError));
    return button;
  }
}

// New buttons in place of old ones; the keyboard stays where it was.
function refill(list, buttons) {
  const place = [...list.children].findIndex((each) => each.contains(document.activeElement));
  list.replaceChildren(...buttons);
  if (place >= 0) buttons[Math.min(place, buttons.length - 1)]?.focus();
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function duration(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}
