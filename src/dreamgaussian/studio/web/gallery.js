// All runs that this browser may see, newest first.

import { call } from "./api.js";

const $ = (id) => document.getElementById(id);

export function showGallery(jobs, selected, onOpen, onError) {
  const newest = [...jobs].sort((a, b) => b.created - a.created);
  $("cards").replaceChildren(...newest.map((job) => card(job, job.id === selected, onOpen, onError)));
  $("no-cards").hidden = newest.length > 0;
}

function card(job, isCurrent, onOpen, onError) {
  const item = document.createElement("li");
  item.setAttribute("aria-current", isCurrent);
  const open = document.createElement("button");
  open.type = "button";
  open.className = "open";
  open.onclick = () => onOpen(job.id);
  const image = ["thumbnail.webp", "cutout.webp"].find((name) => job.files.includes(name));
  const thumbnail = document.createElement(image ? "img" : "span");
  if (image) Object.assign(thumbnail, { src: `/api/jobs/${job.id}/files/${image}`, alt: "" });
  else thumbnail.className = "blank";
  const title = document.createElement("b");
  title.textContent = job.title;
  const words = document.createElement("small");
  const position = job.state === "queued" ? `, number ${job.position}` : "";
  words.textContent = `${job.state}${position}${job.mine ? "" : ", shared"}`;
  open.append(thumbnail, title, words);
  item.append(open);
  if (job.mine) item.append(deleteButton(job, onError));
  return item;
}

function deleteButton(job, onError) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "delete";
  button.textContent = "✕";
  button.setAttribute("aria-label", `Delete ${job.title}`);
  button.onclick = () => {
    if (confirm(`Delete ${job.title} and all its files?`)) call("DELETE", `/api/jobs/${job.id}`).catch(onError);
  };
  return button;
}
