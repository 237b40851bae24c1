// 3D Gaussians in three.js: one quad a Gaussian, sorted from back to front (arXiv 2308.04079), drawn as `raster/` does.

import * as THREE from "./vendor/three.min.js";
import { PALETTE } from "./palette.js";

const RECORD = 32; // bytes: centre and scale as float32, rgba and quaternion as bytes; see formats/splat.py
const WIDTH = 1024; // Gaussians in a row of the texture, two texels each
export const MODES = ["color", "depth", "alpha", "normals", "centers"];

const VERTEX = `
precision highp usampler2D;
uniform usampler2D records;
uniform vec2 viewport;
uniform int mode;
uniform vec2 depths;
in float order;
out vec2 offset;
out vec4 color;
${PALETTE}

mat3 rotation(vec4 q) {  // wxyz
  float w = q.x, x = q.y, y = q.z, z = q.w;
  return mat3(1. - 2. * (y * y + z * z), 2. * (x * y + w * z), 2. * (x * z - w * y),
              2. * (x * y - w * z), 1. - 2. * (x * x + z * z), 2. * (y * z + w * x),
              2. * (x * z + w * y), 2. * (y * z - w * x), 1. - 2. * (x * x + y * y));
}

void main() {
  int i = int(order);
  ivec2 texel = ivec2(2 * (i % ${WIDTH}), i / ${WIDTH});
  uvec4 a = texelFetch(records, texel, 0), b = texelFetch(records, texel + ivec2(1, 0), 0);
  vec3 scale = vec3(uintBitsToFloat(a.w), uintBitsToFloat(b.xy));
  uvec4 bytes = (uvec4(b.w) >> uvec4(0, 8, 16, 24)) & 255u;
  mat3 axes = mat3(modelViewMatrix) * rotation(normalize(vec4(bytes) - 128.));
  vec3 center = (modelViewMatrix * vec4(uintBitsToFloat(a.xyz), 1)).xyz;
  color = vec4((uvec4(b.z) >> uvec4(0, 8, 16, 24)) & 255u) / 255.;
  gl_Position = vec4(0, 0, 2, 1);  // nowhere
  float depth = -center.z;
  if (depth < 0.01 || color.a < 1. / 255.) return;

  vec2 focal = 0.5 * viewport * vec2(projectionMatrix[0][0], projectionMatrix[1][1]);
  vec2 limit = 1.3 / vec2(projectionMatrix[0][0], projectionMatrix[1][1]);
  vec2 slope = clamp(center.xy / depth, -limit, limit);
  mat3 half_covariance = mat3(axes[0] * scale.x, axes[1] * scale.y, axes[2] * scale.z);
  vec3 row_x = vec3(focal.x, 0, focal.x * slope.x) / depth * half_covariance;
  vec3 row_y = vec3(0, focal.y, focal.y * slope.y) / depth * half_covariance;
  float xx = dot(row_x, row_x) + 0.3, yy = dot(row_y, row_y) + 0.3, xy = dot(row_x, row_y);
  float middle = 0.5 * (xx + yy), spread = length(vec2(0.5 * (xx - yy), xy));
  float first = middle + spread, second = max(middle - spread, 1e-6);
  vec2 axis = spread < 1e-6 ? vec2(1, 0) : normalize(abs(xy) > 1e-9 ? vec2(xy, first - xx) : xx >= yy ? vec2(1, 0) : vec2(0, 1));
  float reach = sqrt(2. * log(255. * color.a));

  if (mode == 1) color.rgb = palette((depth - depths.x) / (depths.y - depths.x));
  if (mode == 2) color.rgb = vec3(1);
  if (mode == 3) {
    vec3 normal = scale.x < min(scale.y, scale.z) ? axes[0] : scale.y < scale.z ? axes[1] : axes[2];
    color.rgb = 0.5 + 0.5 * normal * (dot(normal, center) > 0. ? -1. : 1.);
  }
  if (mode == 4) { first = second = 1.5; reach = 1.4; color.a = color.a > 0.02 ? 1. : 0.; }
  offset = position.xy * reach;
  vec2 pixels = offset.x * sqrt(first) * axis + offset.y * sqrt(second) * vec2(-axis.y, axis.x);
  vec4 clip = projectionMatrix * vec4(center, 1);
  gl_Position = vec4(clip.xy / clip.w + 2. * pixels / viewport, clip.z / clip.w, 1);
}`;

