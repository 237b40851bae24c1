// Looking at files: the view alone.

import { bytes } from "./api.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);

export async function open({ view }, fail) {
  document.body.classList.add("files");
  $("form").remove();
  $("gallery").remove();
  $("connection").remove();
  document.title = `${view.map(({ title }) => title).join(", ")} · DreamGaussian`;
  const stage = new Stage(Object.fromEntries(view.map(({ title }, i) => [i, title])));
  for (const [i, { kind }] of view.entries()) {
    try {
      const data = await bytes(`/layers/${i}`);
      await (kind === "splats" ? stage.splats(data, String(i)) : stage.mesh(String(i), data));
    } catch (error) {
      fail(error);
    }
  }
  if (view.length > 1) stage.compare("0", "1", true);
}
