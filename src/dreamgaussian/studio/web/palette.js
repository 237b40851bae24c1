// Near is light, far is dark: a ramp through sand, teal and indigo, whose lightness falls steadily.
export const PALETTE = `
vec3 palette(float t) {
  t = clamp(t, 0., 1.);
  vec3 near = vec3(.99, .91, .65), middle = vec3(.20, .60, .58), far = vec3(.16, .12, .36);
  return t < .5 ? mix(near, middle, 2. * t) : mix(middle, far, 2. * t - 1.);
}`;