const FRAGMENT = `
precision highp float;
uniform int mode;
in vec2 offset;
in vec4 color;
out vec4 result;
void main() {
  float square = dot(offset, offset);
  float alpha = mode == 4 ? (square < 2. ? color.a : 0.) : min(0.999, color.a * exp(-0.5 * square));
  if (alpha < 1. / 255.) discard;
  result = vec4(color.rgb * alpha, alpha);
}`;

export class Splats extends THREE.Mesh {
  constructor() {
    const geometry = new THREE.InstancedBufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array([-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0]), 3));
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    geometry.instanceCount = 0;
    super(geometry, new THREE.ShaderMaterial({
      glslVersion: THREE.GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: {
        records: { value: null },
        viewport: { value: new THREE.Vector2(1, 1) },
        mode: { value: 0 },
        depths: { value: new THREE.Vector2(1, 3) },
      },
      transparent: true,
      depthTest: false,
      depthWrite: false,
      blending: THREE.CustomBlending,
      blendEquation: THREE.AddEquation,
      blendSrc: THREE.OneFactor,
      blendDst: THREE.OneMinusSrcAlphaFactor,
    }));
    this.frustumCulled = false;
    this.count = 0;
    this.sortedFor = new THREE.Vector3();
  }

  // New records in place of the old ones.
  set(bytes) {
    this.count = Math.floor(bytes.length / RECORD);
    const rows = Math.max(1, Math.ceil(this.count / WIDTH));
    const texture = this.material.uniforms.records.value;
    const size = 8 * WIDTH * rows;
    let words = texture?.image.data;
    if (words?.length !== size) {
      texture?.dispose();
      words = new Uint32Array(size);
      const fresh = new THREE.DataTexture(words, 2 * WIDTH, rows, THREE.RGBAIntegerFormat, THREE.UnsignedIntType);
      fresh.internalFormat = "RGBA32UI";
      this.material.uniforms.records.value = fresh;
    }
    new Uint8Array(words.buffer).set(bytes.subarray(0, this.count * RECORD));
    this.material.uniforms.records.value.needsUpdate = true;
    this.floats = new Float32Array(words.buffer);
    if (this.geometry.attributes.order?.count !== this.count) {
      this.geometry.deleteAttribute("order");
      this.geometry.setAttribute("order", new THREE.InstancedBufferAttribute(new Float32Array(this.count), 1));
      this.geometry._maxInstanceCount = undefined;
    }
    this.geometry.instanceCount = this.count;
    this.sortedFor.set(0, 0, 0);
  }

  // Order by depth, farthest first: a counting sort over 65536 steps of depth.
  sort(direction) {
    if (!this.count || this.sortedFor.distanceToSquared(direction) < 1e-5) return;
    this.sortedFor.copy(direction);
    const { count, floats } = this;
    const { x, y, z } = direction;
    const depth = new Float32Array(count);
    let least = Infinity, most = -Infinity;
    for (let i = 0; i < count; i++) {
      const d = x * floats[8 * i] + y * floats[8 * i + 1] + z * floats[8 * i + 2];
      depth[i] = d;
      if (d < least) least = d;
      if (d > most) most = d;
    }
    const scale = 65535 / Math.max(most - least, 1e-9);
    const starts = new Uint32Array(65537);
    const keys = new Uint16Array(count);
    for (let i = 0; i < count; i++) keys[i] = (most - depth[i]) * scale;
    for (let i = 0; i < count; i++) starts[keys[i] + 1]++;
    for (let k = 0; k < 65536; k++) starts[k + 1] += starts[k];
    const order = this.geometry.attributes.order;
    for (let i = 0; i < count; i++) order.array[starts[keys[i]]++] = i;
    order.needsUpdate = true;
  }

  prepare(camera, size, mode, depths) {
    this.sort(camera.getWorldDirection(new THREE.Vector3()));
    const { uniforms } = this.material;
    uniforms.viewport.value.copy(size);
    uniforms.mode.value = MODES.indexOf(mode);
    uniforms.depths.value.copy(depths);
  }
}
