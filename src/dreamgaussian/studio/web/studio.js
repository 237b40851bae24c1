// The studio: the form, the view, the chosen run and the gallery, kept in step with the server.

import { bytes, Live } from "./api.js";
import { Form } from "./form.js";
import { showGallery } from "./gallery.js";
import { RunPanel } from "./run.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const FILES = { gaussians: "gaussians.splat", first: "first-mesh.glb", final: "mesh.glb" };
const LAYERS = { gaussians: "Gaussians", first: "mesh before stage 2", final: "mesh" };

export function open(studio, fail) {
  const jobs = new Map(studio.jobs.map((job) => [job.id, job]));
  const stage = new Stage(LAYERS);
  const panel = new RunPanel(studio, fail);
  const live = new Live();
  let selected = null;
  new Form(studio, (id) => { $("alert").hidden = true; location.hash = id; }, fail);

  const gallery = () => showGallery(jobs.values(), selected, (id) => { location.hash = id; }, fail);

  // Show a run: what is on disk of it, and live what is yet to come.
  async function select(id) {
    const job = jobs.get(id);
    if (!job || id === selected) return;
    selected = id;
    const image = job.files.includes("cutout.webp") ? `/api/jobs/${id}/files/cutout.webp` : "";
    stage.clear(job.config.subject.elevation_deg, image);
    panel.open(job);
    gallery();
    live.watch(id);
    await load(job);
  }

  async function load(job) {
    const file = (name) => bytes(`/api/jobs/${job.id}/files/${name}`);
    try {
      if (job.files.includes("losses.json") && job.state !== "running") {
        panel.recall(JSON.parse(new TextDecoder().decode(await file("losses.json"))));
      }
      for (const [layer, name] of Object.entries(FILES)) {
        if (!job.files.includes(name)) continue;
        const data = await file(name);
        if (selected !== job.id) return;
        if (layer === "gaussians") stage.splats(data);
        else await stage.mesh(layer, data);
      }
    } catch (error) {
      fail(error);
    }
  }

  const on = (kind, handler) => live.addEventListener(kind, ({ detail }) => handler(detail.header, detail.payload));
  const ofSelected = (handler) => (header, payload) => header.job === selected && handler(header, payload);

  on("connection", ({ open }) => {
    $("connection").textContent = open ? "connected" : "connection lost, trying again";
    $("connection").classList.toggle("on", open);
  });
  on("job", ({ job }) => {
    const before = jobs.get(job.id);
    jobs.set(job.id, job);
    gallery();
    if (location.hash.slice(1) === job.id) select(job.id);
    if (job.id !== selected) return;
    if (job.files.includes("cutout.webp")) stage.offerOverlay(`/api/jobs/${job.id}/files/cutout.webp`, job.config.subject.elevation_deg);
    panel.update(job);
    if (before && before.state !== job.state && ["finished", "stopped", "interrupted"].includes(job.state)) load(job);
  });
  on("deleted", ({ job }) => {
    jobs.delete(job);
    if (job === selected) {
      selected = null;
      $("run").hidden = true;
      stage.clear();
    }
    gallery();
  });
  on("progress", ofSelected((header) => panel.hear(header)));
  on("note", ofSelected(({ text }) => panel.note(text)));
  on("writing", ofSelected(() => panel.note("Writing the files and the turntable.")));
  on("splats", ofSelected((_, payload) => stage.splats(payload)));
  on("mesh", ofSelected(({ name }, payload) => stage.mesh(name, payload).catch(fail)));

  addEventListener("hashchange", () => select(location.hash.slice(1)));
  gallery();
  select(location.hash.slice(1) || studio.jobs[0]?.id);
}
