// The dark or the light look: the system's, until somebody chooses.

const dark = matchMedia("(prefers-color-scheme: dark)");
const apply = () => {
  document.documentElement.dataset.look = localStorage.getItem("look") ?? (dark.matches ? "dark" : "light");
  dispatchEvent(new Event("look"));
};
apply();
dark.addEventListener("change", apply);

export function switchLook() {
  localStorage.setItem("look", document.documentElement.dataset.look === "dark" ? "light" : "dark");
  apply();
}
