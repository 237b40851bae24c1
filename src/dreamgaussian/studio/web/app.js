// The page's entry point: the whole studio, or only the view of some files.

import { call } from "./api.js";
import { switchLook } from "./look.js";

const $ = (id) => document.getElementById(id);

function fail(error) {
  $("alert").firstElementChild.textContent = error.message;
  $("alert").hidden = false;
}

$("alert").querySelector("button").onclick = () => { $("alert").hidden = true; };
$("theme").onclick = switchLook;
document.body.classList.toggle("embed", new URLSearchParams(location.search).has("embed"));

try {
  const studio = await call("GET", "/api/studio");
  const { open } = await import(studio.view ? "./files.js" : "./studio.js");
  await open(studio, fail);
} catch (error) {
  fail(error);
  throw error;
}
