// The 3D view: layers (Gaussians and meshes), ways to look at them, two side by side, an orbiting camera.

import * as THREE from "./vendor/three.min.js";
import { PALETTE } from "./palette.js";
import { Splats } from "./splats.js";

const FOVY_DEG = 49.1; // camera.py
const RADIUS = 2;
const REACH = 0.85; // of the subject round the origin

const DEPTH = {
  glslVersion: THREE.GLSL3,
  uniforms: { depths: { value: new THREE.Vector2() } },
  vertexShader: "out float depth; void main() { vec4 p = modelViewMatrix * vec4(position, 1); depth = -p.z; gl_Position = projectionMatrix * p; }",
  fragmentShader: `precision highp float; uniform vec2 depths; in float depth; out vec4 result; ${PALETTE}
    void main() { result = vec4(palette((depth - depths.x) / (depths.y - depths.x)), 1); }`,
};

export class Viewer {
  constructor(canvas) {
    this.canvas = canvas;
    this.renderer = new THREE.WebGLRenderer({ canvas, alpha: true, antialias: true });
    this.renderer.setClearColor(0, 0);
    this.renderer.autoClear = false;
    this.camera = new THREE.PerspectiveCamera(FOVY_DEG, 1, 0.01, 100);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    this.controls.enablePan = false;
    this.controls.minDistance = 0.5;
    this.controls.maxDistance = 8;
    this.controls.autoRotateSpeed = 4;
    this.scene = new THREE.Scene();
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x6a6a80, 2.2));
    this.layers = new Map();
    this.mode = "color";
    this.left = null;
    this.right = null;
    this.split = 0.5;
    this.sideBySide = false;
    this.materials = {
      depth: new THREE.ShaderMaterial(DEPTH),
      alpha: new THREE.MeshBasicMaterial({ color: 0xffffff, side: THREE.DoubleSide }),
      normals: new THREE.MeshNormalMaterial({ side: THREE.DoubleSide }),
      centers: new THREE.MeshBasicMaterial({ color: 0x8b7bff, wireframe: true }),
    };
    this.home(0);
    this.dirty = true;
    this.controls.addEventListener("change", () => this.refresh());
    canvas.addEventListener("keydown", (event) => this.#onKey(event));
    new ResizeObserver(() => this.#resize()).observe(canvas.parentElement);
    this.#resize();
    this.renderer.setAnimationLoop(() => this.#frame());
  }

  refresh() {
    this.dirty = true;
  }

  // Back to where the input image was taken from.
  home(elevationDeg = this.elevationDeg) {
    this.elevationDeg = elevationDeg;
    this.#place(0, elevationDeg, RADIUS);
  }

  clear() {
    for (const name of [...this.layers.keys()]) this.#drop(name);
    this.refresh();
  }

  setSplats(name, bytes) {
    let splats = this.layers.get(name);
    if (!splats) {
      splats = new Splats();
      this.#put(name, splats);
    }
    splats.set(bytes);
    this.refresh();
  }

  async setMesh(name, bytes, base = "") {
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const { scene } = await new THREE.GLTFLoader().parseAsync(buffer, base);
    scene.traverse((part) => {
      if (!part.isMesh) return;
      const { map, color } = part.material;
      const vertexColors = Boolean(part.geometry.attributes.color);
      const Material = map || vertexColors ? THREE.MeshBasicMaterial : THREE.MeshStandardMaterial; // bare shapes need light
      part.userData.color = part.material = new Material({ map, color, vertexColors });
    });
    this.#put(name, scene);
    this.refresh();
  }

  #put(name, object) {
    this.#drop(name);
    this.layers.set(name, object);
    this.scene.add(object);
  }

  #drop(name) {
    const object = this.layers.get(name);
    if (!object) return;
    this.layers.delete(name);
    this.scene.remove(object);
    object.traverse((part) => {
      part.geometry?.dispose();
      part.userData.color?.map?.dispose();
      part.userData.color?.dispose();
      part.material?.uniforms?.records?.value?.dispose();
    });
  }

  #place(azimuthDeg, elevationDeg, radius) {
    const a = azimuthDeg * Math.PI / 180, e = Math.max(-89, Math.min(89, elevationDeg)) * Math.PI / 180;
    this.camera.position.set(radius * Math.cos(e) * Math.sin(a), radius * Math.sin(e), radius * Math.cos(e) * Math.cos(a));
    this.controls.update();
    this.refresh();
  }

  #onKey(event) {
    const { x, y, z } = this.camera.position;
    const radius = this.camera.position.length();
    const azimuth = Math.atan2(x, z) * 180 / Math.PI, elevation = Math.asin(y / radius) * 180 / Math.PI;
    const moves = {
      ArrowLeft: [-10, 0, 1], ArrowRight: [10, 0, 1], ArrowUp: [0, 10, 1], ArrowDown: [0, -10, 1],
      "+": [0, 0, 0.9], "=": [0, 0, 0.9], "-": [0, 0, 1.1],
    };
    if (event.key === "0") this.home();
    else if (moves[event.key]) {
      const [turn, lift, zoom] = moves[event.key];
      this.controls.dispatchEvent({ type: "start" }); // as a hand does
      this.#place(azimuth + turn, elevation + lift, Math.max(0.5, Math.min(8, radius * zoom)));
    } else return;
    event.preventDefault();
  }

  #resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    if (!clientWidth || !clientHeight) return;
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.refresh();
  }

  #frame() {
    if (this.controls.autoRotate) this.controls.update();
    if (!this.dirty) return;
    this.dirty = false;
    const size = this.renderer.getDrawingBufferSize(new THREE.Vector2());
    const ratio = this.renderer.getPixelRatio();
    this.renderer.setScissorTest(false);
    this.renderer.clear();
    this.renderer.setScissorTest(true);
    const both = this.right && this.layers.has(this.right);
    const cut = Math.round(size.x * (both ? this.split : 1));
    this.#draw(this.left, 0, cut, size, ratio, both && this.sideBySide);
    if (both) this.#draw(this.right, cut, size.x, size, ratio, this.sideBySide);
  }

  // One layer between two columns of the view; `whole` squeezes the whole image in there.
  #draw(name, from, to, size, ratio, whole) {
    if (!this.layers.has(name) || to <= from) return;
    const width = whole ? to - from : size.x;
    this.renderer.setScissor(from / ratio, 0, (to - from) / ratio, size.y / ratio);
    this.renderer.setViewport((whole ? from : 0) / ratio, 0, width / ratio, size.y / ratio);
    const aspect = width / size.y;
    const half = Math.tan(FOVY_DEG * Math.PI / 360) / Math.min(1, aspect);
    this.camera.fov = 2 * Math.atan(half) * 180 / Math.PI;
    this.camera.aspect = aspect;
    this.camera.updateProjectionMatrix();
    this.camera.updateMatrixWorld();
    const distance = this.camera.position.length();
    const depths = new THREE.Vector2(distance - REACH, distance + REACH);
    this.materials.depth.uniforms.depths.value.copy(depths);
    for (const [each, object] of this.layers) object.visible = each === name;
    this.layers.get(name).traverse((part) => {
      if (part instanceof Splats) part.prepare(this.camera, new THREE.Vector2(width, size.y), this.mode, depths);
      else if (part.isMesh) part.material = this.materials[this.mode] ?? part.userData.color;
    });
    this.renderer.render(this.scene, this.camera);
  }
}
